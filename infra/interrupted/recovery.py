"""Resources that may have been made while nobody was left to note it.

The engine notes a creation before it asks for it, and what came of it afterwards. An engine that is killed in between
leaves a pending creation. The next `up` knows nothing of the resource and asks again: Google refuses (409), or makes a
second one of what it numbers itself.

So what is pending goes among the resources, under the id that it has if it is there, and without outputs. A refresh
then reads it as an import does, and takes it out again when there is none. ``pulumi refresh --import-pending-creates``
does not do: 3.259 notes a pending import, which no part of the engine works off and the next save drops.
"""

from __future__ import annotations

import fnmatch
import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import quote

import yaml

Json = dict[str, Any]
Ask = Callable[[str, str, str], list[Json]]
"""Host's first word, path and key of a list: what Google lists there. Raises LookupError with the reason."""

WAYS = Path(__file__).parent / "ways.yaml"
PART = re.compile(r"\{(\w+)(?::(last|quoted))?\}")


@dataclass
class Mended:
    """A state in which no creation is pending but those of ``unclear``.

    deployment:  as `pulumi stack import` takes it.
    look:        URNs of which a refresh must say whether and how they are there.
    again:       URNs that the next `up` makes, as making them twice does no harm or they are not there.
    unclear:     why a creation stays pending, by URN.
    """

    deployment: Json
    look: list[str] = field(default_factory=list)
    again: list[str] = field(default_factory=list)
    unclear: dict[str, str] = field(default_factory=dict)


def is_interrupted(deployment: Json) -> bool:
    """Whether an engine ended in the middle of something."""
    return bool(deployment.get("pending_operations"))


def mend(deployment: Json, ask: Ask) -> Mended:
    """Gives every pending creation a place. ``deployment`` is left as it is."""
    mended = Mended(json.loads(json.dumps(deployment)))
    resources: list[Json] = mended.deployment.setdefault("resources", [])
    stay = []
    for operation in mended.deployment.get("pending_operations") or []:
        resource, kind = operation["resource"], operation["type"]
        urn = resource["urn"]
        if kind != "creating":  # the resource is in the state, as it was before; the refresh drops the note
            mended.look += [urn] if any(each["urn"] == urn for each in resources) else []
            stay.append(operation)
            continue
        if any(_same(each, resource) for each in resources):
            continue  # it was made since
        try:
            identity = _identity(resource, resources, ask)
        except LookupError as error:
            mended.unclear[urn] = str(error.args[0])
            stay.append(operation)
            continue
        if identity:
            _place(resources, {**resource, "id": identity, "outputs": {}})
            mended.look.append(urn)
        else:
            mended.again.append(urn)
    mended.deployment["pending_operations"] = stay
    return mended


def way_of(token: str) -> Json | None:
    """The row of ``ways.yaml`` for a type; None when there is none."""
    return next((way for pattern, way in _ways().items() if fnmatch.fnmatchcase(token, pattern)), None)


def render(template: str, values: Mapping[str, Any]) -> str:
    """A template's text. Raises LookupError for a value that is not known."""

    def part(found: re.Match[str]) -> str:
        name, how = found.groups()
        if not isinstance(values.get(name), str):
            raise LookupError(f"its {name} is not in the state")
        value: str = values[name]
        return {"last": value.rpartition("/")[2], "quoted": quote(value, safe="")}.get(how, value)

    return PART.sub(part, template)


@cache
def _ways() -> dict[str, Json]:
    found: dict[str, Json] = yaml.safe_load(WAYS.read_text())
    return found


def _identity(resource: Json, resources: list[Json], ask: Ask) -> str:
    """The id that it has if it is there; "" when it is not, or when making it again does no harm."""
    way = way_of(resource["type"])
    if way is None:
        raise LookupError(f"ids of {resource['type']} are not known; {WAYS.name} says what is")
    if way.get("again"):
        return ""
    inputs = resource.get("inputs", {})
    condition = inputs.get("condition")
    values = {**_settings(resource, resources), **inputs, "title": f" {condition['title']}" if condition else ""}
    if "id" in way:
        return render(way["id"], values)
    return _numbered(way["list"], values, {each.get("id") for each in resources}, ask)


def _numbered(way: Json, values: Mapping[str, Any], taken: set[Any], ask: Ask) -> str:
    said = json.loads(values[way["inside"]]) if "inside" in way else values
    name = said.get("displayName")
    there = ask(way["host"], render(way["path"], values), way["key"])
    found = [each["name"] for each in there if each.get("displayName") == name and each["name"] not in taken]
    if len(found) > 1:
        raise LookupError(f"there are {len(found)} called {name!r}, and any may be the one: {', '.join(found)}")
    return str(found[0]) if found else ""


def _settings(resource: Json, resources: list[Json]) -> Json:
    """Of its provider, such as the project."""
    provider = str(resource.get("provider", "")).rpartition("::")[0]
    return next((dict(each.get("inputs", {})) for each in resources if each["urn"] == provider), {})


def _same(there: Json, wanted: Json) -> bool:
    return bool(
        there["urn"] == wanted["urn"]
        and not there.get("delete")
        and not there.get("pendingReplacement")
        and there.get("inputs") == wanted.get("inputs")
    )


def _place(resources: list[Json], new: Json) -> None:
    """Puts it at its end or, when it replaces one, at that one's place, before what depends on it.

    One that was to be deleted after it is marked so; one that was deleted before it is gone.
    """
    old = next((each for each in resources if each["urn"] == new["urn"] and not each.get("delete")), None)
    if old is None:
        resources.append(new)
        return
    resources[resources.index(old)] = new
    if not old.pop("pendingReplacement", False):
        resources.append({**old, "delete": True})
