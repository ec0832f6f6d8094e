"""What a stack draws on which quota, at its least and at its most.

Who draws on what, with the sources:

- A reservation needs no quota (cluster-toolkit, ``pkg/validators``, quota check).
- Spot, flex-start and queued capacity draw on the preemptible quota, and on the ordinary one where a project has none
  (Compute Engine, 'VM provisioning models').
- GKE nodes with TPUs draw on Compute Engine's quota of chips; TPU VMs draw on the Cloud TPU API's own, by zone.
- E2 and N1 machines share ``CPUS``; A2 machines have a metric of their own; the vCPUs of later GPU machines and of TPU
  machines are not counted (cluster-toolkit, as above).
- Balanced Persistent Disks count as SSD; Hyperdisk apart (Compute Engine, 'Allocation quotas').
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from infra.hardware import CapacityKind
from infra.hardware.quota import GPU_FAMILY_METRIC, TPU_FAMILY_METRIC, Quota, quota_id
from infra.plan.fabrics import LAYOUTS
from infra.plan.fleet import Machines, fleet
from infra.settings import GoogleSettings

COMPUTE, TPU, FILE, LUSTRE = (f"{name}.googleapis.com" for name in ("compute", "tpu", "file", "lustre"))
CPU_FAMILY_METRIC = "CPUS_PER_VM_FAMILY"
GLOBAL = "global"

DIMENSIONS = {GPU_FAMILY_METRIC: "gpu_family", TPU_FAMILY_METRIC: "tpu_family", CPU_FAMILY_METRIC: "vm_family"}
"""What tells families apart within a metric that several share (Cloud Quotas API)."""

LOCAL_SSD_GB = 375
"""Size of a local SSD. Those of A4X are larger; it is offered by reservation alone, which needs no quota."""

LOCAL_SSD_QUOTA = Quota("LOCAL_SSD_TOTAL_GB", "PREEMPTIBLE_LOCAL_SSD_GB")

_SERIES_WITH_A_METRIC = ("a2", "c2", "c2d", "c3", "m1", "m2", "m3", "n2", "n2a", "n2d", "t2a", "t2d")
_SERIES_ON_CPUS = ("e2", "n1")

# Ids of the Cloud TPU API's quotas, which have no public table, as users quote them from its errors and from the Cloud
# Quotas API in 2026. All of them count TensorCores; v5e and v6e chips have one each.
TPU_API_QUOTAS = {
    "v4": Quota(None, "TPUV4sPreemptiblePodPerProjectPerZoneForTPUAPI"),
    "v5e": Quota("TPUV5sLitepodPerProjectPerZoneForTPUAPI", "TPUV5sPreemptibleLitepodPerProjectPerZoneForTPUAPI"),
    "v5p": Quota("TPUV5PPerProjectPerZoneForTPUAPI", "TPUV5PPreemptiblePerProjectPerZoneForTPUAPI"),
    "v6e": Quota("TPUV6EPerProjectPerZoneForTPUAPI", "TPUV6EPreemptiblePerProjectPerZoneForTPUAPI"),
}

# Filestore's quota of the tiers that take CMEK (cluster-toolkit, as above), in GiB.
FILESTORE_QUOTA = "EnterpriseStorageGibPerRegion"


@dataclass(frozen=True)
class Need:
    """What the whole stack needs of one quota.

    subject:    what is counted, for people.
    metric:     name of the quota in its service; None where no public source names it.
    family:     value of the metric's dimension (``DIMENSIONS``), where it has one.
    location:   region or zone; ``global`` for the whole project.
    least:      amount at the smallest scale, most: at the largest.
    why:        the settings that ask for it.
    otherwise:  metric and family that are drawn on where the project has none of this quota.
    """

    service: str
    subject: str
    metric: str | None
    family: str | None
    location: str
    least: int
    most: int
    why: tuple[str, ...]
    otherwise: tuple[str, str | None] | None = None

    @property
    def quota_id(self) -> str | None:
        """Name in the Cloud Quotas API, which knows also what ``compute.regions.get`` does not list."""
        if self.metric is None or self.service != COMPUTE:
            return self.metric
        return quota_id(self.metric).removesuffix("-region" if self.location == GLOBAL else "")

    @property
    def dimensions(self) -> dict[str, str]:
        """What selects the limit in the Cloud Quotas API."""
        if self.location == GLOBAL:
            return {}
        place = {"zone" if self.service == TPU else "region": self.location}
        if self.metric in DIMENSIONS and self.family:
            place[DIMENSIONS[self.metric]] = self.family
        return place

    def instead(self) -> Need:
        """The need of the quota that is drawn on otherwise."""
        assert self.otherwise is not None
        metric, family = self.otherwise
        return replace(self, metric=metric, family=family, otherwise=None)


def quotas(settings: GoogleSettings) -> list[Need]:
    """Every quota that the stack draws on, sorted by service, location and subject."""
    together: dict[tuple[object, ...], Need] = {}
    for need in _needs(settings):
        key = (need.service, need.subject, need.metric, need.family, need.location)
        known = together.get(key)
        together[key] = (
            need
            if known is None
            else replace(
                known,
                least=known.least + need.least,
                most=known.most + need.most,
                why=(*known.why, *(each for each in need.why if each not in known.why)),
            )
        )
    return sorted(together.values(), key=lambda need: (need.service, need.location, need.subject))


def _needs(settings: GoogleSettings) -> Iterator[Need]:
    for group in fleet(settings):
        if group.role in ("tpu-vm", "tpu-queue"):
            yield from _of_the_tpu_api(group)
        else:
            yield from _of_nodes(group, settings.region)
    yield from _of_networks(settings)
    yield from _of_storage(settings)


def _need(
    group: Machines,
    location: str,
    subject: str,
    metric: str | None,
    each: int,
    family: str | None = None,
    otherwise: tuple[str, str | None] | None = None,
) -> Need:
    """What ``group`` needs of a quota of Compute Engine that counts ``each`` for a machine."""
    least, most = each * group.least, each * group.most
    return Need(COMPUTE, subject, metric, family, location, least, most, (group.setting,), otherwise)


def _of_nodes(group: Machines, region: str) -> Iterator[Need]:
    yield _need(group, region, "VM instances", "INSTANCES", 1)
    # Nodes are private: the address that they reach outside with is the NAT's.
    yield _need(group, region, "external addresses in use", "IN_USE_ADDRESSES", 0)
    if group.boot_disk_type == "pd-balanced":
        yield _need(group, region, "boot disks, GB of SSD", "SSD_TOTAL_GB", group.boot_gib or 0)
    else:
        yield _need(group, region, "boot disks, GB of Hyperdisk Balanced", "HDB_TOTAL_GB", group.boot_gib or 0)
    if group.capacity is not CapacityKind.RESERVATION:
        yield from _of_what_is_not_reserved(group, region)


def _of_what_is_not_reserved(group: Machines, region: str) -> Iterator[Need]:
    preemptible = group.capacity is not CapacityKind.ON_DEMAND
    if vcpus := _counted_vcpus(group):
        metric, family = _cpu_metric(group.series)
        yield _need(group, GLOBAL, "vCPUs in all regions", "CPUS_ALL_REGIONS", vcpus)
        if preemptible:
            yield _need(group, region, "vCPUs, spot", "PREEMPTIBLE_CPUS", vcpus, otherwise=(metric, family))
        else:
            yield _need(group, region, f"vCPUs of {group.series.upper()} machines", metric, vcpus, family)
    if group.gpu:
        yield _need(group, GLOBAL, "GPUs in all regions", "GPUS_ALL_REGIONS", group.gpu.gpus)
        yield _accelerators(group, region, f"{group.gpu.accelerator} GPUs", group.gpu.quota, group.gpu.gpus)
        if group.gpu.local_ssds:
            size = group.gpu.local_ssds * LOCAL_SSD_GB
            yield _accelerators(group, region, "GB of local SSD", LOCAL_SSD_QUOTA, size)
    if group.tpu:
        generation = group.tpu.generation
        yield _accelerators(group, region, f"TPU {generation.key} chips", generation.quota, group.tpu.machine.chips)


def _accelerators(group: Machines, region: str, subject: str, quota: Quota, each: int) -> Need:
    if group.capacity is CapacityKind.ON_DEMAND:
        return _need(group, region, subject, quota.on_demand, each, quota.family)
    otherwise = (quota.on_demand, quota.family) if quota.on_demand else None
    return _need(group, region, f"{subject}, spot", quota.spot, each, otherwise=otherwise)


def _counted_vcpus(group: Machines) -> int:
    """vCPUs of a machine that count against a quota; 0 for machines that only their accelerators count for."""
    if group.gpu and group.gpu.family.partition("-")[0] in ("n1", "a2"):
        return group.gpu.vcpus
    if group.hardware:
        return 0
    return int(group.machine_type.rpartition("-")[2])  # infra.hardware.general knows no others


def _cpu_metric(series: str) -> tuple[str, str | None]:
    """Metric, and the value of its dimension, that the vCPUs of a series count against."""
    if series in _SERIES_ON_CPUS:
        return "CPUS", None
    if series in _SERIES_WITH_A_METRIC:
        return f"{series.upper()}_CPUS", None
    return CPU_FAMILY_METRIC, series.upper()


def _of_the_tpu_api(group: Machines) -> Iterator[Need]:
    if group.capacity is CapacityKind.RESERVATION or not group.tpu:
        return
    generation = group.tpu.generation
    quota = TPU_API_QUOTAS.get(generation.key, Quota(None, None))
    spot = group.capacity is not CapacityKind.ON_DEMAND
    cores = group.tpu.machine.chips * generation.cores_per_chip
    yield Need(
        TPU,
        f"TPU {generation.key} TensorCores" + (", spot" if spot else ""),
        quota.spot if spot else quota.on_demand,
        None,
        group.zones[0],
        cores * group.least,
        cores * group.most,
        (group.setting,),
    )


def _of_networks(settings: GoogleSettings) -> Iterator[Need]:
    network = settings.network
    made = [
        ("network", 0 if network.adopt else 1, 0 if network.adopt_subnetwork else 1),
        *(
            (f"network.fabrics[{index}]", LAYOUTS[fabric.kind].networks, LAYOUTS[fabric.kind].subnetworks)
            for index, fabric in enumerate(network.fabrics)
        ),
    ]
    for setting, networks, subnetworks in made:
        yield Need(COMPUTE, "VPC networks", "NETWORKS", None, GLOBAL, networks, networks, (setting,))
        yield Need(COMPUTE, "subnetworks", "SUBNETWORKS", None, GLOBAL, subnetworks, subnetworks, (setting,))


def _of_storage(settings: GoogleSettings) -> Iterator[Need]:
    storage, region = settings.storage, settings.region
    for index, share in enumerate(storage.filestore):
        size, why = share.capacity_gib, (f"storage.filestore[{index}]",)
        yield Need(FILE, f"GiB of {share.tier} Filestore", FILESTORE_QUOTA, None, region, size, size, why)
    for index, system in enumerate(storage.lustre):
        size, why = system.capacity_gib, (f"storage.lustre[{index}]",)
        yield Need(LUSTRE, "GiB of Managed Lustre", None, None, region, size, size, why)
    for index, volume in enumerate(storage.hyperdisk_ml):
        size, why = volume.size_gib, (f"storage.hyperdisk_ml[{index}]",)
        yield Need(COMPUTE, "GB of Hyperdisk ML", None, None, region, size, size, why)
