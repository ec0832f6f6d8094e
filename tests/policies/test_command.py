"""An audit of a state without an engine, and a review as it is read: in a terminal, a pull request, code scanning."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from policies import configuration
from policies.__main__ import main
from policies.render import markdown, table
from policies.review import Finding, Kind
from policies.rules import RULES
from tests.policies.cases import TODAY
from tests.policies.conftest import STACKS

BAD: dict[str, Any] = yaml.safe_load((Path(__file__).parent / "bad_change.yaml").read_text())

ADVISED = {"GKE-20", "NET-05", "TTL-01"}
"""What the program has no setting for yet."""


@pytest.fixture
def bad(exported: Callable[[str], Path], tmp_path: Path) -> Path:
    """The state of dev as it would be after a change that nobody should merge."""
    state = json.loads(exported("dev").read_text())
    rows = [each for each in state["deployment"]["resources"] if not each["type"].endswith(":Budget")]
    rows += [
        {"urn": f"urn:pulumi:dev::ai-datacenter::{each['type']}::{name}", "custom": True, "parent": "component", **each}
        for name, each in BAD["resources"].items()
    ]
    file = tmp_path / "bad.json"
    file.write_text(json.dumps({"version": 3, "deployment": {"resources": rows}}))
    return file


@pytest.mark.parametrize("stack", STACKS)
def test_every_shipped_stack_complies(
    stack: str, exported: Callable[[str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["audit", str(exported(stack))], TODAY) == 0
    said = capsys.readouterr().out
    assert "policies: passed" in said
    assert {word for word in said.split() if word in RULES} <= ADVISED


def test_a_bad_change_is_refused_with_each_fix_in_the_terminal(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(bad)], TODAY) == 1
    said = capsys.readouterr().out
    for rule in BAD["breaks"]:
        assert f"{rule} {RULES[rule].severity}: {RULES[rule].fix}" in said
    assert said.index("CRITICAL") < said.index("HIGH") < said.index("ADVICE")
    assert said.splitlines()[-1].startswith("policies: refused; ")


def test_a_bad_change_is_refused_with_each_fix_in_the_pull_request(bad: Path, tmp_path: Path) -> None:
    assert main(["audit", str(bad), "--format", "markdown", "--out", str(tmp_path / "comment.md")], TODAY) == 1
    said = (tmp_path / "comment.md").read_text()
    assert said.startswith(markdown.MARKER)
    for rule in BAD["breaks"]:
        assert f"| {rule}: " in said
        assert RULES[rule].fix.replace("&", "&amp;").replace("<", "&lt;") in said


def test_a_bad_change_is_refused_with_each_fix_in_code_scanning(bad: Path, tmp_path: Path) -> None:
    assert main(["audit", str(bad), "--format", "sarif", "--out", str(tmp_path / "policies.sarif")], TODAY) == 1
    (run,) = json.loads((tmp_path / "policies.sarif").read_text())["runs"]
    rules = run["tool"]["driver"]["rules"]
    errors = {each["ruleId"]: each for each in run["results"] if each["level"] == "error"}
    assert set(errors) == set(BAD["breaks"])
    for rule, result in errors.items():
        assert result["message"]["text"].startswith(RULES[rule].fix)
        assert rules[result["ruleIndex"]]["id"] == rule
        assert result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "stacks/Pulumi.dev.yaml"
    assert len({each["partialFingerprints"]["finding/v1"] for each in run["results"]}) == len(run["results"])


def test_names_of_resources_cannot_become_markup() -> None:
    urn = "urn:pulumi:dev::p::t::<script>|@everybody"
    rule = RULES["DATA-01"]
    said = markdown.of([Finding(rule, Kind.BROKEN, rule.level, urn, "a | b\n<img>")], ())
    row = next(line for line in said.splitlines() if rule.id in line)
    assert row.count("|") == 5
    assert "<script>" not in said
    assert "<img>" not in said
    assert "@everybody" not in said


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{}", "not an exported state"),
        ("no json", "not an exported state"),
        ('{"deployment": {"resources": []}}', "the state is empty"),
    ],
)
def test_what_is_not_a_state_is_told_and_never_passes(
    content: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "state.json").write_text(content)
    assert main(["audit", str(tmp_path / "state.json")], TODAY) == 2
    assert said in capsys.readouterr().err


def test_a_stack_without_a_configuration_never_passes(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["audit", str(bad), "--stack", "nowhere"], TODAY) == 2
    assert "Copy the one that is most like it: dev, local, prod, staging" in capsys.readouterr().err


def test_what_the_pack_wrote_down_is_rendered(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    row = {"rule": "DATA-01", "kind": "broken", "level": "mandatory", "urn": "urn:pulumi:dev::p::t::logs", "text": "x"}
    (tmp_path / "found.jsonl").write_text(f"{json.dumps(row)}\n{json.dumps(row)}\n")
    assert main(["render", str(tmp_path / "found.jsonl")]) == 1
    assert capsys.readouterr().out.splitlines()[-1] == "policies: refused; 1 to be mended first"
    assert main(["render", str(tmp_path / "nothing-found.jsonl")]) == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"max_exclusion_days": -1}, "max_exclusion_days"),
        ({"surprise": 1}, "surprise"),
        ({"levels": {"DATA-01": "perhaps"}}, "levels.DATA-01"),
    ],
    ids=str,
)
def test_a_mistake_in_a_configuration_is_told_with_its_place(change: dict[str, Any], said: str, tmp_path: Path) -> None:
    good = yaml.safe_load((configuration.FOLDER / "dev.yaml").read_text())
    (tmp_path / "dev.yaml").write_text(yaml.safe_dump(good | change))
    with pytest.raises(configuration.Misconfigured, match=rf"policies/config/dev\.yaml: {said}"):
        configuration.load("dev", tmp_path)


@pytest.mark.parametrize("file", sorted(configuration.FOLDER.glob("*.yaml")), ids=lambda file: file.stem)
def test_a_shipped_configuration_speaks_of_rules_that_there_are(file: Path) -> None:
    assert set(configuration.load(file.stem).levels) <= set(RULES)


def test_the_written_pages_are_what_the_code_says() -> None:
    assert configuration.SCHEMA.read_text() == configuration.schema_text(), "run: python -m policies docs"
    assert table.FILE.read_text() == table.of(RULES), "run: python -m policies docs"
