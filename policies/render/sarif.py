"""Findings as SARIF 2.1.0, which code scanning reads."""

from __future__ import annotations

import json
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from policies.review import Finding, Kind
from policies.rule import Rule, Severity
from policies.waivers import Waiver

SCORES = {Severity.CRITICAL: "9.5", Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "3.0"}
"""``security-severity``, by which GitHub sorts (GitHub, 'SARIF support for code scanning')."""


def of(findings: Sequence[Finding], _: Sequence[Waiver]) -> str:
    """What is broken or waived. What is not checkable yet is nothing that anybody can mend."""
    shown = [each for each in findings if each.kind is not Kind.NOT_YET]
    rules = list({each.rule.id: each.rule for each in shown}.values())
    places = {rule.id: index for index, rule in enumerate(rules)}
    run = {
        "tool": {"driver": {"name": "ai-datacenter policies", "rules": [_rule(each) for each in rules]}},
        "results": [_result(each, places[each.rule.id]) for each in shown],
    }
    return (
        json.dumps(
            {"$schema": "https://json.schemastore.org/sarif-2.1.0.json", "version": "2.1.0", "runs": [run]}, indent=2
        )
        + "\n"
    )


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": rule.why},
        "help": {"text": f"{rule.fix}\n\nMust hold: {rule.must}\n\nSources: {'; '.join(rule.sources)}"},
        "properties": {"security-severity": SCORES[rule.severity], "tags": [rule.family, *rule.sources]},
    }


def _result(finding: Finding, index: int) -> dict[str, Any]:
    stack = finding.urn.split(":")[2]
    result: dict[str, Any] = {
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": "error" if finding.stops else "warning",
        "message": {"text": f"{finding.rule.fix} {finding.text}"},
        # A resource has no line; the stack's own file is where what it is made of is said.
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": f"stacks/Pulumi.{stack}.yaml"},
                    "region": {"startLine": 1},
                },
                "logicalLocations": [{"fullyQualifiedName": finding.urn, "name": finding.name}],
            }
        ],
        "partialFingerprints": {
            "finding/v1": sha256(f"{finding.rule.id} {finding.urn} {finding.text}".encode()).hexdigest()
        },
    }
    if finding.kind is Kind.WAIVED:
        result["suppressions"] = [{"kind": "external", "justification": finding.text}]
    return result
