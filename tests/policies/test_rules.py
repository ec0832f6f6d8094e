"""Every rule, in every situation that its property can be in."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from policies.resource import UNKNOWN
from policies.review import Kind
from policies.rules import FAMILIES, RULES
from policies.waivers import Waiver, Waivers
from tests.policies.cases import FILE, REMOVED, TODAY, Case, Shipped, judged, stack_with, with_value

EXPECTED = {"broken": {Kind.BROKEN}, "not-yet": {Kind.NOT_YET}, "holds": set[Kind]()}
OF_ANOTHER_TYPE: dict[type, Any] = {str: 7, bool: "yes", int: "many", list: "text", dict: "text"}
ONE_OF_EACH = list({case.rule: case for case in Case.all()}.values())
"""Of each rule the largest stack that it is about."""
WITH_A_PROPERTY = [case for case in ONE_OF_EACH if case.guarded and not case.guarded.startswith("@")]


def kinds(case: Case, shipped: Shipped, value: object, waivers: Waivers | None = None) -> set[Kind]:
    """What the case's rule says of its resource with that value, in its stack."""
    resource = with_value(case.resource(shipped(case.stack)), case.guarded, value)
    found = judged(case, stack_with(shipped(case.stack), *case.beside(), resource), waivers=waivers, only=case.rule)
    return {each.kind for each in found if each.urn == resource.urn or each.rule.check_stack}


def test_every_rule_has_a_case_and_every_case_a_rule() -> None:
    assert set(FILE["cases"]) == set(RULES)
    assert len(RULES) == sum(len(family.RULES) for family in FAMILIES) >= 76


@pytest.mark.parametrize("rule", RULES.values(), ids=str)
def test_a_rule_tells_a_reader_all_that_they_need(rule: Any) -> None:
    for text in (rule.title, rule.must, rule.why, rule.fix):
        assert 10 < len(text) < 140
    assert rule.why.endswith(".")
    assert rule.fix.endswith(".")
    assert rule.sources
    assert rule.types
    assert (rule.check is None) != (rule.check_stack is None)


@pytest.mark.parametrize("case", [each for each in ONE_OF_EACH if "made-is" not in each.row], ids=str)
def test_a_rule_holds_where_it_should(case: Case, shipped: Shipped) -> None:
    resource = case.resource(shipped(case.stack))
    found = judged(case, stack_with(shipped(case.stack), *case.beside(), resource), only=case.rule)
    assert [each.text for each in found if each.urn == resource.urn] == []


@pytest.mark.parametrize("case", WITH_A_PROPERTY, ids=str)
def test_a_rule_does_not_take_a_missing_value_for_the_right_one(case: Case, shipped: Shipped) -> None:
    assert kinds(case, shipped, REMOVED) == EXPECTED[case.row.get("absent", "broken")]


@pytest.mark.parametrize("case", WITH_A_PROPERTY, ids=str)
def test_a_rule_tells_that_a_preview_does_not_know_what_it_needs(case: Case, shipped: Shipped) -> None:
    assert kinds(case, shipped, UNKNOWN) == EXPECTED[case.row.get("unknown", "not-yet")]


@pytest.mark.parametrize("case", WITH_A_PROPERTY, ids=str)
def test_a_rule_breaks_on_a_value_of_another_type(case: Case, shipped: Shipped) -> None:
    value = OF_ANOTHER_TYPE[type(case.breaking)]
    assert kinds(case, shipped, value) == EXPECTED[case.row.get("wrong", "broken")]


@pytest.mark.parametrize("case", WITH_A_PROPERTY, ids=str)
def test_a_waiver_lets_off_what_can_be_waived_and_is_told(case: Case, shipped: Shipped) -> None:
    waiver = Waiver(
        id="one",
        stacks=(case.stack,),
        rules=(case.rule,),
        targets=("*",),
        reason="as the test of waivers wants it to be",
        owner="somebody",
        approver="somebody else",
        granted=TODAY,
        expires=TODAY + timedelta(days=30),
    )
    assert kinds(case, shipped, case.breaking, Waivers(TODAY, (waiver,))) == {Kind.WAIVED}
