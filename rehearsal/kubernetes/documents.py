"""The OpenAPI documents of the pinned Kubernetes, with what its Go types and its defaulting add to them.

The documents in the module have neither the values of enumerations, which are constants beside the Go types, nor the
defaults that functions set (``defaults.yaml``).
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path

import yaml

from rehearsal.kubernetes.api import Json
from toolchain.kubernetes import sources

ENUM = re.compile(r"^// \+enum\n(?://.*\n)*type (\w+) string", re.MULTILINE)
CONSTANT = re.compile(r"^\s+\w+\s+(\w+)\s+= \"([^\"]*)\"", re.MULTILINE)
STRUCT = re.compile(r"^type (\w+) struct \{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
FIELD = re.compile(r"^\t\w+\s+(?:\*|\[\])*([\w.]+)\s+`json:\"(\w+)", re.MULTILINE)
CORE = "core/v1"


@functools.cache
def document(api_version: str) -> Json | None:
    """Of a group and version that is built in; None when there is none such."""
    folder = sources.module(sources.KUBERNETES) / "api" / "openapi-spec" / "v3"
    name = f"apis__{api_version.replace('/', '__')}" if "/" in api_version else f"api__{api_version}"
    file = folder / f"{name}_openapi.json"
    if not re.fullmatch(r"([a-z0-9.-]+/)?v[0-9a-z]+", api_version) or not file.is_file():
        return None
    found: Json = json.loads(file.read_text())
    for named, schema in found["components"]["schemas"].items():
        fields = schema.get("properties", {})
        for field, values in _enums().get(named, {}).items():
            if field in fields:
                _said_of(fields[field])["enum"] = [*values, ""]  # "" is the same as nothing
        for field, value in _defaults().get(named, {}).items():
            fields[field]["default"] = value
    return found


def api_versions() -> list[str]:
    """All that are built in."""
    folder = sources.module(sources.KUBERNETES) / "api" / "openapi-spec" / "v3"
    found = (re.fullmatch(r"apis?__(.*)_openapi\.json", file.name) for file in sorted(folder.iterdir()))
    names = (each[1].replace("__", "/") for each in found if each)
    return [each for each in names if re.fullmatch(r"(.+/)?v[0-9a-z]+", each)]


def _said_of(field: Json) -> Json:
    """Where the type of a field is said: in itself, or of a list in its items."""
    items: Json | None = field.get("items")
    return field if items is None else items


@functools.cache
def _defaults() -> dict[str, Json]:
    found: dict[str, Json] = yaml.safe_load((Path(__file__).parent / "defaults.yaml").read_text())
    return found


@functools.cache
def _enums() -> dict[str, dict[str, list[str]]]:
    """Values by schema and field."""
    root = sources.module(sources.KUBERNETES_TYPES)
    texts = {str(file.parent.relative_to(root)): file.read_text() for file in sorted(root.glob("*/*/types.go"))}
    values = {package: _constants(text) for package, text in texts.items()}
    found: dict[str, dict[str, list[str]]] = {}
    for package, text in texts.items():
        for struct, body in STRUCT.findall(text):
            for said, field in FIELD.findall(body):
                where, _, name = said.rpartition(".")
                allowed = values[CORE if where else package].get(name)
                if allowed:
                    schema = f"io.k8s.api.{package.replace('/', '.')}.{struct}"
                    found.setdefault(schema, {})[field] = allowed
    return found


def _constants(text: str) -> dict[str, list[str]]:
    """Values by the name of the type, of the types that are enumerations."""
    found: dict[str, list[str]] = {name: [] for name in ENUM.findall(text)}
    for name, value in CONSTANT.findall(text):
        if name in found:
            found[name].append(value)
    return {name: values for name, values in found.items() if values}
