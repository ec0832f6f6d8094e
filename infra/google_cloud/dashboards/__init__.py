"""Dashboards as the JSON that Cloud Monitoring takes; one module for each. Pure Python."""

from __future__ import annotations

from collections.abc import Sequence

from infra.google_cloud.dashboards import cluster, gpu, layout, serving, tpu, training
from infra.google_cloud.dashboards.pools import Pool


def dashboards(environment: str, cluster_name: str, pools: Sequence[Pool]) -> dict[str, str]:
    """The dashboards of the environment called ``environment``: JSON text by name."""
    boards = {
        "cluster": cluster.build(f"{environment}: cluster", cluster_name, pools),
        "gpu": gpu.build(f"{environment}: GPUs", cluster_name),
        "tpu": tpu.build(f"{environment}: TPUs", cluster_name),
        "training": training.build(f"{environment}: training", cluster_name),
        "serving": serving.build(f"{environment}: serving", cluster_name),
    }
    return {name: layout.canonical(board) for name, board in boards.items()}
