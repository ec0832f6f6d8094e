"""What a specification becomes to be served."""

from __future__ import annotations

from typing import Any

import pytest

from infra.jobs.model_service import STABLE, ModelService, canary_share, deployment, servers, surroundings
from infra.kubeflow.waiting import Rollout
from tests.google.mocks import Declared, declare, of_type
from workloads.spec import WorkloadSpec

IMAGE = "registry.example.com/ai/serve:1.4"


def workload(name: str = "digits", **keys: Any) -> WorkloadSpec:
    return WorkloadSpec(name=name, model="digits_cnn", dataset="digits", **keys)


def declared(spec: WorkloadSpec, version: int = 1) -> list[Declared]:
    return declare(lambda: ModelService("digits", spec, "research", IMAGE, version, "cluster"))


def revision(spec: WorkloadSpec, version: int = 1) -> str:
    found = declared(spec, version)
    (rollout,) = of_type(found, Rollout.TYPE)
    (made,) = [each for each in found if each.type.endswith(":Deployment")]
    assert made.urn in rollout.depends_on
    revision = made.inputs["spec"]["template"]["metadata"]["annotations"][Rollout.REVISION]
    assert rollout.inputs["revision"] == revision
    return str(revision)


def test_a_revision_is_of_what_the_pods_are_and_not_of_how_many() -> None:
    first = revision(workload())
    assert revision(workload(serve={"replicas": 3})) == first
    assert revision(workload(serve={"cpu": 2.0})) != first
    assert revision(workload(), version=2) != first
    assert revision(workload(serve={"version": 1}), version=2) == first


def test_no_server_goes_before_another_answers_and_none_stops_before_it_is_known_to() -> None:
    spec = workload(serve={"replicas": 2})
    template = servers(spec, IMAGE, "1", STABLE)
    made = deployment(spec, "research", template, "r", STABLE)["spec"]
    (server,) = template["spec"]["containers"]
    assert made["strategy"]["rollingUpdate"] == {"maxUnavailable": 0, "maxSurge": 1}
    assert server["readinessProbe"]["httpGet"]["path"] == "/v1/models/digits"
    assert server["lifecycle"]["preStop"]["sleep"]["seconds"] < template["spec"]["terminationGracePeriodSeconds"]
    assert kinds(spec) == ["Service", "PodDisruptionBudget"]


def test_only_the_autoscaler_says_how_many_servers_there_are_where_there_is_one() -> None:
    spec = workload(serve={"replicas": 2, "max_replicas": 5})
    template = servers(spec, IMAGE, "1", STABLE)
    assert "replicas" not in deployment(spec, "research", template, "r", STABLE)["spec"]
    (scaler,) = [each for each in surroundings(spec, "research") if each["kind"] == "HorizontalPodAutoscaler"]
    assert (scaler["spec"]["minReplicas"], scaler["spec"]["maxReplicas"]) == (2, 5)
    assert scaler["spec"]["scaleTargetRef"]["name"] == "digits-server"
    assert deployment(workload(), "research", template, "r", STABLE)["spec"]["replicas"] == 1


@pytest.mark.parametrize(
    ("replicas", "percent", "servers_of_canary", "share"),
    [(9, 10, 1, 10.0), (3, 25, 1, 25.0), (4, 50, 4, 50.0), (1, 5, 1, 50.0), (10, 15, 2, 16.7)],
)
def test_a_canary_has_the_share_of_its_servers(
    replicas: int, percent: int, servers_of_canary: int, share: float
) -> None:
    spec = workload(serve={"replicas": replicas, "canary": {"version": 2, "percent": percent}})
    assert (spec.serve.canaries, canary_share(spec)) == (servers_of_canary, share)


def test_a_canary_answers_behind_the_same_address_with_pods_of_its_own() -> None:
    found = declared(workload(serve={"canary": {"version": 2, "percent": 50}}))
    made = {each.name: each.inputs["spec"] for each in found if each.type.endswith(":Deployment")}
    (service,) = [each for each in found if each.type.endswith(":Service")]
    labels = [spec["template"]["metadata"]["labels"] for spec in made.values()]
    assert all(service.inputs["spec"]["selector"].items() <= each.items() for each in labels)
    selectors = [spec["selector"]["matchLabels"] for spec in made.values()]
    assert [[selector.items() <= each.items() for each in labels] for selector in selectors] == [
        [True, False],
        [False, True],
    ]
    versions = {name: spec["template"]["spec"]["containers"][0]["command"][-1] for name, spec in made.items()}
    assert {name.rpartition("/")[2]: version for name, version in versions.items()} == {
        "digits-server": "1",
        "digits-canary": "2",
    }
    assert len(of_type(found, Rollout.TYPE)) == 2


def kinds(spec: WorkloadSpec) -> list[str]:
    return [each["kind"] for each in surroundings(spec, "research")]
