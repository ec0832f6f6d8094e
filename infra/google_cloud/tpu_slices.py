"""TPU slices of the cluster."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.environment import Environment
from infra.google_cloud.fabric import Fabric
from infra.google_cloud.node_pool import Nodes, Shape, node_pool
from infra.google_cloud.placement import Placement, workload_placement
from infra.hardware import gke, tpu
from infra.settings import accelerators
from infra.settings.capacity import Reservation
from infra.settings.google import ACCELERATOR_PODS_PER_NODE


class TpuSlices(pulumi.ComponentResource):
    """The slices of one shape: what a job gets whole, or does not get.

    A slice of one machine is a node, and all of them are one pool. A slice of several machines is a pool of its own,
    which the autoscaler brings and takes whole; so multislice is several pools, numbered from 0. The number is the
    slice's name, not a place in a list: with fewer slices the last ones go.

    Attribute ``pools``: by name.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: accelerators.TpuSlice,
        *,
        nodes: Nodes,
        fabric: Fabric | None,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """fabric: the second network of slices that work together, None when they have none."""
        super().__init__("aidc:google:TpuSlices", name, None, opts)
        self._environment, self._settings = environment, settings
        self._nodes, self._fabric = nodes, fabric
        self.pools = {}
        if settings.shape.is_multi_host:
            vms = settings.shape.vms
            for number, pool in enumerate(settings.parts):
                least = vms if number < settings.min_slices else 0
                self.pools[pool] = self._pool(f"{name}-{number}", pool, least, vms)
        else:
            self.pools[settings.name] = self._pool(name, settings.name, settings.min_slices, settings.slices)
        self.register_outputs({"pools": list(self.pools)})

    def _pool(self, name: str, pool_name: str, min_nodes: int, max_nodes: int) -> gcp.container.NodePool:
        settings = self._settings
        shape = settings.shape
        return node_pool(
            f"{name}-pool",
            pool_name,
            self,
            self._environment,
            self._nodes,
            Shape(
                machine_type=shape.machine.name,
                zones=(settings.zone,),
                capacity=settings.capacity,
                min_nodes=min_nodes,
                max_nodes=max_nodes,
                pods_per_node=ACCELERATOR_PODS_PER_NODE,
                disk_type=shape.generation.boot_disk,
                disk_gib=100,
                workload=settings.name,
                holds="foundation" if isinstance(settings.capacity, Reservation) else "nothing",
                taint=gke.TPU_TAINT,
                placement=self._placement(name, pool_name),
                interfaces=self._fabric.interfaces if self._fabric else [],
            ),
        )

    def _placement(self, name: str, pool_name: str) -> Placement | None:
        shape = self._settings.shape
        match shape.placement:
            case tpu.Placement.NONE:
                return None
            case tpu.Placement.COMPACT:
                return {"type": "COMPACT", "tpu_topology": shape.topology}
            case tpu.Placement.WORKLOAD_POLICY:
                return workload_placement(name, self._environment, self, pool_name, shape.topology)
