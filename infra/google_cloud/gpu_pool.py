"""GPU nodes of the cluster."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.environment import Environment
from infra.google_cloud.fabric import Fabric
from infra.google_cloud.node_pool import Nodes, Shape, node_pool
from infra.google_cloud.placement import Placement, workload_placement
from infra.hardware import gke, gpu
from infra.settings import accelerators
from infra.settings.capacity import Reservation
from infra.settings.google import ACCELERATOR_PODS_PER_NODE


class GpuPool(pulumi.ComponentResource):
    """A pool of GPU machines: none while nothing wants one, and never more than the settings say.

    The driver is GKE's, in the mode that the settings name; a mode left to the service would differ at every preview,
    and its change replaces the pool (terraform-provider-google issue 23248). It sets no quota: that is the queue's.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: accelerators.GpuPool,
        *,
        nodes: Nodes,
        fabric: Fabric | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """fabric: the extra networks of the machines, None when they have none."""
        super().__init__("aidc:google:GpuPool", name, None, opts)
        machine = settings.machine
        self.pool = node_pool(
            f"{name}-pool",
            settings.name,
            self,
            environment,
            nodes,
            Shape(
                machine_type=settings.machine_type,
                zones=settings.zones,
                capacity=settings.capacity,
                min_nodes=settings.min_nodes,
                max_nodes=settings.max_nodes,
                pods_per_node=ACCELERATOR_PODS_PER_NODE,
                disk_type=machine.boot_disk,
                disk_gib=settings.disk_gib,
                workload=settings.name,
                holds="foundation" if isinstance(settings.capacity, Reservation) else "nothing",
                secure_boot=settings.driver != "disabled",  # one's own driver is not signed by Google
                taint=gke.GPU_TAINT,
                accelerator=_accelerator(settings, machine),
                placement=_placement(environment, self, name, settings, machine),
                interfaces=fabric.interfaces_of(machine) if fabric else [],
                local_ssds=machine.local_ssds,
                gvnic=machine.fabric is not gpu.Fabric.ROCE_METAL,
            ),
        )
        self.register_outputs({"pool": self.pool.name})


def _accelerator(
    settings: accelerators.GpuPool, machine: gpu.GpuMachine
) -> gcp.container.NodePoolNodeConfigGuestAcceleratorArgsDict:
    sharing: gcp.container.NodePoolNodeConfigGuestAcceleratorGpuSharingConfigArgsDict | None = None
    if not isinstance(settings.sharing, accelerators.NoSharing):
        sharing = {
            "gpu_sharing_strategy": gpu.Sharing(settings.sharing.kind).api_value,
            "max_shared_clients_per_gpu": settings.sharing.clients,
        }
    return {
        "type": machine.accelerator,
        "count": machine.gpus,
        "gpu_driver_installation_config": {"gpu_driver_version": gpu.DriverMode(settings.driver).api_value},
        "gpu_partition_size": settings.partition,
        "gpu_sharing_config": sharing,
    }


def _placement(
    environment: Environment,
    parent: pulumi.Resource,
    name: str,
    settings: accelerators.GpuPool,
    machine: gpu.GpuMachine,
) -> Placement | None:
    if machine.topology:
        return workload_placement(name, environment, parent, settings.name, machine.topology)
    return {"type": "COMPACT"} if settings.compact else None
