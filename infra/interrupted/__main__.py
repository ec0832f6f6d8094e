"""``python -m infra.interrupted --stack NAME``: lets a stack go on after an `up` that was cut off.

Runs before an `up`, a refresh and a destroy. Does nothing, in a second, when nothing was interrupted. It needs the
engine on PATH and its environment, as ``toolchain.stack`` makes it. AIDC_GOOGLE_ENDPOINT names another address for
Google's APIs, on loopback, which is asked without credentials.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import google.auth
import requests
from google.auth import exceptions as auth_errors
from google.auth.transport.requests import AuthorizedSession

from infra.interrupted.recovery import Json, Mended, is_interrupted, mend
from infra.preflight.api import LOGIN, Google, Refused

ENDPOINT_VARIABLE = "AIDC_GOOGLE_ENDPOINT"
SCOPE = "https://www.googleapis.com/auth/cloud-platform"
NEW = "no stack named"
"""What the engine says of a stack that the next `up` makes."""

EPILOG = """exit codes:
  0  there was nothing to mend, or it is mended; what stays unclear is told
  1  the state could not be read or written, such as while another engine works on the stack
"""


class EngineError(Exception):
    """A command of the engine that failed, in its own words."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Mends the stack, tells what was done, and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m infra.interrupted",
        description="Finds what an interrupted `up` may have made, and lets the stack go on from there.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", required=True, metavar="NAME")
    stack = parser.parse_args(arguments).stack
    try:
        exported = json.loads(_pulumi("stack", "export", stack=stack))
    except EngineError as error:
        if NEW in str(error):
            return 0
        print(f"error: the state of {stack} cannot be read: {error}", file=sys.stderr)
        return 1
    if not is_interrupted(exported["deployment"] or {}):
        return 0
    try:
        mended = mend(exported["deployment"], _ask)
        _write({**exported, "deployment": mended.deployment}, stack)
        if mended.look:
            targets = [f"--target={urn}" for urn in dict.fromkeys(mended.look)]
            _pulumi("refresh", "--yes", "--skip-preview", *targets, stack=stack)
        there = {each["urn"] for each in json.loads(_pulumi("stack", "export", stack=stack))["deployment"]["resources"]}
    except EngineError as error:
        print(f"error: an `up` of {stack} was interrupted, and its state cannot be mended: {error}", file=sys.stderr)
        print(
            f"What is not of this stack goes out of its state: pulumi state delete URN --stack {stack}", file=sys.stderr
        )
        return 1
    print("\n".join(_told(stack, mended, there)), flush=True)
    return 0


def _told(stack: str, mended: Mended, there: set[str]) -> list[str]:
    made = [urn for urn in mended.look if urn in there]
    again = [*mended.again, *(urn for urn in mended.look if urn not in there)]
    lines = [f"an earlier run on {stack} was interrupted:"]
    lines += [f"  {_name(urn)} is there, and is in the state" for urn in made]
    lines += [f"  {_name(urn)} is made when `up` comes to it" for urn in again]
    lines += [
        f"  {_name(urn)} may or may not be there: {reason}. Look in the console: if it is there, delete it, or take it "
        "into the state with `pulumi import`. Then `pulumi refresh --clear-pending-creates` ends this note"
        for urn, reason in mended.unclear.items()
    ]
    return lines


def _name(urn: str) -> str:
    token, _, name = urn.partition("::")[2].partition("::")[2].rpartition("::")
    return f"{token.rpartition('$')[2]} {name}"


def _ask(host: str, path: str, key: str) -> list[Json]:
    try:
        return list(Google(_session(), os.environ.get(ENDPOINT_VARIABLE)).pages(host, path, key))
    except Refused as refused:
        raise LookupError(f"{refused.detail}; {refused.fix}") from refused
    except auth_errors.GoogleAuthError as error:
        raise LookupError(f"no Google credentials; {LOGIN}") from error


def _session() -> Any:
    """One with credentials, or without when it is this machine that is asked."""
    endpoint = os.environ.get(ENDPOINT_VARIABLE)
    if endpoint is None:
        credentials, _ = google.auth.default(scopes=[SCOPE])
        return AuthorizedSession(credentials)  # type: ignore[no-untyped-call]
    if urlsplit(endpoint).hostname != "127.0.0.1":
        raise LookupError(f"{ENDPOINT_VARIABLE} = {endpoint!r}: must be on 127.0.0.1")
    session = requests.Session()
    session.trust_env = False  # no proxy is asked for what is on this machine
    return session


def _write(exported: Json, stack: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mended.json"
        file.write_text(json.dumps(exported))
        _pulumi("stack", "import", "--file", str(file), stack=stack)


def _pulumi(*arguments: str, stack: str) -> str:
    command = ["pulumi", *arguments, "--stack", stack, "--non-interactive"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise EngineError(done.stderr.strip() or done.stdout.strip()[-2000:])
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
