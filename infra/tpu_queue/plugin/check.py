"""Which inputs cannot be, found without asking the API.

What the API's discovery document states is checked, and what excludes each other; which accelerators and runtimes there
are is the API's to say. Values that a preview does not know yet pass.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

from infra.plugin.handler import Later, Mistake, State
from infra.tpu_queue.plugin.spec import MARK

Rule = Callable[[str, Any], Iterator[Mistake]]

WAIT_FOR = ("accepted", "active")
CAPACITY = ("on-demand", "spot", "guaranteed", "reservation")
GENERATIONS = ("V2", "V3", "V4", "V5LITE_POD", "V5P", "V6E")
MOST_LABELS = 63
"""Of the 64 that a resource of Google Cloud may have, one is the mark."""


def mistakes(inputs: State) -> Iterator[Mistake]:
    """What is wrong with the inputs, one mistake for each thing that has to be changed."""
    found = list(REQUEST("", inputs))
    yield from found
    wrong = {mistake.path.partition(".")[0].partition("[")[0] for mistake in found}
    yield from _together({key: Later.VALUE if key in wrong else value for key, value in inputs.items()})


def _known(rule: Rule) -> Rule:
    return lambda path, value: iter(()) if value is Later.VALUE else rule(path, value)


def _mistake(path: str, value: Any, allowed: str) -> Mistake:
    return Mistake(path, f"{json.dumps(value, default=str)} is not {allowed}")


def text(pattern: str, allowed: str) -> Rule:
    def check(path: str, value: Any) -> Iterator[Mistake]:
        if not isinstance(value, str) or not re.fullmatch(pattern, value, re.DOTALL):
            yield _mistake(path, value, allowed)

    return _known(check)


def one_of(*allowed: str) -> Rule:
    def check(path: str, value: Any) -> Iterator[Mistake]:
        if value not in allowed:
            near = difflib.get_close_matches(str(value).lower(), [each.lower() for each in allowed], n=1)
            guess = next((f". Did you mean {each}?" for each in allowed if [each.lower()] == near), "")
            yield _mistake(path, value, f"one of {', '.join(allowed)}{guess}")

    return _known(check)


@_known
def boolean(path: str, value: Any) -> Iterator[Mistake]:
    if not isinstance(value, bool):
        yield _mistake(path, value, "true or false")


def whole(least: int) -> Rule:
    def check(path: str, value: Any) -> Iterator[Mistake]:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            yield _mistake(path, value, f"a whole number of at least {least}")

    return _known(check)


@_known
def moment(path: str, value: Any) -> Iterator[Mistake]:
    try:
        known = isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        known = False
    if not known:
        yield _mistake(path, value, "a time with its zone, such as 2026-12-01T06:00:00Z")


def every(rule: Rule) -> Rule:
    def check(path: str, value: Any) -> Iterator[Mistake]:
        if not isinstance(value, list):
            yield _mistake(path, value, "a list")
            return
        for index, each in enumerate(value):
            yield from rule(f"{path}[{index}]", each)

    return _known(check)


def mapping(key: Rule, each: Rule) -> Rule:
    def check(path: str, value: Any) -> Iterator[Mistake]:
        if not isinstance(value, dict):
            yield _mistake(path, value, "a mapping")
            return
        for name, item in value.items():
            yield from key(f"{path}.{name}", name)
            yield from each(f"{path}.{name}", item)

    return _known(check)


def record(required: tuple[str, ...], **members: Rule) -> Rule:
    def check(path: str, value: Any) -> Iterator[Mistake]:
        if not isinstance(value, dict):
            yield _mistake(path, value, f"a mapping with {', '.join(members)}")
            return
        prefix = f"{path}." if path else ""
        for name in required:
            if name not in value:
                yield Mistake(prefix + name, "is missing")
        for name, item in value.items():
            if name in members:
                yield from members[name](prefix + name, item)
            else:
                near = difflib.get_close_matches(name, members, n=1)
                guess = f" Did you mean {near[0]}?" if near else f" There are: {', '.join(members)}."
                yield Mistake(prefix + name, f"there is no such input.{guess}")

    return _known(check)


something = text(r".+", "text")
identifier = text(r"[A-Za-z0-9_.~+%-]+", "an id of letters, digits and _.~+%- alone")
duration = text(r"\d+(\.\d{1,9})?s", 'seconds, such as "21600s"')
label_key = text(r"[a-z][a-z0-9_-]{0,62}", "a key of at most 63 lower-case letters, digits, _ and -, a letter first")
label_value = text(r"[a-z0-9_-]{0,63}", "a value of at most 63 lower-case letters, digits, _ and -")

REQUEST = record(
    ("project", "zone", "queued_resource_id", "runtime_version"),
    project=text(r"[a-z][a-z0-9.:-]*[a-z0-9]", "the id of a project"),
    zone=text(r"[a-z]+-[a-z]+\d+-[a-z0-9]+", "a zone, such as us-west4-a; TPUs are zonal, not regional"),
    queued_resource_id=identifier,
    runtime_version=something,
    accelerator_type=text(r"[a-z0-9]+-\d+", "an accelerator type, such as v5litepod-16"),
    accelerator_config=record(
        ("type", "topology"),
        type=one_of(*GENERATIONS),
        topology=text(r"\d+x\d+(x\d+)?", "a topology in chips, such as 4x4 or 2x2x4"),
    ),
    node_id=identifier,
    multislice=record(("node_count",), node_count=whole(2), node_id_prefix=identifier),
    network=something,
    subnetwork=something,
    enable_external_ips=boolean,
    service_account=record(
        (),
        email=text(r"[^@\s]+@[^@\s]+", "the address of a service account"),
        scopes=every(text(r"https://.+", "the URL of a scope, such as https://www.googleapis.com/auth/cloud-platform")),
    ),
    labels=mapping(label_key, label_value),
    tags=every(
        text(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", "a network tag of at most 63 lower-case letters, digits and -")
    ),
    metadata=mapping(something, text(r".*", "text")),
    description=text(r".{0,512}", "text of at most 512 characters"),
    secure_boot=boolean,
    data_disks=every(
        record(
            ("source_disk", "mode"),
            source_disk=text(r"projects/[^/]+/(zones|regions)/[^/]+/disks/[^/]+", "projects/P/zones/Z/disks/NAME"),
            mode=one_of("READ_WRITE", "READ_ONLY"),
        )
    ),
    capacity=one_of(*CAPACITY),
    min_duration=duration,
    reservation=text(
        r"(projects|folders|organizations)/[^/]+/locations/[^/]+/reservations/[^/]+",
        "projects/P/locations/ZONE/reservations/NAME",
    ),
    queueing=record(
        (),
        valid_until_duration=duration,
        valid_until_time=moment,
        valid_after_duration=duration,
        valid_after_time=moment,
        valid_interval=record(("start_time", "end_time"), start_time=moment, end_time=moment),
    ),
    wait_for=one_of(*WAIT_FOR),
    force_delete=boolean,
)


def _together(inputs: State) -> Iterator[Mistake]:
    """What is right by itself and wrong with the rest."""
    if "accelerator_type" in inputs and "accelerator_config" in inputs:
        yield Mistake("accelerator_config", "accelerator_type says it already; leave one of the two out")
    if "accelerator_type" not in inputs and "accelerator_config" not in inputs:
        yield Mistake("accelerator_type", "is missing, and accelerator_config too; give one of the two")
    if "multislice" in inputs and "node_id" in inputs:
        yield Mistake("node_id", "names one node, and multislice asks for several; use multislice.node_id_prefix")
    yield from _capacity(inputs)
    yield from _queueing(inputs.get("queueing"))
    labels = inputs.get("labels")
    if not isinstance(labels, dict):
        labels = {}
    if MARK in labels:
        yield Mistake(f"labels.{MARK}", "is set by this provider, which knows its requests by it; use another key")
    elif len(labels) > MOST_LABELS:
        yield Mistake("labels", f"there are {len(labels)}; at most {MOST_LABELS} are possible")
    disks = inputs.get("data_disks")
    if "multislice" in inputs and isinstance(disks, list):
        for index, disk in enumerate(disks):
            if isinstance(disk, dict) and disk.get("mode") == "READ_WRITE":
                reason = (
                    "one node at a time can have a disk as READ_WRITE, and multislice asks for several; use READ_ONLY"
                )
                yield Mistake(f"data_disks[{index}].mode", reason)


def _capacity(inputs: State) -> Iterator[Mistake]:
    capacity = inputs.get("capacity")
    if capacity is Later.VALUE:
        return
    for key, needed in (("min_duration", "guaranteed"), ("reservation", "reservation")):
        if key in inputs and capacity != needed:
            yield Mistake(key, f"goes with capacity {needed}, not with {capacity}")
    if capacity == "reservation" and "reservation" not in inputs:
        yield Mistake(
            "reservation", "is missing: capacity reservation needs projects/P/locations/ZONE/reservations/NAME"
        )
    reservation, zone = inputs.get("reservation"), inputs.get("zone")
    if isinstance(reservation, str) and isinstance(zone, str) and f"/locations/{zone}/" not in reservation:
        yield Mistake("reservation", f'"{reservation}" is not in the zone of the request, {zone}')


def _queueing(queueing: Any) -> Iterator[Mistake]:
    if not isinstance(queueing, dict):
        return
    if len(queueing) != 1:
        given = " and ".join(queueing) or "none"
        yield Mistake("queueing", f"{given} is given; the API takes one. For a start and an end use valid_interval")
    interval = queueing.get("valid_interval")
    if isinstance(interval, dict) and Later.VALUE not in interval.values():
        start, end = (datetime.fromisoformat(interval[each]) for each in ("start_time", "end_time"))
        if start >= end:
            yield Mistake("queueing.valid_interval", f"{start.isoformat()} is not before {end.isoformat()}")
