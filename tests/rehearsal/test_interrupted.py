"""Creations that were cut off find their place, whatever their type, and nothing is guessed."""

from __future__ import annotations

from typing import Any

import pytest

from infra.interrupted.recovery import Json, mend, way_of
from rehearsal.cloud.tpu_api import TOKEN as QUEUED_RESOURCE
from rehearsal.google.table import tokens
from tests.rehearsal.conftest import TOKENS, Driver, sample

PROVIDER = "urn:pulumi:dev::p::pulumi:providers:gcp::google"
NETWORK, DASHBOARD = "gcp:compute/network:Network", "gcp:monitoring/dashboard:Dashboard"
AGENT = "gcp:projects/serviceIdentity:ServiceIdentity"


def nothing(host: str, path: str, key: str) -> list[Json]:
    return []


def resource(token: str, name: str = "it", **more: Any) -> Json:
    urn = f"urn:pulumi:dev::p::{token}::{name}"
    return {"urn": urn, "type": token, "custom": True, "provider": f"{PROVIDER}::1", "inputs": {}, **more}


def state(*pending: Json, there: list[Json] | None = None, kind: str = "creating") -> Json:
    provider = {"urn": PROVIDER, "type": "pulumi:providers:gcp", "id": "1", "inputs": {"project": "example"}}
    return {
        "resources": [provider, *(there or [])],
        "pending_operations": [{"resource": each, "type": kind} for each in pending],
    }


def test_what_is_pending_goes_into_the_state_under_its_id_and_a_refresh_must_look_at_it() -> None:
    network = resource(NETWORK, inputs={"name": "net"})
    mended = mend(state(network), nothing)
    assert mended.deployment["resources"][-1] == {
        **network,
        "id": "projects/example/global/networks/net",
        "outputs": {},
    }
    assert mended.look == [network["urn"]]
    assert mended.deployment["pending_operations"] == []


@pytest.mark.parametrize(
    ("there", "identity"),
    [
        ([], None),
        (["1"], "projects/7/dashboards/1"),
        (["1", "known"], "projects/7/dashboards/1"),
    ],
)
def test_what_google_numbers_is_the_one_of_that_display_name_that_no_state_has(
    there: list[str], identity: str | None
) -> None:
    asked = []

    def ask(host: str, path: str, key: str) -> list[Json]:
        asked.append((host, path, key))
        other = {"name": "projects/7/dashboards/9", "displayName": "other"}
        return [other, *({"name": f"projects/7/dashboards/{each}", "displayName": "mine"} for each in there)]

    pending = resource(DASHBOARD, inputs={"dashboardJson": '{"displayName": "mine"}'})
    known = resource(DASHBOARD, "known", id="projects/7/dashboards/known")
    mended = mend(state(pending, there=[known]), ask)
    assert asked == [("monitoring", "v1/projects/example/dashboards", "dashboards")]
    found = [each["id"] for each in mended.deployment["resources"] if each["urn"] == pending["urn"]]
    assert found == ([identity] if identity else [])
    assert mended.again == ([] if identity else [pending["urn"]])


def test_nothing_is_guessed_where_two_may_be_the_one_or_the_type_is_not_known_or_google_does_not_answer() -> None:
    def two(host: str, path: str, key: str) -> list[Json]:
        return [{"name": f"projects/7/dashboards/{each}", "displayName": "mine"} for each in "12"]

    def refused(host: str, path: str, key: str) -> list[Json]:
        raise LookupError("no permission")

    dashboard = resource(DASHBOARD, inputs={"dashboardJson": '{"displayName": "mine"}'})
    for pending, ask, reason in (
        (dashboard, two, "there are 2 called 'mine', and any may be the one"),
        (dashboard, refused, "no permission"),
        (resource("aws:s3/bucket:Bucket"), nothing, "ids of aws:s3/bucket:Bucket are not known"),
        (resource(NETWORK), nothing, "its name is not in the state"),
    ):
        mended = mend(state(pending), ask)
        assert reason in mended.unclear[pending["urn"]]
        assert [each["resource"] for each in mended.deployment["pending_operations"]] == [pending]


def test_what_may_be_made_twice_is_made_again() -> None:
    agent = resource(AGENT)
    mended = mend(state(agent), nothing)
    assert (mended.again, mended.look, mended.deployment["pending_operations"]) == ([agent["urn"]], [], [])


def test_what_was_made_since_is_left_alone() -> None:
    network = resource(NETWORK, inputs={"name": "net"})
    made = {**network, "id": "projects/example/global/networks/net", "outputs": {"mtu": 1460}}
    mended = mend(state(network, there=[made]), nothing)
    assert mended.deployment["resources"][1:] == [made]
    assert (mended.look, mended.again) == ([], [])


@pytest.mark.parametrize(("deleted_first", "left"), [(True, 1), (False, 2)])
def test_a_replacement_stands_where_the_old_one_stood_which_is_deleted_if_it_was_not(
    deleted_first: bool, left: int
) -> None:
    old = resource(NETWORK, id="projects/example/global/networks/old", inputs={"name": "old"})
    old |= {"pendingReplacement": True} if deleted_first else {}
    subnetwork = resource("gcp:compute/subnetwork:Subnetwork", id="s", dependencies=[old["urn"]])
    new = resource(NETWORK, inputs={"name": "new"})
    resources = mend(state(new, there=[old, subnetwork]), nothing).deployment["resources"]
    assert [each["id"] for each in resources[1:3]] == ["projects/example/global/networks/new", "s"]
    networks = [each for each in resources if each["type"] == NETWORK]
    assert (len(networks), [each.get("delete", False) for each in networks]) == (left, [False, True][:left])


def test_a_change_that_was_cut_off_is_looked_at() -> None:
    network = resource(NETWORK, id="projects/example/global/networks/net", inputs={"name": "net"})
    mended = mend(state(network, there=[network], kind="updating"), nothing)
    assert mended.look == [network["urn"]]


def test_every_type_that_is_served_has_a_way() -> None:
    assert [token for token in (*tokens(), QUEUED_RESOURCE) if way_of(token) is None] == []


@pytest.mark.parametrize("token", [token for token in TOKENS if "id" in (way_of(token) or {})])
def test_the_id_of_a_way_is_one_that_an_import_takes(driver: Driver, token: str) -> None:
    made, _ = driver.make(token)[token]
    mended = mend(state(resource(token, inputs=sample(token))), nothing)
    assert driver.take_over(token, mended.deployment["resources"][-1]["id"])[0] == made
