"""What is mapped is what the SDK has: nothing that a program can set is ignored in silence."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.google import rules, shapes
from rehearsal.google.table import Field, NotServed, row, tokens
from tests.rehearsal.conftest import TOKENS
from toolchain import cache

REFUSED = json.loads((Path(__file__).parent / "refused.json").read_text())


def _fields(fields: dict[str, Field]) -> Iterator[Field]:
    for each in fields.values():
        yield each
        yield from _fields(each.fields)


@pytest.mark.parametrize("token", tokens())
def test_what_is_kept_of_a_type_is_what_the_sdk_says(
    token: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = shapes.shape(token)
    monkeypatch.setattr(shapes, "FOLDER", tmp_path)
    read_anew, read_again = shapes.shape.__wrapped__(token), shapes.shape.__wrapped__(token)
    assert len(list(tmp_path.rglob("*.json"))) == 1
    assert kept == read_anew == read_again


def test_an_environment_that_cannot_be_written_is_no_reason_to_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setattr(shapes, "FOLDER", tmp_path / "file")
    assert shapes.shape.__wrapped__("gcp:compute/network:Network").inputs["mtu"].kind == "integer"


@pytest.mark.parametrize("token", tokens())
def test_each_property_of_the_sdk_is_in_the_body_in_the_address_the_providers_own_or_refused(token: str) -> None:
    mapped = row(token)

    def walk(properties: dict[str, shapes.Property], fields: dict[str, Field]) -> None:
        assert properties.keys() == fields.keys()
        for name, each in properties.items():
            known = fields[name]
            assert known.place in ("body", "address", "provider", "refused")
            assert (known.schema is not None) == (known.place == "body"), known.name
            if known.place == "body":
                walk(each.fields, known.fields)

    walk(mapped.shape.inputs, mapped.fields)


@pytest.mark.parametrize("token", tokens())
def test_what_is_refused_is_known_and_has_a_reason(token: str) -> None:
    refused = {each.name: each.reason for each in _fields(row(token).fields) if each.place == "refused"}
    assert refused == REFUSED.get(token, {})


@pytest.mark.parametrize("token", tokens())
def test_a_row_speaks_of_properties_that_there_are(token: str) -> None:
    mapped = row(token)
    names = {each.name for each in _fields(mapped.fields)}
    said = [*mapped.said.get("rename", {}), *mapped.said.get("reshape", {}), *mapped.said.get("defaults", {})]
    said += [*mapped.provider, *mapped.server, *(mapped["immutable"] or []), *(mapped["shrinks"] or [])]
    said += [path.replace("[]", "") for path in mapped.refers] + list(mapped["parent"] or {})
    assert set(said) <= names
    assert set(mapped.outputs) <= set(mapped.shape.outputs)
    assert set(mapped.refers.values()) | set((mapped["parent"] or {}).values()) <= set(tokens())


PLACES = {"region", "zone", "region_or_zone", "bucket_location"}
ONE_PATH = {
    *("match", "range", "duration", "one_of", "unlike", "needs_key", "zones_within", "of"),
    *("items", "balanced", "known_role"),
}
SEVERAL_PATHS = {
    *("cidr", "ipv4", "not_in", "ports", "apart", "exactly_one", "any_of", "none_of", "not_both", "order"),
    *("powers_of_two", "keys"),
}
RULES = [rule for rule in rules.said() if all("*" not in each for each in rule["types"])]


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_a_rule_has_a_source_and_speaks_of_properties_that_its_types_have(rule: dict[str, Any]) -> None:
    assert rule.get("source") or PLACES & rule.keys()
    for name in rule["types"]:
        known = {each.name for each in _fields(row(f"gcp:{name}").fields)} | {"labels.email_address"}
        for path in _paths(rule):
            assert path.replace("[]", "") in known, f"{name} has no {path}"


def _paths(rule: dict[str, Any]) -> Iterator[str]:
    inside = f"{rule['each']}." if "each" in rule else ""
    for kind in ONE_PATH & rule.keys():
        yield inside + rule[kind]
    for kind in (SEVERAL_PATHS | PLACES) & rule.keys():
        yield from (inside + path for path in rule[kind])
    yield from (inside + path for path in (*rule.get("when", {}), *rule.get("unless", {})))
    yield from rule.get("same_place", {}).values()


def test_every_type_that_the_program_can_declare_is_served() -> None:
    """By the classes that its modules name."""
    program = "\n".join(file.read_text() for file in (cache.PROJECT / "infra").rglob("*.py"))
    used = set(re.findall(r"gcp\.([a-z]+)\.([A-Z]\w+)\(", program))
    resources = {(module, name) for module, name in used if not name.endswith("Args")}
    served = {(token.split(":")[1].partition("/")[0], token.rpartition(":")[2]) for token in tokens()}
    assert resources <= served, f"no row for {sorted(resources - served)}"


def test_there_is_a_sample_of_every_type() -> None:
    assert sorted(TOKENS) == tokens()


def test_a_type_without_a_row_is_refused_and_told_where_to_add_one() -> None:
    with pytest.raises(
        NotServed, match="gcp:sql/databaseInstance:DatabaseInstance has no row in rehearsal/google/types"
    ):
        row("gcp:sql/databaseInstance:DatabaseInstance")
