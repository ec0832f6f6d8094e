"""The document: what it holds of a rehearsal, and that it stays what it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from rehearsal import cycle
from rehearsal.report import collect, document, picture, preflight
from rehearsal.report.document import Report
from toolchain import cache

State = dict[str, Any]
SCHEMA = Path(document.__file__).with_name("report.schema.json")


def state(token: str, urn: str, inputs: State, parent: str = "aidc:google:Some::some") -> State:
    """A resource as the engine keeps it."""
    return {
        "urn": f"urn:pulumi:dev::ai-datacenter::{token}::{urn}",
        "type": token,
        "custom": True,
        "id": urn,
        "parent": f"urn:pulumi:dev::ai-datacenter::{parent}",
        "inputs": inputs,
    }


def pool(machine: str, *, zones: int = 1, name: str = "a", node: State | None = None, **more: Any) -> State:
    """A node pool of the cluster ``one``; ``more`` are inputs."""
    where = [f"us-central1-{letter}" for letter in "abcdef"[:zones]]
    inputs = {"name": name, "cluster": "one", "nodeConfig": {"machineType": machine, **(node or {})}}
    component = f"aidc:google:Pool::{name.partition('-')[0]}"
    return state(picture.POOL, name, {**inputs, "nodeLocations": where, **more}, component)


def drawn(*pools: State) -> document.Pool:
    cluster = state(picture.CLUSTER, "one", {"name": "one", "location": "us-central1"})
    return picture.of([cluster, *pools]).clusters[0].pools[0]


def test_the_schema_beside_the_code_is_the_document_s() -> None:
    """Else: python -m rehearsal.report.document > rehearsal/report/report.schema.json"""
    made = Report.model_json_schema()
    assert json.loads(SCHEMA.read_text()) == made
    assert made["properties"]["version"]["const"] == document.VERSION


def test_the_document_reads_back_as_it_was_written(report: Report, hostile: Report) -> None:
    for each in (report, hostile):
        assert Report.model_validate_json(each.json_text()) == each


def test_every_resource_is_in_one_layer_and_in_the_picture(report: Report) -> None:
    listed = [each.urn for layer in report.layers for each in layer.resources]
    assert len(listed) == len(set(listed)) == report.totals.resources + 2  # the providers
    shown = report.picture
    cards = [*shown.networks, *shown.clusters, *shown.slices, *shown.stores, *shown.accounts, *shown.keys]
    pools = sum(len(each.names) for cluster in shown.clusters for each in cluster.pools)
    inside = (picture.SUBNETWORK, picture.ADDRESS)  # ranges of a network
    ranges = sum(each.type in inside for layer in report.layers for each in layer.resources)
    others = sum(each.number for each in shown.others)
    assert len(cards) + pools + ranges + others == report.totals.resources


EIGHT = {"guestAccelerators": [{"type": "nvidia-h100-80gb", "count": 8}]}
BLOCK = "projects/p/reservations/r/reservationBlocks/b"


def reserved(value: str) -> State:
    return {"reservationAffinity": {"consumeReservationType": "SPECIFIC_RESERVATION", "values": [value]}}


@pytest.mark.parametrize(
    ("resource", "least", "most", "chips"),
    [
        (pool("e2-standard-4", zones=3, autoscaling={"minNodeCount": 1, "maxNodeCount": 4}), 3, 12, 0),
        (pool("e2-standard-4", zones=3, autoscaling={"totalMinNodeCount": 1, "totalMaxNodeCount": 4}), 1, 4, 0),
        (pool("a3-highgpu-8g", node=EIGHT, autoscaling={"maxNodeCount": 2}), 0, 2, 16),
        (pool("ct5lp-hightpu-4t", autoscaling={"maxNodeCount": 64}), 0, 64, 256),
        (pool("ct6e-standard-8t", zones=2, nodeCount=1), 2, 2, 16),
    ],
    ids=["in each zone", "in all zones", "GPUs", "TPUs", "no autoscaler"],
)
def test_a_pool_has_its_machines_times_their_chips(resource: State, least: int, most: int, chips: int) -> None:
    found = drawn(resource)
    assert (found.least, found.most, found.chips) == (least, most, chips)


def test_the_slices_of_one_component_are_one_pool_in_the_picture() -> None:
    slices = [pool("ct5p-hightpu-4t", name=f"train-{at}", autoscaling={"maxNodeCount": 32}) for at in range(4)]
    found = drawn(*slices)
    assert found.names == ["train-0", "train-1", "train-2", "train-3"]
    assert (found.most, found.chips) == (128, 512)


@pytest.mark.parametrize(
    ("node", "more", "capacity"),
    [
        ({"spot": True}, {}, "spot"),
        ({"flexStart": True}, {}, "flex start"),
        ({}, {"queuedProvisioning": {"enabled": True}}, "queued"),
        (reserved("r"), {}, "reservation r"),
        (reserved(BLOCK), {}, "reservation r"),
        ({}, {}, "on demand"),
    ],
)
def test_a_pool_says_in_what_capacity_it_is_bought(node: State, more: State, capacity: str) -> None:
    assert drawn(pool("a3-highgpu-8g", node=node, **more)).capacity == capacity


def test_a_job_and_a_service_are_in_the_picture() -> None:
    job = state("kubernetes:batch/v1:Job", "j", {"metadata": {"name": "train", "namespace": "ml"}})
    shown = picture.of([job]).workloads
    assert [(each.kind, each.name, each.where) for each in shown] == [("Job", "train", "ml")]


def test_the_difference_is_what_this_costs_more_than_the_base(report: Report) -> None:
    assert report.cost
    here = report.cost.maximum.on_demand
    assert here.base
    assert here.difference
    assert here.hour == pytest.approx(here.base.hour + here.difference.hour, abs=0.01)
    assert here.difference.month == pytest.approx(here.month / 2, abs=0.01)
    assert report.quotas[0].base_most == 0
    assert all(each.base_most == each.most for each in report.quotas[1:])


def test_without_a_base_nothing_is_compared() -> None:
    said = preflight.ask("dev", cache.PROJECT)
    cost = preflight.cost(said, None)
    assert cost
    assert cost.minimum.spot.base is cost.minimum.spot.difference is None
    assert {each.base_most for each in preflight.quotas(said, None)} == {None}


def test_a_preflight_that_says_nothing_is_told_with_its_reason(tmp_path: Path) -> None:
    with pytest.raises(preflight.NoPreflight, match="there is no such stack file"):
        preflight.ask("nowhere", cache.PROJECT)


def test_a_rehearsal_that_failed_at_once_still_has_a_report() -> None:
    failed = cycle.Step("preview", passed=False, why="the program is broken")
    made = collect.collect(cycle.Cycle("dev", Path(), [failed]), said=None, no_preflight="none")
    assert (made.passed, made.layers, made.cost, made.totals.resources) == (False, [], None, 0)
