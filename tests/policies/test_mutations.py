"""Flipping what a rule guards, in every shipped stack, breaks that rule and no other."""

from __future__ import annotations

import pytest

from policies.review import Finding, Kind
from tests.policies.cases import Case, Shipped, judged, stack_with, with_value


def told(findings: list[Finding]) -> set[tuple[str, str, str, Kind]]:
    return {(each.rule.id, each.urn, each.text, each.kind) for each in findings}


@pytest.mark.parametrize("case", Case.all(), ids=str)
def test_flipping_a_guarded_property_breaks_its_rule_and_no_other(case: Case, shipped: Shipped) -> None:
    stack = shipped(case.stack)
    resource = case.resource(stack)
    before = stack_with(stack, *case.beside(), resource) if "made-is" not in case.row else stack
    broken = with_value(resource, case.guarded, case.breaking) if case.guarded else resource
    after = stack_with(stack, *case.beside(), broken)
    new = told(judged(case, after, breaks=True)) - told(judged(case, before))
    assert case.rule in {rule for rule, _, _, kind in new if kind is Kind.BROKEN}, sorted(new)
    assert {rule for rule, *_ in new} <= {case.rule} | case.collateral, sorted(new)
