"""What becomes of a training job when one of its pods ends, and what its pods may do."""

from __future__ import annotations

import re
from typing import Any

import pytest

from infra.kubeflow import pods, runtimes
from workloads.spec import TrainSpec
from workloads.train import status

ALL = (runtimes.multi_worker(), runtimes.parameter_server(), runtimes.tpu())

FAILS, RESTARTS, FREE = "FailJobSet", "RestartJobSet", "RestartJobSetAndIgnoreMaxRestarts"
MESSAGE = "matching FailJob rule at index {}"
"""How a Job's message ends when a rule made it fail (Kubernetes v1.34, matchPodFailurePolicy)."""


def outcome(rule: int | None) -> str:
    """What the JobSet does after its Job failed by that rule; None for the limit of attempts."""
    reason = "BackoffLimitExceeded" if rule is None else "PodFailurePolicy"
    message = "Job has reached the specified backoff limit" if rule is None else MESSAGE.format(rule)
    for each in runtimes.failure_policy()["rules"]:
        patterns = each["onJobFailureMessagePatterns"]
        if reason in each["onJobFailureReasons"] and any(re.search(pattern, message) for pattern in patterns):
            return str(each["action"])
    return RESTARTS


def job_rule(exit_status: int) -> int | None:
    """The rule of the Job that a pod's exit status falls under."""
    rules = runtimes.POD_FAILURE_POLICY["rules"]
    return next(
        (n for n, rule in enumerate(rules) if exit_status in rule.get("onExitCodes", {}).get("values", ())), None
    )


@pytest.mark.parametrize(
    ("exit_status", "action"),
    [
        (status.USAGE, FAILS),
        (status.FINAL, FAILS),
        (status.PREEMPTED, FREE),
        (128 + 15, FREE),  # SIGTERM, before there was anything to save
        (128 + 9, RESTARTS),  # such as out of memory
        (status.ABSENT, RESTARTS),
        (1, RESTARTS),
    ],
)
def test_a_mistake_fails_the_job_a_preemption_is_not_counted_and_all_else_is(exit_status: int, action: str) -> None:
    assert outcome(job_rule(exit_status)) == action


def test_a_pod_that_kubernetes_takes_away_is_not_counted() -> None:
    rules = runtimes.POD_FAILURE_POLICY["rules"]
    taken = next(n for n, rule in enumerate(rules) if rule.get("onPodConditions"))
    assert rules[taken]["onPodConditions"] == [{"type": "DisruptionTarget", "status": "True"}]
    assert outcome(taken) == FREE


def test_real_failures_are_bounded_as_they_are_elsewhere() -> None:
    assert runtimes.failure_policy()["maxRestarts"] == TrainSpec().max_restarts


@pytest.mark.parametrize("runtime", ALL, ids=lambda each: each["metadata"]["name"])
def test_no_pod_starts_again_alone_or_beside_an_old_one(runtime: pods.Object) -> None:
    assert jobset(runtime)["failurePolicy"]["restartStrategy"] == "BlockingRecreate"
    for job in jobs(runtime):
        assert (job["backoffLimit"], job["podReplacementPolicy"]) == (0, "Failed")
        assert {rule["action"] for rule in job["podFailurePolicy"]["rules"]} == {"FailJob"}
        assert job["template"]["spec"]["restartPolicy"] == "Never"


@pytest.mark.parametrize("runtime", ALL, ids=lambda each: each["metadata"]["name"])
def test_a_runtime_is_for_tensorflow_and_leaves_image_and_size_to_the_job(runtime: pods.Object) -> None:
    assert runtime["metadata"]["labels"] == {"trainer.kubeflow.org/framework": "tensorflow"}
    assert jobset(runtime)["replicatedJobs"][0]["name"] == "worker"  # the first is the one that Trainer scales
    for each in jobset(runtime)["replicatedJobs"]:
        assert each["replicas"] == 1
        assert each["template"]["metadata"]["labels"] == runtimes.TRAINS
        (container,) = each["template"]["spec"]["template"]["spec"]["containers"]
        assert container["name"] == "node"
        assert "image" not in container
        assert container["command"][:3] == ["python", "-m", "workloads.train.rendezvous"]


@pytest.mark.parametrize("runtime", ALL, ids=lambda each: each["metadata"]["name"])
def test_pods_of_every_runtime_keep_to_the_restricted_standard(runtime: pods.Object) -> None:
    for job in jobs(runtime):
        pod = job["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is False
        assert all(each["securityContext"] == pods.SECURITY for each in pod["containers"])
        assert not any("hostPath" in each for each in pod["volumes"])


def test_a_tpu_is_told_to_the_worker_and_its_taint_tolerated() -> None:
    (job,) = jobs(runtimes.tpu())
    pod = job["template"]["spec"]
    assert {"name": "TPU_NAME", "value": "local"} in pod["containers"][0]["env"]
    assert [each["key"] for each in pod["tolerations"]] == ["google.com/tpu"]


def jobset(runtime: pods.Object) -> dict[str, Any]:
    found: dict[str, Any] = runtime["spec"]["template"]["spec"]
    return found


def jobs(runtime: pods.Object) -> list[dict[str, Any]]:
    return [each["template"]["spec"] for each in jobset(runtime)["replicatedJobs"]]
