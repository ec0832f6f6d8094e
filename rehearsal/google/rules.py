"""What the API documents do not hold: ``rules.yaml``, where each rule has a kind, its paths, and a source.

match, keys, values:  a text, or the keys or values of a mapping, match ``pattern`` as a whole.
range, duration:      a number, or seconds such as 3600s, is between ``least`` and ``most``, in steps of ``step``.
one_of:               a value is among ``values_are``.
cidr, ipv4, apart:    ranges without host bits, of a length from ``least`` to ``most``; addresses; no two that overlap.
exactly_one, not_both, together, order, unlike, powers_of_two, most_items, most_keys, needs_key: as they are called.
region, zone, region_or_zone, bucket_location, zones_within: places that are there.
same_place:           a key is in the location of what it encrypts.
The others are functions of ``special``. ``when`` limits a rule to resources with those values, ``each`` applies it to
every item of a list.
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
from rehearsal.google import places, special
from rehearsal.google.body import Fault, Nothing
from rehearsal.google.table import Row, read_yaml
from rehearsal.google.values import Later, State

FILE = Path(__file__).with_name("rules.yaml")
STEP = re.compile(r"([^.\[\]]+)(\[\])?")

Rule = dict[str, Any]
Found = tuple[str, Any]
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
        yield from special.against(kind, inputs, cloud)


def patterns(kind: Row, inputs: State) -> Iterator[Fault]:
    """What is wrong with texts alone, which can be said of any inputs."""
    for rule, check in _rules_of(kind.token):
        if "match" in rule:
            for path, value, allowed in check(rule, inputs):
                yield Fault(path, value, allowed, str(rule["source"]))


def find(value: Any, path: str) -> list[Found]:
    """What is known at ``path``, with the path in full: ``taints[0].key``."""
    found: list[Found] = [("", value)]
    for name, many in STEP.findall(path):
        inside = [
            (f"{place}.{name}" if place else name, holder[name])
            for place, holder in found
            if isinstance(holder, dict) and name in holder
        ]
        found = inside
        if many:
            found = [
                (f"{place}[{index}]", each)
                for place, items in inside
                if isinstance(items, list)
                for index, each in enumerate(items)
            ]
    return [(place, each) for place, each in found if each is not Later.VALUE and each is not None]


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


def _most_items(rule: Rule, inputs: State) -> Iterator[Complaint]:
    said = rule["most_items"]
    for path, value in find(inputs, said["list"]):
        if isinstance(value, list) and len(value) > said["most"]:
            yield path, len(value), f"must be at most {said['most']}"


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
    "apart": _apart,
    "exactly_one": _exactly_one,
    "not_both": _not_both,
    "together": _together,
    "order": _order,
    "unlike": _unlike,
    "powers_of_two": _powers_of_two,
    "most_items": _most_items,
    "alone": _alone,
    "region_or_zone": _place("region_or_zone", _anywhere, "a region or a zone of Google Cloud"),
    "bucket_location": _place("bucket_location", _regions, "a region, or US, EU or ASIA"),
    "zones_within": _zones_within,
    "same_place": _same_place,
    "region": _place("region", _regions, "a region of Google Cloud"),
    "zone": _place("zone", places.zones, "a zone of Google Cloud"),
}
