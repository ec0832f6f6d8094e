"""Names of GKE, and of the quotas that its nodes draw on."""

from __future__ import annotations

import json
from importlib.resources import files

from infra.hardware import gke, gpu, quota, tpu


def api(document: str) -> dict[str, object]:
    """A discovery document of Google's APIs."""
    text = files("googleapiclient.discovery_cache.documents").joinpath(f"{document}.json").read_text()
    found: dict[str, object] = json.loads(text)["schemas"]
    return found


QUOTAS = [row.quota for row in gpu.ACCELERATORS.values()] + [row.quota for row in tpu.GENERATIONS.values()]


def test_taints_are_those_that_gke_puts_on_accelerator_nodes() -> None:
    assert str(gke.TPU_TAINT) == "google.com/tpu=present:NoSchedule"
    assert str(gke.GPU_TAINT) == "nvidia.com/gpu=present:NoSchedule"


def test_versions_compare_in_the_order_of_releases() -> None:
    assert gke.version_number("1.34.1-gke.1829001") > gke.version_number("1.34.0-gke.2201000")
    assert gke.version_number("1.30.1-gke.1156000") > gke.version_number("1.9.12-gke.9999999")


def test_the_minimum_versions_of_generations_are_versions() -> None:
    known = [row.minimum_gke for row in tpu.GENERATIONS.values() if row.minimum_gke]
    assert all(len(gke.version_number(version)) == 4 for version in known)


def test_tpu_types_are_those_of_the_tpu_api() -> None:
    known = api("tpu.v2")["AcceleratorConfig"]["properties"]["type"]["enum"]  # type: ignore[index]
    assert {row.api_type for row in tpu.GENERATIONS.values() if row.api_type} <= set(known)
    assert not any("7" in each for each in known), "the API offers TPU7x now: give its row a type"


def test_metrics_that_stand_alone_are_those_of_compute_engine_where_it_lists_them() -> None:
    listed = set(api("compute.v1")["Quota"]["properties"]["metric"]["enum"])  # type: ignore[index]
    older = ["nvidia-l4", "nvidia-tesla-a100", "nvidia-a100-80gb", "nvidia-tesla-t4", "nvidia-tesla-v100"]
    metrics = [gpu.ACCELERATORS[name].quota for name in older] + [tpu.GENERATIONS[key].quota for key in ("v4", "v5e")]
    assert {metric for each in metrics for metric in (each.on_demand, each.spot)} <= listed


def test_only_a_shared_metric_tells_its_models_apart() -> None:
    shared = {quota.GPU_FAMILY_METRIC, quota.TPU_FAMILY_METRIC}
    assert all(each.on_demand in shared for each in QUOTAS if each.family)
    families = [each.family for each in QUOTAS if each.family]
    assert len(set(families)) == len(families)


def test_a_metric_has_the_id_that_the_quotas_api_knows_it_by() -> None:
    assert quota.quota_id("GPUS_PER_GPU_FAMILY") == "GPUS-PER-GPU-FAMILY-per-project-region"
