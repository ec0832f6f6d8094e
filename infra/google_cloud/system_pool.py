"""The nodes that the cluster's own services run on."""

from __future__ import annotations

import pulumi

from infra.google_cloud.environment import Environment
from infra.google_cloud.node_pool import Nodes, Shape, node_pool
from infra.hardware import general
from infra.settings import foundation
from infra.settings.capacity import OnDemand
from infra.settings.google import SYSTEM_PODS_PER_NODE


class SystemPool(pulumi.ComponentResource):
    """Plain machines for controllers, queues, servers without accelerators and monitoring.

    In zones of its own: a zone that has TPUs may have none of these machines, and their shortage must not cost a
    reserved accelerator its node.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: foundation.SystemPool,
        *,
        nodes: Nodes,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("aidc:google:SystemPool", name, None, opts)
        zones = len(settings.zones)
        self.pool = node_pool(
            f"{name}-pool",
            "system",
            self,
            environment,
            nodes,
            Shape(
                machine_type=settings.machine_type,
                zones=settings.zones,
                capacity=OnDemand(kind="on-demand"),
                min_nodes=settings.min_nodes * zones,
                max_nodes=settings.max_nodes * zones,
                pods_per_node=SYSTEM_PODS_PER_NODE,
                disk_type=general.boot_disk(settings.machine_type),
                disk_gib=100,
                workload="system",
                holds="foundation",
                even=True,
            ),
        )
        self.register_outputs({"pool": self.pool.name})
