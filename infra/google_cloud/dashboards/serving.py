"""Serving: requests, errors and latency of each model."""

from __future__ import annotations

from infra.google_cloud.dashboards.layout import Json, chart, dashboard
from infra.google_cloud.metrics import Serving


def build(title: str, cluster: str) -> Json:
    """title: what the dashboard is called. cluster: the cluster's name."""
    requests, failed = Serving.REQUESTS.of(cluster), Serving.REQUESTS.of(cluster, code='=~"5.."')
    return dashboard(
        title,
        [
            chart("Requests a second", "1/s", by_model=f"sum by (model) (rate({requests}[5m]))"),
            chart("Answers a second, by status", "1/s", by_code=f"sum by (code) (rate({requests}[5m]))"),
            chart(
                "Share of requests that fail",
                "1",
                by_model=f"sum by (model) (rate({failed}[5m])) / sum by (model) (rate({requests}[5m]))",
            ),
            chart("Half are answered within", "s", by_model=_within(0.5, cluster)),
            chart("95 of 100 are answered within", "s", by_model=_within(0.95, cluster)),
            chart("99 of 100 are answered within", "s", by_model=_within(0.99, cluster)),
        ],
    )


def _within(share: float, cluster: str) -> str:
    return f"histogram_quantile({share}, sum by (le, model) (rate({Serving.DURATION.buckets(cluster)}[5m])))"
