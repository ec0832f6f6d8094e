"""The JSON schema of a stack file, which editors complete and check with (``stacks/settings.schema.json``)."""

from __future__ import annotations

import json
from typing import Any

from infra.settings.errors import PROJECT
from infra.settings.models import Settings


def schema() -> dict[str, Any]:
    """The schema of a whole file: the settings under their prefixed keys, and what the engine itself keeps there."""
    settings = Settings.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A stack file of the AI data centre",
        "type": "object",
        "required": ["config"],
        "properties": {
            "config": {
                "type": "object",
                "properties": {f"{PROJECT}:{key}": value for key, value in settings["properties"].items()},
                # Keys of other packages are theirs to check; a key of ours that does not exist is a mistake.
                "patternProperties": {f"^(?!{PROJECT}:)[^:]+:.+$": {}},
                "additionalProperties": False,
            },
            "encryptionsalt": {"type": "string"},
            "encryptedkey": {"type": "string"},
            "secretsprovider": {"type": "string"},
            "environment": {},
        },
        "additionalProperties": False,
        "$defs": settings["$defs"],
    }


def text() -> str:
    """The schema as the file holds it."""
    return json.dumps(schema(), indent=2, ensure_ascii=False) + "\n"
