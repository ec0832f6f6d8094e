"""Revisions of a Deployment that come up, and that do not."""

from __future__ import annotations

import pytest

from infra.kubeflow.plugin.rollout import RolloutHandler
from infra.kubeflow.waiting import Rollout
from infra.plugin.handler import ProviderError, State, Unfinished
from tests.cluster.conftest import pod_spec
from tests.cluster.kinds.conftest import PACE, apply
from tests.unit.conftest import Heard, wait_until
from toolchain.cluster.built import Cluster

pytestmark = pytest.mark.cluster

GOOD, BAD = "exec sleep 600", "echo version 2 is damaged; exit 74"


def inputs(team: str, revision: str, seconds: int = 60) -> State:
    place = {"context": "cluster", "namespace": team, "deployment": "server"}
    return {**place, "revision": revision, "seconds": seconds, "status": "up"}


def deploy(cluster: Cluster, team: str, revision: str, command: str) -> None:
    labels = {"app": "server"}
    spec = pod_spec(command) | {"restartPolicy": "Always"}
    apply(
        cluster,
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": "server", "namespace": team},
            "spec": {
                "selector": {"matchLabels": labels},
                "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
                "template": {
                    "metadata": {"labels": labels, "annotations": {Rollout.REVISION: revision}},
                    "spec": spec,
                },
            },
        },
    )


def test_a_revision_that_does_not_come_up_is_put_back_and_tried_again_by_the_next_up(
    bare: Cluster, team: str, heard: Heard
) -> None:
    handler = RolloutHandler(PACE)
    deploy(bare, team, "a", GOOD)
    state = handler.create("server", inputs(team, "a"), heard.talk)
    first = pods(bare, team)

    deploy(bare, team, "b", BAD)
    for _ in range(2):
        with pytest.raises(Unfinished, match="Put back the last revision") as failure:
            handler.update("server", state, inputs(team, "b"), heard.talk)
        assert f"Deployment {team}/server does not come up" in str(failure.value)
        assert "version 2 is damaged" in str(failure.value)
        assert "exit status 74" in str(failure.value)
        state = failure.value.state
        assert handler.read("server", state) == state
        assert {*handler.differences(state, inputs(team, "b"))} == {"status"}
        wait_until("only the first", lambda: pods(bare, team) == first)

    deploy(bare, team, "c", GOOD)
    state = handler.update("server", state, inputs(team, "c"), heard.talk)
    assert (state["good"], handler.read("server", state)) == ("c", state)
    assert pods(bare, team).isdisjoint(first)


def test_without_an_earlier_revision_the_time_and_the_trouble_are_told(bare: Cluster, team: str, heard: Heard) -> None:
    deploy(bare, team, "a", "echo hello; exit 3")
    with pytest.raises(ProviderError, match=r"is not up after 3 s\n(.*\n)*    hello\n.*no earlier revision"):
        RolloutHandler(PACE).create("server", inputs(team, "a", seconds=3), heard.talk)


def pods(cluster: Cluster, team: str) -> set[str]:
    return set(cluster.kubectl("--namespace", team, "get", "pods", "-o", "name").split())
