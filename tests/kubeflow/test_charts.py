"""What the charts make of our values: rendered by Helm from the pinned modules, as `AIDC_CHARTS` names them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.kubeflow import kserve
from infra.kubeflow.platform import installations
from infra.kubeflow.versions import COMPONENTS, choose
from infra.plan import footprint, queues
from infra.plan.nodes import Resources
from infra.settings import read
from rehearsal.kubernetes import quantity, render
from toolchain.kubernetes import controllers

pytestmark = pytest.mark.cluster  # fetches the modules of all components

VERSIONS = {name: choose().versions[name] for name in footprint.CONTROLLERS}
NOT_OURS = {kserve.RBAC_PROXY}
"""What KServe's chart puts before its metrics."""

UNWANTED = {"Namespace", "ClusterTrainingRuntime", "ClusterServingRuntime", "Ingress", "ServiceMonitor", "PodMonitor"}

Object = dict[str, Any]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("charts")
    controllers.charts(made)
    return made


@pytest.fixture(scope="module", params=sorted(VERSIONS))
def rendered(request: pytest.FixtureRequest, folder: Path) -> tuple[str, list[Object]]:
    """A component's name and all that its charts make, hooks included."""
    name = request.param
    component = COMPONENTS[name]
    wanted = installations(VERSIONS, queues.of(read("cluster")))[name]
    objects: list[Object] = []
    for chart, values in wanted.values.items():
        source = folder / (name if len(component.charts) == 1 else chart)
        words = ["template", chart, str(source), "--namespace", component.namespace, "--kube-version", "1.34.4"]
        objects += render.objects(render.helm([*words, "--include-crds", "--values", "-"], values=values), chart)
    return name, objects


def pods(objects: list[Object]) -> Iterator[Object]:
    for each in objects:
        if each["kind"] in ("Deployment", "DaemonSet", "StatefulSet", "Job"):
            yield each["spec"]["template"]["spec"]


def test_nothing_is_a_hook_or_what_this_program_makes_itself(rendered: tuple[str, list[Object]]) -> None:
    _, objects = rendered
    assert not [each for each in objects if "helm.sh/hook" in (each["metadata"].get("annotations") or {})]
    assert not UNWANTED & {each["kind"] for each in objects}


def test_a_chart_brings_no_secret(rendered: tuple[str, list[Object]]) -> None:
    _, objects = rendered
    secrets = [each for each in objects if each["kind"] == "Secret"]
    assert not any(any((each.get("data") or {}).values()) or each.get("stringData") for each in secrets)


def test_images_are_the_released_ones_and_fetched_once(rendered: tuple[str, list[Object]]) -> None:
    name, objects = rendered
    containers = [each for pod in pods(objects) for each in pod["containers"]]
    assert {each["image"] for each in containers} - NOT_OURS <= {*COMPONENTS[name].images_at(VERSIONS[name])}
    assert containers
    assert all(each.get("imagePullPolicy", "IfNotPresent") == "IfNotPresent" for each in containers)


def test_controllers_keep_to_the_restricted_standard(rendered: tuple[str, list[Object]]) -> None:
    _, objects = rendered
    for pod in pods(objects):
        for each in pod["containers"]:
            security = {**pod.get("securityContext", {}), **each["securityContext"]}
            assert security["runAsNonRoot"] is True
            assert security["seccompProfile"] == {"type": "RuntimeDefault"}
            assert security["allowPrivilegeEscalation"] is False
            assert security["capabilities"] == {"drop": ["ALL"]}


def test_controllers_ask_for_what_the_plan_takes_off_the_quota(rendered: tuple[str, list[Object]]) -> None:
    name, objects = rendered
    asked = [each["resources"]["requests"] for pod in pods(objects) for each in pod["containers"]]
    cpu = sum(quantity.amount(each["cpu"]) or 0 for each in asked)
    memory = sum(quantity.amount(each["memory"]) or 0 for each in asked)
    assert Resources(cpu=int(cpu * 1000), memory=int(memory / 2**20)) == footprint.of_platform([name])
