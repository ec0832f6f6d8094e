"""Jobs on slices of TPUs: where their pods are, and what each has."""

from __future__ import annotations

from typing import Any

import pytest

from infra.hardware.tpu import slice_of
from infra.jobs.jobset import slice_job
from infra.kubeflow import pods

IMAGE = "registry.example.com/ai/train-tpu:1.4"
POD = slice_of("v5e", "16x16")


def job(**keys: Any) -> pods.Object:
    container = pods.container("train", IMAGE, ["train"], resources={"requests": {"cpu": "8"}})
    spec: pods.Object = slice_job("big", "research", container, POD, **keys)["spec"]
    return spec


@pytest.mark.parametrize("slices", [1, 2])
def test_a_slice_has_a_pod_on_each_of_its_hosts_with_all_of_its_chips(slices: int) -> None:
    (replicated,) = job(slices=slices)["replicatedJobs"]
    spec = replicated["template"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    assert replicated["replicas"] == slices
    assert spec["parallelism"] == spec["completions"] == 64
    assert spec["parallelism"] * int(container["resources"]["limits"]["google.com/tpu"]) == 256
    assert container["resources"]["requests"] == {"cpu": "8", "google.com/tpu": "4"}
    assert spec["template"]["spec"]["nodeSelector"]["cloud.google.com/gke-tpu-topology"] == "16x16"


def test_each_job_is_kept_on_one_slice_by_kueue_where_it_places_and_by_jobset_elsewhere() -> None:
    container = pods.container("train", IMAGE, ["train"])
    by_jobset, by_kueue = (
        slice_job("big", "research", container, POD, slices=2, slice_label="pool", placed=placed)
        for placed in (False, True)
    )
    assert by_jobset["metadata"]["annotations"] == {"alpha.jobset.sigs.k8s.io/exclusive-topology": "pool"}
    assert "annotations" not in by_kueue["metadata"]
    (replicated,) = by_kueue["spec"]["replicatedJobs"]
    assert replicated["template"]["spec"]["template"]["metadata"]["annotations"] == {
        "kueue.x-k8s.io/podset-slice-required-topology": "pool",
        "kueue.x-k8s.io/podset-slice-size": "64",
    }
