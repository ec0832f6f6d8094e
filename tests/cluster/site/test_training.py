"""Training jobs that are disturbed, on a real cluster: real members, real controllers.

Every job learns what the stack's own workload learns, undisturbed; so it has to come to the same accuracy.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from kubernetes import client, config

from infra.jobs.training_job import config_map, train_job
from tests.cluster.site.data_centre import DataCentre
from tests.project import wait_for
from toolchain.cluster.node import NAME as NODE
from workloads.spec import WorkloadSpec
from workloads.train.status import FINAL, PREEMPTED

pytestmark = pytest.mark.cluster

SILENCE_SECONDS = 120.0
"""Longest time without a line of a chief's that is there."""

ALIKE = 0.01
"""Of two accuracies: three or four of the 360 test images. Members add their gradients up in no fixed order."""

QUICK = {"workers": 1, "cpu": 1.0, "memory_gib": 3.0, "steps": 10}
"""To train, of a job that is not tried for what it learns. It takes as much of the quota as a usual one: of a team that
takes more than another, Kueue would stop jobs."""

Object = dict[str, Any]


class Attempt:
    """A job between two starts, by what its chief says.

    resumed:  the step that it went on from.
    shown:    the last step that it told of.
    saved:    the step that it saved as it was told to go; None where it was not.
    """

    def __init__(self, said: Iterator[str]) -> None:
        self.resumed = self.shown = 0
        self.saved: int | None = None
        self._said = said

    def reach(self, step: int) -> None:
        """Reads on until it is at the step."""
        while self.shown < step:
            line = next(self._said, None)
            assert line is not None, f"it ended after step {self.shown}, before step {step}"
            self._hear(line)

    def end(self) -> None:
        """Reads on to its last line."""
        for line in self._said:
            self._hear(line)

    def _hear(self, line: str) -> None:
        if found := re.match(r"resuming from the checkpoint of step (\d+)", line):
            self.resumed = int(found[1])
        elif found := re.match(r"step (\d+)/", line):
            self.shown = int(found[1])
        elif found := re.match(r"told to go: saved the checkpoint of step (\d+)", line):
            self.saved = int(found[1])


class Job:
    """A workload's job in the namespace of a team, and its attempts one after the other."""

    def __init__(self, data_centre: DataCentre, workload: WorkloadSpec, team: str) -> None:
        image = data_centre.settings["platform"]["images"]["train"]
        made = train_job(workload, team, image)
        self.name, self.team = made["metadata"]["name"], team
        self.interval = workload.train.checkpoint_every
        self._objects = [config_map(workload, team), made]
        self._data_centre = data_centre
        self._seen: set[str] = set()
        loaded = config.new_client_from_config(str(data_centre.cluster.kubeconfig))
        self._logs = client.CoreV1Api(loaded)

    def start(self) -> None:
        self.kubectl("apply", "--server-side", "-f", "-", objects=self._objects)

    def remove(self) -> None:
        """As the engine does before another job takes its place; its pods are told to go."""
        self.kubectl("delete", "--cascade=foreground", "--ignore-not-found", "-f", "-", objects=self._objects)
        wait_for(lambda: not self.pods(), f"the end of the pods of {self.name}")

    def kubectl(self, *words: str, objects: list[Object] | None = None) -> str:
        return self._data_centre.kubectl(f"--namespace={self.team}", *words, objects=objects)

    def get(self, kind: str) -> Object:
        """The object of a kind that has the job's name."""
        found: Object = json.loads(self.kubectl("get", kind, self.name, "--output=json"))
        return found

    def pods(self, member: int | None = None) -> list[Object]:
        which = "" if member is None else f",batch.kubernetes.io/job-completion-index={member}"
        selector = f"--selector=jobset.sigs.k8s.io/jobset-name={self.name}{which}"
        return self._data_centre.get("pods", f"--namespace={self.team}", selector)

    def attempt(self) -> Attempt:
        """The next one, once its chief runs."""
        chiefs: list[Object] = []

        def runs() -> bool:
            chiefs[:] = [
                pod
                for pod in self.pods(0)
                if pod["metadata"]["uid"] not in self._seen and pod["status"]["phase"] != "Pending"
            ]
            return bool(chiefs)

        wait_for(runs, f"a new chief of {self.name}", seconds=180)
        (chief,) = chiefs
        self._seen.add(chief["metadata"]["uid"])
        answer = self._logs.read_namespaced_pod_log(
            chief["metadata"]["name"],
            self.team,
            follow=True,
            _preload_content=False,
            _request_timeout=SILENCE_SECONDS,
        )
        return Attempt(line.decode() for line in answer)

    def ends(self, how: str) -> None:
        """Waits until it is Complete, or Failed."""
        self.kubectl("wait", f"--for=condition={how}", f"trainjob/{self.name}", "--timeout=180s")

    def restarts(self) -> tuple[int, int]:
        """How often all started again, and how often that was counted as a failure."""
        status = self.get("jobset")["status"]
        return status.get("restarts", 0), status.get("restartsCountTowardsMax", 0)

    def exits(self) -> list[int]:
        """Exit statuses by which a rule of the runtime was chosen."""
        chosen = "--field-selector=reason=PodFailurePolicy"
        events = self._data_centre.get("events", f"--namespace={self.team}", chosen)
        said = [each["message"] for each in events if each["involvedObject"]["name"].startswith(self.name)]
        return [int(status) for status in re.findall(r"exit code (\d+)", "\n".join(said))]

    def accuracy(self) -> float:
        """What it came to: its chief's termination message says so."""
        self.ends("Complete")
        (chief,) = self.pods(0)
        (container,) = chief["status"]["containerStatuses"]
        accuracy: float = json.loads(container["state"]["terminated"]["message"])["accuracy"]
        return accuracy

    def queue(self, kind: str) -> Object:
        """What Kueue says of it: a condition of its place in the queue."""
        kept = self._data_centre.get("workloads.kueue.x-k8s.io", f"--namespace={self.team}")
        (found,) = (each for each in kept if each["metadata"]["ownerReferences"][0]["name"] == self.name)
        condition: Object
        (condition,) = (each for each in found["status"]["conditions"] if each["type"] == kind)
        return condition


Make = Callable[..., Job]


@pytest.fixture
def make(data_centre: DataCentre) -> Iterator[Make]:
    """Starts jobs, which are gone after the test."""
    made: list[Job] = []

    def start(name: str, *, team: str = "research", train: Object | None = None, **settings: Any) -> Job:
        usual = data_centre.workload
        changed = usual | {"name": name, "team": team, "train": usual["train"] | (train or {})} | settings
        job = Job(data_centre, WorkloadSpec.model_validate(changed), team)
        made.append(job)
        job.start()
        return job

    yield start
    for job in reversed(made):
        job.remove()


@pytest.fixture
def undisturbed(data_centre: DataCentre) -> Any:
    """An accuracy to compare with."""
    accuracy = data_centre.model()["accuracy"]
    assert accuracy >= 0.97
    return pytest.approx(accuracy, abs=ALIKE)


def crash(job: Job) -> None:
    """The chief's process ends without notice."""
    (chief,) = job.pods(0)
    kill = "import os, signal; os.kill(-1, signal.SIGKILL)"  # all but the first process, which ends with its command
    job.kubectl("exec", chief["metadata"]["name"], "--", "python", "-c", kill)


def delete_a_pod(job: Job) -> None:
    (other,) = job.pods(1)
    job.kubectl("delete", "pod", other["metadata"]["name"], "--wait=false")


def drain(job: Job) -> None:
    """The node is emptied of the job, and takes no pod meanwhile."""
    selector = f"--pod-selector=jobset.sigs.k8s.io/jobset-name={job.name}"
    try:
        job.kubectl("drain", NODE, selector, "--delete-emptydir-data", "--timeout=60s")
    finally:
        job.kubectl("uncordon", NODE)


def test_a_crash_loses_one_interval_at_most_and_a_deleted_pod_and_a_drain_lose_nothing(
    make: Make, undisturbed: Any
) -> None:
    job = make("disturbed")
    first = job.attempt()
    first.reach(150)

    crash(job)
    first.end()
    second = job.attempt()
    second.reach(first.shown + 50)
    assert second.resumed >= first.shown - job.interval
    assert first.saved is None
    assert job.restarts() == (1, 1)

    delete_a_pod(job)
    second.end()
    third = job.attempt()
    third.reach(second.shown + 50)
    assert third.resumed == second.saved
    assert job.restarts() == (2, 1)

    drain(job)
    third.end()
    fourth = job.attempt()
    fourth.end()
    assert fourth.resumed == third.saved
    assert job.restarts() == (3, 1)
    assert job.exits() == [PREEMPTED, PREEMPTED]
    assert job.accuracy() == undisturbed


def test_an_urgent_job_of_the_team_goes_first_and_another_teams_job_waits_for_quota(
    make: Make, undisturbed: Any
) -> None:
    job = make("interrupted")
    before = job.attempt()
    patient = make("patient", team="product", train=QUICK, minimum_accuracy=0.0)
    before.reach(50)
    assert "insufficient unused quota" in patient.queue("QuotaReserved")["message"]
    urgent = make("urgent", priority="high", train=QUICK, minimum_accuracy=0.0)

    before.end()
    urgent.ends("Complete")
    after = job.attempt()
    after.reach(before.shown + 50)
    assert after.resumed == before.saved
    _, counted = job.restarts()  # Kueue may stop the pods before the Job has failed: then it is no restart at all
    assert not counted
    assert patient.queue("QuotaReserved")["status"] == "False"

    assert job.accuracy() == undisturbed
    patient.ends("Complete")
    assert patient.queue("Admitted")["lastTransitionTime"] >= job.queue("Finished")["lastTransitionTime"]


def test_a_job_goes_on_with_one_worker_and_with_two_again(make: Make, undisturbed: Any) -> None:
    saved: int | None = 0
    for workers in (2, 1):
        job = make("resized", train={"workers": workers})
        attempt = job.attempt()
        attempt.reach((saved or 0) + 50)
        assert attempt.resumed == saved
        job.remove()
        attempt.end()
        saved = attempt.saved
    job = make("resized", train={"workers": 2})
    attempt = job.attempt()
    attempt.end()
    assert attempt.resumed == saved
    assert job.accuracy() == undisturbed


def test_a_job_that_another_attempt_would_not_mend_fails_at_once(make: Make) -> None:
    job = make("hopeless", train=QUICK, minimum_accuracy=1.0)
    job.ends("Failed")
    assert job.restarts() == (0, 0)
    assert job.exits() == [FINAL]
