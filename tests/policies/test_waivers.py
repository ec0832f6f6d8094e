"""An exception counts only while somebody argues for it, somebody else approved it, and something needs it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from policies import configuration, waivers
from policies.resource import Resource
from policies.review import Kind, Review, review
from policies.rules import RULES

TODAY = date(2026, 11, 23)
URN = "urn:pulumi:dev::ai-datacenter::gcp:storage/bucket:Bucket::storage-logs"
GOOD = {
    "id": "logs",
    "stacks": ["dev"],
    "rules": ["DATA-03"],
    "targets": ["*::storage-logs"],
    "reason": "An older exporter writes with access lists until it is replaced.",
    "owner": "ml-platform",
    "approver": "security",
    "granted": date(2026, 11, 1),
    "expires": date(2026, 12, 31),
}


def reviewed(tmp_path: Path, *rows: Any, uniform: bool = False) -> Review:
    """One bucket, whose access is uniform or not, with these waivers."""
    file = tmp_path / "waivers.yaml"
    file.write_text(yaml.safe_dump(list(rows)))
    bucket = Resource(URN, "gcp:storage/bucket:Bucket", {"uniformBucketLevelAccess": uniform})
    rules = {"DATA-03": RULES["DATA-03"]}
    return review("dev", [bucket], rules, configuration.load("dev"), waivers.load("dev", RULES, TODAY, file))


def test_a_waiver_that_counts_lets_off_and_is_told(tmp_path: Path) -> None:
    made = reviewed(tmp_path, GOOD)
    assert made.passes
    (finding,) = made.findings
    assert finding.kind is Kind.WAIVED
    assert "waiver logs, to 2026-12-31" in finding.text
    assert [each.id for each in made.in_force] == ["logs"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"expires": date(2026, 11, 22)}, "expired on 2026-11-22"),
        ({"expires": date(2027, 2, 1)}, "holds for more than 90 days"),
        ({"approver": "ml-platform"}, "approved their own"),
        ({"rules": ["DATA-99"]}, "there is no rule 'DATA-99'"),
        ({"rules": ["IAM-01"]}, "nobody can be let off IAM-01"),
        ({"reason": "because"}, "reason"),
        ({"owner": None}, "owner"),
        ({"until": "later"}, "until"),
    ],
    ids=str,
)
def test_a_waiver_that_does_not_count_stops_the_change_and_lets_nothing_off(
    tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    made = reviewed(tmp_path, GOOD | change)
    assert not made.passes
    assert {each.rule.id for each in made.findings if each.stops} == {"DATA-03", "POL-01"}
    assert said in next(each.text for each in made.findings if each.rule.id == "POL-01")


def test_a_waiver_that_nothing_needs_stops_the_change(tmp_path: Path) -> None:
    made = reviewed(tmp_path, GOOD, uniform=True)
    assert [each.text for each in made.findings if each.stops] == [
        "waiver logs lets nothing off: remove it, or correct its rules and targets"
    ]


def test_a_waiver_of_another_stack_is_not_looked_at(tmp_path: Path) -> None:
    made = reviewed(tmp_path, GOOD | {"stacks": ["prod"]})
    assert [each.rule.id for each in made.findings] == ["DATA-03"]


def test_two_waivers_of_one_name_are_none(tmp_path: Path) -> None:
    made = reviewed(tmp_path, GOOD, GOOD)
    assert {each.rule.id for each in made.findings if each.stops} == {"DATA-03", "POL-01"}


def test_the_end_of_a_waiver_is_told_two_weeks_before(tmp_path: Path) -> None:
    made = reviewed(tmp_path, GOOD | {"expires": date(2026, 12, 3)})
    assert made.passes
    assert "waiver logs ends in 10 days" in [each.text for each in made.findings]


@pytest.mark.parametrize("stack", ["dev", "staging", "prod", "local"])
def test_the_shipped_waivers_count(stack: str) -> None:
    assert waivers.load(stack, RULES, TODAY).wrong == ()
