"""What a service makes up: ids, links, numbers, fingerprints. All by rule from a resource's name, none random.

A template is text with ``{property}``, of which ``{property:name}`` is the last part of a path and
``{property:quoted}`` is escaped for a URL; and with these:

id          the resource's id.            number      the project's number.
unique      what the service numbers.     created     when it was made, in simulated time.
digits:N    a number of N digits.         hex:N       N hexadecimal digits.
fingerprint as of an optimistic lock.     uuid        a UUID.
gateway     the first address of ``ipCidrRange``.     address     an address inside.
agent       e-mail address of a service's agent.
title, title_import  the condition's title, in an id and in what an import takes.
"""

from __future__ import annotations

import base64
import hashlib
import ipaddress
import re
import uuid
from typing import Any
from urllib.parse import quote

from rehearsal.values import State

PART = re.compile(r"\{(\w+)(?::(\w+))?\}")


def render(template: Any, values: State) -> Any:
    """A template's text; what is no text is itself. Raises KeyError for a property that is not there."""
    if not isinstance(template, str):
        return template
    whole = PART.fullmatch(template)
    if whole and whole[1] in values and whole[2] is None:
        return values[whole[1]]
    return PART.sub(lambda part: str(_part(part[1], part[2], values)), template)


def digest(*parts: Any) -> bytes:
    """The same bytes for the same parts."""
    return hashlib.sha256("\0".join(map(str, parts)).encode()).digest()


def digits(count: int, *parts: Any) -> str:
    """A number of ``count`` digits that does not begin with 0."""
    number = int.from_bytes(digest(*parts)) % (9 * 10 ** (count - 1))
    return str(number + 10 ** (count - 1))


def _part(name: str, how: str | None, values: State) -> Any:
    identity = values.get("id", "")
    match name, how:
        case "digits", str():
            return digits(int(how), identity, "number")
        case "hex", str():
            return digest(identity, "hex").hex()[: int(how)]
        case "fingerprint", _:
            return base64.b64encode(digest(identity, sorted(map(str, values.items())))[:8]).decode()
        case "uuid", _:
            return uuid.UUID(bytes=digest(identity, "uuid")[:16], version=4)
        case "gateway", _:
            return next(ipaddress.ip_network(values["ipCidrRange"], strict=False).hosts())
        case "address", _ if "address" not in values:
            return f"10.{'.'.join(str(1 + each % 250) for each in digest(identity, 'address')[:3])}"
        case "title", _:
            return f"/{values['condition']['title']}" if values.get("condition") else ""
        case "title_import", _:
            return f" {values['condition']['title']}" if values.get("condition") else ""
        case _, "name":
            return str(values[name]).rpartition("/")[2]
        case _, "quoted":
            return quote(str(values[name]), safe="")
        case _:
            return values[name]
