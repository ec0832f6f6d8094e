"""A Deployment's revision brought up, and the last good one put back when it does not come up."""

from __future__ import annotations

from typing import ClassVar

from infra.kubeflow.plugin import pods
from infra.kubeflow.plugin.cluster import Cluster, Json
from infra.kubeflow.plugin.patience import News, Pace, Patience
from infra.kubeflow.runtimes import FINAL
from infra.kubeflow.waiting import Rollout
from infra.plugin.handler import Handler, ProviderError, State, Talk, Unfinished

UP, OTHER = "up", "another revision"
HASH_LABEL = "pod-template-hash"


class RolloutHandler(Handler):
    outputs = Rollout.OUTPUTS
    volatile = Rollout.OUTPUTS
    wanted: ClassVar[State] = {"status": UP}

    def __init__(self, pace: Pace | None = None) -> None:
        self._patience = Patience(pace)

    def create(self, name: str, inputs: State, talk: Talk) -> State:
        return self._roll(inputs, "", talk)

    def read(self, name: str, state: State) -> State | None:
        deployment = Cluster(state["context"]).get(_path(state))
        if deployment is None:
            return None
        return {**state, "status": UP if _revision(deployment) == state["revision"] else OTHER}

    def update(self, name: str, state: State, inputs: State, talk: Talk) -> State:
        return self._roll(inputs, state["good"], talk)

    def delete(self, name: str, state: State, talk: Talk) -> None:
        return

    def cancel(self) -> None:
        self._patience.cancel()

    def _roll(self, inputs: State, good: str, talk: Talk) -> State:
        """good: the last revision that was up; nothing when there was none."""
        rolling = _Rolling(Cluster(inputs["context"]), inputs, talk)
        problem = self._patience.until(inputs["seconds"], rolling.look)
        if problem is None:
            problem = f"is not up after {inputs['seconds']} s"
        if not problem:
            return {**inputs, "good": inputs["revision"]}
        said = f"{rolling.what} {problem}\n{rolling.last_lines()}"
        if good in ("", inputs["revision"]):
            raise ProviderError(f"{said}\n  There is no earlier revision to put back; the next up looks again")
        rolling.put_back(good)
        raise Unfinished(
            f"{said}\n  Put back the last revision that was up, which answered all the time. "
            "Mend what is wrong and run pulumi up: it tries the wanted revision again",
            {**inputs, "good": good, "status": OTHER},
        )


class _Rolling:
    """One Deployment on its way to a revision."""

    def __init__(self, cluster: Cluster, inputs: State, talk: Talk) -> None:
        self.what = f"Deployment {inputs['namespace']}/{inputs['deployment']}"
        self._cluster = cluster
        self._inputs = inputs
        self._news = News(talk)

    def look(self) -> str | None:
        """Nothing (the empty text) once the revision is up, what is wrong when it never will be, else None."""
        wanted = self._inputs["revision"]
        deployment = self._cluster.get(_path(self._inputs))
        if deployment is None:
            raise ProviderError(f"{self.what} is gone: somebody deleted it. To make it anew: pulumi up --refresh")
        if _revision(deployment) != wanted:  # put back, by an earlier up or by a person
            if not self._set(wanted):
                raise ProviderError(f"{self.what} is of another revision than {wanted}; run pulumi up --refresh")
            return None
        status, replicas = deployment.get("status") or {}, deployment["spec"]["replicas"]
        if status.get("observedGeneration", 0) < deployment["metadata"]["generation"]:
            return None
        updated, available = status.get("updatedReplicas", 0), status.get("availableReplicas", 0)
        if status.get("replicas", 0) == updated == available == replicas:
            return ""
        ours = self._pods(wanted)
        final = [pod for pod in ours if pod.ended and pod.ended.status in FINAL]
        if final:
            return "does not come up"
        troubles = [pod.trouble for pod in ours if pod.trouble]
        self._news.now(troubles[0] if troubles else f"{available} of {replicas} pods are up, {updated} are new")
        return None

    def last_lines(self) -> str:
        """Of a pod of the wanted revision."""
        there = self._pods(self._inputs["revision"])
        blamed = pods.culprit(there) or next(iter(there), None)
        if blamed is None:
            return "  it made no pods; kubectl describe tells why"
        trouble = f"  {blamed.trouble}\n" if blamed.trouble else ""
        return trouble + blamed.last_lines(self._cluster)

    def put_back(self, revision: str) -> None:
        if not self._set(revision):
            raise ProviderError(f"{self.what}: revision {revision} is no longer in its history; nothing was put back")
        self._news.once("put back the last revision that was up")

    def _set(self, revision: str) -> bool:
        """Whether the history has the revision, which the Deployment then is on its way to."""
        for each in self._replica_sets():
            if _revision(each) == revision:
                template = each["spec"]["template"]
                template["metadata"]["labels"].pop(HASH_LABEL, None)
                self._cluster.replace(_path(self._inputs), "/spec/template", template)
                return True
        return False

    def _replica_sets(self) -> list[Json]:
        """Its history."""
        found = self._cluster.items(f"/apis/apps/v1/namespaces/{self._inputs['namespace']}/replicasets")
        owner = {"kind": "Deployment", "name": self._inputs["deployment"]}
        return [
            each
            for each in found
            if any(owner.items() <= one.items() for one in each["metadata"].get("ownerReferences") or [])
        ]

    def _pods(self, revision: str) -> list[pods.Pod]:
        hashes = [
            each["metadata"]["labels"][HASH_LABEL] for each in self._replica_sets() if _revision(each) == revision
        ]
        return [
            pod for each in hashes for pod in pods.of(self._cluster, self._inputs["namespace"], f"{HASH_LABEL}={each}")
        ]


def _path(state: State) -> str:
    return f"/apis/apps/v1/namespaces/{state['namespace']}/deployments/{state['deployment']}"


def _revision(thing: Json) -> str:
    """Of a Deployment or a ReplicaSet: what its pods are annotated with."""
    return str((thing["spec"]["template"]["metadata"].get("annotations") or {}).get(Rollout.REVISION, ""))
