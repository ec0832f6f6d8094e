"""The stack file of a cluster: what cannot be is answered before anything is touched, with the way out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import hypothesis
import jsonschema
import pytest
import yaml

from infra.kubeflow.versions import COMPONENTS
from infra.plan import queues
from infra.settings import SettingsError, parse, read
from infra.settings.schema import schema
from tests.legal_settings import DETERMINISTIC, legal_cluster
from tests.unit.cases import JARGON, broken, told

STACK = "example"
FILE = f"stacks/Pulumi.{STACK}.yaml"
ILLEGAL = yaml.safe_load((Path(__file__).parent / "illegal_clusters.yaml").read_text())
BASE: dict[str, Any] = ILLEGAL["base"]
CASES: list[dict[str, Any]] = ILLEGAL["cases"]
SCHEMA = jsonschema.Draft202012Validator(schema())
EACH = pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without stacks, in which a test then is."""
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "stacks").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def file_of(values: dict[str, Any]) -> str:
    return yaml.safe_dump({"config": {f"ai-datacenter:{key}": value for key, value in values.items()}})


@EACH
def test_what_cannot_be_is_answered_once_by_its_key_with_what_is_allowed_and_the_fix(
    project: Path, case: dict[str, Any]
) -> None:
    (project / FILE).write_text(file_of(broken(BASE, case)))
    with pytest.raises(SettingsError) as caught:
        queues.of(read(STACK))
    first, second = str(caught.value).split("\n")
    assert first == told(BASE, case, f"{FILE}: ai-datacenter:")
    assert [words for words in case["says"] if words not in second] == []
    assert second.endswith((".", "?"))
    assert not re.search(JARGON + r"|(?<!\.)\.\.(?!\.)|\. \.|\?\.", second)


def test_the_base_is_legal_and_every_case_breaks_it_by_its_change_alone(project: Path) -> None:
    (project / FILE).write_text(file_of(BASE))
    queues.of(read(STACK))
    assert len({case["name"] for case in CASES}) == len(CASES)
    assert len({json.dumps(broken(BASE, case), sort_keys=True) for case in [{}, *CASES]}) == len(CASES) + 1


@hypothesis.settings(DETERMINISTIC, max_examples=40)
@hypothesis.given(values=legal_cluster())
def test_every_legal_stack_is_accepted_by_the_models_and_by_the_schema(values: dict[str, Any]) -> None:
    settings = parse(STACK, values)
    assert [workload.name for workload in settings.workloads] == [each["name"] for each in values["workloads"]]
    SCHEMA.validate({"config": {f"ai-datacenter:{key}": value for key, value in values.items()}})


def test_services_of_a_cluster_may_ask_for_the_same_port() -> None:
    assert len({each.serve.port for each in parse(STACK, BASE).workloads}) == 1


@pytest.mark.parametrize("namespace", sorted({row.namespace for row in COMPONENTS.values()}))
def test_no_team_is_in_the_namespace_of_a_component(namespace: str) -> None:
    with pytest.raises(SettingsError, match="names a namespace of Kubernetes or of the platform"):
        parse(STACK, broken(BASE, {"change": {"platform.teams[1].name": namespace}}))


def test_a_platform_without_jobs_needs_nothing_that_runs_them() -> None:
    bare = {"change": {"platform.install": ["cert-manager"], "platform.adopt": []}, "remove": ["workloads"]}
    made = parse(STACK, broken(BASE, bare)).platform
    assert made is not None
    assert made.components == {"cert-manager": "1.21.2"}
