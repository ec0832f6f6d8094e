"""GPU machine types of Google Cloud: what is in each, how a GPU may be divided, which fabric joins several VMs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from types import MappingProxyType

from infra.hardware.errors import Impossible, allowed, did_you_mean
from infra.hardware.quota import Quota

MACHINE_DOCS = "Compute Engine, 'GPU machine types' (page of 2026-04-14)"


class Fabric(StrEnum):
    """How GPUs of different VMs talk.

    NONE:        over the VM's ordinary network.
    TCPX:        GPUDirect-TCPX, a network for each GPU NIC.
    TCPXO:       GPUDirect-TCPXO, a network for each GPU NIC.
    ROCE:        RDMA, one network of a RoCE profile and a second ordinary one for the host.
    ROCE_METAL:  RDMA of bare-metal machines.
    """

    NONE = "none"
    TCPX = "tcpx"
    TCPXO = "tcpxo"
    ROCE = "roce"
    ROCE_METAL = "roce-metal"

    @property
    def network_profile(self) -> str | None:
        """What follows ``<zone>-`` in the name of the network profile; None where a fabric needs none."""
        return f"vpc-{self.value}" if self in (Fabric.ROCE, Fabric.ROCE_METAL) else None


class DriverMode(StrEnum):
    """Which NVIDIA driver GKE installs, in the spelling of ``gcloud --accelerator gpu-driver-version``."""

    DEFAULT = "default"
    LATEST = "latest"
    DISABLED = "disabled"

    @property
    def api_value(self) -> str:
        """``gpuDriverVersion`` of the GKE API."""
        return "INSTALLATION_DISABLED" if self is DriverMode.DISABLED else self.name


class Sharing(StrEnum):
    """How containers share one GPU."""

    TIME_SHARING = "time-sharing"
    MPS = "mps"

    @property
    def api_value(self) -> str:
        """``gpuSharingStrategy`` of the GKE API."""
        return self.name


MAX_SHARED_CLIENTS = 48  # per GPU, either strategy: GKE, 'GPU time-sharing', 'NVIDIA MPS'


@dataclass(frozen=True)
class Accelerator:
    """One GPU model.

    memory_gb:     of one GPU.
    mig_profiles:  partition sizes of multi-instance GPU that GKE offers; empty where the GPU has none.
    quota:         what counts GPUs of the model in a region.
    """

    name: str
    memory_gb: int
    mig_profiles: tuple[str, ...]
    quota: Quota
    source: str


_MIG = "GKE, 'Running multi-instance GPUs'; NVIDIA, MIG user guide; read 2026-11-23"
ACCELERATORS: Mapping[str, Accelerator] = MappingProxyType(
    {
        row.name: row
        for row in (
            Accelerator("nvidia-l4", 24, (), Quota.gpu("NVIDIA_L4"), MACHINE_DOCS),
            Accelerator(
                "nvidia-rtx-pro-6000",
                96,
                ("1g.24gb", "2g.48gb", "4g.96gb"),
                Quota.gpu_family("NVIDIA_RTX_PRO_6000"),
                _MIG,
            ),
            Accelerator(
                "nvidia-tesla-a100",
                40,
                ("1g.5gb", "2g.10gb", "3g.20gb", "7g.40gb"),
                Quota.gpu("NVIDIA_A100"),
                _MIG,
            ),
            Accelerator(
                "nvidia-a100-80gb",
                80,
                ("1g.10gb", "2g.20gb", "3g.40gb", "7g.80gb"),
                Quota.gpu("NVIDIA_A100_80GB"),
                _MIG,
            ),
            Accelerator(
                "nvidia-h100-80gb",
                80,
                ("1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "7g.80gb"),
                Quota.gpu_family("NVIDIA_H100"),
                _MIG,
            ),
            Accelerator(
                "nvidia-h100-mega-80gb",
                80,
                ("1g.10gb", "1g.20gb", "2g.20gb", "3g.40gb", "7g.80gb"),
                Quota.gpu_family("NVIDIA_H100_MEGA"),
                _MIG,
            ),
            Accelerator(
                "nvidia-h200-141gb",
                141,
                ("1g.18gb", "1g.35gb", "2g.35gb", "3g.71gb", "7g.141gb"),
                Quota.gpu_family("NVIDIA_H200"),
                _MIG,
            ),
            Accelerator(
                "nvidia-b200",
                180,
                ("1g.23gb", "1g.45gb", "2g.45gb", "3g.90gb", "7g.180gb"),
                Quota.gpu_family("NVIDIA_B200"),
                _MIG,
            ),
            Accelerator("nvidia-gb200", 186, (), Quota.gpu_family("NVIDIA_GB200"), MACHINE_DOCS),
            Accelerator("nvidia-gb300", 279, (), Quota.gpu_family("NVIDIA_GB300"), MACHINE_DOCS),
            Accelerator("nvidia-tesla-t4", 16, (), Quota.gpu("NVIDIA_T4"), MACHINE_DOCS),
            Accelerator("nvidia-tesla-v100", 16, (), Quota.gpu("NVIDIA_V100"), MACHINE_DOCS),
            Accelerator("nvidia-tesla-p100", 16, (), Quota.gpu("NVIDIA_P100"), MACHINE_DOCS),
            Accelerator("nvidia-tesla-p4", 8, (), Quota.gpu("NVIDIA_P4"), MACHINE_DOCS),
        )
    }
)


BEFORE_VOLTA = ("nvidia-tesla-p100", "nvidia-tesla-p4")  # Pascal
HYPERDISK_FAMILIES = ("g4", "a3-ultra", "a4", "a4x", "a4x-max")  # start from Hyperdisk alone


@dataclass(frozen=True)
class GpuMachine:
    """A machine type with its GPUs.

    gpus:         attached; a fractional machine has one, see ``fraction``.
    family:       the series, such as ``a3-ultra``, that rules on capacity speak of.
    extra_nics:   network interfaces for traffic between GPUs, beside those of the host.
    arm:          the CPU is Arm: images must be built for arm64.
    local_ssds:   disks that come with the machine: of 375 GiB each, in the a4x families of 3000 GiB.
    needs_gvnic:  the only virtual network interface it has.
    topology:     of the NVLink domain that several VMs form; None where a domain is within one VM.
    fraction:     of a GPU that a vGPU machine has; 1 for whole GPUs.
    """

    name: str
    gpus: int
    accelerator: str
    family: str
    vcpus: int
    memory_gb: float
    fabric: Fabric
    extra_nics: int
    arm: bool
    local_ssds: int
    needs_gvnic: bool
    topology: str | None
    source: str
    fraction: Fraction = Fraction(1)

    @property
    def mig_profiles(self) -> tuple[str, ...]:
        return ACCELERATORS[self.accelerator].mig_profiles if self.fraction == 1 else ()

    @property
    def quota(self) -> Quota:
        return ACCELERATORS[self.accelerator].quota

    @property
    def boot_disk(self) -> str:
        """A disk type that it can start from. Source: GKE cluster autoscaler, machine tables; read 2026-11-23."""
        return "hyperdisk-balanced" if self.family in HYPERDISK_FAMILIES else "pd-balanced"


def _row(
    name: str,
    gpus: int,
    accelerator: str,
    family: str,
    vcpus: int,
    memory_gb: float,
    local_ssds: int = 0,
    fabric: Fabric = Fabric.NONE,
    extra_nics: int = 0,
    *,
    arm: bool = False,
    needs_gvnic: bool = True,
    topology: str | None = None,
    fraction: Fraction = Fraction(1),
    source: str = MACHINE_DOCS,
) -> GpuMachine:
    return GpuMachine(
        name=name,
        gpus=gpus,
        accelerator=accelerator,
        family=family,
        vcpus=vcpus,
        memory_gb=memory_gb,
        fabric=fabric,
        extra_nics=extra_nics,
        arm=arm,
        local_ssds=local_ssds,
        needs_gvnic=needs_gvnic,
        topology=topology,
        source=source,
        fraction=fraction,
    )


MACHINES: Mapping[str, GpuMachine] = MappingProxyType(
    {
        row.name: row
        for row in (
            _row("g2-standard-4", 1, "nvidia-l4", "g2", 4, 16, needs_gvnic=False),
            _row("g2-standard-8", 1, "nvidia-l4", "g2", 8, 32, needs_gvnic=False),
            _row("g2-standard-12", 1, "nvidia-l4", "g2", 12, 48, needs_gvnic=False),
            _row("g2-standard-16", 1, "nvidia-l4", "g2", 16, 64, needs_gvnic=False),
            _row("g2-standard-24", 2, "nvidia-l4", "g2", 24, 96, needs_gvnic=False),
            _row("g2-standard-32", 1, "nvidia-l4", "g2", 32, 128, needs_gvnic=False),
            _row("g2-standard-48", 4, "nvidia-l4", "g2", 48, 192, needs_gvnic=False),
            _row("g2-standard-96", 8, "nvidia-l4", "g2", 96, 384, needs_gvnic=False),
            _row("g4-standard-6", 1, "nvidia-rtx-pro-6000", "g4", 6, 22, fraction=Fraction(1, 8)),
            _row("g4-standard-12", 1, "nvidia-rtx-pro-6000", "g4", 12, 45, fraction=Fraction(1, 4)),
            _row("g4-standard-24", 1, "nvidia-rtx-pro-6000", "g4", 24, 90, fraction=Fraction(1, 2)),
            _row("g4-standard-48", 1, "nvidia-rtx-pro-6000", "g4", 48, 180),
            _row("g4-standard-96", 2, "nvidia-rtx-pro-6000", "g4", 96, 360),
            _row("g4-standard-192", 4, "nvidia-rtx-pro-6000", "g4", 192, 720),
            _row("g4-standard-384", 8, "nvidia-rtx-pro-6000", "g4", 384, 1440),
            _row("a2-highgpu-1g", 1, "nvidia-tesla-a100", "a2", 12, 85, needs_gvnic=False),
            _row("a2-highgpu-2g", 2, "nvidia-tesla-a100", "a2", 24, 170, needs_gvnic=False),
            _row("a2-highgpu-4g", 4, "nvidia-tesla-a100", "a2", 48, 340, needs_gvnic=False),
            _row("a2-highgpu-8g", 8, "nvidia-tesla-a100", "a2", 96, 680, needs_gvnic=False),
            _row("a2-megagpu-16g", 16, "nvidia-tesla-a100", "a2", 96, 1360, needs_gvnic=False),
            _row("a2-ultragpu-1g", 1, "nvidia-a100-80gb", "a2-ultra", 12, 170, 1, needs_gvnic=False),
            _row("a2-ultragpu-2g", 2, "nvidia-a100-80gb", "a2-ultra", 24, 340, 2, needs_gvnic=False),
            _row("a2-ultragpu-4g", 4, "nvidia-a100-80gb", "a2-ultra", 48, 680, 4, needs_gvnic=False),
            _row("a2-ultragpu-8g", 8, "nvidia-a100-80gb", "a2-ultra", 96, 1360, 8, needs_gvnic=False),
            _row("a3-highgpu-1g", 1, "nvidia-h100-80gb", "a3-high", 26, 234, 2),
            _row("a3-highgpu-2g", 2, "nvidia-h100-80gb", "a3-high", 52, 468, 4),
            _row("a3-highgpu-4g", 4, "nvidia-h100-80gb", "a3-high", 104, 936, 8),
            _row("a3-highgpu-8g", 8, "nvidia-h100-80gb", "a3-high", 208, 1872, 16, Fabric.TCPX, 4),
            _row("a3-megagpu-8g", 8, "nvidia-h100-mega-80gb", "a3-mega", 208, 1872, 16, Fabric.TCPXO, 8),
            _row("a3-ultragpu-8g", 8, "nvidia-h200-141gb", "a3-ultra", 224, 2952, 32, Fabric.ROCE, 8),
            _row("a4-highgpu-8g", 8, "nvidia-b200", "a4", 224, 3968, 32, Fabric.ROCE, 8),
            _row("a4x-highgpu-4g", 4, "nvidia-gb200", "a4x", 140, 884, 4, Fabric.ROCE, 4, arm=True, topology="1x72"),
            _row(
                "a4x-highgpu-4g-nolssd",
                4,
                "nvidia-gb200",
                "a4x",
                140,
                884,
                0,
                Fabric.ROCE,
                4,
                arm=True,
                topology="1x72",
            ),
            _row(
                "a4x-maxgpu-4g-metal",
                4,
                "nvidia-gb300",
                "a4x-max",
                144,
                960,
                4,
                Fabric.ROCE_METAL,
                8,
                arm=True,
                needs_gvnic=False,
                topology="1x72",
            ),
        )
    }
)


@dataclass(frozen=True)
class Attachable:
    """A GPU model that is attached to N1 machines, and the most vCPUs that the machine may have with each count.

    Four P100 allow 96 vCPUs in some zones; the limit that holds in all of them is used.
    """

    accelerator: str
    max_vcpus: Mapping[int, int]


ATTACHABLE: Mapping[str, Attachable] = MappingProxyType(
    {
        row.accelerator: row
        for row in (
            Attachable("nvidia-tesla-t4", {1: 48, 2: 48, 4: 96}),
            Attachable("nvidia-tesla-v100", {1: 12, 2: 24, 4: 48, 8: 96}),
            Attachable("nvidia-tesla-p100", {1: 16, 2: 32, 4: 64}),
            Attachable("nvidia-tesla-p4", {1: 24, 2: 48, 4: 96}),
        )
    }
)
N1_GB_PER_VCPU = {"standard": 3.75, "highmem": 6.5, "highcpu": 0.9}
N1_VCPUS = (1, 2, 4, 8, 16, 32, 64, 96)


def machine(name: str) -> GpuMachine:
    """The machine type of that name, with the GPUs it always has. Raises Impossible.

    N1 machines have none of their own: see ``attached``.
    """
    try:
        return MACHINES[name]
    except KeyError:
        hint = did_you_mean(name, MACHINES)
        if name.startswith("n1-"):
            hint = f"; give {name} an accelerator ({', '.join(ATTACHABLE)}) and its count"
        raise Impossible(f"no machine type {name!r} with GPUs; {allowed(MACHINES)}{hint}", "machine_type") from None


def attached(name: str, accelerator: str, count: int) -> GpuMachine:
    """The N1 machine ``name`` with ``count`` GPUs attached. Raises Impossible.

    Source: Compute Engine, 'GPU machine types', N1 machine series (page of 2026-04-14).
    """
    found = re.fullmatch(r"n1-(standard|highmem|highcpu)-(\d+)", name)
    sizes = [size for size in N1_VCPUS if size > 1 or not found or found[1] == "standard"]
    if not found or int(found[2]) not in sizes:
        names = [f"n1-{found[1] if found else 'standard'}-{size}" for size in sizes]
        fix = f"; {name} comes with its GPUs: leave accelerator out" if name in MACHINES else ""
        raise Impossible(f"GPUs cannot be attached to {name!r}; {allowed(names)}{fix}", "machine_type")
    if accelerator not in ATTACHABLE:
        owner = next((each.name for each in MACHINES.values() if each.accelerator == accelerator), None)
        hint = f"; {accelerator} comes with {owner}" if owner else did_you_mean(accelerator, ATTACHABLE)
        problem = f"{accelerator!r} cannot be attached to {name}" if accelerator else f"{name} has no GPUs of its own"
        raise Impossible(f"{problem}; {allowed(ATTACHABLE)}{hint}", "accelerator")
    limits = ATTACHABLE[accelerator].max_vcpus
    vcpus = int(found[2])
    counts = [each for each, most in limits.items() if vcpus <= most]
    if count not in counts:
        raise Impossible(f"{name} cannot have {count} of {accelerator}; {allowed(counts)}", "count")
    return _row(
        name,
        count,
        accelerator,
        "n1",
        vcpus,
        vcpus * N1_GB_PER_VCPU[found[1]],
        needs_gvnic=False,
        source=MACHINE_DOCS,
    )


def check_partition(machine: GpuMachine, partition: str) -> None:
    """Whether each GPU of the machine can be divided into partitions of that size. Raises Impossible."""
    if not machine.mig_profiles:
        able = [each.name for each in ACCELERATORS.values() if each.mig_profiles]
        why = (
            "is a part of a GPU already"
            if machine.fraction != 1
            else f"has {machine.accelerator}, which GKE does not partition"
        )
        raise Impossible(f"{machine.name} {why}; GPUs that can be: {', '.join(able)}; leave partition out", "partition")
    if partition not in machine.mig_profiles:
        raise Impossible(
            f"{machine.accelerator} has no partition {partition!r}; {allowed(machine.mig_profiles)}", "partition"
        )


def check_sharing(machine: GpuMachine, sharing: Sharing, partition: str | None = None) -> None:
    """Whether containers can share a GPU of the machine, or a partition of one, that way. Raises Impossible.

    Source: GKE, 'Share GPUs with multiple workloads using NVIDIA MPS'; NVIDIA, MPS user guide.
    """
    if sharing is not Sharing.MPS:
        return
    if partition:
        raise Impossible(
            f"MPS does not share a MIG partition such as {partition}; {allowed([Sharing.TIME_SHARING])};"
            " or leave partition out",
            "sharing",
        )
    if machine.accelerator in BEFORE_VOLTA:
        raise Impossible(
            f"MPS needs a GPU of Volta or later, and {machine.accelerator} is older; {allowed([Sharing.TIME_SHARING])}",
            "sharing",
        )
