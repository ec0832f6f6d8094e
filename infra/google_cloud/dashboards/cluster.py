"""The cluster: what is asked of it, what it has, and what was taken from it."""

from __future__ import annotations

from collections.abc import Sequence

from infra.google_cloud.dashboards.layout import Json, chart, dashboard, text
from infra.google_cloud.dashboards.pools import Pool, table
from infra.google_cloud.metrics import Gke, KubeState, Kueue


def build(title: str, cluster: str, pools: Sequence[Pool]) -> Json:
    """title: what the dashboard is called. cluster: the cluster's name."""
    return dashboard(
        title,
        [
            text("Pools", table(pools)),
            chart("Pods by phase", "1", by_phase=f"sum by (phase) ({KubeState.POD_PHASE.of(cluster)})"),
            chart("Pods that fit nowhere", "1", pods=f"sum({KubeState.POD_UNSCHEDULABLE.of(cluster)})"),
            chart(
                "Workloads in the queue",
                "1",
                by_cluster_queue=f"sum by (cluster_queue) ({Kueue.PENDING.of(cluster)})",
            ),
            chart(
                "Nodes that are ready",
                "1",
                nodes=f"sum({Gke.NODE_CONDITION.of(cluster, condition='Ready', status='True')})",
            ),
            chart(
                "Nodes taken away, by reason",
                "1",
                by_interruption_reason=f"sum by (interruption_reason) "
                f"(sum_over_time({Gke.NODE_INTERRUPTIONS.of(cluster)}[${{__interval}}]))",
            ),
            chart(
                "Time until a new node is ready",
                "s",
                by_accelerator_family=f"max by (accelerator_family) ({Gke.NODE_STARTUP.of(cluster)})",
            ),
            chart(
                "Restarts of containers",
                "1",
                by_namespace_name=f"sum by (namespace_name) "
                f"(increase({Gke.CONTAINER_RESTARTS.of(cluster)}[${{__interval}}]))",
            ),
            chart(
                "Processors in use",
                "1",
                mean=f"avg({Gke.NODE_CPU.of(cluster)})",
                highest=f"max({Gke.NODE_CPU.of(cluster)})",
            ),
            chart(
                "Memory in use",
                "1",
                mean=f"avg({Gke.NODE_MEMORY.of(cluster, memory_type='non-evictable')})",
                highest=f"max({Gke.NODE_MEMORY.of(cluster, memory_type='non-evictable')})",
            ),
        ],
    )
