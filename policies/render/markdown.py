"""Findings for a pull request."""

from __future__ import annotations

from collections.abc import Sequence

from policies.render.text import grouped, summary, where
from policies.review import Finding
from policies.waivers import Waiver

MARKER = "<!-- policies -->"
"""What a workflow finds its own comment by, to bring it up to date instead of adding one."""


def of(findings: Sequence[Finding], waivers: Sequence[Waiver]) -> str:
    """All findings, a table for each severity; what is only told is folded away."""
    lines = [MARKER, f"### {summary(findings).capitalize()}", ""]
    for heading, those in grouped(findings):
        folded = not any(same[0].stops for same in those)
        title = f"{heading.capitalize()} ({sum(map(len, those))})"
        lines += [f"<details><summary>{title}</summary>" if folded else f"#### {title}", ""]
        lines += ["| Do | What is wrong | Where | Rule |", "| --- | --- | --- | --- |"]
        lines += [_row(same) for same in those]
        lines += ["", *(["</details>", ""] if folded else [])]
    if waivers:
        lines += ["#### Waivers in force", "", *(f"- {_cell(str(each))}" for each in waivers), ""]
    return "\n".join(lines).rstrip() + "\n"


def _row(same: Sequence[Finding]) -> str:
    rule = same[0].rule
    cells = (rule.fix, same[0].text, where(same), f"{rule.id}: {rule.title}")
    return f"| {' | '.join(map(_cell, cells))} |"


def _cell(text: str) -> str:
    """Text that neither ends its cell nor becomes markup: names in it are other people's."""
    for character, safe in (("&", "&amp;"), ("<", "&lt;"), (">", "&gt;"), ("|", "&#124;"), ("\n", " "), ("@", "&#64;")):
        text = text.replace(character, safe)
    return text
