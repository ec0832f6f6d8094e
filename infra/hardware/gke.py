"""Names and versions of Google Kubernetes Engine that concern accelerators.

Source: GKE, 'About TPUs in GKE', 'About GPUs in GKE'; the GKE cluster autoscaler; read 2026-11-23.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

TPU_ACCELERATOR_LABEL = "cloud.google.com/gke-tpu-accelerator"
TPU_TOPOLOGY_LABEL = "cloud.google.com/gke-tpu-topology"
GPU_ACCELERATOR_LABEL = "cloud.google.com/gke-accelerator"
GPU_COUNT_LABEL = "cloud.google.com/gke-accelerator-count"
GPU_PARTITION_LABEL = "cloud.google.com/gke-gpu-partition-size"
GPU_SHARING_LABEL = "cloud.google.com/gke-gpu-sharing-strategy"
GPU_CLIENTS_LABEL = "cloud.google.com/gke-max-shared-clients-per-gpu"
SPOT_LABEL = "cloud.google.com/gke-spot"
FLEX_START_LABEL = "cloud.google.com/gke-flex-start"
QUEUED_LABEL = "cloud.google.com/gke-queued"
NODE_POOL_LABEL = "cloud.google.com/gke-nodepool"
COMPUTE_CLASS_LABEL = "cloud.google.com/compute-class"
RESERVATION_NAME_LABEL = "cloud.google.com/reservation-name"
RESERVATION_AFFINITY_KEY = "compute.googleapis.com/reservation-name"

TPU_RESOURCE = "google.com/tpu"
GPU_RESOURCE = "nvidia.com/gpu"


@dataclass(frozen=True)
class Taint:
    """A taint that GKE puts on accelerator nodes, in Kubernetes' spelling of the effect."""

    key: str
    value: str
    effect: str

    def __str__(self) -> str:
        return f"{self.key}={self.value}:{self.effect}"


TPU_TAINT = Taint(TPU_RESOURCE, "present", "NoSchedule")
GPU_TAINT = Taint(GPU_RESOURCE, "present", "NoSchedule")


class ImageType(StrEnum):
    """Node images that carry accelerator drivers."""

    COS = "COS_CONTAINERD"
    UBUNTU = "UBUNTU_CONTAINERD"


# The oldest versions that can do a thing. Source: cluster-toolkit, gke-node-pool and its A3 Ultra, A4 and A4X examples.
DEFAULT_DRIVER_VERSION = "1.30.1-gke.1156000"  # installs a GPU driver unless told not to
ACCELERATOR_NETWORK_PROFILE_VERSION = "1.34.1-gke.1829001"  # makes the networks of GPU fabrics itself
GB300_VERSION = "1.34.3-gke.1318000"  # has nodes of a4x-maxgpu-4g-metal, by the account of a user


def version_number(version: str) -> tuple[int, ...]:
    """A version such as ``1.34.1-gke.1829001`` as numbers that compare in the order of releases."""
    return tuple(int(part) for part in version.replace("-gke.", ".").split("."))
