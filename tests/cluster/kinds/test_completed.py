"""Jobs followed to their end. The tests make the pods as JobSet would, and say of the job what Trainer would."""

from __future__ import annotations

from typing import Any

import pytest

from infra.kubeflow.plugin.completed import CompletedHandler
from infra.plugin.handler import ProviderError, State
from tests.cluster.conftest import pod, pod_spec
from tests.cluster.kinds.conftest import KUEUE, PACE, Beside, apply, condition, status
from tests.unit.conftest import Heard, wait_until
from toolchain.cluster.built import Cluster

pytestmark = pytest.mark.cluster

JOB = "digits-1a2b3c"


def inputs(team: str) -> State:
    return {
        "context": "cluster",
        "namespace": team,
        "kind": "TrainJob",
        "job": JOB,
        "chief": "worker",
        "timeout_minutes": 1,
        "status": "complete",
    }


@pytest.fixture
def job(bare: Cluster, team: str) -> str:
    apply(bare, train_job(team))
    return team


def train_job(team: str, **spec: Any) -> State:
    return {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": JOB, "namespace": team, "labels": {"kueue.x-k8s.io/queue-name": "default"}},
        "spec": {"runtimeRef": {"name": "tensorflow-multiworker"}, **spec},
    }


def runs(cluster: Cluster, team: str, command: str, *, index: int = 0, attempt: int = 0) -> None:
    """Makes a pod of the job."""
    name = f"{JOB}-worker-0-{index}-{attempt}"
    made = pod(name, command)
    made["spec"]["containers"][0] |= {"name": "node", "terminationMessagePolicy": "FallbackToLogsOnError"}
    made["metadata"] = {
        "name": name,
        "namespace": team,
        "labels": {
            "jobset.sigs.k8s.io/jobset-name": JOB,
            "jobset.sigs.k8s.io/replicatedjob-name": "worker",
            "jobset.sigs.k8s.io/job-index": "0",
            "jobset.sigs.k8s.io/restart-attempt": str(attempt),
            "batch.kubernetes.io/job-completion-index": str(index),
        },
    }
    apply(cluster, made)


def ends(cluster: Cluster, team: str, command: str, *, index: int = 0, attempt: int = 0) -> None:
    """Makes a pod of the job, where it is not there yet, and waits for its end."""
    runs(cluster, team, command, index=index, attempt=attempt)
    name = f"{JOB}-worker-0-{index}-{attempt}"
    path = "jsonpath={.status.containerStatuses[0].state.terminated.exitCode}"
    wait_until("its end", lambda: cluster.kubectl("--namespace", team, "get", "pod", name, "-o", path))


def says(cluster: Cluster, team: str, kind: str, message: str = "") -> None:
    status(cluster, team, f"trainjob/{JOB}", conditions=[condition(kind, True, message)])


def test_progress_is_the_chiefs_last_line_and_the_outcome_is_what_it_left(
    bare: Cluster, job: str, heard: Heard, beside: Beside
) -> None:
    handler = CompletedHandler(PACE)
    done = beside(handler.create, "digits", inputs(job), heard.talk)
    chief = "echo step 3/9; sleep 3; echo '{\"version\": 1}' > /dev/termination-log"
    runs(bare, job, chief)
    wait_until("progress", lambda: "step 3/9" in heard.progress)
    ends(bare, job, "echo '{\"version\": 7}' > /dev/termination-log", index=1)
    ends(bare, job, chief)
    says(bare, job, "Complete")
    state = done.result(60)
    assert state["outcome"] == {"version": 1}

    bare.kubectl("--namespace", job, "delete", "pods", "--all", "--force")
    assert handler.read("digits", state) == state
    longer = {**inputs(job), "timeout_minutes": 5}
    assert handler.update("digits", state, longer, heard.talk)["outcome"] == {"version": 1}

    bare.kubectl("--namespace", job, "delete", "trainjob", JOB)
    assert handler.read("digits", state) is None
    apply(bare, train_job(job))
    says(bare, job, "Complete")
    anew = handler.read("digits", state)
    assert anew is not None
    assert anew["status"] == "running"  # another job of that name, whose outcome is not known
    with pytest.raises(ProviderError, match="said nothing"):
        handler.update("digits", anew, inputs(job), heard.talk)


@pytest.mark.parametrize("are_there", [True, False])
def test_a_failure_shows_the_last_lines_of_the_pod_to_blame_even_when_it_is_gone(
    bare: Cluster, job: str, heard: Heard, beside: Beside, are_there: bool
) -> None:
    ends(bare, job, "echo of an earlier attempt; exit 1", attempt=0)
    ends(bare, job, "echo a peer is gone; exit 1", attempt=1)
    ends(bare, job, "seq 100; echo no such data set; exit 74", index=1, attempt=1)
    done = beside(CompletedHandler(PACE).create, "digits", inputs(job), heard.talk)
    wait_until("a look", lambda: heard.info == ["started again from the last checkpoint (restart 1)"])
    if not are_there:
        bare.kubectl("--namespace", job, "delete", "pods", "--all", "--force")
    says(bare, job, "Failed", "jobset failed")
    with pytest.raises(ProviderError) as failure:
        done.result(60)
    told = str(failure.value).splitlines()
    assert told[0] == f"TrainJob {job}/{JOB} failed: jobset failed"
    assert told[1] == f"  last lines of pod {JOB}-worker-0-1-1 (exit status 74):"
    assert told[2:-1] == [*(f"    {number}" for number in range(87, 101)), "    no such data set"]
    assert "pulumi up --refresh" in told[-1]


def test_a_job_in_the_queue_says_what_kueue_says(bare: Cluster, team: str, heard: Heard, beside: Beside) -> None:
    apply(bare, train_job(team, suspend=True))
    handler = CompletedHandler(PACE)
    done = beside(handler.create, "digits", inputs(team), heard.talk)
    wait_until("news", lambda: "suspended, and not in a queue yet" in heard.progress)
    uid = bare.kubectl("--namespace", team, "get", "trainjob", JOB, "-o", "jsonpath={.metadata.uid}")
    pods = [{"name": "worker", "count": 2, "template": {"spec": pod_spec("true")}}]
    labels = {"kueue.x-k8s.io/job-uid": uid}
    work = {"apiVersion": KUEUE, "kind": "Workload", "spec": {"queueName": "default", "podSets": pods}}
    apply(bare, {**work, "metadata": {"name": "w", "namespace": team, "labels": labels}})
    why = "couldn't assign flavors to pod set worker: insufficient unused quota for cpu in flavor main, 1 more needed"
    status(bare, team, "workload/w", conditions=[condition("QuotaReserved", False, why, "Pending")])
    wait_until("why", lambda: f"in the queue: {why}" in heard.progress)
    status(
        bare,
        team,
        "workload/w",
        conditions=[
            condition("QuotaReserved", False, why, "Pending"),
            condition("Evicted", True, "to make room for high", "Preempted"),
        ],
    )
    wait_until("eviction", lambda: "in the queue: made way (Preempted): to make room for high" in heard.progress)
    handler.cancel()
    with pytest.raises(ProviderError, match="interrupted; what runs on the cluster goes on"):
        done.result(60)


def test_a_pod_that_cannot_start_says_why(bare: Cluster, job: str, heard: Heard, beside: Beside) -> None:
    handler = CompletedHandler(PACE)
    done = beside(handler.create, "digits", inputs(job), heard.talk)
    runs(bare, job, "true")
    made = pod("big", "true")
    made["metadata"] = {"name": "big", "namespace": job, "labels": {"jobset.sigs.k8s.io/jobset-name": JOB}}
    made["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "999"}}
    apply(bare, made)
    wait_until("why", lambda: any("big finds no node: " in line and "cpu" in line for line in heard.progress))
    bare.kubectl("--namespace", job, "delete", "trainjob", JOB)
    with pytest.raises(ProviderError, match="is gone: somebody deleted it"):
        done.result(60)
