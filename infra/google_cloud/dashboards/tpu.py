"""TPUs: duty cycle, memory, and the data centre network between slices."""

from __future__ import annotations

from infra.google_cloud.dashboards.layout import Json, chart, dashboard
from infra.google_cloud.metrics import Gke

TPU = "cloud-tpu"
"""The make, as the accelerator metrics of GKE are of GPUs too (GKE, TPU device plugin)."""


def build(title: str, cluster: str) -> Json:
    """title: what the dashboard is called. cluster: the cluster's name."""
    duty = Gke.DUTY_CYCLE.of(cluster, make=TPU)
    used, there = Gke.MEMORY_USED.of(cluster, make=TPU), Gke.MEMORY_TOTAL.of(cluster, make=TPU)
    return dashboard(
        title,
        [
            chart("Duty cycle", "%", mean=f"avg({duty})", lowest=f"min({duty})"),
            chart("Duty cycle by model", "%", by_model=f"avg by (model) ({duty})"),
            chart("Tensor cores in use", "%", by_model=f"avg by (model) ({Gke.TENSORCORE.of(cluster)})"),
            chart("Memory bandwidth in use", "%", by_model=f"avg by (model) ({Gke.MEMORY_BANDWIDTH.of(cluster)})"),
            chart("High-bandwidth memory taken", "By", used=f"sum({used})", there=f"sum({there})"),
            chart("Share of memory taken", "1", highest=f"max({used} / {there})"),
            chart("Transfers between slices", "us", **_quantiles(Gke.DCN_TRANSFER.buckets(cluster))),
            chart("Collectives between slices", "us", **_quantiles(Gke.COLLECTIVES.buckets(cluster))),
            chart(
                "Slices that are whole",
                "1",
                by_node_pool_name=f"min by (node_pool_name) ({Gke.SLICE_AVAILABLE.of(cluster)})",
            ),
            chart(
                "Mean time until a slice is back, over a day",
                "s",
                mean=f"sum(sum_over_time({Gke.SLICE_RECOVERY.total(cluster)}[1d])) / "
                f"sum(sum_over_time({Gke.SLICE_RECOVERY.count(cluster)}[1d]))",
            ),
        ],
    )


def _quantiles(buckets: str) -> dict[str, str]:
    rates = f"sum by (le) (rate({buckets}[${{__interval}}]))"
    return {"half_within": f"histogram_quantile(0.5, {rates})", "p99": f"histogram_quantile(0.99, {rates})"}
