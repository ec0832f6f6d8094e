"""A component's chart through the real engine, on a simulated API server: what stays, and what is left alone."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from rehearsal.cloud.store import Cloud
from tests.rehearsal.kubernetes.conftest import Program, cloud, simulated

__all__ = ["cloud", "simulated"]  # fixtures

PROGRAM = """
    from infra.kubeflow.chart import charts, keeper
    from infra.kubeflow.versions import COMPONENTS

    none = pulumi.ResourceOptions()
    charts(COMPONENTS["jobset"], "0.12.0", {"jobset": {}}, keeper("definitions", None, none), none)
"""
FILES = {
    "Chart.yaml": "{apiVersion: v2, name: jobset, version: 0.12.0}",
    "crds/racks.yaml": """
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: racks.example.com}
spec:
  group: example.com
  scope: Namespaced
  names: {kind: Rack, plural: racks}
  versions: [{name: v1, served: true, storage: true, schema: {openAPIV3Schema: {type: object}}}]
""",
    "templates/all.yaml": """
apiVersion: v1
kind: Namespace
metadata: {name: "{{ .Release.Namespace }}"}
---
apiVersion: v1
kind: Secret
metadata: {name: "{{ .Release.Name }}-cert"}
data: {tls.crt: ""}
---
apiVersion: v1
kind: Pod
metadata: {name: "{{ .Release.Name }}-test", annotations: {helm.sh/hook: test}}
spec: {containers: [{name: test, image: "test:1"}]}
""",
}
SECRET = ("kubernetes:core/v1:Secret", "jobset-system/jobset-cert")
DEFINITION = ("kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition", "racks.example.com")


@pytest.fixture
def program(simulated: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    for name, content in FILES.items():
        file = tmp_path / "charts" / "jobset" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    monkeypatch.setenv("AIDC_CHARTS", str(tmp_path / "charts"))
    simulated.write(PROGRAM)
    return simulated


def test_definitions_stay_when_the_chart_goes_and_the_next_takes_them_over(program: Program, cloud: Cloud) -> None:
    done = program.up()
    assert done.passed, done.said
    assert program.destroy().passed
    assert cloud.get(*DEFINITION)
    assert not cloud.get(*SECRET)
    definition = Path(program.folder.parent / "charts" / "jobset" / "crds" / "racks.yaml")
    definition.write_text(definition.read_text().replace("type: object", "type: object, description: later"))
    done = program.up()
    assert done.passed, done.said
    found = cloud.get(*DEFINITION)
    assert found
    assert "later" in str(found.body)


def test_what_a_controller_puts_into_its_secret_is_no_drift_and_hooks_are_not_run(
    program: Program, cloud: Cloud
) -> None:
    done = program.up()
    assert done.passed, done.said
    assert not any("jobset-test" in each["urn"] for each in done.steps)
    secret = cloud.get(*SECRET)
    assert secret
    cloud.drift(replace(secret, body={**secret.body, "data": {"tls.crt": "Y2VydA=="}}))
    assert program.up().nothing
    now = cloud.get(*SECRET)
    assert now
    assert now.body["data"] == {"tls.crt": "Y2VydA=="}
