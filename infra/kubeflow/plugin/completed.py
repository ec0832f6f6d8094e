"""A job followed to its end: where it is in the queue, how far it is, what it came to, and why it failed."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, ClassVar

from infra.kubeflow.plugin import pods
from infra.kubeflow.plugin.cluster import Cluster, Json, Refused
from infra.kubeflow.plugin.patience import News, Pace, Patience
from infra.kubeflow.waiting import Completed
from infra.plugin.handler import Handler, Later, Mistake, ProviderError, State, Talk

APIS = {"TrainJob": "trainer.kubeflow.org/v1alpha1", "JobSet": "jobset.x-k8s.io/v1alpha2"}
COMPLETE, FAILED, RUNNING = "complete", "failed", "running"
CONDITIONS = {"Complete": COMPLETE, "Completed": COMPLETE, "Failed": FAILED}
"""Conditions that end a job: those of a TrainJob (v2.2.1) and of a JobSet (v0.12.0)."""

QUEUE_LABEL, JOB_UID_LABEL = "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/job-uid"
KUEUE, VISIBILITY = "kueue.x-k8s.io/v1beta2", "visibility.kueue.x-k8s.io/v1beta2"


class CompletedHandler(Handler):
    outputs = Completed.OUTPUTS
    volatile = Completed.OUTPUTS
    wanted: ClassVar[State] = {"status": COMPLETE}

    def __init__(self, pace: Pace | None = None) -> None:
        self._patience = Patience(pace)

    def check(self, inputs: State) -> Iterator[Mistake]:
        kind = inputs["kind"]
        if kind is not Later.VALUE and kind not in APIS:
            yield Mistake("kind", f"{kind!r}: nothing tells when one is complete; allowed: {', '.join(APIS)}")

    def create(self, name: str, inputs: State, talk: Talk) -> State:
        following = _Following(Cluster(inputs["context"]), inputs, talk)
        seconds = inputs["timeout_minutes"] * 60
        if found := self._patience.until(seconds, following.look):
            return {**inputs, **found}
        raise ProviderError(
            f"{following.what} is not complete after {inputs['timeout_minutes']} minutes; it goes on, and the next up "
            "waits for it again"
        )

    def read(self, name: str, state: State) -> State | None:
        found = _get(Cluster(state["context"]), state)
        if found is None:
            return None
        anew = found["metadata"]["uid"] != state["uid"]
        status = _status(found)[0]
        return {**state, "status": RUNNING if anew and status == COMPLETE else status}  # its outcome is not known yet

    def update(self, name: str, state: State, inputs: State, talk: Talk) -> State:
        """Looks again, unless the very job is known to be complete: its pods may be gone since."""
        same = all(state[key] == inputs[key] for key in ("namespace", "kind", "job", "chief", "status"))
        found = _get(Cluster(inputs["context"]), inputs) if same else None
        if found is not None and found["metadata"]["uid"] == state["uid"]:
            return {**state, **inputs}
        return self.create(name, inputs, talk)

    def delete(self, name: str, state: State, talk: Talk) -> None:
        return

    def cancel(self) -> None:
        self._patience.cancel()


class _Following:
    """One job, and what was seen of it: its pods do not last."""

    def __init__(self, cluster: Cluster, inputs: State, talk: Talk) -> None:
        self.what = f"{inputs['kind']} {inputs['namespace']}/{inputs['job']}"
        self._cluster = cluster
        self._inputs = inputs
        self._news = News(talk)
        self._outcome: Json | None = None
        self._blame = ""
        self._restarts = 0

    def look(self) -> State | None:
        """Status, outcome and uid of the job once it is complete; None while it is not. Raises ProviderError."""
        job = _get(self._cluster, self._inputs)
        if job is None:
            raise ProviderError(f"{self.what} is gone: somebody deleted it. To make it anew: pulumi up --refresh")
        status, why = _status(job)
        name = self._inputs["job"]
        there = pods.of(self._cluster, self._inputs["namespace"], f"jobset.sigs.k8s.io/jobset-name={name}")
        self._remember(there)
        if status == FAILED:
            raise ProviderError(self._failure(why))
        if status == RUNNING:
            self._news.now(self._doing(job, there))
            return None
        if self._inputs["chief"] and self._outcome is None:
            raise ProviderError(
                f"{self.what} is complete, and the pod that said what it came to is gone, or said nothing.\n"
                f"  {self._again()}: it finds what is released already"
            )
        return {"status": COMPLETE, "outcome": self._outcome or {}, "uid": job["metadata"]["uid"]}

    def _remember(self, there: list[pods.Pod]) -> None:
        """What is to be told when the pods are gone."""
        chief = self._chief(there)
        if chief is not None and chief.ended and chief.ended.status == 0:
            self._outcome = _mapping(chief.ended.message)
        if blamed := pods.culprit(there):
            self._blame = blamed.last_lines(self._cluster)
        attempts = [int(pod.labels.get(pods.RESTART_ATTEMPT, 0)) for pod in there]
        if attempts and max(attempts) > self._restarts:
            self._restarts = max(attempts)
            self._news.once(f"started again from the last checkpoint (restart {self._restarts})")

    def _doing(self, job: Json, there: list[pods.Pod]) -> str:
        """What it does, in a line."""
        if job["spec"].get("suspend"):
            return _queued(self._cluster, job)
        if troubles := [pod.trouble for pod in there if pod.trouble]:
            return troubles[0]
        chief = self._chief(there)
        said = self._cluster.lines(chief.body, chief.container, 1) if chief else []
        return said[-1] if said else f"{len(there)} pods are starting"

    def _chief(self, there: list[pods.Pod]) -> pods.Pod | None:
        """The first pod of the replicated job that speaks for all, of the last attempt."""
        role = self._inputs["chief"] or (there[0].labels.get("jobset.sigs.k8s.io/replicatedjob-name") if there else "")
        first = {
            "jobset.sigs.k8s.io/replicatedjob-name": role,
            "jobset.sigs.k8s.io/job-index": "0",
            "batch.kubernetes.io/job-completion-index": "0",
        }
        chiefs = [pod for pod in there if first.items() <= pod.labels.items()]
        return max(chiefs, key=lambda pod: pod.body["metadata"]["creationTimestamp"], default=None)

    def _failure(self, why: str) -> str:
        mend = f"Mend what is wrong and run pulumi up. If nothing was wrong with it: {self._again()}"
        return "\n".join(part for part in (f"{self.what} failed: {why}", self._blame, f"  {mend}") if part)

    def _again(self) -> str:
        where, kind, name = self._inputs["namespace"], self._inputs["kind"].lower(), self._inputs["job"]
        return f"kubectl -n {where} delete {kind} {name}, then pulumi up --refresh"


def _get(cluster: Cluster, state: State) -> Json | None:
    """The job; None when it is not there, nor anything of its kind."""
    plural = f"{state['kind'].lower()}s"
    return cluster.get(f"/apis/{APIS[state['kind']]}/namespaces/{state['namespace']}/{plural}/{state['job']}")


def _status(job: Json) -> tuple[str, str]:
    """Where it is, and what the condition that ended it says."""
    for each in (job.get("status") or {}).get("conditions") or []:
        if each["status"] == "True" and each["type"] in CONDITIONS:
            return CONDITIONS[each["type"]], each.get("message") or each.get("reason") or ""
    return RUNNING, ""


def _mapping(message: str) -> Json | None:
    """The JSON object that a container left; None when it is none."""
    try:
        found: Any = json.loads(message)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _queued(cluster: Cluster, job: Json) -> str:
    """Why a job is suspended, as Kueue tells it."""
    place = job["metadata"]
    here = f"namespaces/{place['namespace']}"
    found = cluster.items(f"/apis/{KUEUE}/{here}/workloads", labelSelector=f"{JOB_UID_LABEL}={place['uid']}")
    if not found:
        return "suspended, and not in a queue yet"
    conditions = {each["type"]: each for each in (found[0].get("status") or {}).get("conditions") or []}
    reserved = conditions.get("QuotaReserved") or {}
    if reserved.get("status") == "True":
        return "has quota, and waits for its admission checks"
    evicted = conditions.get("Evicted") or {}
    if evicted.get("status") == "True":
        why = f"made way ({evicted.get('reason')}): {evicted.get('message')}"
    else:
        why = reserved.get("message") or "not looked at yet"
    return f"in the queue{_position(cluster, place, found[0])}: {why}"


def _position(cluster: Cluster, place: Json, workload: Json) -> str:
    """Such as ``, 3rd of 7``; nothing where Kueue's visibility API is not served."""
    queue = (place.get("labels") or {}).get(QUEUE_LABEL, "")
    path = f"/apis/{VISIBILITY}/namespaces/{place['namespace']}/localqueues/{queue}/pendingworkloads"
    try:
        waiting = cluster.items(path)
    except Refused:
        return ""
    names = [each["metadata"]["name"] for each in waiting]
    name = workload["metadata"]["name"]
    return f" ({names.index(name) + 1} of {len(names)})" if name in names else ""
