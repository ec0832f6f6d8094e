"""TPU slices of the cluster, TPU VMs and requests to the queue, as Google is asked for them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.google.conftest import Site, edited, value


def slices(**settings: Any) -> Site:
    wanted = {"name": "tpu", "zone": "us-central1-a", "capacity": {"kind": "spot"}, "framework": "jax", **settings}
    return edited("dev", {"tpu_slices": [wanted]})


def pools(site: Site) -> dict[str, dict[str, Any]]:
    """The inputs of the pools of slices, by name."""
    found = [each for each in site.of("gcp:container/nodePool:NodePool") if each.name.startswith("tpu-slices-")]
    return {each.inputs["name"]: each.inputs for each in found}


def request(**settings: Any) -> dict[str, Any]:
    """The inputs of a request, with its timeouts."""
    wanted = {"name": "job", "accelerator_type": "v5litepod-16", "zone": "us-central1-a", **settings}
    wanted.setdefault("capacity", {"kind": "on-demand"})
    made = edited("dev", {"tpu_queues": [wanted]}).named("tpu-queue-job-request")
    return {**made.inputs, "timeouts": made.timeouts}


def test_slices_of_one_machine_are_nodes_of_one_pool() -> None:
    made = pools(slices(generation="v5e", topology="2x4", machine_type="ct5lp-hightpu-8t", slices=5, min_slices=2))
    assert made.keys() == {"tpu"}
    assert made["tpu"]["autoscaling"] == {"minNodeCount": 2, "maxNodeCount": 5, "locationPolicy": "ANY"}
    assert "placementPolicy" not in made["tpu"]


def test_slices_of_several_machines_are_pools_that_come_whole_and_the_first_ones_stay() -> None:
    made = pools(slices(generation="v5e", topology="4x8", slices=3, min_slices=1))
    assert {name: each["autoscaling"]["minNodeCount"] for name, each in made.items()} == {
        "tpu-0": 8,
        "tpu-1": 0,
        "tpu-2": 0,
    }
    assert {each["autoscaling"]["maxNodeCount"] for each in made.values()} == {8}
    assert all(each["placementPolicy"] == {"type": "COMPACT", "tpuTopology": "4x8"} for each in made.values())


def test_slices_of_tpu7x_are_placed_by_a_policy_that_alone_knows_the_topology() -> None:
    site = slices(generation="tpu7x", topology="2x2x2", slices=2)
    made = pools(site)
    assert [made[f"tpu-{number}"]["placementPolicy"] for number in range(2)] == [
        {"type": "", "policyName": "dev-tpu-0-placement"},
        {"type": "", "policyName": "dev-tpu-1-placement"},
    ]
    for policy in site.of("gcp:compute/resourcePolicy:ResourcePolicy"):
        assert policy.inputs["workloadPolicy"] == {"type": "HIGH_THROUGHPUT", "acceleratorTopology": "2x2x2"}


def test_another_topology_makes_a_slice_anew_though_the_provider_would_update_it(prod: Site) -> None:
    for name in ("tpu-slices-v5p-train-0-pool", "tpu-slices-v5e-train-1-pool"):
        made = prod.named(name)
        assert made.replace_on_changes == ("placementPolicy.tpuTopology",)
        assert made.delete_before_replace


@pytest.mark.parametrize(
    ("capacity", "scheduling"),
    [
        ({"kind": "on-demand"}, {"spot": False, "reserved": False, "preemptible": False}),
        ({"kind": "spot"}, {"spot": True, "reserved": False, "preemptible": False}),
    ],
    ids=["on-demand", "spot"],
)
def test_a_tpu_vm_is_bought_as_its_settings_say(capacity: dict[str, Any], scheduling: dict[str, bool]) -> None:
    wanted = {"name": "vm", "accelerator_type": "v5litepod-8", "zone": "us-central1-a", "capacity": capacity}
    made = edited("dev", {"tpu_vms": [wanted]}).named("tpu-vm-vm-vm").inputs
    assert made["schedulingConfig"] == scheduling
    assert made["acceleratorConfig"] == {"type": "V5LITE_POD", "topology": "2x4"}


def test_a_tpu_vm_runs_what_its_settings_name_or_what_its_generation_comes_with() -> None:
    wanted = {"name": "vm", "accelerator_type": "v5litepod-8", "zone": "us-central1-a", "capacity": {"kind": "spot"}}
    runtimes = [
        edited("dev", {"tpu_vms": [wanted | more]}).named("tpu-vm-vm-vm").inputs["runtimeVersion"]
        for more in ({}, {"runtime": "tpu-vm-tf-2.18.0-pjrt-v5e-and-v6"})
    ]
    assert runtimes == ["v2-alpha-tpuv5-lite", "tpu-vm-tf-2.18.0-pjrt-v5e-and-v6"]


def test_what_stands_outside_the_cluster_takes_keys_of_nobodys_project(prod: Site) -> None:
    outside = [prod.named("tpu-vm-debug-vm"), prod.named("tpu-queue-sweeps-request")]
    for each in outside:
        assert each.inputs["metadata"]["block-project-ssh-keys"] == "TRUE"
        assert each.inputs["metadata"]["enable-oslogin"] == "TRUE"
    assert value(outside[0], "serviceAccount.email") == "prod-tpu-vm@example-ai-prod.iam.gserviceaccount.com"
    assert outside[1].inputs["service_account"]["email"] == "prod-tpu-vm@example-ai-prod.iam.gserviceaccount.com"


def test_a_request_for_one_slice_names_its_node_and_one_for_several_their_prefix() -> None:
    one, several = request(), request(slices=4)
    assert (one["node_id"], "multislice" in one) == ("dev-job", False)
    assert several["multislice"] == {"node_count": 4, "node_id_prefix": "dev-job"}
    assert "node_id" not in several


@pytest.mark.parametrize(
    ("capacity", "reservation"),
    [
        ({"kind": "on-demand"}, None),
        ({"kind": "spot"}, None),
        ({"kind": "reservation", "name": "r"}, "projects/example-ai-dev/locations/us-central1-a/reservations/r"),
        (
            {"kind": "reservation", "name": "r", "project": "example-capacity"},
            "projects/example-capacity/locations/us-central1-a/reservations/r",
        ),
    ],
    ids=["on-demand", "spot", "own reservation", "shared reservation"],
)
def test_a_request_says_how_it_is_bought(capacity: dict[str, Any], reservation: str | None) -> None:
    made = request(capacity=capacity)
    assert (made["capacity"], made.get("reservation")) == (capacity["kind"], reservation)


def test_a_request_is_given_up_after_its_hours_and_never_when_it_has_none() -> None:
    assert request(valid_hours=12)["queueing"] == {"valid_until_duration": "43200s"}
    assert "queueing" not in request()


def test_up_waits_for_the_queue_or_where_asked_a_day_for_the_machines() -> None:
    queued, granted = request(), request(wait=True)
    assert (queued["wait_for"], queued["timeouts"]["create"]) == ("accepted", "30m")
    assert (granted["wait_for"], granted["timeouts"]["create"]) == ("active", "24h")


def test_another_label_is_no_reason_to_give_back_what_was_granted(site: Site) -> None:
    for each in site.of("aidc-tpu:index:QueuedResource"):
        assert each.ignore_changes == ("labels",)
