"""GPU pools and the system pool: how each kind of capacity, sharing and machine reads in a node pool."""

from __future__ import annotations

from typing import Any

import pytest

from tests.google.conftest import Site, edited, value
from tests.google.mocks import Declared

FABRICS = {
    "network.fabrics": [
        {"name": "rdma", "kind": "roce", "zone": "us-central1-b", "range": "172.16.0.0/16"},
        {"name": "tcpxo", "kind": "tcpxo", "range": "172.19.0.0/16"},
    ]
}

PLATFORM = {"teams": [{"name": "vision"}], "images": {"train": "example.com/t:1", "serve": "example.com/s:1"}}


def pool(**settings: Any) -> Declared:
    """The pool for those settings, in an environment that has it alone."""
    wanted = {"name": "gpu", "machine_type": "g2-standard-8", "zones": ["us-central1-a"], "max_nodes": 4, **settings}
    wanted.setdefault("capacity", {"kind": "on-demand"})
    return edited("dev", {"gpu_pools": [wanted], **FABRICS}).named("gpu-pool-gpu-pool")


@pytest.mark.parametrize(
    ("capacity", "spot", "flex_start", "queued", "run", "create"),
    [
        ({"kind": "on-demand"}, False, False, None, None, "45m"),
        ({"kind": "spot"}, True, False, None, None, "45m"),
        ({"kind": "flex-start", "max_run_hours": 24}, False, True, None, "86400s", "30m"),
        ({"kind": "queued"}, False, False, {"enabled": True}, "604800s", "30m"),
        ({"kind": "reservation", "name": "r"}, False, False, None, None, "2h"),
    ],
    ids=lambda each: each["kind"] if isinstance(each, dict) and "kind" in each else "",
)
def test_a_kind_of_capacity_is_these_fields_of_a_pool_and_no_others(
    capacity: dict[str, Any], spot: bool, flex_start: bool, queued: object, run: str | None, create: str
) -> None:
    made = pool(capacity=capacity)
    assert value(made, "nodeConfig.spot") is spot
    assert value(made, "nodeConfig.flexStart") is flex_start
    assert made.inputs.get("queuedProvisioning") == queued
    assert value(made, "nodeConfig.maxRunDuration") == run
    assert made.timeouts["create"] == create


@pytest.mark.parametrize(
    ("reservation", "affinity"),
    [
        ({}, "h100"),
        ({"project": "example-capacity"}, "projects/example-capacity/reservations/h100"),
        ({"block": "block-1"}, "h100/reservationBlocks/block-1"),
        (
            {"project": "example-capacity", "block": "b", "sub_block": "s"},
            "projects/example-capacity/reservations/h100/reservationBlocks/b/reservationSubBlocks/s",
        ),
    ],
)
def test_a_reservation_is_named_with_its_project_and_its_block(reservation: dict[str, str], affinity: str) -> None:
    made = pool(capacity={"kind": "reservation", "name": "h100", **reservation})
    assert value(made, "nodeConfig.reservationAffinity") == {
        "consumeReservationType": "SPECIFIC_RESERVATION",
        "key": "compute.googleapis.com/reservation-name",
        "values": [affinity],
    }


@pytest.mark.parametrize(
    ("sharing", "config"),
    [
        ({"kind": "none"}, None),
        ({"kind": "time-sharing", "clients": 8}, {"gpuSharingStrategy": "TIME_SHARING", "maxSharedClientsPerGpu": 8}),
        ({"kind": "mps", "clients": 3}, {"gpuSharingStrategy": "MPS", "maxSharedClientsPerGpu": 3}),
    ],
)
def test_how_gpus_are_shared_is_told_in_the_words_of_the_service(sharing: dict[str, Any], config: object) -> None:
    (gpu,) = value(pool(sharing=sharing), "nodeConfig.guestAccelerators")
    assert gpu.get("gpuSharingConfig") == config


def test_gpus_are_attached_to_machines_that_have_none_of_their_own() -> None:
    made = pool(machine_type="n1-standard-8", accelerator="nvidia-tesla-t4", count=2)
    (gpu,) = value(made, "nodeConfig.guestAccelerators")
    assert (gpu["type"], gpu["count"]) == ("nvidia-tesla-t4", 2)


@pytest.mark.parametrize(
    ("zones", "limits"),
    [
        (["us-central1-a"], {"minNodeCount": 1, "maxNodeCount": 4}),
        (["us-central1-a", "us-central1-b"], {"totalMinNodeCount": 1, "totalMaxNodeCount": 4}),
    ],
)
def test_limits_are_of_the_zone_where_there_is_one_and_of_all_where_there_are_more(
    zones: list[str], limits: dict[str, int]
) -> None:
    assert pool(zones=zones, min_nodes=1).inputs["autoscaling"] == {**limits, "locationPolicy": "ANY"}


def test_a_spot_node_tells_its_pods_in_time_that_it_goes() -> None:
    kubelet = value(pool(capacity={"kind": "spot"}), "nodeConfig.kubeletConfig")
    assert kubelet["shutdownGracePeriodSeconds"] == 30
    assert kubelet["shutdownGracePeriodCriticalPodsSeconds"] == 15
    assert "shutdownGracePeriodSeconds" not in value(pool(), "nodeConfig.kubeletConfig")


@pytest.mark.parametrize(
    ("machine_type", "zone", "disk", "local_ssds"),
    [
        ("g2-standard-8", "us-central1-a", "pd-balanced", None),
        ("a3-megagpu-8g", "us-central1-a", "pd-balanced", 16),
        ("a3-ultragpu-8g", "us-central1-b", "hyperdisk-balanced", 32),
    ],
)
def test_a_machine_has_the_disks_that_it_can_have(
    machine_type: str, zone: str, disk: str, local_ssds: int | None
) -> None:
    made = pool(machine_type=machine_type, zones=[zone], capacity={"kind": "spot"}, disk_gib=300)
    assert value(made, "nodeConfig.bootDisk") == {"diskType": disk, "sizeGb": 300}
    assert value(made, "nodeConfig.ephemeralStorageLocalSsdConfig.localSsdCount") == local_ssds


def test_an_upgrade_takes_no_second_machine_of_a_kind_that_there_is_none_to_spare(prod: Site) -> None:
    for name in ("gpu-pool-h100-pool", "tpu-slices-v5e-train-0-pool"):
        assert prod.named(name).inputs["upgradeSettings"] == {"strategy": "SURGE", "maxSurge": 0, "maxUnavailable": 1}
    system = prod.named("system-pool-pool").inputs["upgradeSettings"]
    assert system == {"strategy": "SURGE", "maxSurge": 1, "maxUnavailable": 0}


def test_limits_of_the_system_pool_are_for_each_zone(prod: Site) -> None:
    limits = prod.named("system-pool-pool").inputs["autoscaling"]
    assert (limits["minNodeCount"], limits["maxNodeCount"]) == (1, 4)


@pytest.mark.parametrize(("least", "first"), [(0, None), (1, 1), (4, 2)])
def test_a_pool_begins_at_its_least_and_is_the_autoscalers_from_then_on(least: int, first: int | None) -> None:
    change = {"gpu_pools[l4].min_nodes": least, "gpu_pools[l4].max_nodes": 6}
    pool = edited("dev", change).named("gpu-pool-l4-pool")
    assert pool.inputs.get("initialNodeCount") == first  # in each of three zones
    assert "initialNodeCount" in pool.ignore_changes


def test_a_pool_in_a_fabric_waits_for_its_networks(prod: Site) -> None:
    waits = prod.named("gpu-pool-h200-pool").depends_on
    names = {urn.rpartition("::")[2] for urn in waits}
    assert {"fabric-h200-rdma", "fabric-h200-rdma-8-nodes", "fabric-h200-host-1-nodes"} <= names


def test_a_partition_is_asked_for_by_its_name() -> None:
    made = pool(machine_type="a2-highgpu-1g", partition="1g.5gb")
    assert value(made, "nodeConfig.guestAccelerators[].gpuPartitionSize") == "1g.5gb"


def test_nodes_have_the_labels_and_taints_that_the_platforms_queues_know_them_by() -> None:
    alike = {"machine_type": "g2-standard-8", "zones": ["us-central1-a"], "max_nodes": 4}
    pools = [{**alike, "name": kind, "capacity": {"kind": kind}} for kind in ("on-demand", "spot")]
    site = edited("dev", {"gpu_pools": pools}, platform=PLATFORM)
    label = {"ai-datacenter/pool": "on-demand", "cloud.google.com/compute-class": "on-demand"}
    taint = {"key": "cloud.google.com/compute-class", "value": "on-demand", "effect": "NO_SCHEDULE"}
    for kind in ("on-demand", "spot"):
        made = site.named(f"gpu-pool-{kind}-pool")
        assert value(made, "nodeConfig.labels") == label
        assert taint in value(made, "nodeConfig.taints")
    assert value(site.named("system-pool-pool"), "nodeConfig.labels") == {"ai-datacenter/pool": "system"}
    assert value(site.named("system-pool-pool"), "nodeConfig.taints") == []


def test_every_node_pool_of_a_slice_has_the_label_of_its_slices(prod: Site) -> None:
    slices = edited("prod", {}, platform=PLATFORM).named("tpu-slices-v5e-train-0-pool")
    assert value(slices, "nodeConfig.labels") == {"ai-datacenter/pool": "v5e-train"}
    assert value(prod.named("tpu-slices-v5e-train-0-pool"), "nodeConfig.labels") == {}
