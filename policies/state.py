"""The resources of an exported state: ``pulumi stack export``, or the engine's own checkpoint."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from policies.resource import UNKNOWN, Resource

UNKNOWNS = {
    "04da6b54-80e4-46f7-96ec-b56ff0331ba9",
    "1c4a061d-8072-4f0a-a4cb-0ff528b18fe7",
    "3eeb2bf0-c639-47a8-9e75-3b44932eb421",
    "6a19a0b0-7e62-4c92-b797-7f8e31da9cc2",
    "030794c1-ac77-496b-92df-f27374a8bd58",
    "e48ece36-62e2-4504-bad9-02848725956a",
    "dd056dcd-154b-4c76-9bd3-c8f88648b5ff",
}
"""What the engine writes for a value that is not known yet, by its type (pulumi_policy/proxy.py)."""

SIGNATURE = "4dabf18193072939515e22adb298388d"
"""Marks a mapping that stands for a secret or a file; a rule does not look into either."""


class Unreadable(Exception):
    """A file is not an exported state; the message says why."""


def plain(value: Any) -> Any:
    """A value of the engine's as a rule reads it. Secrets and files are not known to anybody but the engine."""
    match value:
        case str():
            return UNKNOWN if value in UNKNOWNS else value
        case Mapping() if SIGNATURE in value:
            return UNKNOWN
        case Mapping():
            return {key: plain(each) for key, each in value.items() if not key.startswith("__")}
        case list() | tuple():
            return [plain(each) for each in value]
        case _:
            return value


def read(file: Path) -> list[Resource]:
    """The resources of an exported state. Raises Unreadable."""
    try:
        document = json.loads(file.read_text())
        return resources(document)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise Unreadable(
            f"{file}: not an exported state ({error}).\n  Make one: pulumi stack export --file {file}"
        ) from error


def resources(document: Mapping[str, Any]) -> list[Resource]:
    """The resources of an exported state that are custom, without what is about to be deleted."""
    rows = [each for each in document["deployment"]["resources"] if not each.get("delete")]
    providers = {
        f"{row['urn']}::{row.get('id')}": Resource(row["urn"], row["type"], plain(row.get("inputs") or {}))
        for row in rows
        if row["type"].startswith("pulumi:providers:")
    }
    return [
        Resource(
            urn=row["urn"],
            type=row["type"],
            inputs=plain(row.get("inputs") or {}),
            protected=bool(row.get("protect")),
            parent=parent_of(row.get("parent", "")),
            provider=providers.get(row.get("provider", "")),
            timeouts=bool(row.get("customTimeouts")),
        )
        for row in rows
        if row.get("custom") and not row["type"].startswith("pulumi:providers:")
    ]


def parent_of(urn: str) -> str:
    """The parent that is a component; none where it is the stack."""
    return "" if "::pulumi:pulumi:Stack::" in urn else urn
