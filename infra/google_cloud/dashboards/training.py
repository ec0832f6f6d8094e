"""Training: how far jobs are, how fast, and how much of the time they pay for makes progress."""

from __future__ import annotations

from infra.google_cloud.dashboards.layout import Json, chart, dashboard
from infra.google_cloud.metrics import Gke, KubeState, Kueue, Training


def build(title: str, cluster: str) -> Json:
    """title: what the dashboard is called. cluster: the cluster's name."""
    step, target = Training.STEP.of(cluster), Training.TARGET.of(cluster)
    saved = Training.CHECKPOINT.of(cluster)
    waited, admitted = Kueue.WAIT.total(cluster), Kueue.WAIT.count(cluster)
    return dashboard(
        title,
        [
            chart(
                "Share of the steps done",
                "1",
                by_workload=f"max by (workload) ({step}) / max by (workload) ({target})",
            ),
            chart("Loss", "1", by_workload=f"max by (workload) ({Training.LOSS.of(cluster)})"),
            chart("Examples a second", "1/s", by_workload=f"max by (workload) ({Training.EXAMPLES.of(cluster)})"),
            chart("Steps a second", "1/s", by_workload=f"max by (workload) (deriv({step}[5m]))"),
            chart("Goodput", "1", by_workload=f"max by (workload) ({Training.GOODPUT.of(cluster)})"),
            chart(
                "Goodput that GKE sees",
                "1",
                scheduled=f"avg({Gke.JOBSET_SCHEDULED.of(cluster)})",
                productive=f"avg({Gke.JOBSET_PRODUCTIVE.of(cluster)})",
            ),
            chart("Age of the last checkpoint", "s", by_workload=f"time() - max by (workload) ({saved})"),
            chart(
                "Time to save a checkpoint",
                "s",
                by_workload=f"max by (workload) ({Training.CHECKPOINT_DURATION.of(cluster)})",
            ),
            chart(
                "Restarts of job sets",
                "1",
                by_jobset_name=f"max by (jobset_name) ({KubeState.JOBSET_RESTARTS.of(cluster)})",
            ),
            chart(
                "Replicas of job sets",
                "1",
                wanted=f"sum({KubeState.JOBSET_WANTED.of(cluster)})",
                ready=f"sum({KubeState.JOBSET_READY.of(cluster)})",
            ),
            chart(
                "Mean wait of what was admitted, over an hour",
                "s",
                by_cluster_queue=f"sum by (cluster_queue) (increase({waited}[1h])) / "
                f"sum by (cluster_queue) (increase({admitted}[1h]))",
            ),
            chart(
                "Admitted in an hour",
                "1",
                by_cluster_queue=f"sum by (cluster_queue) (increase({Kueue.ADMITTED.of(cluster)}[1h]))",
            ),
        ],
    )
