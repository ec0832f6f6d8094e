"""What the platform declares, and in what order it comes up and goes."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any
from unittest.mock import AsyncMock, patch

import pulumi
import pytest
import yaml
from pulumi.runtime.proto import callback_pb2

from infra.kubeflow import namespaces
from infra.kubeflow.platform import Platform
from infra.kubeflow.versions import COMPONENTS, choose
from infra.plan import queues
from infra.settings import ArtefactVolume, Images, read
from tests.google.mocks import Declared, declare, of_type

CHART = "kubernetes:helm.sh/v4:Chart"
NAMESPACE = "kubernetes:core/v1:Namespace"
KUEUE = "kubernetes:kueue.x-k8s.io/v1beta2"
RUNTIME = "kubernetes:trainer.kubeflow.org/v1alpha1:ClusterTrainingRuntime"
READY, DRAINED = "aidc-kubeflow:index:Ready", "aidc-kubeflow:index:Drained"
EVERY = frozenset({"cert-manager", "jobset", "lws", "kueue", "trainer", "kserve"})
TEAMS = ("research", "product")
IMAGES = Images(train="registry.example.com/ai/train-cpu:1", serve="registry.example.com/ai/serve:1")


class Transforms:
    """Takes the place of what the engine would call back, which the mocks have not."""

    def __init__(self) -> None:
        self.given: set[pulumi.ResourceTransform] = set()

    def register_transform(self, transform: pulumi.ResourceTransform) -> callback_pb2.Callback:
        self.given.add(transform)
        return callback_pb2.Callback()


TRANSFORMS = Transforms()
"""What charts do to their children."""


@cache
def platform(install: frozenset[str] = EVERY, host_path: str | None = None) -> list[Declared]:
    """With every component, of which ``install`` are installed and the others there."""
    versions = {name: choose().versions[name] for name in EVERY}
    volume = ArtefactVolume(host_path=host_path)
    of_stack = queues.of(read("cluster"))
    with patch("pulumi.runtime.resource._get_callbacks", AsyncMock(return_value=TRANSFORMS)):
        return declare(lambda: Platform("platform", "here", versions, install, of_stack, volume, TEAMS, IMAGES))


def before(declared: list[Declared], one: Declared) -> set[str]:
    """URNs of all that is there before ``one``, and goes after it."""
    by_urn = {each.urn: each for each in declared}
    found: set[str] = set()
    waiting = [one]
    while waiting:
        for urn in waiting.pop().depends_on:
            if urn not in found:
                found.add(urn)
                waiting.append(by_urn[urn])
    return found


def one(declared: list[Declared], type_: str, name: str) -> Declared:
    (found,) = (each for each in of_type(declared, type_) if each.name == name)
    return found


@pytest.mark.parametrize(
    ("earlier", "later"),
    [
        ((NAMESPACE, "jobset-system"), (CHART, "jobset")),
        ((CHART, "jobset"), (READY, "jobset")),
        ((READY, "jobset"), (NAMESPACE, "kubeflow-system")),
        ((CHART, "kserve-crd"), (CHART, "kserve-resources")),
        ((READY, "cert-manager"), (CHART, "kserve-crd")),
        ((READY, "trainer"), (RUNTIME, "ClusterTrainingRuntime/tensorflow-multiworker")),
        ((READY, "trainer"), (CHART, "kueue")),
        ((READY, "kueue"), (f"{KUEUE}:Topology", "Topology/hostname")),
        ((f"{KUEUE}:Topology", "Topology/hostname"), (f"{KUEUE}:ResourceFlavor", "ResourceFlavor/node")),
        ((f"{KUEUE}:ResourceFlavor", "ResourceFlavor/node"), (f"{KUEUE}:Cohort", "Cohort/pools")),
        ((f"{KUEUE}:Cohort", "Cohort/pools"), (f"{KUEUE}:ClusterQueue", "ClusterQueue/research")),
        ((NAMESPACE, "research"), (f"{KUEUE}:LocalQueue", "LocalQueue/research/default")),
        ((f"{KUEUE}:LocalQueue", "LocalQueue/product/default"), (DRAINED, "local-queues")),
    ],
)
def test_what_is_needed_is_there_before_and_goes_after(earlier: tuple[str, str], later: tuple[str, str]) -> None:
    declared = platform()
    assert one(declared, *earlier).urn in before(declared, one(declared, *later))


@pytest.mark.parametrize("team", TEAMS)
def test_a_teams_namespace_goes_while_every_controller_can_still_clean_up_after_it(team: str) -> None:
    declared = platform()
    controllers = {each.urn for each in (*of_type(declared, READY), *of_type(declared, f"{KUEUE}:ClusterQueue"))}
    assert controllers <= before(declared, one(declared, NAMESPACE, team))


def test_queues_are_drained_before_anything_of_the_platform_goes() -> None:
    declared = platform()
    (drained,) = of_type(declared, DRAINED)
    assert set(drained.inputs["cluster_queues"]) == set(TEAMS)
    queued = [each for kind in ("ClusterQueue", "LocalQueue") for each in of_type(declared, f"{KUEUE}:{kind}")]
    assert {each.urn for each in (*queued, *of_type(declared, READY))} <= before(declared, drained)


@pytest.mark.parametrize("name", sorted(EVERY))
def test_a_component_that_is_there_is_looked_at_and_not_touched(name: str) -> None:
    declared = platform(EVERY - {name})
    assert COMPONENTS[name].namespace not in {each.name for each in of_type(declared, NAMESPACE)}
    assert not {each.name for each in of_type(declared, CHART)} & {
        address.rpartition("/")[2] for address in COMPONENTS[name].charts
    }
    assert one(declared, READY, name).inputs["dry_runs"]


def test_charts_are_the_published_ones_of_the_chosen_versions() -> None:
    found = {(each.inputs["chart"], each.inputs["version"]) for each in of_type(platform(), CHART)}
    known = {pair for name in EVERY for pair in COMPONENTS[name].charts_at(choose().versions[name])}
    assert found == known - {("oci://ghcr.io/kserve/charts/kserve-runtime-configs", "v0.20.0")}  # stock runtimes


def test_charts_of_a_folder_take_the_place_of_the_published_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in EVERY - {"kserve"} | {"kserve-crd", "kserve-resources"}:
        (tmp_path / name).mkdir()
        (tmp_path / name / "Chart.yaml").write_text("apiVersion: v2\n")
    monkeypatch.setenv("AIDC_CHARTS", str(tmp_path))
    found = {Path(each.inputs["chart"]).parent for each in of_type(platform.__wrapped__(), CHART)}
    assert found == {tmp_path}
    (tmp_path / "trainer" / "Chart.yaml").unlink()
    with pytest.raises(ValueError, match=r"no chart trainer of trainer 2\.2\.1 .*controllers charts"):
        platform.__wrapped__()


def transformed(type_: str, props: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """A child of a chart as it is declared in the end, and whether it stays when the chart goes."""
    platform()
    options = pulumi.ResourceOptions()
    for each in TRANSFORMS.given:
        if result := each(pulumi.ResourceTransformArgs(True, type_, "child", props, options)):
            assert isinstance(result, pulumi.ResourceTransformResult)
            props, options = dict(result.props), result.opts
    return props, bool(options.retain_on_delete)


def test_definitions_outlive_their_chart_and_are_taken_over_by_the_next() -> None:
    definition = {
        "metadata": {"name": "queues.example.com", "annotations": {"a": "b"}},
        "spec": {"group": "example.com"},
    }
    made, kept = transformed("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", definition)
    assert kept
    assert made["spec"] == definition["spec"]
    assert made["metadata"]["annotations"] == {"a": "b", "pulumi.com/patchForce": "true"}


def test_certificates_that_a_controller_makes_are_left_to_it() -> None:
    secret = {"metadata": {"name": "cert"}, "type": "Opaque", "data": {"tls.crt": ""}}
    assert transformed("kubernetes:core/v1:Secret", secret) == ({"metadata": {"name": "cert"}, "type": "Opaque"}, False)


def test_all_else_of_a_chart_is_as_the_chart_has_it() -> None:
    deployment = {"metadata": {"name": "controller"}, "spec": {"replicas": 1}}
    assert transformed("kubernetes:apps/v1:Deployment", deployment) == (deployment, False)


def test_kueue_is_configured_with_the_queues_and_what_its_chart_would_have_said() -> None:
    values = one(platform(), CHART, "kueue").inputs["values"]
    told = yaml.safe_load(values["managerConfig"]["controllerManagerConfigYaml"])
    wanted = queues.of(read("cluster")).configuration()
    assert wanted.items() <= told.items()
    assert told["webhook"]["port"] == 9443
    assert told["managedJobsNamespaceSelector"]["matchExpressions"][0]["values"] == [*TEAMS]


def test_a_team_runs_nothing_privileged_and_opens_nothing_to_the_outside() -> None:
    declared = platform()
    for team in TEAMS:
        labels = one(declared, NAMESPACE, team).inputs["metadata"]["labels"]
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        quota = one(declared, "kubernetes:core/v1:ResourceQuota", f"ResourceQuota/{team}/guards").inputs["spec"]
        assert quota["hard"] == {"services.loadbalancers": "0", "services.nodeports": "0"}


def test_a_teams_pods_reach_names_each_other_and_models_alone() -> None:
    policies = [each["spec"] for each in namespaces.network_policies("research")]
    assert any(each.keys() == {"podSelector", "policyTypes"} and len(each["policyTypes"]) == 2 for each in policies)
    assert all(each["podSelector"] == {} for each in policies)
    out = [rule for each in policies for rule in each.get("egress", ())]
    assert all(port["port"] == 53 for rule in out if "to" not in rule for port in rule["ports"])
    reached = [rule["to"] for rule in out if "to" in rule]
    askers = [{"namespaceSelector": {"matchLabels": namespaces.ASKS_MODELS}}]
    assert reached == [[{"podSelector": {}}], askers]
    come = [rule for each in policies for rule in each.get("ingress", ())]
    assert [(rule["from"], rule.get("ports")) for rule in come] == [
        ([{"podSelector": {}}], None),
        (askers, [{"port": 8501, "protocol": "TCP"}]),
    ]


def test_a_container_that_says_nothing_gets_a_request_and_no_limit() -> None:
    (limits,) = (each["spec"] for each in namespaces.limits("research") if each["kind"] == "LimitRange")
    assert [each.keys() for each in limits["limits"]] == [{"type", "defaultRequest"}]


@pytest.mark.parametrize("host_path", [None, "/srv/artefacts"])
def test_each_team_has_one_claim_that_many_pods_write_to(host_path: str | None) -> None:
    claims = of_type(platform(host_path=host_path), "kubernetes:core/v1:PersistentVolumeClaim")
    assert {each.inputs["metadata"]["namespace"] for each in claims} == set(TEAMS)
    assert all(each.inputs["spec"]["accessModes"] == ["ReadWriteMany"] for each in claims)
    volumes = [each for each in platform(host_path=host_path) if each.type == "kubernetes:core/v1:PersistentVolume"]
    paths = {each.inputs["spec"]["hostPath"]["path"] for each in volumes}
    assert paths == ({f"{host_path}/{team}" for team in TEAMS} if host_path else set())
    assert all(each.inputs["spec"]["persistentVolumeReclaimPolicy"] == "Retain" for each in volumes)


@pytest.mark.parametrize("team", TEAMS)
def test_a_volume_goes_after_the_namespace_that_takes_its_claim_along(team: str) -> None:
    declared = platform(host_path="/srv/artefacts")
    volume = one(declared, "kubernetes:core/v1:PersistentVolume", f"PersistentVolume/{team}-artefacts")
    namespace = one(declared, NAMESPACE, team)
    claim = one(declared, "kubernetes:core/v1:PersistentVolumeClaim", f"PersistentVolumeClaim/{team}/artefacts")
    assert volume.urn in before(declared, namespace)
    assert namespace.urn in before(declared, claim)


def test_folders_are_there_before_a_namespace_that_uses_them() -> None:
    declared = platform(host_path="/srv/artefacts")
    (maker,) = of_type(declared, "kubernetes:batch/v1:Job")
    assert [*maker.inputs["spec"]["template"]["spec"]["containers"][0]["command"][-2:]] == [
        f"/folder/{team}" for team in TEAMS
    ]
    assert maker.urn in before(declared, one(declared, NAMESPACE, "research"))


def test_the_runtime_of_kserve_is_our_own_server() -> None:
    (runtime,) = of_type(platform(), "kubernetes:serving.kserve.io/v1alpha1:ClusterServingRuntime")
    (container,) = runtime.inputs["spec"]["containers"]
    assert container["image"] == IMAGES.serve
    values: dict[str, Any] = one(platform(), CHART, "kserve-resources").inputs["values"]["kserve"]
    assert values["controller"]["deploymentMode"] == "Standard"
