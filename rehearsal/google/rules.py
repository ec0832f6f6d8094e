"""What the API documents do not hold: ``rules.yaml``, where each rule has a kind, its paths, and a source.

match, keys, values:  a text, or the keys or values of a mapping, match ``pattern`` as a whole.
range, duration:      a number, or seconds such as 3600s, is between ``least`` and ``most``, in steps of ``step``.
one_of:               a value is among ``values_are``.
items:                a list has from ``least`` to ``most`` of them.
cidr, ipv4, apart:    ranges without host bits, of a length from ``least`` to ``most``; addresses; no two that overlap.
not_in:               ranges outside of ``ranges``.
ports:                a port, or two with a dash between them, the lower first.
balanced:             an expression whose brackets and quotes are closed, and which does not end in an operator.
known_role:           a role that ``roles.yaml`` has, where it has the roles of its service.
exactly_one, any_of, none_of, not_both, together, order, unlike, powers_of_two, most_keys, needs_key: as they are
called.
region, zone, region_or_zone, bucket_location, zones_within: places that are there.
same_place:           a key is in the location of what it encrypts.
The others are functions of ``special``. ``when`` limits a rule to resources with those values, ``unless`` to those
without, ``each`` applies it to every item of a list.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from rehearsal.cloud.store import Cloud
from rehearsal.google import beside, places, special
from rehearsal.google.body import Fault, Nothing, find
from rehearsal.google.table import Row, read_yaml
from rehearsal.values import State

FILE = Path(__file__).with_name("rules.yaml")
QUOTED = re.compile(r"""\"(\\.|[^\"\\])*\"|'(\\.|[^'\\])*'|`[^`]*`|(#|--|//)[^\n]*""")
"""What brackets and quotes say nothing in: texts and comments of CEL, PromQL and the logging query language."""


BRACKETS = {"(": ")", "[": "]", "{": "}"}

Rule = dict[str, Any]
Complaint = tuple[str, Any, str]
Check = Callable[[Rule, State], Iterator[Complaint]]


def faults(kind: Row, inputs: State, cloud: Cloud | None) -> Iterator[Fault]:
    """What is wrong with inputs that the API document allows, one fault for a path. What is unknown yet passes.

    cloud:  where to look for what would overlap; None looks nowhere.
    """
    told: set[str] = set()
    for rule, check in _rules_of(kind.token):
        holders = find(inputs, rule["each"]) if "each" in rule else [("", inputs)]
        for place, holder in holders:
            if not isinstance(holder, dict) or not _applies(rule, holder):
                continue
            for path, value, allowed in check(rule, holder):
                where = f"{place}.{path}" if place else path
                if where not in told:
                    told.add(where)
                    yield Fault(where, value, allowed, str(rule.get("source", places.SOURCE)))
    if not told and cloud:
        yield from beside.against(kind, inputs, cloud)


def patterns(kind: Row, inputs: State) -> Iterator[Fault]:
    """What is wrong with texts alone, which can be said of any inputs."""
    for rule, check in _rules_of(kind.token):
        if "match" in rule:
            for path, value, allowed in check(rule, inputs):
                yield Fault(path, value, allowed, str(rule["source"]))


@cache
def said() -> list[Rule]:
    """All rules, as the file has them."""
    rules: list[Rule] = read_yaml(FILE)
    return rules


@cache
def _rules_of(token: str) -> list[tuple[Rule, Check]]:
    name = token.removeprefix("gcp:")
    mine = [
        rule
        for rule in said()
        if any(fnmatch.fnmatchcase(name, each) for each in rule["types"]) and name not in rule.get("except", ())
    ]
    return [(rule, _kind(rule)) for rule in mine]


def _kind(rule: Rule) -> Check:
    for name in rule:
        if name in KINDS:
            return KINDS[name]
        if name in special.KINDS:
            return _by_name(special.KINDS[name])
    raise ValueError(f"a rule on {rule['types']} is of no known kind: {sorted(rule)}")


def _by_name(check: Callable[[State], Iterator[Complaint]]) -> Check:
    return lambda _, inputs: check(inputs)


def _applies(rule: Rule, inputs: State) -> bool:
    if any(str(_one(inputs, path)) == str(value) for path, value in rule.get("unless", {}).items()):
        return False
    return all(str(_one(inputs, path)) == str(value) for path, value in rule.get("when", {}).items())


def _one(inputs: State, path: str) -> Any:
    return next((value for _, value in find(inputs, path)), None)


def _is_set(inputs: State, path: str) -> bool:
    """Whether something is there, known or not yet."""
    value: Any = inputs
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value is not None and value not in (False, "", [], {})


def _match(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for path, value in find(inputs, rule["match"]):
        if isinstance(value, str) and not re.fullmatch(rule["pattern"], value):
            yield path, value, f"must be {rule['says']}"


def _keys(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for path, holder in (each for name in rule["keys"] for each in find(inputs, name)):
        for key in holder if isinstance(holder, dict) else ():
            if not re.fullmatch(rule["pattern"], key):
                yield f"{path}.{key}", key, f"must be {rule['says']}"


def _values(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for path, holder in (each for name in rule["values"] for each in find(inputs, name)):
        for key, value in holder.items() if isinstance(holder, dict) else ():
            if isinstance(value, str) and not re.fullmatch(rule["pattern"], value):
                yield f"{path}.{key}", value, f"must be {rule['says']}"


def _most_keys(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for path, holder in (each for name in rule["most_keys"] for each in find(inputs, name)):
        if isinstance(holder, dict) and len(holder) > rule["most"]:
            yield path, len(holder), f"must be at most {rule['most']}"


def _needs_key(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for path, holder in find(inputs, rule["needs_key"]):
        if isinstance(holder, dict) and rule["key"] not in holder:
            yield path, Nothing, f"needs {rule['key']}"


def _range(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for path, value in find(inputs, rule["range"]):
        try:
            number = float(value)
        except (TypeError, ValueError):
            continue
        yield from _within(rule, path, value, number, "")


def _duration(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for path, value in find(inputs, rule["duration"]):
        if not (isinstance(value, str) and re.fullmatch(r"\d+(\.\d+)?s", value)):
            yield path, value, "must be seconds, such as 3600s"
        else:
            yield from _within(rule, path, value, float(value[:-1]), " seconds")


def _within(rule: Rule, path: str, value: Any, number: float, unit: str) -> Iterator[Complaint]:
    if "or" in rule and number == rule["or"]:
        return
    step = rule.get("step", 0)
    steps = f", in steps of {step}" if step else ""
    if not rule["least"] <= number <= rule["most"] or (step and (number - rule["least"]) % step):
        yield path, value, f"must be {rule['least']} to {rule['most']}{unit}{steps}"


def _one_of(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for path, value in find(inputs, rule["one_of"]):
        if str(value) not in rule["values_are"]:
            allowed = ", ".join(each for each in rule["values_are"] if each)
            yield path, value, f"must be one of {allowed}{places.nearest(value, rule['values_are'])}"


def _cidr(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for path, value in (each for name in rule["cidr"] for each in find(inputs, name)):
        try:
            network = ipaddress.ip_network(value)
        except ValueError as error:
            yield path, value, f"must be a range, such as 10.0.0.0/20: {error}"
            continue
        if not rule["least"] <= network.prefixlen <= rule["most"] and network.version == 4:
            yield path, value, f"must have a length of /{rule['least']} to /{rule['most']}"


def _not_in(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for path, value in (each for name in rule["not_in"] for each in find(inputs, name)):
        try:
            network = ipaddress.IPv4Network(value)
        except ValueError as error:
            yield path, value, f"must be an IPv4 range, such as 10.0.0.0/20: {error}"
            continue
        for each in rule["ranges"]:
            if network.overlaps(ipaddress.IPv4Network(each)):
                yield path, value, f"must be outside of {each}"


def _ports(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for path, value in (each for name in rule["ports"] for each in find(inputs, name)):
        found = re.fullmatch(r"(\d{1,5})(?:-(\d{1,5}))?", str(value))
        if not found or not int(found[1]) <= int(found[2] or found[1]) <= 65535:
            yield path, value, "must be a port or a range of ports up to 65535, such as 443 or 8000-8080"


def _balanced(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for path, value in find(inputs, rule["balanced"]):
        if isinstance(value, str) and (complaint := _unbalanced(value)):
            yield path, value, complaint


def _unbalanced(expression: str) -> str:
    """What is open at the end or closed before it was opened, "" when nothing is."""
    opened: list[str] = []
    for sign in QUOTED.sub("", expression):
        if sign in BRACKETS:
            opened.append(BRACKETS[sign])
        elif sign in BRACKETS.values() and (not opened or opened.pop() != sign):
            return f"has a {sign} that nothing opens"
        elif sign in "\"'":
            return f"has a {sign} that is not closed"
    if opened:
        return f"lacks a {opened[-1]}"
    return "ends in an operator" if expression.rstrip().endswith(("&&", "||")) else ""


def _known_role(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for path, value in find(inputs, rule["known_role"]):
        service, _, name = str(value).removeprefix("roles/").partition(".")
        known = places.roles().get(service, ())
        if known and str(value).startswith("roles/") and name not in known:
            yield path, value, f"is no role{places.nearest(value, [f'roles/{service}.{each}' for each in known])}"


def _ipv4(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for path, value in (each for name in rule["ipv4"] for each in find(inputs, name)):
        try:
            ipaddress.IPv4Address(value)
        except ValueError:
            yield path, value, "must be an IPv4 address, such as 10.0.0.1"


def _apart(rule: Rule, inputs: State) -> Iterator[Complaint]:
    seen: list[Any] = []
    for path, value in (each for name in rule["apart"] for each in find(inputs, name)):
        try:
            network = ipaddress.ip_network(value)
        except ValueError:
            continue
        other = next((each for each in seen if each.version == network.version and each.overlaps(network)), None)
        if other:
            yield path, value, f"overlaps {other} of the same subnetwork"
        seen.append(network)


def _exactly_one(rule: Rule, inputs: State) -> Iterator[Complaint]:
    given = [name for name in rule["exactly_one"] if _is_set(inputs, name)]
    if len(given) > 1:
        yield given[1], Nothing, f"excludes {given[0]}"
    elif not given:
        yield rule["exactly_one"][0], Nothing, f"is missing; one of {', '.join(rule['exactly_one'])} must be given"


def _any_of(rule: Rule, inputs: State) -> Iterator[Complaint]:
    if not any(_is_set(inputs, name) for name in rule["any_of"]):
        yield rule["any_of"][0], Nothing, "is missing"


def _none_of(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for name in rule["none_of"]:
        if _is_set(inputs, name):
            why = ", ".join(f"{path} = {value}" for path, value in rule["unless"].items())
            yield name, Nothing, f"needs {why}"


def _not_both(rule: Rule, inputs: State) -> Iterator[Complaint]:
    given = [name for name in rule["not_both"] if _is_set(inputs, name)]
    if len(given) > 1:
        yield given[1], Nothing, f"excludes {given[0]}"


def _together(rule: Rule, inputs: State) -> Iterator[Complaint]:
    said = rule["together"]
    value = _one(inputs, said["if"])
    if value is None or ("is" in said and value != said["is"]) or value is False:
        return
    for name in said["needs"]:
        if not _is_set(inputs, name):
            why = f"{said['if']} = {value}" if "is" in said else said["if"]
            yield name, Nothing, f"is needed with {why}"


def _order(rule: Rule, inputs: State) -> Iterator[Complaint]:
    low, high = rule["order"]
    least, most = _one(inputs, low), _one(inputs, high)
    if isinstance(least, int) and isinstance(most, int) and least > most:
        yield low, least, f"must be at most {high}, which is {most}"


def _unlike(rule: Rule, inputs: State) -> Iterator[Complaint]:
    seen: set[Any] = set()
    for path, value in find(inputs, rule["unlike"]):
        if value in seen:
            yield path, value, "is there twice"
        seen.add(value)


def _powers_of_two(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for path, value in (each for name in rule["powers_of_two"] for each in find(inputs, name)):
        if _one(inputs, "enableDynamicPortAllocation") and isinstance(value, int) and value & (value - 1):
            yield path, value, "must be a power of two with dynamic port allocation"


def _items(rule: Rule, inputs: State) -> Iterator[Complaint]:
    for path, value in find(inputs, rule["items"]):
        if isinstance(value, list) and not rule["least"] <= len(value) <= rule["most"]:
            yield path, len(value), f"must be {rule['least']} to {rule['most']}"


def _alone(rule: Rule, inputs: State) -> Iterator[Complaint]:
    said = rule["alone"]
    items = inputs.get(said["list"])
    if isinstance(items, list) and len(items) > 1:
        for kind in said["kinds"]:
            for path, _ in find(inputs, f"{said['list']}[].{kind}"):
                yield path, Nothing, "must be the only condition of its policy"


def _place(kind: str, allowed: Callable[[], tuple[str, ...]], words: str) -> Any:
    def check(rule: Rule, inputs: State) -> Iterator[Complaint]:
        for path, value in (each for name in rule[kind] for each in find(inputs, name)):
            last = str(value).rpartition("/")[2]
            wanted = last.lower() if kind == "bucket_location" else last
            if wanted not in allowed() and value not in ("global", *places.multi_regions()):
                yield path, value, f"must be {words}{places.nearest(wanted, allowed())}"

    return check


def _zones_within(rule: Rule, inputs: State) -> Iterator[Complaint]:
    location = _one(inputs, rule["of"])
    for path, value in find(inputs, rule["zones_within"]):
        if isinstance(location, str) and places.region_of(str(value)) != places.region_of(location):
            allowed = ", ".join(places.regions().get(places.region_of(location), ()))
            yield path, value, f"must be in {location}: {allowed}"


def _same_place(rule: Rule, inputs: State) -> Iterator[Complaint]:
    said = rule["same_place"]
    place = _one(inputs, said["place"])
    for path, value in find(inputs, said["key"]):
        found = re.search(r"/locations/([^/]+)/", str(value))
        if found and place and found[1] not in ("global", places.region_of(str(place)).lower(), str(place).lower()):
            yield path, value, f"must be a key in {places.region_of(str(place)).lower()}, as {said['place']} is {place}"


def _regions() -> tuple[str, ...]:
    return tuple(places.regions())


def _anywhere() -> tuple[str, ...]:
    return (*places.regions(), *places.zones())


KINDS: dict[str, Check] = {
    "match": _match,
    "keys": _keys,
    "values": _values,
    "most_keys": _most_keys,
    "needs_key": _needs_key,
    "range": _range,
    "duration": _duration,
    "one_of": _one_of,
    "cidr": _cidr,
    "ipv4": _ipv4,
    "not_in": _not_in,
    "ports": _ports,
    "balanced": _balanced,
    "known_role": _known_role,
    "apart": _apart,
    "exactly_one": _exactly_one,
    "any_of": _any_of,
    "none_of": _none_of,
    "not_both": _not_both,
    "together": _together,
    "order": _order,
    "unlike": _unlike,
    "powers_of_two": _powers_of_two,
    "items": _items,
    "alone": _alone,
    "region_or_zone": _place("region_or_zone", _anywhere, "a region or a zone of Google Cloud"),
    "bucket_location": _place("bucket_location", _regions, "a region, or US, EU or ASIA"),
    "zones_within": _zones_within,
    "same_place": _same_place,
    "region": _place("region", _regions, "a region of Google Cloud"),
    "zone": _place("zone", places.zones, "a zone of Google Cloud"),
}
