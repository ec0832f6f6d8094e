"""The queues of a Kubernetes that is there: its nodes as they are, less what the platform and the services need."""

from __future__ import annotations

import typing
from typing import Any

import hypothesis
import pytest

from infra.hardware import gke
from infra.plan import footprint, queues
from infra.plan.nodes import Resources
from infra.plan.pools import HOSTNAME
from infra.settings import Settings, SettingsError, parse, read
from tests.legal_settings import DETERMINISTIC, legal_cluster
from tests.unit.plan import kueue, samples
from tests.unit.plan.samples import CPUS, GPUS, TPUS, WORKLOAD, cluster
from workloads.spec import WorkloadSpec

PLATFORM = footprint.of_platform(("jobset", "kueue", "trainer"))


def kinds(settings: Settings, kind: str) -> dict[str, dict[str, Any]]:
    made = queues.of(settings).objects()
    return {each["metadata"]["name"]: each.get("spec", each) for each in made if each["kind"] == kind}


def quota(settings: Settings) -> dict[str, Resources]:
    return {pool.name: pool.quota for pool in queues.of(settings).pools}


@hypothesis.settings(DETERMINISTIC, max_examples=60)
@hypothesis.given(values=legal_cluster())
def test_every_legal_cluster_is_told_to_kueue_whole_and_takes_its_jobs(values: dict[str, Any]) -> None:
    settings = parse("dev", values)
    assert settings.kubernetes is not None
    made = queues.of(settings)
    assert [pool.name for pool in made.pools] == [pool.name for pool in settings.kubernetes.pools]
    assert made.placed
    assert made.on_nodes() == {pool.name: ({}, ()) for pool in made.pools}
    assert made.compute_classes() == []
    assert [fault for thing in made.objects() for fault in kueue.faults(thing)] == []
    labels = [set(each["nodeLabels"].items()) for each in kinds(settings, "ResourceFlavor").values()]
    assert not any(one <= other for one in labels for other in labels if one is not other)


def test_the_stack_of_this_machine_runs_its_job_on_its_two_cores() -> None:
    settings = read("cluster")
    made = queues.of(settings)
    (pool,) = made.pools
    (workload,) = settings.workloads
    assert pool.workers(footprint.of_worker(workload)) >= workload.train.workers
    assert [team.name for team in made.teams] == ["research", "product"]


# Quota


def test_the_quota_of_a_pool_is_what_its_nodes_have() -> None:
    assert quota(cluster(CPUS, GPUS))["gpus"] == Resources(16_000, 65_536, gpus=8)
    assert quota(cluster(CPUS, TPUS))["tpus"] == Resources(32_000, 131_072, tpus=16)


def test_what_the_platform_needs_is_not_for_jobs_and_comes_from_nodes_without_accelerators_or_taints() -> None:
    tainted = {**CPUS, "name": "batch", "labels": ["pool=batch"], "taints": ["dedicated=batch:NoSchedule"]}
    found = quota(cluster(tainted, GPUS, CPUS))
    assert found["cpus"] == Resources(16_000, 65_536).without(PLATFORM)
    assert found["batch"] == Resources(16_000, 65_536)
    assert found["gpus"].cpu == 16_000


def test_what_is_installed_is_counted_and_what_is_brought_is_not() -> None:
    brought = cluster(CPUS, install=["jobset", "trainer"], adopt=[{"name": "kueue", "version": "0.19.2"}])
    assert quota(brought)["cpus"].cpu - quota(cluster(CPUS))["cpus"].cpu == footprint.CONTROLLERS["kueue"].each.cpu


@pytest.mark.parametrize(
    ("serve", "servers"),
    [
        ({}, 2),
        ({"replicas": 3}, 4),
        ({"replicas": 2, "max_replicas": 6}, 7),
        ({"replicas": 4, "canary": {"version": 1, "percent": 50}}, 10),
        ({"replicas": 1, "max_replicas": 2, "canary": {"version": 1, "percent": 10}}, 5),
    ],
)
def test_servers_have_their_part_at_their_most_and_while_one_makes_way_for_another(
    serve: dict[str, Any], servers: int
) -> None:
    workload = {**WORKLOAD, "serve": {"cpu": 0.25, "memory_gib": 0.5, **serve}}
    served = footprint.of_services(cluster(CPUS, workloads=[workload]).workloads, "vision")
    assert served == Resources(250 * servers, 512 * servers).plus(footprint.TENSORBOARD)


def test_each_team_that_has_workloads_has_a_tensorboard() -> None:
    three = [{**WORKLOAD, "name": name, "team": team} for name, team in (("a", None), ("b", "vision"), ("c", "speech"))]
    one = footprint.of_services(cluster(CPUS, workloads=three[:2]).workloads, "vision")
    two = footprint.of_services(cluster(CPUS, workloads=three).workloads, "vision")
    assert one.cpu == 2 * 2 * 500 + footprint.TENSORBOARD.cpu
    assert two.cpu == 3 * 2 * 500 + 2 * footprint.TENSORBOARD.cpu


# Flavours


def test_a_job_without_accelerators_gets_none_also_where_their_nodes_have_no_taint() -> None:
    flavors = kinds(cluster(CPUS, GPUS, TPUS), "ResourceFlavor")
    assert "nodeTaints" not in flavors["cpus"]
    assert [each["key"] for each in flavors["gpus"]["nodeTaints"]] == [gke.GPU_RESOURCE]
    assert [each["key"] for each in flavors["tpus"]["nodeTaints"]] == [gke.TPU_RESOURCE]


def test_taints_of_nodes_are_tolerated_by_the_flavor_unless_a_job_has_to_ask_for_what_they_guard() -> None:
    guarded = {**GPUS, "taints": ["nvidia.com/gpu=yes:NoSchedule"]}
    tainted = {**CPUS, "name": "batch", "labels": ["pool=batch"], "taints": ["dedicated=batch:NoExecute"]}
    flavors = kinds(cluster(CPUS, guarded, tainted), "ResourceFlavor")
    assert flavors["gpus"]["nodeTaints"] == [{"key": "nvidia.com/gpu", "value": "yes", "effect": "NoSchedule"}]
    assert "tolerations" not in flavors["gpus"]
    assert flavors["batch"]["tolerations"] == [
        {"key": "dedicated", "operator": "Equal", "value": "batch", "effect": "NoExecute"}
    ]


def test_a_pool_that_says_nothing_has_a_label_of_every_node() -> None:
    plain = {key: value for key, value in CPUS.items() if key != "labels"}
    assert kinds(cluster(plain), "ResourceFlavor")["cpus"]["nodeLabels"] == {"kubernetes.io/os": "linux"}


def test_nodes_of_a_slice_are_a_level_of_the_topology() -> None:
    sliced = {**TPUS, "slice_label": gke.NODE_POOL_LABEL}
    made = cluster(CPUS, sliced)
    assert kinds(made, "Topology")["gke-nodepool"] == {
        "levels": [{"nodeLabel": gke.NODE_POOL_LABEL}, {"nodeLabel": HOSTNAME}]
    }
    assert {name: each["topologyName"] for name, each in kinds(made, "ResourceFlavor").items()} == {
        "cpus": "hostname",
        "tpus": "gke-nodepool",
    }


# What a pool holds


@pytest.mark.parametrize(
    ("asks", "pool", "workers"),
    [
        (Resources(cpu=3000, memory=1024), CPUS, 4),  # two a node, though the sum would be enough for five
        (Resources(cpu=1000, memory=20_000), CPUS, 2),
        (Resources(cpu=9000, memory=1024), CPUS, 0),
        (Resources(cpu=1000, memory=1024), GPUS, 0),
        (Resources(cpu=1000, memory=1024, gpus=3), GPUS, 2),
        (Resources(cpu=1000, memory=1024, tpus=4), TPUS, 4),
        (Resources(cpu=1000, memory=1024, tpus=4), CPUS, 0),
    ],
)
def test_a_pool_holds_whole_pods_a_node(asks: Resources, pool: dict[str, Any], workers: int) -> None:
    home = {**CPUS, "name": "home", "labels": ["pool=home"]}
    found = {each.name: each for each in queues.of(cluster(home, pool)).pools}
    assert found[pool["name"]].workers(asks) == workers


# Teams


def test_a_team_has_its_namespace_its_queue_and_its_share() -> None:
    made = cluster(CPUS)
    assert {name: each["fairSharing"] for name, each in kinds(made, "ClusterQueue").items()} == {
        "vision": {"weight": "2"},
        "speech": {"weight": "1"},
    }
    local = [each for each in queues.of(made).objects() if each["kind"] == "LocalQueue"]
    assert {each["metadata"]["namespace"]: each["spec"]["clusterQueue"] for each in local} == {
        "vision": "vision",
        "speech": "speech",
    }


def test_every_priority_of_a_workload_is_known_to_kueue() -> None:
    asked = typing.get_args(WorkloadSpec.model_fields["priority"].annotation)
    assert set(kinds(cluster(CPUS), "WorkloadPriorityClass")) == set(asked)


def test_more_pools_than_kueue_tries_at_once_are_told_at_the_key_that_asks_for_it() -> None:
    many = [{**CPUS, "name": f"p{number}", "labels": [f"pool=p{number}"]} for number in range(17)]
    with pytest.raises(SettingsError, match=r"platform\.concurrent = true\n  17 pools; Kueue takes 1 to 16"):
        queues.of(cluster(*many, concurrent=True))
    assert len(queues.of(cluster(*many)).pools) == 17


def test_a_google_stack_with_a_platform_has_the_queues_of_its_pools() -> None:
    section = samples.section(gpu_pools=[{**samples.L4, "capacity": samples.SPOT}])
    platform = {"teams": [{"name": "vision"}], "images": {"train": "example.com/t:1", "serve": "example.com/s:1"}}
    settings = parse("dev", {"site": "google", "google": section, "platform": platform})
    assert [pool.name for pool in queues.of(settings).pools] == ["l4", "system"]
