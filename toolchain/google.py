"""What a stack on Google Cloud needs of the machine that previews or deploys it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from toolchain import cache

STAND_INS = cache.PROJECT / "rehearsal" / "plugins"
LOGIN = "gcloud auth application-default login"

WITHOUT_CREDENTIALS = f"""\
no Google credentials: previewing {{stack}} with a stand-in for the Google provider, which asks Google nothing.
It shows what the program declares, not whether Google would take it, and compares with an empty project.
What follows warns of pulumi-resource-gcp from $PATH: that is the stand-in, as expected. [unknown] is what only Google
knows, such as addresses that it gives.
For a preview of the real one: {LOGIN}
"""

BACKEND_NOT_ASKED = "PULUMI_BACKEND_URL is set, and is not asked: a preview with a stand-in has a state of its own.\n"


def is_site_of(stack: str) -> bool:
    """Whether ``stack`` is on Google Cloud."""
    file = Path("stacks") / f"Pulumi.{stack}.yaml"
    text = file.read_text(errors="replace") if file.is_file() else ""
    return re.search(r"^\s*[\"']?ai-datacenter:site[\"']?:\s*[\"']?google\b", text, re.MULTILINE) is not None


def has_credentials() -> bool:
    """Whether there are Application Default Credentials, or a token in their place, where Google's libraries look.

    Those of a virtual machine are not looked for, as that takes a request: GOOGLE_OAUTH_ACCESS_TOKEN or
    GOOGLE_APPLICATION_CREDENTIALS says them.
    """
    named = ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_OAUTH_ACCESS_TOKEN", "GOOGLE_CREDENTIALS")
    if any(os.environ.get(name) for name in named):
        return True
    folder = os.environ.get("CLOUDSDK_CONFIG") or str(Path.home() / ".config" / "gcloud")
    return (Path(folder) / "application_default_credentials.json").is_file()


def opening_of_a_stand_in(stack: str) -> str:
    """What a preview with a stand-in begins with."""
    return WITHOUT_CREDENTIALS.format(stack=stack) + (BACKEND_NOT_ASKED if os.environ.get("PULUMI_BACKEND_URL") else "")


def keeps_state() -> bool:
    """Whether the team's state is in a bucket of Google's, which is read with credentials."""
    return os.environ.get("PULUMI_BACKEND_URL", "").startswith("gs://")


def require_credentials(stack: str, command: str) -> None:
    """Raises SetupError when there are none."""
    if not has_credentials():
        raise cache.SetupError(
            f"STACK = {stack!r} is on Google Cloud, and there are no Google credentials for {command}.\n"
            f"  Run: {LOGIN}\n"
            f"  Without any: make preview STACK={stack}, make preflight STACK={stack}"
        )


def engine_environment(surroundings: dict) -> dict:
    """The engine's environment with the vendor's provider, which the engine fetches when it is not there.

    Where the state is kept and what encrypts its secrets is the team's: PULUMI_BACKEND_URL and PULUMI_CONFIG_PASSPHRASE
    hold when they are set.
    """
    of_the_team = (
        "PULUMI_BACKEND_URL",
        "PULUMI_CONFIG_PASSPHRASE",
        "PULUMI_CONFIG_PASSPHRASE_FILE",
        "PULUMI_ACCESS_TOKEN",
    )
    chosen = {name: os.environ[name] for name in of_the_team if name in os.environ}
    if "PULUMI_CONFIG_PASSPHRASE_FILE" in chosen:
        surroundings = {name: value for name, value in surroundings.items() if name != "PULUMI_CONFIG_PASSPHRASE"}
    return {**surroundings, **chosen, "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "false"}


def without_stand_ins(surroundings: Mapping) -> dict:
    """An environment in which nothing leads to a stand-in or to a simulated cloud: what is real never meets one."""
    kept = {name: value for name, value in surroundings.items() if not name.startswith("AIDC_REHEARSAL_")}
    if "PATH" in kept:
        folders = [each for each in kept["PATH"].split(os.pathsep) if Path(each).absolute() != STAND_INS]
        kept["PATH"] = os.pathsep.join(folders)
    return kept


def stand_in_environment(surroundings: dict) -> dict:
    """The engine's environment with the stand-in in the provider's place."""
    return {**surroundings, "PATH": os.pathsep.join([str(STAND_INS), surroundings["PATH"]])}
