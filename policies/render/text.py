"""Findings for a terminal: the worst first, and of each the fix first."""

from __future__ import annotations

from collections.abc import Sequence

from policies.review import Finding, Kind
from policies.rule import Severity
from policies.waivers import Waiver

SHOWN = 5
"""Of the resources that one thing is wrong with; more are counted."""


def of_finding(finding: Finding) -> str:
    """One finding: what to do, what is wrong, why it matters."""
    rule = finding.rule
    if finding.kind is not Kind.BROKEN:
        return f"{rule.id} {finding.kind}: {finding.text}\n  {rule.title}."
    return f"{rule.id} {rule.severity}: {rule.fix}\n  {finding.text}\n  {rule.why}"


def of(findings: Sequence[Finding], waivers: Sequence[Waiver]) -> str:
    """All findings, grouped by severity, what stops the change before what is only told."""
    lines: list[str] = []
    for heading, those in grouped(findings):
        lines += [heading, ""]
        for same in those:
            lines += [of_finding(same[0]), f"  {where(same)}", ""]
    lines += [f"waiver in force: {each}" for each in waivers]
    return "\n".join([*lines, summary(findings)]) + "\n"


def grouped(findings: Sequence[Finding]) -> list[tuple[str, list[list[Finding]]]]:
    """Headings, and below each what is wrong: one rule in one way, with all that it is wrong with."""
    groups: dict[str, dict[tuple[str, str], list[Finding]]] = {
        **{severity.value.upper(): {} for severity in Severity},
        **{heading: {} for heading in ("ADVICE", "NOT CHECKABLE YET", "WAIVED")},
    }
    for each in findings:
        groups[_heading(each)].setdefault((each.rule.id, each.text), []).append(each)
    return [(heading, list(those.values())) for heading, those in groups.items() if those]


def _heading(finding: Finding) -> str:
    if finding.kind is Kind.BROKEN:
        return finding.rule.severity.upper() if finding.stops else "ADVICE"
    return finding.kind.upper()


def where(same: Sequence[Finding]) -> str:
    """The resources, by type and name."""
    names = [f"{each.type} {each.name}" for each in same]
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    return ", ".join(names[:SHOWN]) + more


def summary(findings: Sequence[Finding]) -> str:
    """One sentence."""
    stopping = sum(each.stops for each in findings)
    counts = {
        "to be mended first": stopping,
        "advised": sum(each.kind is Kind.BROKEN for each in findings) - stopping,
        "not checkable yet": sum(each.kind is Kind.NOT_YET for each in findings),
        "waived": sum(each.kind is Kind.WAIVED for each in findings),
    }
    told = ", ".join(f"{count} {what}" for what, count in counts.items() if count)
    return f"policies: {'refused' if stopping else 'passed'}" + (f"; {told}" if told else "")
