"""Reads the stack's configuration from the engine and validates all of it at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime import config as engine_config
from pydantic import ValidationError

from infra.settings.errors import PROJECT, SettingsError
from infra.settings.models import Settings


def load() -> Settings:
    """The settings of the stack that the engine runs. Raises SettingsError naming every mistake."""
    return parse(f"stacks/Pulumi.{pulumi.get_stack()}.yaml", _values())


def project_directory() -> Path:
    """Where Pulumi.yaml is. The program's working directory is below it (``main: infra/``)."""
    here = Path.cwd()
    return next(place for place in (here, *here.parents) if (place / "Pulumi.yaml").is_file())


def parse(file: str, values: dict[str, Any]) -> Settings:
    """Validates ``values``, the keys below ``ai-datacenter:`` in ``file``."""
    try:
        settings = Settings.model_validate(values)
    except ValidationError as error:
        raise SettingsError.of(file, Settings, error) from error
    settings._file = file
    return settings


def _values() -> dict[str, Any]:
    """Every key of the project that the stack sets, known or not: ``pulumi.Config`` answers only for keys one asks."""
    config = pulumi.Config(PROJECT)
    keys = {**engine_config.get_config_env(), **engine_config.CONFIG.get()}
    names = [key.removeprefix(f"{PROJECT}:") for key in keys if key.startswith(f"{PROJECT}:")]
    return {name: _structured(config.require(name)) for name in names}


def _structured(text: str) -> Any:
    """The engine hands structured values over as JSON and plain strings as they are."""
    try:
        return json.loads(text)
    except ValueError:
        return text
