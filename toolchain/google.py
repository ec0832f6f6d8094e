"""What a stack on Google Cloud needs of the machine that previews or deploys it."""

from __future__ import annotations

import os
from pathlib import Path

from toolchain import cache

LOGIN = "gcloud auth application-default login"

WITHOUT_CREDENTIALS = f"""\
no Google credentials: previewing {{stack}} with a stand-in for the Google provider, which asks Google nothing.
It shows what the program declares, not whether Google would take it, and compares with an empty project.
What follows warns of pulumi-resource-gcp from $PATH: that is the stand-in, as expected. [unknown] is what only Google
knows, such as addresses that it gives.
For a preview of the real one: {LOGIN}
"""

BACKEND_NOT_ASKED = "PULUMI_BACKEND_URL is set, and is not asked: a preview with a stand-in has a state of its own.\n"


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
