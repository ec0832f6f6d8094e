"""The Google Cloud site: what a stack file says below ``google``, and what must agree across its sections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from ipaddress import IPv4Network
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from infra.hardware import Impossible, gpu, zones
from infra.settings.accelerators import GpuPool, TpuQueue, TpuSlice, TpuVm
from infra.settings.foundation import Cluster, Encryption, Network, Registry, Storage
from infra.settings.operations import Budget, Delivery, Observability
from workloads.mistakes import Conflict, Place
from workloads.spec import Section

SYSTEM_PODS_PER_NODE = 110
ACCELERATOR_PODS_PER_NODE = 32
"""Most pods of a node, which decide how much of the pod range it takes (GKE, 'Flexible Pod CIDR')."""

RESERVED_ADDRESSES = 4
"""Of each primary subnetwork range (VPC, 'Reserved IP addresses')."""

Label = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9_-]{0,61}[a-z0-9])?$")]


class GoogleSettings(Section):
    """One environment on Google Cloud: one project, one region."""

    project: str = Field(
        pattern=r"^[a-z][a-z0-9-]{4,28}[a-z0-9]$",
        description="Project that holds the environment, made beforehand: 6 to 30 lower-case letters, digits and "
        "dashes.",
    )
    project_number: int = Field(
        ge=1, description="Its number; service agents and budgets know the project by it, and previews need no lookup."
    )
    region: str = Field(
        pattern=r"^[a-z]+-[a-z]+\d+$", description="Region of everything, the accelerators' own; such as us-central1."
    )
    owner: Label = Field(
        description="Team that answers for the environment; a label: at most 63 lower-case letters, digits, _ and -."
    )
    cost_centre: Label = Field(description="Who pays; a label, as owner.")
    protection: Literal["none", "data", "all"] = Field(
        default="data",
        description="What a mistake cannot delete: nothing, what holds data (buckets, keys, file systems, images), or "
        "the cluster and networks too.",
    )
    network: Network = Field(default=Network(), description="The VPC.")
    encryption: Encryption = Field(default=Encryption(), description="The keys.")
    storage: Storage = Field(default=Storage(), description="Buckets and file systems.")
    registry: Registry = Field(default=Registry(), description="The image registry.")
    cluster: Cluster = Field(description="The GKE cluster.")
    gpu_pools: tuple[GpuPool, ...] = Field(default=(), strict=False, description="Node pools of GPU machines.")
    tpu_slices: tuple[TpuSlice, ...] = Field(default=(), strict=False, description="TPU slices of the cluster.")
    tpu_vms: tuple[TpuVm, ...] = Field(default=(), strict=False, description="TPU VMs outside the cluster.")
    tpu_queues: tuple[TpuQueue, ...] = Field(default=(), strict=False, description="Requests to the TPU API's queue.")
    observability: Observability = Field(description="Who is told, and from when on.")
    budget: Budget = Field(description="When spending is told; it stops nothing, max_nodes and slices do.")
    delivery: Delivery | None = Field(default=None, description="Who may deploy from GitHub; nobody when left out.")

    @field_validator("project")
    @classmethod
    def _can_begin_the_name_of_a_bucket(cls, value: str) -> str:
        if value.startswith("goog") or "google" in value:
            raise ValueError(
                "begins every bucket's name, which may not begin with goog or contain google; choose another project"
            )
        return value

    @model_validator(mode="after")
    def _names_are_used_once(self) -> Self:
        for kinds in (("gpu_pools", "tpu_slices"), ("tpu_vms", "tpu_queues")):
            seen: dict[str, str] = {"system": "the system pool"} if "gpu_pools" in kinds else {}
            for kind in kinds:
                for index, each in enumerate(getattr(self, kind)):
                    for name in dict.fromkeys((each.name, *each.parts)):
                        if name in seen:
                            whose = "it" if name == each.name else name
                            problem = f"{seen[name]} has {whose} too; give each its own"
                            raise Conflict(problem, (kind, index, "name"), each.name)
                        seen[name] = f"{kind}[{index}]"
        for place, names in (
            (("network", "fabrics"), [each.name for each in self.network.fabrics]),
            (("cluster", "maintenance", "exclusions"), [each.name for each in self.cluster.maintenance.exclusions]),
            (("storage", "filestore"), [each.name for each in self.storage.filestore]),
            (("storage", "lustre"), [each.name for each in self.storage.lustre]),
            (("storage", "hyperdisk_ml"), [each.name for each in self.storage.hyperdisk_ml]),
        ):
            for name, times in Counter(names).items():
                if times > 1:
                    last = len(names) - 1 - names[::-1].index(name)
                    raise Conflict("used twice; give each its own", (*place, last, "name"), name)
        return self

    @model_validator(mode="after")
    def _what_is_adopted_is_adopted_once(self) -> Self:
        seen: dict[str, str] = {}
        for kind, bucket in self.storage.buckets.items():
            if bucket.adopt in seen:
                problem = f"storage.{seen[bucket.adopt]} adopts it too; a bucket is one thing"
                raise Conflict(problem, ("storage", kind, "adopt"), bucket.adopt)
            if bucket.adopt:
                seen[bucket.adopt] = kind
        return self

    @model_validator(mode="after")
    def _an_adopted_cluster_is_in_an_adopted_subnetwork(self) -> Self:
        if self.cluster.adopt and not self.network.adopt_subnetwork:
            problem = "a cluster stays in its subnetwork; set network.adopt and network.adopt_subnetwork too"
            raise Conflict(problem, ("cluster", "adopt"), self.cluster.adopt)
        return self

    @model_validator(mode="after")
    def _zones_are_of_the_region_and_offer_the_machines(self) -> Self:
        for place, zone, machine_type in self._placed():
            if zones.region_of(zone) != self.region:
                problem = f"not in the region {self.region}: data and accelerators stay together; move one of them"
                raise Conflict(problem, place, zone)
            if machine_type is None:
                continue
            try:
                zones.require(machine_type, zone)
            except Impossible as impossible:
                raise Conflict(str(impossible), place, zone) from impossible
        return self

    @model_validator(mode="after")
    def _machines_of_several_networks_have_their_fabric(self) -> Self:
        for index, pool in enumerate(self.gpu_pools):
            kind = pool.machine.fabric
            if kind is gpu.Fabric.NONE:
                continue
            if kind.network_profile and len(pool.zones) > 1:
                problem = f"{pool.machine_type} stands in an RDMA network, which is in one zone; name one"
                raise Conflict(problem, ("gpu_pools", index, "zones"), pool.zones)
            for zone in pool.zones:
                if self.fabric(kind, zone) is None:
                    name, place = kind.value, ""
                    if kind.network_profile:
                        name, place = f"{kind.value}-{zone.rpartition('-')[2]}", f", zone: {zone}"
                    fabric = f"{{name: {name}, kind: {kind.value}{place}, range: {self.network.free(16)}}}"
                    raise Conflict(
                        f"stands in a {kind.value} fabric, and there is none; add to google.network.fabrics: {fabric}",
                        ("gpu_pools", index, "machine_type"),
                        pool.machine_type,
                    )
            if not self.cluster.multi_networking:
                problem = f"{pool.machine_type} in gpu_pools[{index}] needs several networks; set true"
                raise Conflict(problem, ("cluster", "multi_networking"), self.cluster.multi_networking)
        known = [fabric.name for fabric in self.network.fabrics if fabric.kind == "multislice"]
        for index, slices in enumerate(self.tpu_slices):
            if slices.fabric is not None and slices.fabric not in known:
                problem = f"no multislice fabric of google.network.fabrics; allowed: {', '.join(known) or 'none yet'}"
                raise Conflict(problem, ("tpu_slices", index, "fabric"), slices.fabric)
        if any(fabric.kind == "multislice" for fabric in self.network.fabrics) and not self.cluster.multi_networking:
            problem = "a multislice fabric needs several networks; set true"
            raise Conflict(problem, ("cluster", "multi_networking"), self.cluster.multi_networking)
        return self

    @model_validator(mode="after")
    def _ranges_hold_the_nodes(self) -> Self:
        system = self.cluster.system_pool.max_nodes * len(self.cluster.system_pool.zones)
        accelerated = sum(pool.max_nodes for pool in self.gpu_pools)
        accelerated += sum(each.slices * each.shape.vms for each in self.tpu_slices)
        machines = sum(each.shape.vms for each in self.tpu_vms)
        machines += sum(each.slices * each.shape.vms for each in self.tpu_queues)
        needed = {
            "nodes": system + accelerated + machines + RESERVED_ADDRESSES,
            "pods": system * pod_addresses(SYSTEM_PODS_PER_NODE)
            + accelerated * pod_addresses(ACCELERATOR_PODS_PER_NODE),
        }
        for name, addresses in needed.items():
            network = IPv4Network(getattr(self.network, name))
            if network.num_addresses < addresses:
                enough = 32 - (addresses - 1).bit_length()
                raise Conflict(
                    f"holds {network.num_addresses} addresses, and at full scale {addresses} are needed; "
                    f"use a /{enough} or larger",
                    ("network", name),
                    str(network),
                )
        return self

    @model_validator(mode="after")
    def _lustre_has_a_range_to_peer_with(self) -> Self:
        if self.storage.lustre and (self.network.peering is None or IPv4Network(self.network.peering).prefixlen > 20):
            problem = (
                "Managed Lustre comes by peering and needs a range of /20 or larger; "
                f"use one that is free, such as {self.network.free(20)}"
            )
            raise Conflict(problem, ("network", "peering"), self.network.peering)
        return self

    def objection_to(self, environment: str) -> str | None:
        """Why Google refuses names with the environment's in them, and the fix; None if it does not.

        Source: Cloud Storage, 'Bucket naming requirements'; IAM, ``workloadIdentityPoolId``.
        """
        if "google" in environment:
            return "Google refuses buckets with google in their names: choose another name."
        if self.delivery and f"{environment}-".startswith("gcp-"):
            return "Google keeps identity pools that begin with gcp- for itself: choose another name."
        return None

    def fabric(self, kind: gpu.Fabric, zone: str) -> str | None:
        """Name of the fabric that machines of ``kind`` use in ``zone``."""
        for fabric in self.network.fabrics:
            if fabric.kind == kind.value and fabric.zone in (None, zone):
                return fabric.name
        return None

    def _placed(self) -> Iterator[tuple[Place, str, str | None]]:
        """Every zone that the file names: where, which, and the machine type that must be there."""
        for position, zone in enumerate(self.cluster.system_pool.zones):
            yield ("cluster", "system_pool", "zones", position), zone, self.cluster.system_pool.machine_type
        for index, pool in enumerate(self.gpu_pools):
            for position, zone in enumerate(pool.zones):
                yield ("gpu_pools", index, "zones", position), zone, pool.machine_type
        for index, each in enumerate(self.tpu_slices):
            yield ("tpu_slices", index, "zone"), each.zone, each.shape.machine.name
        for index, vm in enumerate(self.tpu_vms):
            yield ("tpu_vms", index, "zone"), vm.zone, vm.shape.machine.name
        for index, queue in enumerate(self.tpu_queues):
            yield ("tpu_queues", index, "zone"), queue.zone, queue.shape.machine.name
        for index, fabric in enumerate(self.network.fabrics):
            if fabric.zone:
                yield ("network", "fabrics", index, "zone"), fabric.zone, None
        for index, share in enumerate(self.storage.filestore):
            if share.zone:
                yield ("storage", "filestore", index, "zone"), share.zone, None
        for index, system in enumerate(self.storage.lustre):
            yield ("storage", "lustre", index, "zone"), system.zone, None
        for index, volume in enumerate(self.storage.hyperdisk_ml):
            yield ("storage", "hyperdisk_ml", index, "zone"), volume.zone, None


def pod_addresses(pods: int) -> int:
    """Addresses of the pod range that a node of so many pods takes: twice as many, rounded up to a power of two."""
    return int(1 << (2 * pods - 1).bit_length())
