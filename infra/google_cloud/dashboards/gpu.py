"""GPUs: whether they compute, what holds them back, and how hot they are."""

from __future__ import annotations

from infra.google_cloud.dashboards.layout import Json, chart, dashboard
from infra.google_cloud.metrics import Gke, Gpu


def build(title: str, cluster: str) -> Json:
    """title: what the dashboard is called. cluster: the cluster's name."""
    used, free = Gpu.MEMORY_USED.of(cluster), Gpu.MEMORY_FREE.of(cluster)
    return dashboard(
        title,
        [
            chart(
                "GPUs busy",
                "%",
                mean=f"avg({Gpu.UTILISATION.of(cluster)})",
                lowest=f"min({Gpu.UTILISATION.of(cluster)})",
            ),
            chart(
                "Share of time the multiprocessors work",
                "1",
                by_modelName=f"avg by (modelName) ({Gpu.SM_ACTIVE.of(cluster)})",
            ),
            chart(
                "Share of time the tensor cores work",
                "1",
                by_modelName=f"avg by (modelName) ({Gpu.TENSOR_ACTIVE.of(cluster)})",
            ),
            chart(
                "Share of time the memory transfers",
                "1",
                by_modelName=f"avg by (modelName) ({Gpu.MEMORY_ACTIVE.of(cluster)})",
            ),
            chart("Share of memory taken", "1", highest=f"max({used} / ({used} + {free}))"),
            chart("Temperature", "Cel", highest=f"max({Gpu.TEMPERATURE.of(cluster)})"),
            chart("Power", "W", all=f"sum({Gpu.POWER.of(cluster)})"),
            chart("Sent by nodes", "By/s", all=f"sum(rate({Gke.NODE_SENT.of(cluster)}[${{__interval}}]))"),
        ],
    )
