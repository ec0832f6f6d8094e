"""``python -m policies COMMAND``: the rules without an engine.

audit FILE     an exported state (``pulumi stack export --file FILE``) against the rules of its stack.
render FILE    what the pack wrote down of a preview or an `up` (AIDC_POLICY_REPORT names the file).
docs           writes the table of the rules (README.md) and the JSON schema of ``config/*.yaml``.
Exits with 0 when nothing stops the change, 1 when something does, 2 when it could not be looked at.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path

from policies import configuration, state, waivers
from policies.configuration import Level
from policies.render import markdown, sarif, table, text
from policies.review import EXCEPTIONS, Finding, Kind, review
from policies.rules import RULES
from policies.waivers import Waiver

RENDERERS = {"text": text.of, "markdown": markdown.of, "sarif": sarif.of}


def main(arguments: Sequence[str] | None = None, today: date | None = None) -> int:
    """Runs a command; returns its exit status."""
    parsed = _parser().parse_args(arguments)
    today = today or datetime.now(UTC).date()
    try:
        if parsed.command == "docs":
            configuration.SCHEMA.write_text(configuration.schema_text())
            table.FILE.write_text(table.of(RULES))
            return 0
        audit = parsed.command == "audit"
        findings, in_force = _audit(parsed.file, parsed.stack, today) if audit else _recorded(parsed.file)
    except (configuration.Misconfigured, state.Unreadable) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    told = RENDERERS[parsed.format](findings, in_force)
    if parsed.out:
        parsed.out.write_text(told)
        print(text.summary(findings))
    else:
        print(told, end="")
    return 1 if any(each.stops for each in findings) else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m policies", description="The rules without an engine.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name, about in (("audit", "an exported state"), ("render", "what the pack wrote down")):
        command = commands.add_parser(name, help=about)
        command.add_argument("file", type=Path)
        command.add_argument("--format", choices=RENDERERS, default="text")
        command.add_argument("--out", type=Path, help="write there, and print one line")
        if name == "audit":
            command.add_argument("--stack", help="whose configuration; else that of the stack's own name")
    commands.add_parser("docs", help="write the table of the rules and the JSON schema of the configuration")
    return parser


def _audit(file: Path, stack: str | None, today: date) -> tuple[list[Finding], Sequence[Waiver]]:
    resources = state.read(file)
    if not resources:
        raise state.Unreadable(f"{file}: the state is empty; bring the stack up, or name another file")
    stack = stack or resources[0].stack
    made = review(stack, resources, RULES, configuration.load(stack), waivers.load(stack, RULES, today))
    return made.findings, made.waivers.in_force


def _recorded(file: Path) -> tuple[list[Finding], Sequence[Waiver]]:
    """The findings of a run; a later line about the same thing, as of an `up` after its preview, counts once."""
    known = {**RULES, EXCEPTIONS.id: EXCEPTIONS}
    try:
        rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
        found = [
            Finding(known[row["rule"]], Kind(row["kind"]), Level(row["level"]), row["urn"], row["text"]) for row in rows
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise state.Unreadable(f"{file}: not what the pack writes down ({error!r})") from error
    return list(dict.fromkeys(found)), ()


if __name__ == "__main__":
    sys.exit(main())
