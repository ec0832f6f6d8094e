"""What the pods of a job or of a Deployment say of themselves."""

from __future__ import annotations

from dataclasses import dataclass

from infra.kubeflow.plugin.cluster import Cluster, Json
from infra.kubeflow.runtimes import FINAL

LAST_LINES = 15
STARTING = {"ContainerCreating", "PodInitializing"}
"""Reasons of a container to wait that are no news."""

RESTART_ATTEMPT = "jobset.sigs.k8s.io/restart-attempt"


@dataclass(frozen=True)
class Ended:
    """A container's end. ``at``: as Kubernetes writes it, so that it sorts by time."""

    status: int
    message: str
    at: str


@dataclass(frozen=True)
class Pod:
    """A pod, and of its containers the one that does the work: the first."""

    body: Json

    @property
    def name(self) -> str:
        return str(self.body["metadata"]["name"])

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.body["metadata"].get("labels") or {})

    @property
    def container(self) -> str:
        return str(self.body["spec"]["containers"][0]["name"])

    @property
    def ended(self) -> Ended | None:
        """The container's last end; None when it never ended."""
        for state in ("state", "lastState"):
            if found := (self._container.get(state) or {}).get("terminated"):
                return Ended(found["exitCode"], found.get("message") or "", found.get("finishedAt") or "")
        return None

    @property
    def trouble(self) -> str | None:
        """Why it does not run, where somebody has to know; None where it does, or soon will."""
        waiting = (self._container.get("state") or {}).get("waiting") or {}
        if waiting and waiting.get("reason") not in STARTING:
            return f"{self.name}: {waiting.get('reason')}: {waiting.get('message', '')}".rstrip(": ")
        for each in self._status.get("conditions") or []:
            if each["type"] == "PodScheduled" and each["status"] == "False":
                return f"{self.name} finds no node: {each.get('message', '')}".rstrip(": ")
        return None

    def last_lines(self, cluster: Cluster) -> str:
        """For the end of an error. The container's message where the lines are gone."""
        lines = cluster.lines(self.body, self.container, LAST_LINES)
        if not lines and self.ended:
            lines = self.ended.message.splitlines()[-LAST_LINES:]
        said = "\n".join(f"    {line}" for line in lines) or "    (nothing)"
        end = f" (exit status {self.ended.status})" if self.ended else ""
        return f"  last lines of pod {self.name}{end}:\n{said}"

    @property
    def _status(self) -> Json:
        return dict(self.body.get("status") or {})

    @property
    def _container(self) -> Json:
        statuses = self._status.get("containerStatuses") or []
        return next((dict(each) for each in statuses if each["name"] == self.container), {})


def of(cluster: Cluster, namespace: str, selector: str) -> list[Pod]:
    """Those that a label selector matches."""
    return [Pod(each) for each in cluster.items(f"/api/v1/namespaces/{namespace}/pods", labelSelector=selector)]


def culprit(pods: list[Pod]) -> Pod | None:
    """The pod to blame: of the last attempt, one that ended for good, else the first that failed; None if none did."""
    failed = [pod for pod in pods if pod.ended and pod.ended.status]
    attempts = [int(pod.labels.get(RESTART_ATTEMPT, 0)) for pod in failed]
    last = [pod for pod, attempt in zip(failed, attempts, strict=True) if attempt == max(attempts)]
    return min(last, key=lambda pod: (pod.ended.status not in FINAL, pod.ended.at) if pod.ended else (), default=None)
