"""Queues that are emptied before they are deleted."""

from __future__ import annotations

from collections.abc import Iterable

from infra.kubeflow.plugin.cluster import Cluster, Json
from infra.kubeflow.plugin.patience import News, Pace, Patience
from infra.plugin.handler import Handler, ProviderError, State, Talk

SECONDS = 600.0
API = "kueue.x-k8s.io/v1beta2"
ROOT = f"/apis/{API}"
HELD, FREE = "HoldAndDrain", "None"
"""Values of a ClusterQueue's stopPolicy: nothing is admitted and what runs is evicted; and nothing of that."""


class DrainedHandler(Handler):
    def __init__(self, pace: Pace | None = None) -> None:
        self._patience = Patience(pace)

    def create(self, name: str, inputs: State, talk: Talk) -> State:
        """Lets go of queues that a deletion which was cut off has stopped."""
        cluster = Cluster(inputs["context"])
        for queue in inputs["cluster_queues"]:
            found = cluster.get(_queue(queue))
            if found is not None and found["spec"].get("stopPolicy") == HELD:
                cluster.replace(_queue(queue), "/spec/stopPolicy", FREE)
                talk.info(f"queue {queue} was stopped, and admits again")
        return inputs

    def read(self, name: str, state: State) -> State | None:
        return state

    def update(self, name: str, state: State, inputs: State, talk: Talk) -> State:
        """Drains the queues that are no longer named: they are about to be deleted."""
        gone = [queue for queue in state["cluster_queues"] if queue not in inputs["cluster_queues"]]
        self._drain(Cluster(inputs["context"]), gone, talk)
        return inputs

    def delete(self, name: str, state: State, talk: Talk) -> None:
        self._drain(Cluster(state["context"]), state["cluster_queues"], talk)

    def cancel(self) -> None:
        self._patience.cancel()

    def _drain(self, cluster: Cluster, queues: list[str], talk: Talk) -> None:
        seconds, news = talk.seconds or SECONDS, News(talk)
        for queue in queues:
            if cluster.get(_queue(queue)) is not None:
                cluster.replace(_queue(queue), "/spec/stopPolicy", HELD)
        left: list[Json] = []

        def empty() -> bool | None:
            nonlocal left
            left = _workloads(cluster, queues)
            if running := [each for each in left if _holds(each)]:
                news.now(f"waiting for {_names(running)} to save and stop")
                return None
            for each in left:
                _delete_owner(cluster, each, news)
            return None if left else True

        if queues and not self._patience.until(seconds, empty):
            raise ProviderError(
                f"queues {', '.join(queues)} are not empty after {seconds:g} s: {_names(left)}\n"
                "  Does Kueue's controller run? It has to let go of them (kubectl -n kueue-system get pods). "
                "The next destroy goes on from here"
            )


def _queue(name: str) -> str:
    return f"{ROOT}/clusterqueues/{name}"


def _workloads(cluster: Cluster, queues: Iterable[str]) -> list[Json]:
    """Those that wait in the queues, run, or have run."""
    of = {
        (each["metadata"]["namespace"], each["metadata"]["name"])
        for each in cluster.items(f"{ROOT}/localqueues")
        if each["spec"].get("clusterQueue") in queues
    }
    return [
        each
        for each in cluster.items(f"{ROOT}/workloads")
        if (each["metadata"]["namespace"], each["spec"].get("queueName")) in of or _admitted_by(each) in queues
    ]


def _admitted_by(workload: Json) -> str:
    """The queue whose quota it holds; nothing when it holds none."""
    return str(((workload.get("status") or {}).get("admission") or {}).get("clusterQueue") or "")


def _holds(workload: Json) -> bool:
    """Whether it runs, or is about to."""
    finished = any(
        each["type"] == "Finished" and each["status"] == "True"
        for each in (workload.get("status") or {}).get("conditions") or []
    )
    return bool(_admitted_by(workload)) and not finished


def _delete_owner(cluster: Cluster, workload: Json, news: News) -> None:
    """The job that the workload stands for; the workload itself where nobody owns it."""
    place = workload["metadata"]
    owners = [each for each in place.get("ownerReferences") or [] if each.get("controller")]
    kind, name = (owners[0]["kind"], owners[0]["name"]) if owners else ("Workload", place["name"])
    api = owners[0]["apiVersion"] if owners else API
    news.once(f"deleting {kind} {place['namespace']}/{name}, which is not of this stack; its artefacts stay")
    cluster.delete(cluster.path(api, kind, place["namespace"], name))


def _names(workloads: list[Json]) -> str:
    names = [f"{each['metadata']['namespace']}/{each['metadata']['name']}" for each in workloads]
    return ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
