"""``python -m infra.preflight --stack NAME``: looks before ``pulumi up`` leaps."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

import google.auth
from google.auth import exceptions as auth_errors
from google.auth.transport.requests import AuthorizedSession
from rich.console import Console

from infra.plan.cost import estimate
from infra.plan.quotas import quotas
from infra.plan.services import services
from infra.preflight import offline, online
from infra.preflight.api import LOGIN, SCOPE, Google
from infra.preflight.checks import Check, Verdict
from infra.preflight.report import Report
from infra.settings import GoogleSettings, Settings, SettingsError, Site, read

NO_CREDENTIALS = f"no Google credentials: checked offline only; {LOGIN} to check quota, APIs and reservations"
WIDTH = 120
"""Characters of a line where there is no terminal to ask."""

DESCRIPTION = """Looks at a stack before it is brought up, and changes nothing.

From the stack file: names, addresses, zones, frameworks, quota and cost. With Google credentials also the project's
APIs, quota, zones and reservations, and the resources that are to be adopted.
"""

EPILOG = """exit codes:
  0  nothing failed; there may be warnings, and checks that could not be made
  1  something failed: the stack would not come up, or not whole
  2  the stack file is not there or not right, or the command was called wrongly
"""


def main(arguments: Sequence[str] | None = None, connect: Callable[[], Google | None] | None = None) -> int:
    """Runs the preflight and returns its exit code.

    connect:  makes the connection to Google, or None without credentials.
    """
    chosen = _parser().parse_args(arguments)
    try:
        settings = read(chosen.stack)
    except SettingsError as error:
        print(error, file=sys.stderr)
        return 2
    report = _look(chosen.stack, settings, chosen.mode, connect or _connect)
    if chosen.json:
        print(json.dumps(report.as_dict(), indent=2, ensure_ascii=False))
    else:
        report.print(_console())
    return 1 if report.failed else 0


def _look(stack: str, settings: Settings, mode: str, connect: Callable[[], Google | None]) -> Report:
    if settings.site is not Site.GOOGLE or settings.google is None:
        said = f"the {settings.site} site asks nothing of a cloud; there is nothing to check"
        return Report(stack, settings.site.value, said)
    wanted = settings.google
    checks = offline.check(stack, wanted, datetime.now(tz=UTC).date())
    google = None if mode == "offline" else connect()
    if google is not None:
        said = "checked offline and with Google"
        checks += online.check(google, wanted)
    else:
        checks += online.not_asked(wanted)
        said = "checked offline only, as asked" if mode == "offline" else NO_CREDENTIALS
        if mode == "online":
            checks.append(Check("credentials", wanted.project, Verdict.FAIL, "no Google credentials found", LOGIN))
    return _report(stack, wanted, checks, said, google is not None)


def _report(stack: str, wanted: GoogleSettings, checks: list[Check], said: str, asked: bool) -> Report:
    return Report(
        stack=stack,
        site=Site.GOOGLE.value,
        mode=said,
        online=asked,
        checks=tuple(checks),
        needs=tuple(quotas(wanted)),
        cost=estimate(wanted),
        project=wanted.project,
        region=wanted.region,
        services=services(wanted),
    )


def _connect() -> Google | None:
    try:
        credentials, _ = google.auth.default(scopes=[SCOPE])
    except auth_errors.GoogleAuthError:  # none anywhere, or a file of credentials that is none
        return None
    return Google(AuthorizedSession(credentials))  # type: ignore[no-untyped-call]


def _console() -> Console:
    """Plain text where nobody looks: no colour, and lines that do not depend on who runs it."""
    console = Console()
    return console if console.is_terminal else Console(width=WIDTH, no_color=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m infra.preflight",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", required=True, metavar="NAME", help="read stacks/Pulumi.NAME.yaml")
    where = parser.add_mutually_exclusive_group()
    where.add_argument(
        "--online", dest="mode", action="store_const", const="online", default="auto", help="fail without credentials"
    )
    where.add_argument("--offline", dest="mode", action="store_const", const="offline", help="ask Google nothing")
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    return parser


if __name__ == "__main__":
    sys.exit(main())
