"""What the jobs and services of a workload are declared as, to the letter: a server takes it, and so do its rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from infra.hardware.tpu import slice_of
from infra.jobs import tensorboard
from infra.jobs.jobset import slice_job
from infra.jobs.model_service import CANARY, STABLE, deployment, servers, surroundings
from infra.jobs.training_job import config_map, train_job
from infra.kubeflow import pods, runtimes
from toolchain.cluster.built import Cluster
from workloads.spec import WorkloadSpec

pytestmark = pytest.mark.cluster

IMAGE = "registry.example.com/ai/train-cpu:1.4"
TEAM = "declared"
WORKLOAD = WorkloadSpec(
    name="digits",
    model="digits_cnn",
    dataset="digits",
    train={"gpus": 1, "cpu": 0.5, "max_hours": 3},
    serve={"replicas": 2, "max_replicas": 4, "canary": {"version": 2, "percent": 25}},
)


def declared() -> Iterator[dict[str, Any]]:
    yield config_map(WORKLOAD, TEAM)
    yield train_job(WORKLOAD, TEAM, IMAGE)
    container = pods.container("train", IMAGE, ["train"])
    for placed in (True, False):
        yield slice_job("big", TEAM, container, slice_of("v5e", "16x16"), slices=2, placed=placed)
    yield from surroundings(WORKLOAD, TEAM)
    for track in (STABLE, CANARY):
        yield deployment(WORKLOAD, TEAM, servers(WORKLOAD, IMAGE, "1", track), "a", track)
    yield tensorboard.deployment(TEAM, IMAGE)
    yield tensorboard.service(TEAM)
    (job,) = runtimes.multi_worker()["spec"]["template"]["spec"]["replicatedJobs"]
    template = job["template"]["spec"]["template"]
    template["spec"]["containers"][0]["image"] = IMAGE
    yield {"apiVersion": "v1", "kind": "Pod", **template, "metadata": {"name": "member", "namespace": TEAM}}


@pytest.fixture(scope="module")
def restricted(bare: Cluster) -> Iterator[Cluster]:
    """The cluster with a namespace that refuses, and warns of, what is not of the restricted standard."""
    labels = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn")}
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": TEAM, "labels": labels}}
    bare.kubectl("apply", "-f", "-", text=json.dumps(namespace))
    bare.kubectl("wait", "--for=create", "serviceaccount/default", "--namespace", TEAM, "--timeout=60s")
    yield bare
    bare.kubectl("delete", "namespace", TEAM, "--wait=false")


@pytest.mark.parametrize("value", [*declared()], ids=lambda value: f"{value['kind']}-{value['metadata']['name']}")
def test_a_server_takes_what_is_declared_without_a_warning_and_keeps_every_word(
    restricted: Cluster, value: dict[str, Any]
) -> None:
    text = restricted.kubectl(
        *("create", "--dry-run=server", "--validate=strict", "--warnings-as-errors", "-o", "json", "-f", "-"),
        text=json.dumps(value),
    )
    assert lost(value, json.loads(text)) == []


def lost(wanted: Any, found: Any, place: str = "") -> list[str]:
    """Where what a server gives back is not what it was given; what it adds is left out."""
    if isinstance(wanted, dict) and isinstance(found, dict):
        return [each for key, value in wanted.items() for each in lost(value, found.get(key), f"{place}.{key}")]
    if isinstance(wanted, list) and isinstance(found, list) and len(wanted) == len(found):
        pairs = zip(wanted, found, strict=True)
        return [each for index, pair in enumerate(pairs) for each in lost(*pair, f"{place}[{index}]")]
    return [] if wanted == found else [f"{place}: {wanted!r} became {found!r}"]
