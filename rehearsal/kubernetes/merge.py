"""Server-side apply by one manager: what it applied before and does not want now goes, what others set stays.

Of what goes, all that is inside of it goes too; who else owns what is not kept count of, so nothing conflicts.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rehearsal.kubernetes.api import Json
from rehearsal.kubernetes.schema import Walk


def applied(walk: Walk, schema: Json, live: Any, before: Any, wanted: Any) -> Any:
    """``live`` brought to ``wanted``. ``before``: what was wanted the last time; None is nothing."""
    schema = walk.resolved(schema)
    if isinstance(wanted, dict) and isinstance(live, dict) and schema.get("x-kubernetes-map-type") != "atomic":
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        before = before if isinstance(before, dict) else {}
        return _joined(
            walk, lambda name: known.get(name, others if isinstance(others, dict) else {}), live, before, wanted
        )
    keys = _keys(walk, schema)
    if keys and isinstance(wanted, list) and isinstance(live, list):
        marked = [{_mark(each, keys): each for each in some or ()} for some in (live, before, wanted)]
        return list(_joined(walk, lambda _: schema["items"], *marked).values())
    if schema.get("x-kubernetes-list-type") == "set" and isinstance(wanted, list):
        gone = [each for each in before or () if each not in wanted]
        return [*wanted, *(each for each in live or () if each not in wanted and each not in gone)]
    return wanted


def _joined(walk: Walk, schema_of: Any, live: dict[Any, Any], before: dict[Any, Any], wanted: dict[Any, Any]) -> Any:
    kept = {name: each for name, each in live.items() if name in wanted or name not in before}
    ordered = [*wanted, *(name for name in kept if name not in wanted)]
    return {
        name: applied(walk, schema_of(name), kept.get(name), before.get(name), wanted[name])
        if name in wanted
        else kept[name]
        for name in ordered
    }


def _keys(walk: Walk, schema: Json) -> dict[str, Any]:
    """Fields that tell the items of a list apart, with their defaults."""
    if schema.get("x-kubernetes-list-type") != "map":
        return {}
    fields = walk.resolved(schema["items"]).get("properties", {})
    names: Iterable[str] = schema["x-kubernetes-list-map-keys"]
    return {name: fields.get(name, {}).get("default") for name in names}


def _mark(item: Json, keys: dict[str, Any]) -> tuple[Any, ...]:
    return tuple(item.get(name, default) for name, default in keys.items())
