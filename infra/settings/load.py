"""Reads a stack's configuration, from the engine or from its file, and validates all of it at once."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from infra.settings import document
from infra.settings.errors import PROJECT, SettingsError
from infra.settings.models import Settings, Site

ENVIRONMENT = r"[a-z]([a-z0-9-]{0,14}[a-z0-9])?"
"""Names of environments on Google Cloud: short enough to begin the name of a service account (30 characters)."""


def load() -> Settings:
    """The settings of the stack that the engine runs. Raises SettingsError naming every mistake."""
    import pulumi  # the preflight reads stack files too, and needs no SDK for it
    from pulumi.runtime import config as engine_config

    config = pulumi.Config(PROJECT)
    # Every key of the project that the stack sets, known or not: ``pulumi.Config`` answers only for keys one asks.
    keys = {**engine_config.get_config_env(), **engine_config.CONFIG.get()}
    names = [key.removeprefix(f"{PROJECT}:") for key in keys if key.startswith(f"{PROJECT}:")]
    return parse(pulumi.get_stack(), {name: _structured(config.require(name)) for name in names})


def read(stack: str) -> Settings:
    """The settings in the file of ``stack``, without the engine. Raises SettingsError naming every mistake."""
    path = project_directory() / _file(stack)
    try:
        content = document.read(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        there = ", ".join(sorted(each.name[7:-5] for each in path.parent.glob("Pulumi.*.yaml")))
        raise SettingsError(f"{_file(stack)}: there is no such stack file. Stacks: {there}") from error
    except UnicodeDecodeError as error:
        raise SettingsError(f"{_file(stack)}: not UTF-8 text; save it as UTF-8") from error
    except document.NotReadable as error:
        raise SettingsError(f"{_file(stack)}: {error}") from error
    config = content.get("config") if isinstance(content, dict) else None
    if not isinstance(config, dict):
        raise SettingsError(f"{_file(stack)}: has no section config; stacks/README.md shows how a stack file looks")
    bare = [key for key in config if key in Settings.model_fields]
    if bare:
        raise SettingsError(
            "\n".join(f"{_file(stack)}: {key} lacks its project; write {PROJECT}:{key}" for key in bare)
        )
    ours = {key: value for key, value in config.items() if str(key).startswith(f"{PROJECT}:")}
    return parse(stack, {key.removeprefix(f"{PROJECT}:"): value for key, value in ours.items()})


def project_directory() -> Path:
    """Where Pulumi.yaml is. The program's working directory is below it (``main: infra/``)."""
    here = Path.cwd()
    return next(place for place in (here, *here.parents) if (place / "Pulumi.yaml").is_file())


def parse(stack: str, values: dict[str, Any]) -> Settings:
    """Validates ``values``, the keys below ``ai-datacenter:`` in the file of ``stack``. Raises SettingsError."""
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError.of(_file(stack), Settings, error) from error
    if settings.site is Site.GOOGLE and not re.fullmatch(ENVIRONMENT, stack):
        raise SettingsError(
            f"{_file(stack)}: the stack's name begins the names of its resources and cannot be {stack}\n"
            "  Allowed on Google Cloud: at most 16 lower-case letters, digits and dashes, a letter first, no dash last."
        )
    if settings.google and (objection := settings.google.objection_to(stack)):
        raise SettingsError(f"{_file(stack)}: the stack cannot be called {stack}\n  {objection}")
    settings._stack = stack
    return settings


def _file(stack: str) -> str:
    return f"stacks/Pulumi.{stack}.yaml"


def _structured(text: str) -> Any:
    """The engine hands structured values over as JSON and plain strings as they are."""
    try:
        return json.loads(text)
    except ValueError:
        return text
