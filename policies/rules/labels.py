"""Whose it is, and how long it stays."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.configuration import Configuration
from policies.hardware import CLUSTER, INSTANCE, NODE_POOL, TPU_QUEUE, TPU_VM
from policies.resource import Resource, shown
from policies.rule import Rules, Severity
from policies.rules.reliability import BUCKET, CRYPTO_KEY, DISK, FILESTORE, LUSTRE, REPOSITORY

RULES = Rules()

RESERVATION = "gcp:compute/reservation:Reservation"
LABELS = {
    CLUSTER: "resourceLabels",
    NODE_POOL: "nodeConfig.resourceLabels",
    **dict.fromkeys((BUCKET, CRYPTO_KEY, FILESTORE, LUSTRE, DISK, REPOSITORY, INSTANCE, TPU_VM, TPU_QUEUE), "labels"),
}
"""Where each type has its labels."""

VALUE = re.compile(r"[a-z0-9_-]{0,63}")
"""What Google takes for a label's value (Resource Manager, 'Requirements for labels'), without other alphabets."""

EXPIRES = "expires-at"


@RULES.resource(
    "LBL-01",
    Severity.HIGH,
    *LABELS,
    must="every label of `labels.required`, with a value of lower-case letters, digits, `_` and `-`",
    why="A cost that nobody can be asked about is a cost that stays.",
    fix="Give the resource environment.labelled(...) as its labels.",
    sources=("checkov CKV_GCP_21", "own"),
)
def everything_says_whose_it_is(resource: Resource, configuration: Configuration) -> Iterator[str]:
    """Everything that costs money says whose it is and what for."""
    path = LABELS[resource.type]
    labels = {key: value.text() or "" for key, value in resource.at(path).entries().items()}
    missing = [each for each in configuration.labels.required if not labels.get(each)]
    if missing:
        yield f"{path} lacks {', '.join(missing)}"
    for key, value in labels.items():
        if not VALUE.fullmatch(value):
            yield f"{path}.{key} is {shown(value)}, which Google refuses"


@RULES.resource(
    "TTL-01",
    Severity.HIGH,
    TPU_VM,
    TPU_QUEUE,
    RESERVATION,
    must=f"label `{EXPIRES}` (a date), or a reservation's `deleteAfterDuration`, where `accelerators.max_ttl_hours`",
    why="A pool goes to sleep by itself; a TPU machine or a reservation is paid for until somebody thinks of it.",
    fix=f"Label it {EXPIRES} with the day on which it may go, or set delete_after_duration.",
    sources=("own",),
)
def what_never_sleeps_says_when_it_ends(resource: Resource, configuration: Configuration) -> Iterator[str]:
    """What holds accelerators until it is removed says when it may go."""
    longest = configuration.accelerators.max_ttl_hours
    if longest is None:
        return
    if resource.type == RESERVATION:
        seconds = resource.at("deleteAfterDuration.seconds").text()
        if not seconds or not seconds.isdecimal() or int(seconds) > longest * 3600:
            yield f"deleteAfterDuration.seconds is {shown(seconds)}; at most {longest * 3600}"
        return
    if resource.at(f"labels.{EXPIRES}").moment() is None:
        yield f"labels.{EXPIRES} is not set"
