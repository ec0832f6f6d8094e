"""What a stack draws on which quota."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import googleapiclient.discovery_cache
import pytest

from infra.hardware.quota import GPU_FAMILY_METRIC, TPU_FAMILY_METRIC
from infra.plan.quotas import COMPUTE, CPU_FAMILY_METRIC, GLOBAL, Need, quotas
from tests.unit.plan import samples

DOCUMENTS = Path(googleapiclient.discovery_cache.__file__).parent / "documents"
LISTED = set(
    json.loads((DOCUMENTS / "compute.v1.json").read_text())["schemas"]["Quota"]["properties"]["metric"]["enum"]
)


def needs(**changes: Any) -> dict[str | None, Need]:
    return {need.metric: need for need in quotas(samples.settings(**changes))}


def amounts(**changes: Any) -> dict[str | None, tuple[int, int]]:
    return {metric: (need.least, need.most) for metric, need in needs(**changes).items()}


def test_the_most_is_never_less_than_the_least_and_everything_has_a_subject_and_a_reason() -> None:
    found = quotas(samples.with_everything())
    assert all(0 <= need.least <= need.most for need in found)
    assert all(need.subject and need.why for need in found)


def test_a_quota_is_told_once_with_all_that_draw_on_it() -> None:
    found = quotas(samples.with_everything())
    assert len({(need.service, need.metric, need.family, need.location, need.subject) for need in found}) == len(found)
    instances = next(need for need in found if need.metric == "INSTANCES")
    assert instances.why == ("cluster.system_pool", *(f"gpu_pools[{i}]" for i in range(4)), "tpu_slices[0]")
    assert (instances.least, instances.most) == (2 + 1, 6 + 4 + 2 + 3 + 2 + 8)


@pytest.mark.parametrize(
    ("capacity", "metric"),
    [
        (samples.ON_DEMAND, "NVIDIA_L4_GPUS"),
        (samples.SPOT, "PREEMPTIBLE_NVIDIA_L4_GPUS"),
        (samples.FLEX_START, "PREEMPTIBLE_NVIDIA_L4_GPUS"),
        ({"kind": "queued"}, "PREEMPTIBLE_NVIDIA_L4_GPUS"),
    ],
)
def test_gpus_draw_on_the_quota_of_how_they_are_bought(capacity: dict[str, Any], metric: str) -> None:
    drawn = amounts(gpu_pools=[{**samples.L4, "capacity": capacity}])
    assert drawn[metric] == (0, 4)
    assert drawn["GPUS_ALL_REGIONS"] == (0, 4)
    assert sum(name is not None and "NVIDIA" in name for name in drawn) == 1


def test_preemptible_capacity_says_what_a_project_without_that_quota_draws_on() -> None:
    found = needs(gpu_pools=[{**samples.L4, "capacity": samples.SPOT}])["PREEMPTIBLE_NVIDIA_L4_GPUS"]
    assert found.instead().metric == "NVIDIA_L4_GPUS"
    assert found.instead().most == found.most


def test_reserved_machines_draw_on_no_quota_of_accelerators_or_vcpus() -> None:
    fabric = {"fabrics": [samples.TCPXO]}
    drawn = amounts(network=fabric, gpu_pools=[{**samples.H100, "capacity": samples.RESERVATION}])
    without = amounts(network=fabric)
    assert {metric for metric, amount in drawn.items() if amount != without.get(metric)} == {
        "INSTANCES",
        "SSD_TOTAL_GB",
    }


def test_gpus_of_a_shared_metric_name_their_family() -> None:
    found = needs(network={"fabrics": [samples.TCPXO]}, gpu_pools=[{**samples.H100, "capacity": samples.ON_DEMAND}])
    need = found[GPU_FAMILY_METRIC]
    assert (need.family, need.most) == ("NVIDIA_H100_MEGA", 24)
    assert need.quota_id == "GPUS-PER-GPU-FAMILY-per-project-region"
    assert need.dimensions == {"region": "us-central1", "gpu_family": "NVIDIA_H100_MEGA"}
    assert found["LOCAL_SSD_TOTAL_GB"].most == 3 * 16 * 375


def test_slices_of_the_cluster_count_chips_by_region_and_tpu_vms_tensorcores_by_zone() -> None:
    found = needs(
        tpu_slices=[{**samples.V5E, "capacity": samples.SPOT}],
        tpu_vms=[{**samples.VM, "capacity": samples.ON_DEMAND}],
        tpu_queues=[{**samples.QUEUE, "capacity": samples.SPOT}],
    )
    chips = found["PREEMPTIBLE_TPU_LITE_PODSLICE_V5"]
    assert (chips.location, chips.least, chips.most) == ("us-central1", 0, 32)
    vm = found["TPUV5sLitepodPerProjectPerZoneForTPUAPI"]
    assert (vm.location, vm.least, vm.most) == ("us-central1-a", 8, 8)
    queue = found["TPUV5PPreemptiblePerProjectPerZoneForTPUAPI"]
    assert (queue.location, queue.least, queue.most) == ("us-central1-a", 0, 2 * 8)  # v5p-8 is 4 chips of 2 cores
    assert queue.dimensions == {"zone": "us-central1-a"}


def test_newer_tpus_name_their_family() -> None:
    slices = {**samples.V5E, "generation": "v6e", "zone": "us-central1-b", "capacity": samples.ON_DEMAND}
    need = needs(tpu_slices=[slices])[TPU_FAMILY_METRIC]
    assert (need.family, need.dimensions["tpu_family"]) == ("CT6E", "CT6E")


@pytest.mark.parametrize(
    ("machine_type", "metric", "family", "vcpus"),
    [
        ("e2-standard-8", "CPUS", None, 8),
        ("n1-standard-4", "CPUS", None, 4),
        ("n2-standard-16", "N2_CPUS", None, 16),
        ("n2d-highmem-8", "N2D_CPUS", None, 8),
        ("c4-standard-8", CPU_FAMILY_METRIC, "C4", 8),
    ],
)
def test_vcpus_of_the_system_pool_draw_on_the_quota_of_their_series(
    machine_type: str, metric: str, family: str | None, vcpus: int
) -> None:
    pool = {"machine_type": machine_type, "zones": ["us-central1-b"], "min_nodes": 1, "max_nodes": 2}
    found = needs(cluster={"system_pool": pool})
    assert (found[metric].family, found[metric].least, found[metric].most) == (family, vcpus, 2 * vcpus)
    assert (found["CPUS_ALL_REGIONS"].location, found["CPUS_ALL_REGIONS"].most) == (GLOBAL, 2 * vcpus)
    assert found["CPUS_ALL_REGIONS"].quota_id == "CPUS-ALL-REGIONS-per-project"


def test_vcpus_of_gpu_machines_count_only_where_google_counts_them() -> None:
    gpu_pools = [{**samples.A100, "capacity": samples.ON_DEMAND}, {**samples.L4, "capacity": samples.ON_DEMAND}]
    drawn = amounts(gpu_pools=gpu_pools)
    assert drawn["A2_CPUS"] == (0, 24)
    assert drawn["CPUS_ALL_REGIONS"][1] - amounts()["CPUS_ALL_REGIONS"][1] == 24


def test_nodes_need_no_external_address() -> None:
    assert amounts()["IN_USE_ADDRESSES"] == (0, 0)


def test_an_adopted_network_is_not_counted_and_fabrics_are() -> None:
    assert amounts()["NETWORKS"] == (1, 1)
    adopted = amounts(network={"adopt": "old", "adopt_subnetwork": "old-nodes", "fabrics": [samples.TCPXO]})
    assert (adopted["NETWORKS"], adopted["SUBNETWORKS"]) == ((8, 8), (8, 8))


def test_every_plain_metric_is_one_that_compute_engine_lists() -> None:
    quoted_by_users = {GPU_FAMILY_METRIC, TPU_FAMILY_METRIC, CPU_FAMILY_METRIC}
    found = {need.metric for need in quotas(samples.with_everything()) if need.service == COMPUTE and need.metric}
    assert found - quoted_by_users <= LISTED
