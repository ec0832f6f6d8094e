"""What a specification becomes to be trained. That an API server takes it is shown in ``tests/cluster``."""

from __future__ import annotations

from typing import Any

import pytest

from infra.jobs.quantities import quantities
from infra.jobs.training_job import TrainingJob, config_map, train_job
from infra.kubeflow import pods, runtimes
from infra.kubeflow.waiting import Completed
from infra.plan.nodes import Resources
from tests.google.mocks import declare, of_type
from workloads.spec import WorkloadSpec
from workloads.train import rendezvous

IMAGE = "registry.example.com/ai/train-cpu:1.4"
LONGEST = "a" * 40


def workload(name: str = "digits", **keys: Any) -> WorkloadSpec:
    return WorkloadSpec(name=name, model="digits_cnn", dataset="digits", **keys)


def trained(spec: WorkloadSpec, image: str = IMAGE) -> pods.Object:
    return train_job(spec, "research", image)


@pytest.mark.parametrize(
    "other",
    [
        trained(workload(), "registry.example.com/ai/train-cpu:1.5"),
        trained(workload(priority="high")),
        trained(workload(minimum_accuracy=0.5)),
        *(
            trained(workload(train={key: value}))
            for key, value in {"workers": 1, "cpu": 2.0, "gpus": 1, "learning_rate": 0.1, "max_hours": 3}.items()
        ),
    ],
)
def test_a_job_of_another_content_has_another_name_for_it_cannot_be_changed(other: pods.Object) -> None:
    assert other["metadata"]["name"] != trained(workload())["metadata"]["name"]
    assert other["metadata"]["name"].startswith("digits-")


def test_what_is_served_and_how_makes_no_other_job() -> None:
    served = workload(serve={"replicas": 3, "cpu": 2.0, "version": 4})
    assert trained(served) == trained(workload())
    assert config_map(served, "research") == config_map(workload(), "research")


def test_the_pods_get_the_whole_specification_that_is_trained() -> None:
    spec = workload(train={"workers": 4, "steps": 7})
    volumes = patch(trained(spec))["volumes"]
    given = config_map(spec, "research")
    assert volumes == [{"name": "spec", "configMap": {"name": given["metadata"]["name"]}}]
    read = WorkloadSpec.model_validate_json(given["data"][pods.SPEC_FILE])
    assert (read.fingerprint, read.train) == (spec.fingerprint, spec.train)


@pytest.mark.parametrize("workers", [1, 2, 16])
def test_the_members_of_the_largest_group_of_the_longest_name_find_each_other(workers: int) -> None:
    job = trained(workload(LONGEST, train={"workers": workers}))
    labels = {
        "jobset.sigs.k8s.io/jobset-name": job["metadata"]["name"],
        "jobset.sigs.k8s.io/replicatedjob-name": "worker",
        "jobset.sigs.k8s.io/job-index": "0",
    }
    (container,) = runtimes.multi_worker()["spec"]["template"]["spec"]["replicatedJobs"][0]["template"]["spec"][
        "template"
    ]["spec"]["containers"]
    surroundings = {
        each["name"]: each.get("value") or labels[each["valueFrom"]["fieldRef"]["fieldPath"].split("'")[1]]
        for each in [*container["env"], *job["spec"]["trainer"]["env"]]
    }
    names = set()
    for index in range(workers):
        group = rendezvous.group({**surroundings, "JOB_COMPLETION_INDEX": str(index)})
        names |= {group.members["worker"][group.index]}
        assert len(group.others) == workers - 1
    assert len(names) == workers


def test_a_worker_gets_what_it_asks_for_and_no_more_and_gpus_take_it_to_their_nodes() -> None:
    plain, with_gpus = trained(workload()), trained(workload(train={"gpus": 2}))
    assert plain["spec"]["trainer"]["resourcesPerNode"]["limits"] == {"cpu": "1", "memory": "2Gi"}
    assert with_gpus["spec"]["trainer"]["resourcesPerNode"]["limits"]["nvidia.com/gpu"] == "2"
    for job in (plain, with_gpus):
        resources = job["spec"]["trainer"]["resourcesPerNode"]
        assert resources["requests"] == resources["limits"]
    assert "tolerations" not in patch(plain)
    assert [each["key"] for each in patch(with_gpus)["tolerations"]] == ["nvidia.com/gpu"]


def test_a_job_is_queued_by_the_team_and_its_priority_and_ends_at_its_hours() -> None:
    job = trained(workload(priority="low", train={"max_hours": 2}))
    labels = job["metadata"]["labels"]
    assert labels["kueue.x-k8s.io/queue-name"] == "default"
    assert labels["kueue.x-k8s.io/priority-class"] == "low"
    assert job["spec"]["activeDeadlineSeconds"] == 7200
    assert "activeDeadlineSeconds" not in trained(workload())["spec"]
    assert "suspend" not in job["spec"]  # Kueue's


def test_the_patch_names_what_the_runtime_has() -> None:
    (job,) = runtimes.multi_worker()["spec"]["template"]["spec"]["replicatedJobs"]
    (patched,) = replicated_patches(trained(workload()))
    assert patched["name"] == job["name"]
    names = [each["name"] for each in job["template"]["spec"]["template"]["spec"]["containers"]]
    assert [each["name"] for each in patch(trained(workload()))["containers"]] == names


def test_the_next_job_starts_when_the_last_is_gone_and_the_outcome_waits_for_it() -> None:
    found = declare(lambda: TrainingJob("digits", workload(), "research", IMAGE, "cluster"), preview=True)
    (job,) = [each for each in found if each.type.endswith(":TrainJob")]
    (wait,) = of_type(found, Completed.TYPE)
    assert job.delete_before_replace
    assert job.urn in wait.depends_on
    assert wait.inputs["job"] == job.inputs["metadata"]["name"]
    (given,) = [each for each in found if each.type.endswith(":ConfigMap")]
    assert given.urn in job.depends_on


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (Resources(cpu=500, memory=1536), {"cpu": "500m", "memory": "1536Mi"}),
        (Resources(cpu=2000, memory=2048, gpus=8), {"cpu": "2", "memory": "2Gi", "nvidia.com/gpu": "8"}),
        (Resources(memory=2**20, tpus=4), {"memory": "1Ti", "google.com/tpu": "4"}),
        (Resources(), {}),
    ],
)
def test_quantities_are_written_as_a_server_writes_them(amount: Resources, written: dict[str, str]) -> None:
    assert quantities(amount) == written


def replicated_patches(job: pods.Object) -> list[pods.Object]:
    (ours,) = job["spec"]["runtimePatches"]
    jobs: list[pods.Object] = ours["trainingRuntimeSpec"]["template"]["spec"]["replicatedJobs"]
    return jobs


def patch(job: pods.Object) -> dict[str, Any]:
    """What the job adds to its pods."""
    (worker,) = replicated_patches(job)
    return dict(worker["template"]["spec"]["template"]["spec"])
