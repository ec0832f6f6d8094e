"""Who may use how much of which nodes, and in what order."""

from __future__ import annotations

from typing import Any

import hypothesis
import pytest

from infra.hardware import CapacityKind, gke
from infra.plan.fleet import fleet
from infra.plan.nodes import Resources
from infra.plan.pools import FALLING_BACK, ORDER, PLATFORM, POOL_LABEL, Pool, pools
from infra.plan.queues import COHORT, Queues, Team, queues
from infra.settings import GoogleSettings, parse, read
from tests.legal_settings import DETERMINISTIC, HARDWARE, legal_google
from tests.unit.plan import kueue, samples

VISION, SPEECH = Team("vision", ("vision",), share=2), Team("speech", ("speech", "speech-lab"))
STACKS = ["dev", "staging", "prod"]


def of(settings: GoogleSettings, *teams: Team, concurrent: bool = False) -> Queues:
    return queues(pools(settings), teams or (VISION, SPEECH), concurrent=concurrent)


def stack(name: str) -> GoogleSettings:
    settings = read(name).google
    assert settings is not None
    return settings


def kinds(made: Queues, kind: str) -> dict[str, dict[str, Any]]:
    return {each["metadata"]["name"]: each.get("spec", each) for each in made.objects() if each["kind"] == kind}


def quota(made: Queues) -> dict[str, dict[str, str]]:
    (group,) = kinds(made, "Cohort")[COHORT]["resourceGroups"]
    return {
        flavor["name"]: {each["name"]: each["nominalQuota"] for each in flavor["resources"]}
        for flavor in group["flavors"]
    }


# What holds for every stack


def check(settings: GoogleSettings) -> None:
    """What holds whatever the stack: its pools are told once, whole, in order, and so that Kueue takes them."""
    made = of(settings)
    in_cluster = {each.name: each for each in fleet(settings) if each.role in ("system", "gpu", "tpu-slice")}
    assert sorted(member for pool in made.pools for member in pool.members) == sorted(in_cluster)
    for pool in made.pools:
        members = [in_cluster[name] for name in pool.members]
        assert pool.always == sum(each.least for each in members)
        assert pool.most == sum(each.most for each in members)
        assert pool.capacity is members[0].capacity
        assert {each.machine_type for each in members} == {members[0].machine_type}
        assert pool.falls_back <= all(each.capacity in FALLING_BACK for each in members)
    assert [ORDER.index(pool.capacity) for pool in made.pools] == sorted(
        ORDER.index(each.capacity) for each in made.pools
    )
    assert [pool.labels[POOL_LABEL] for pool in made.pools] == [pool.name for pool in made.pools]
    assert set(made.on_nodes()) == set(in_cluster)

    chips = sum(each.most * each.tpu.machine.chips for each in in_cluster.values() if each.tpu)
    assert sum(int(each.get(gke.TPU_RESOURCE, "0")) for each in quota(made).values()) == chips
    cores = {pool.name: pool.each.cpu * pool.most for pool in made.pools if pool.name != "system"}
    assert {name: int(each["cpu"].removesuffix("m")) for name, each in quota(made).items() if name in cores} == cores

    assert [each["name"] for each in kinds(made, "ClusterQueue")["vision"]["resourceGroups"][0]["flavors"]] == [
        pool.name for pool in made.pools
    ]
    assert [fault for thing in made.objects() for fault in kueue.faults(thing)] == []
    names_told_before_they_are_used(made)


def names_told_before_they_are_used(made: Queues) -> None:
    told: set[tuple[str, str]] = set()
    for thing in made.objects():
        spec = thing.get("spec", {})
        used = [("Topology", spec["topologyName"])] if "topologyName" in spec else []
        used += [
            ("ResourceFlavor", each["name"]) for group in spec.get("resourceGroups", ()) for each in group["flavors"]
        ]
        used += [
            ("AdmissionCheck", each["name"])
            for each in spec.get("admissionChecksStrategy", {}).get("admissionChecks", ())
        ]
        used += [("Cohort", spec["cohortName"])] if "cohortName" in spec else []
        used += [("ClusterQueue", spec["clusterQueue"])] if "clusterQueue" in spec else []
        used += [(spec["parameters"]["kind"], spec["parameters"]["name"])] if thing["kind"] == "AdmissionCheck" else []
        assert told.issuperset(used)
        told.add((thing["kind"], thing["metadata"]["name"]))


@pytest.mark.parametrize("name", STACKS)
def test_a_shipped_stack_is_told_to_kueue_whole(name: str) -> None:
    check(stack(name))


@pytest.mark.parametrize("hardware", HARDWARE)
@hypothesis.settings(DETERMINISTIC, max_examples=10)
@hypothesis.given(data=hypothesis.strategies.data())
def test_every_legal_stack_is_told_to_kueue_whole(hardware: str, data: hypothesis.strategies.DataObject) -> None:
    section = data.draw(legal_google(hardware=hardware))
    settings = parse("dev", {"site": "google", "google": section}).google
    assert settings is not None
    check(settings)


# Quota


def test_the_quota_of_a_pool_is_what_its_nodes_leave_to_pods_at_its_largest() -> None:
    found = quota(of(samples.settings(gpu_pools=[{**samples.L4, "capacity": samples.SPOT, "max_nodes": 4}])))
    assert found["l4"] == {"cpu": f"{4 * 7910}m", "memory": f"{4 * 29022}Mi", gke.GPU_RESOURCE: "4"}


def test_gpus_count_as_often_as_pods_can_ask_for_them() -> None:
    shared = {**samples.L4, "capacity": samples.SPOT, "sharing": {"kind": "mps", "clients": 3}}
    divided = {**samples.A100, "capacity": samples.SPOT, "partition": "1g.5gb"}
    found = quota(of(samples.settings(gpu_pools=[shared, divided])))
    assert found["l4"][gke.GPU_RESOURCE] == str(4 * 3)
    assert found["a100"][gke.GPU_RESOURCE] == str(2 * 7)


def test_what_the_platform_needs_of_the_system_pool_is_not_for_jobs() -> None:
    (system,) = pools(samples.settings())
    (all_of_it,) = pools(samples.settings(), platform=Resources())
    assert system.quota == all_of_it.quota.without(PLATFORM)
    assert pools(samples.settings(), platform=Resources(cpu=10**9))[0].quota.cpu == 0


def test_no_team_has_quota_of_its_own_and_each_a_share_of_all() -> None:
    made = kinds(of(stack("prod")), "ClusterQueue")
    amounts = {
        each["nominalQuota"]
        for queue in made.values()
        for flavor in queue["resourceGroups"][0]["flavors"]
        for each in flavor["resources"]
    }
    assert amounts == {"0"}
    assert {name: queue["fairSharing"]["weight"] for name, queue in made.items()} == {"vision": "2", "speech": "1"}


def test_resources_that_no_pool_has_are_not_covered() -> None:
    assert set(quota(of(samples.settings()))["system"]) == {"cpu", "memory"}


# Flavours


def test_a_job_takes_what_is_paid_for_first_and_then_what_is_cheapest() -> None:
    bought = [samples.ON_DEMAND, samples.SPOT, samples.FLEX_START, {"kind": "queued"}, samples.RESERVATION]
    machines = [f"g2-standard-{size}" for size in (4, 8, 12, 16, 24)]
    made = of(
        samples.settings(
            gpu_pools=[
                {**samples.L4, "name": each["kind"], "machine_type": machine, "capacity": each}
                for each, machine in zip(bought, machines, strict=True)
            ]
            + [{**samples.L4, "name": "more-spot", "machine_type": "g2-standard-32", "capacity": samples.SPOT}]
        )
    )
    assert [pool.name for pool in made.pools] == [
        "reservation",
        "queued",
        "flex-start",
        "spot",
        "more-spot",
        "system",
        "on-demand",
    ]


# Falling back


def alike(*bought: dict[str, Any], **changes: Any) -> Queues:
    """Queues over pools of the same machines that are bought in different ways, each named after its way."""
    made = [{**samples.L4, **changes, "name": each["kind"], "capacity": each} for each in bought]
    return of(samples.settings(gpu_pools=made))


def test_spot_and_on_demand_pools_of_the_same_machines_are_one_flavor_that_falls_back() -> None:
    made = alike(samples.ON_DEMAND, samples.SPOT)
    assert [pool.name for pool in made.pools] == ["on-demand", "system"]
    assert quota(made)["on-demand"][gke.GPU_RESOURCE] == "8"
    flavor = kinds(made, "ResourceFlavor")["on-demand"]
    assert flavor["nodeLabels"] == {
        POOL_LABEL: "on-demand",
        gke.COMPUTE_CLASS_LABEL: "on-demand",
        gke.GPU_ACCELERATOR_LABEL: "nvidia-l4",
    }
    assert [each["key"] for each in flavor["tolerations"]] == [gke.COMPUTE_CLASS_LABEL]
    (computed,) = made.compute_classes()
    assert computed["metadata"]["name"] == "on-demand"
    assert computed["spec"]["priorities"] == [{"nodepools": ["spot"]}, {"nodepools": ["on-demand"]}]


def test_pools_that_are_one_count_together_and_only_their_machines_stand_in() -> None:
    made = alike(samples.SPOT, samples.ON_DEMAND, min_nodes=1, max_nodes=3)
    (both, _) = made.pools
    assert (both.always, both.most) == (2, 6)
    assert gke.SPOT_LABEL not in both.labels
    assert made.compute_classes()[0]["spec"]["whenUnsatisfiable"] == "DoNotScaleUp"


def test_nodes_that_are_fallen_back_to_are_of_the_class_and_others_of_their_pool_alone() -> None:
    labels = {POOL_LABEL: "spot", gke.COMPUTE_CLASS_LABEL: "spot"}
    taint = gke.Taint(gke.COMPUTE_CLASS_LABEL, "spot", "NoSchedule")
    assert alike(samples.SPOT, samples.ON_DEMAND).on_nodes() == {
        "spot": (labels, (taint,)),
        "on-demand": (labels, (taint,)),
        "system": ({POOL_LABEL: "system"}, ()),
    }


def test_slices_on_several_machines_fall_back_with_all_of_their_node_pools() -> None:
    both = [{**samples.V5E, "name": each["kind"], "capacity": each} for each in (samples.SPOT, samples.ON_DEMAND)]
    (computed,) = of(samples.settings(tpu_slices=both)).compute_classes()
    assert computed["spec"]["priorities"] == [
        {"nodepools": ["spot-0", "spot-1"]},
        {"nodepools": ["on-demand-0", "on-demand-1"]},
    ]


@pytest.mark.parametrize("kind", [samples.RESERVATION, {"kind": "queued"}, samples.FLEX_START])
def test_what_is_paid_for_or_waits_is_a_flavor_of_its_own(kind: dict[str, Any]) -> None:
    made = alike(samples.SPOT, kind)
    assert {pool.name for pool in made.pools} == {"spot", kind["kind"], "system"}
    assert made.compute_classes() == []


@pytest.mark.parametrize(
    "change",
    [{"sharing": {"kind": "mps", "clients": 2}}, {"machine_type": "g2-standard-4"}, {"driver": "latest"}],
)
def test_pools_that_offer_something_else_do_not_stand_in_for_each_other(change: dict[str, Any]) -> None:
    one, other = {**samples.L4, "capacity": samples.SPOT}, {**samples.L4, "name": "o", "capacity": samples.ON_DEMAND}
    assert {pool.name for pool in of(samples.settings(gpu_pools=[one, other])).pools} == {"l4", "system"}
    assert {pool.name for pool in of(samples.settings(gpu_pools=[one, {**other, **change}])).pools} == {
        "l4",
        "o",
        "system",
    }


@pytest.mark.parametrize("name", STACKS)
def test_a_job_that_tolerates_nothing_gets_no_accelerators(name: str) -> None:
    made = of(stack(name))
    free = [flavor for flavor, spec in kinds(made, "ResourceFlavor").items() if not spec.get("nodeTaints")]
    assert free == ["system"]


def test_shared_and_divided_gpus_are_asked_for_by_name() -> None:
    shared = {**samples.L4, "capacity": samples.SPOT, "sharing": {"kind": "time-sharing", "clients": 4}}
    divided = {**samples.A100, "capacity": samples.SPOT, "partition": "3g.20gb"}
    flavors = kinds(of(samples.settings(gpu_pools=[shared, divided])), "ResourceFlavor")
    sharing = {"key": gke.GPU_SHARING_LABEL, "value": "time-sharing", "effect": "NoSchedule"}
    partition = {"key": gke.GPU_PARTITION_LABEL, "value": "3g.20gb", "effect": "NoSchedule"}
    assert sharing in flavors["l4"]["nodeTaints"]
    assert partition in flavors["a100"]["nodeTaints"]
    assert flavors["l4"]["nodeLabels"][gke.GPU_CLIENTS_LABEL] == "4"


def test_labels_of_a_flavor_are_those_that_gke_gives_its_nodes() -> None:
    flavors = kinds(of(stack("staging")), "ResourceFlavor")
    assert flavors["v5e-train"]["nodeLabels"] == {
        POOL_LABEL: "v5e-train",
        gke.TPU_ACCELERATOR_LABEL: "tpu-v5-lite-podslice",
        gke.TPU_TOPOLOGY_LABEL: "4x4",
        gke.SPOT_LABEL: "true",
    }
    assert flavors["h100"]["nodeLabels"][gke.FLEX_START_LABEL] == "true"


def test_queued_nodes_come_by_a_request_for_as_long_as_the_pool_allows() -> None:
    made = of(stack("prod"))
    (request,) = kinds(made, "ProvisioningRequestConfig").values()
    assert request["parameters"] == {"maxRunDurationSeconds": str(72 * 3600)}
    for queue in kinds(made, "ClusterQueue").values():
        assert queue["admissionChecksStrategy"] == {
            "admissionChecks": [{"name": "overflow", "onFlavors": ["overflow"]}]
        }
    assert kinds(made, "ResourceFlavor")["overflow"]["tolerations"][0]["key"] == gke.QUEUED_LABEL


def test_without_queued_pools_there_is_nothing_to_check() -> None:
    made = of(stack("dev"))
    assert not kinds(made, "AdmissionCheck")
    assert "admissionChecksStrategy" not in kinds(made, "ClusterQueue")["vision"]


# Topology


def pool(name: str, always: int, most: int, **changes: Any) -> Pool:
    each = Resources(4000, 8000)
    return Pool(name, {name: (name,)}, CapacityKind.ON_DEMAND, each, always, most, {POOL_LABEL: name}, **changes)


def test_jobs_are_placed_by_topology_where_all_nodes_are_there() -> None:
    made = queues([pool("a", 2, 2), pool("b", 4, 4, levels=(gke.NODE_POOL_LABEL, "kubernetes.io/hostname"))], [VISION])
    assert kinds(made, "Topology") == {
        "hostname": {"levels": [{"nodeLabel": "kubernetes.io/hostname"}]},
        "gke-nodepool": {"levels": [{"nodeLabel": gke.NODE_POOL_LABEL}, {"nodeLabel": "kubernetes.io/hostname"}]},
    }
    assert [each["topologyName"] for each in kinds(made, "ResourceFlavor").values()] == ["hostname", "gke-nodepool"]
    assert not [fault for each in made.objects() for fault in kueue.faults(each)]


def test_nodes_that_come_by_a_request_are_there_when_a_job_is_placed() -> None:
    made = queues([pool("a", 2, 2), pool("b", 0, 4, run_hours=12)], [VISION])
    assert made.placed


@pytest.mark.parametrize("always", [0, 1, 3])
def test_one_pool_that_comes_and_goes_keeps_topology_from_all(always: int) -> None:
    made = queues([pool("a", 2, 2), pool("b", always, 4)], [VISION])
    assert not kinds(made, "Topology")
    assert not any("topologyName" in each for each in kinds(made, "ResourceFlavor").values())


# Teams


def test_a_team_has_a_queue_in_each_of_its_namespaces_and_in_no_other() -> None:
    made = of(stack("dev"))
    local = [each for each in made.objects() if each["kind"] == "LocalQueue"]
    assert {each["metadata"]["namespace"]: each["spec"]["clusterQueue"] for each in local} == {
        "vision": "vision",
        "speech": "speech",
        "speech-lab": "speech",
    }
    selector = kinds(made, "ClusterQueue")["speech"]["namespaceSelector"]
    assert selector["matchExpressions"][0]["values"] == ["speech", "speech-lab"]


def test_what_lets_teams_share_is_switched_on_for_them() -> None:
    made = of(stack("dev"))
    assert made.configuration()["fairSharing"]["preemptionStrategies"]
    for queue in kinds(made, "ClusterQueue").values():
        assert queue["preemption"] == {"reclaimWithinCohort": "Any", "withinClusterQueue": "LowerPriority"}


def test_a_job_without_a_priority_is_between_low_and_high() -> None:
    values = {each["metadata"]["name"]: each["value"] for each in of(stack("dev")).objects() if "value" in each}
    assert values["low"] < values["normal"] == 0 < values["high"]


# Configuration


def test_jobs_of_the_teams_cannot_get_round_the_queue_and_others_are_left_alone() -> None:
    made = of(stack("dev")).configuration()
    assert made["manageJobsWithoutQueueName"] is True
    (selector,) = made["managedJobsNamespaceSelector"]["matchExpressions"]
    assert (selector["operator"], selector["values"]) == ("In", ["vision", "speech", "speech-lab"])


def test_a_job_that_is_out_of_luck_waits_longer_where_machines_are_waited_for_and_is_never_given_up() -> None:
    waits = {name: of(stack(name)).configuration()["waitForPodsReady"] for name in STACKS}
    assert {name: wait["timeout"] for name, wait in waits.items()} == {"dev": "30m", "staging": "1440m", "prod": "30m"}
    assert not any("backoffLimitCount" in wait["requeuingStrategy"] for wait in waits.values())


def test_a_job_tries_all_its_flavors_at_once_only_when_the_stack_says_so() -> None:
    both = {concurrent: of(stack("dev"), concurrent=concurrent) for concurrent in (False, True)}
    for concurrent, made in both.items():
        assert ("concurrentAdmissionPolicy" in kinds(made, "ClusterQueue")["vision"]) is concurrent
        assert ("featureGates" in made.configuration()) is concurrent
        assert not [fault for each in made.objects() for fault in kueue.faults(each)]


# What Kueue would refuse


@pytest.mark.parametrize(
    ("count", "teams", "concurrent", "told"),
    [
        (65, (VISION,), False, "65 pools; Kueue takes 1 to 64"),
        (17, (VISION,), True, "17 pools; Kueue takes 1 to 16"),
        (0, (VISION,), False, "0 pools; Kueue takes 1 to 64"),
        (1, (), False, "no teams; name at least one"),
        (1, (VISION, Team("other", ("vision",))), False, "namespace vision is of vision and of other; give it to one"),
    ],
)
def test_what_kueue_would_refuse_is_told_before(
    count: int, teams: tuple[Team, ...], concurrent: bool, told: str
) -> None:
    with pytest.raises(ValueError, match=told):
        queues([pool(f"p{number}", 1, 1) for number in range(count)], teams, concurrent=concurrent)


def test_the_definitions_refuse_what_is_wrong() -> None:
    """Else the tests above would say nothing."""
    (queue, *_) = [each for each in of(stack("dev")).objects() if each["kind"] == "ClusterQueue"]
    assert kueue.faults({**queue, "spec": {**queue["spec"], "cohort": "old"}})
    assert kueue.faults({**queue, "spec": {**queue["spec"], "queueingStrategy": "Fifo"}})
