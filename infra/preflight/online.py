"""What Google says about the project: is it the one that is meant, and can the stack come up in it?

Every question stands alone, so that one that is refused hides no other's answer.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from infra.hardware import tpu
from infra.plan.fleet import Machines, fleet
from infra.plan.quotas import COMPUTE, Need, quotas
from infra.plan.services import NEEDED_BEFOREHAND, services
from infra.preflight.api import Google, Refused, Trouble
from infra.preflight.checks import Check, Verdict
from infra.settings import GoogleSettings
from infra.settings.accelerators import TpuQueue, TpuVm

AT_ONCE = 8
BATCH = 30
"""The most services that one request may name (Service Usage API, ``services.batchGet``)."""

UNLIMITED = 2**62
"""Limits from here on are no limits: the APIs say so with -1 or with the largest number."""

Question = Callable[[Google, GoogleSettings], Iterable[Check]]


def check(google: Google, settings: GoogleSettings) -> list[Check]:
    """Every check that Google is asked for, in a fixed order."""
    asked: list[tuple[str, str, Question]] = [
        ("project", settings.project, _project),
        ("APIs", settings.project, _services),
        ("quota", settings.region, _quotas),
        *_questions_of_zones(settings),
        *_questions_of_reservations(settings),
        *_questions_of_adopted(settings),
    ]

    def answer(question: tuple[str, str, Question]) -> list[Check]:
        name, subject, ask = question
        try:
            return list(ask(google, settings))
        except Refused as refused:
            return [_unanswered(name, subject, refused)]

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return [check for checks in pool.map(answer, asked) for check in checks]


def not_asked(settings: GoogleSettings) -> list[Check]:
    """What only Google knows, skipped because it is not asked: a line for each kind of thing that the stack has."""
    reservations = list(dict.fromkeys(subject for _, subject, _ in _questions_of_reservations(settings)))
    adopted = [subject for _, subject, _ in _questions_of_adopted(settings)]
    page = f"https://console.cloud.google.com/iam-admin/quotas?project={settings.project}"
    told = [
        ("quota", settings.project, "limits and use were not looked at", f"compare the table below with {page}"),
        (
            "reservations",
            ", ".join(reservations),
            "whether they are there and large enough was not looked at",
            "look with `gcloud compute reservations list`",
        ),
        (
            "adopt",
            ", ".join(adopted),
            "whether they are there and fit was not looked at",
            "`up` fails on what is not there: look in the console first",
        ),
    ]
    return [
        Check(name, subject, Verdict.SKIPPED, detail, f"run with credentials, or {fix}")
        for name, subject, detail, fix in told
        if subject
    ]


def _is_of_the_tpu_api(group: Machines) -> bool:
    """Whether its machines are not the cluster's nodes, and Compute Engine does not know them."""
    return group.role in ("tpu-vm", "tpu-queue")


def _unanswered(name: str, subject: str, refused: Refused) -> Check:
    return Check(name, subject, Verdict.SKIPPED, refused.detail, refused.fix)


# Project and APIs


def _project(google: Google, settings: GoogleSettings) -> Iterator[Check]:
    found = google.get("cloudresourcemanager", f"v3/projects/{settings.project}")
    number, state = str(found.get("name", "")).removeprefix("projects/"), found.get("state", "unknown")
    if number != str(settings.project_number):
        detail = f"its number is {number}, and the stack file says {settings.project_number}"
        yield Check("project", settings.project, Verdict.FAIL, detail, f"set google.project_number to {number}")
    elif state != "ACTIVE":
        yield Check("project", settings.project, Verdict.FAIL, f"its state is {state}", "restore it, or name another")
    else:
        yield Check("project", settings.project, Verdict.OK, f"active, number {number}")


def _services(google: Google, settings: GoogleSettings) -> Iterator[Check]:
    needed = services(settings)
    parent = f"projects/{settings.project_number}"
    states: dict[str, str] = {}
    for start in range(0, len(needed), BATCH):
        batch = [f"{parent}/services/{name}" for name in needed[start : start + BATCH]]
        answer = google.get("serviceusage", f"v1/{parent}/services:batchGet", names=batch)
        states |= {each["name"].rpartition("/")[2]: each.get("state", "") for each in answer.get("services", [])}
    off = [name for name in needed if states.get(name) != "ENABLED"]
    first = [name for name in off if name in NEEDED_BEFOREHAND]
    if first:
        fix = f"run `gcloud services enable {' '.join(first)} --project {settings.project}`"
        yield Check("APIs", settings.project, Verdict.FAIL, f"must be on before `up`: {', '.join(first)}", fix)
    later = [name for name in off if name not in first]
    if later:
        detail = f"`up` will enable {len(later)} of {len(needed)}: {', '.join(later)}"
        fix = "whoever runs `up` needs roles/serviceusage.serviceUsageAdmin"
        yield Check("APIs", settings.project, Verdict.WARN, detail, fix)
    if not off:
        yield Check("APIs", settings.project, Verdict.OK, f"all {len(needed)} are enabled")


# Quota


def _quotas(google: Google, settings: GoogleSettings) -> Iterator[Check]:
    known = _listed(google, settings)
    for need in quotas(settings):
        if need.most:
            try:
                yield _quota(google, settings, known, need)
            except Refused as refused:
                yield _unanswered("quota", _subject(need), refused)


def _listed(google: Google, settings: GoogleSettings) -> dict[tuple[str, str], tuple[float, float]]:
    """Limit and usage by location and metric, of the quotas that Compute Engine lists."""
    region = google.get("compute", f"compute/v1/projects/{settings.project}/regions/{settings.region}")
    project = google.get("compute", f"compute/v1/projects/{settings.project}")
    return {
        (location, each["metric"]): (float(each.get("limit", 0)), float(each.get("usage", 0)))
        for location, answer in ((settings.region, region), ("global", project))
        for each in answer.get("quotas", [])
    }


def _quota(
    google: Google, settings: GoogleSettings, known: dict[tuple[str, str], tuple[float, float]], need: Need
) -> Check:
    page = f"https://console.cloud.google.com/iam-admin/quotas?project={settings.project}"
    if need.metric is None:
        detail = f"{need.most:,} needed; no public source names this quota"
        return Check("quota", _subject(need), Verdict.SKIPPED, detail, f"look it up at {page}")
    listed = known.get((need.location, need.metric)) if need.service == COMPUTE and not need.family else None
    if listed:
        limit, usage = listed
    else:
        limit, usage = _limit(google, settings.project, need), 0.0
    if limit <= 0 and limit != -1 and need.otherwise:
        return _quota(google, settings, known, need.instead())  # a project without this quota draws on the ordinary one
    used = f", {usage:,.0f} used" if listed else "; how much is used is not told"
    if limit == -1 or limit >= UNLIMITED:
        return Check("quota", _subject(need), Verdict.OK, f"{need.most:,} needed; no limit")
    detail = f"{need.most:,} needed at most, {need.least:,} at least; limit {limit:,.0f}{used}"
    if limit - usage >= need.most:
        return Check("quota", _subject(need), Verdict.OK, detail)
    name = need.metric + (f" ({need.family})" if need.family else "")
    fix = f"ask for {usage + need.most:,.0f} of {name} in {need.location} at {page}"
    if limit >= need.most:
        # What this very stack runs already is part of the usage, and only the reader can tell how much that is.
        return Check("quota", _subject(need), Verdict.WARN, detail, f"unless this stack is what uses it, {fix}")
    return Check("quota", _subject(need), Verdict.FAIL, detail, fix)


def _limit(google: Google, project: str, need: Need) -> float:
    """The limit that the Cloud Quotas API gives: that of the entry which says most about the place and family."""
    path = f"v1/projects/{project}/locations/global/services/{need.service}/quotaInfos/{need.quota_id}"
    answer = google.get("cloudquotas", path)
    wanted = need.dimensions.items()
    fitting = [each for each in answer.get("dimensionsInfos", []) if dict(each.get("dimensions", {})).items() <= wanted]
    if not fitting:
        return 0.0
    best = max(fitting, key=lambda each: len(each.get("dimensions", {})))
    return float(best.get("details", {}).get("value", 0))


def _subject(need: Need) -> str:
    return f"{need.subject}, {need.location}"


# Zones


def _questions_of_zones(settings: GoogleSettings) -> Iterator[tuple[str, str, Question]]:
    groups = fleet(settings)
    for zone in sorted({zone for group in groups for zone in group.zones}):
        here = [group for group in groups if zone in group.zones]
        nodes = [group for group in here if not _is_of_the_tpu_api(group)]
        machines = [group for group in here if group not in nodes]
        if nodes:
            yield "zones", zone, partial(_nodes, zone=zone, groups=nodes)
        if machines:
            yield (
                "zones",
                f"{zone}, TPU API",
                partial(_tpu_machines, zone=zone),
            )


def _nodes(google: Google, settings: GoogleSettings, zone: str, groups: list[Machines]) -> Iterator[Check]:
    place = f"compute/v1/projects/{settings.project}/zones/{zone}"
    offered = {each["name"] for each in google.pages("compute", f"{place}/machineTypes", "items")}
    for machine_type in sorted({group.machine_type for group in groups}):
        yield _offered(machine_type, zone, machine_type in offered)
    attached = sorted({group.gpu.accelerator for group in groups if group.gpu and group.gpu.family == "n1"})
    if attached:
        gpus = {each["name"] for each in google.pages("compute", f"{place}/acceleratorTypes", "items")}
        for accelerator in attached:
            yield _offered(accelerator, zone, accelerator in gpus)


def _tpu_machines(google: Google, settings: GoogleSettings, zone: str) -> Iterator[Check]:
    place = f"v2/projects/{settings.project}/locations/{zone}"
    all_machines: tuple[TpuVm | TpuQueue, ...] = (*settings.tpu_vms, *settings.tpu_queues)
    machines = [each for each in all_machines if each.zone == zone]
    types = {each.get("type") for each in google.pages("tpu", f"{place}/acceleratorTypes", "acceleratorTypes")}
    runtimes = {each.get("version") for each in google.pages("tpu", f"{place}/runtimeVersions", "runtimeVersions")}
    for accelerator_type in sorted({each.accelerator_type for each in machines}):
        yield _offered(accelerator_type, zone, accelerator_type in types)
    for runtime in sorted({tpu.runtime_of(each.shape, each.runtime) for each in machines}):
        yield _offered(f"runtime {runtime}", zone, runtime in runtimes)


def _offered(what: str, zone: str, offered: bool) -> Check:
    if offered:
        return Check("zones", f"{what} in {zone}", Verdict.OK, "offered to this project")
    fix = "use another zone; a new machine type may need to be opened for the project by Google's sales"
    return Check("zones", f"{what} in {zone}", Verdict.FAIL, "not offered to this project", fix)


# Reservations


def _questions_of_reservations(settings: GoogleSettings) -> Iterator[tuple[str, str, Question]]:
    """One for each reservation and the API of its machines, which several pools may share."""
    bound: dict[tuple[str, str, bool], list[Machines]] = {}
    for group in fleet(settings):
        if group.reservation:
            # What the TPU API does not tell of its machines, Compute Engine tells of the cluster's.
            key = group.reservation.affinity, group.zones[0], _is_of_the_tpu_api(group)
            bound.setdefault(key, []).append(group)
    for (affinity, _, _), groups in bound.items():
        yield "reservations", affinity, partial(_reservation, groups=groups)


def _reservation(google: Google, settings: GoogleSettings, groups: list[Machines]) -> Iterator[Check]:
    reservation, zone = groups[0].reservation, groups[0].zones[0]
    assert reservation is not None
    owner = reservation.project or settings.project
    asked = ", ".join(group.setting for group in groups)
    if _is_of_the_tpu_api(groups[0]):
        detail = f"the TPU API does not tell what a reservation holds ({asked})"
        yield Check("reservations", reservation.affinity, Verdict.SKIPPED, detail, "ask whoever made it")
        return
    try:
        found = google.get("compute", f"compute/v1/projects/{owner}/zones/{zone}/reservations/{reservation.name}")
        verdict, detail, fix = _compared(found, groups)
    except Refused as refused:
        if refused.trouble is Trouble.MISSING:
            verdict, detail = Verdict.FAIL, f"{owner} has no such reservation in {zone}"
            fix = f"name one that `gcloud compute reservations list --project {owner}` shows in {zone}"
        elif refused.trouble is Trouble.PERMISSION:
            verdict, detail = Verdict.SKIPPED, refused.detail
            fix = f"ask for roles/compute.viewer in the project {owner}"
        else:
            raise
    yield Check("reservations", reservation.affinity, verdict, f"{detail} ({asked})", fix)


Outcome = tuple[Verdict, str, str]
"""Verdict, detail and fix."""


def _compared(found: dict[str, Any], groups: list[Machines]) -> Outcome:
    status = found.get("status", "READY")
    if status != "READY":
        return Verdict.FAIL, f"its status is {status}", "wait until it is READY"
    if "aggregateReservation" in found:
        return _chips(found["aggregateReservation"], groups)
    specific = found.get("specificReservation", {})
    held = specific.get("instanceProperties", {}).get("machineType", "")
    for group in groups:
        if held != group.machine_type:
            detail = f"it holds {held or 'no machines'}, and {group.machine_type} is asked for"
            return Verdict.FAIL, detail, "use the machine type that it holds, or another reservation"
    if not found.get("specificReservationRequired"):
        fix = "use one that was made with --require-specific-reservation"
        return Verdict.FAIL, "it serves any machine that matches, and cannot be asked for by name", fix
    needed = sum(group.most for group in groups)
    return _enough(int(specific.get("count", 0)), int(specific.get("inUseCount", 0)), needed, "machines")


def _chips(aggregate: dict[str, Any], groups: list[Machines]) -> Outcome:
    """A reservation of TPU chips, of whatever topology."""
    family = str(aggregate.get("vmFamily", "")).rpartition("_")[2].lower()
    for group in groups:
        if family != group.series:
            detail = f"it holds {family} chips, and {group.machine_type} is asked for"
            return Verdict.FAIL, detail, "use another reservation, or another machine type"

    def count(key: str) -> int:
        return sum(int(each.get("accelerator", {}).get("acceleratorCount", 0)) for each in aggregate.get(key, []))

    needed = sum(group.most * group.tpu.machine.chips for group in groups if group.tpu)
    return _enough(count("reservedResources"), count("inUseResources"), needed, "chips")


def _enough(count: int, used: int, needed: int, what: str) -> Outcome:
    detail = f"{needed} {what} needed, {count} reserved, {used} in use"
    if count < needed:
        return Verdict.FAIL, detail, f"ask for at most {count}, or reserve more"
    if count - used < needed:
        return Verdict.WARN, detail, "enough only if this stack is what uses it"
    return Verdict.OK, detail, ""


# Resources that are taken over


def _questions_of_adopted(settings: GoogleSettings) -> Iterator[tuple[str, str, Question]]:
    network, cluster = settings.network, settings.cluster
    if network.adopt:
        yield "adopt", f"network {network.adopt}", _adopted_network
    if network.adopt_subnetwork:
        yield "adopt", f"subnetwork {network.adopt_subnetwork}", _adopted_subnetwork
    if cluster.adopt:
        yield "adopt", f"cluster {cluster.adopt}", _adopted_cluster
    for kind in ("datasets", "checkpoints", "models", "pipelines", "logs"):
        bucket = getattr(settings.storage, kind).adopt
        if bucket:
            yield (
                "adopt",
                f"bucket {bucket}",
                partial(_adopted_bucket, bucket=bucket, kind=kind),
            )


def _adopted(subject: str, setting: str, read: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], Check | None]:
    """What is there, or the check that tells that nothing is."""
    try:
        return read(), None
    except Refused as refused:
        if refused.trouble is not Trouble.MISSING:
            raise
        detail = f"there is none of that name to take over ({setting})"
        return {}, Check("adopt", subject, Verdict.FAIL, detail, "name one that exists, or leave adopt out to make it")


def _adopted_network(google: Google, settings: GoogleSettings) -> Iterator[Check]:
    subject, setting = f"network {settings.network.adopt}", "google.network.adopt"
    path = f"compute/v1/projects/{settings.project}/global/networks/{settings.network.adopt}"
    found, missing = _adopted(subject, setting, lambda: google.get("compute", path))
    if missing:
        yield missing
    elif found.get("autoCreateSubnetworks"):
        fix = f"run `gcloud compute networks update {settings.network.adopt} --switch-to-custom-subnet-mode`"
        yield Check("adopt", subject, Verdict.FAIL, "it makes its subnetworks itself, and their ranges collide", fix)
    else:
        yield Check("adopt", subject, Verdict.OK, "there, to be taken over")


def _adopted_subnetwork(google: Google, settings: GoogleSettings) -> Iterator[Check]:
    network = settings.network
    subject, setting = f"subnetwork {network.adopt_subnetwork}", "google.network.adopt_subnetwork"
    path = f"compute/v1/projects/{settings.project}/regions/{settings.region}/subnetworks/{network.adopt_subnetwork}"
    found, missing = _adopted(subject, setting, lambda: google.get("compute", path))
    cidr, owner = found.get("ipCidrRange"), str(found.get("network", "")).rpartition("/")[2]
    if missing:
        yield missing
    elif owner != network.adopt:
        fix = "name a subnetwork of the adopted network"
        yield Check("adopt", subject, Verdict.FAIL, f"it is of the network {owner}, not {network.adopt}", fix)
    elif cidr != network.nodes:
        fix = f"set google.network.nodes to {cidr}"
        yield Check("adopt", subject, Verdict.FAIL, f"its range is {cidr}, not {network.nodes}", fix)
    else:
        yield Check("adopt", subject, Verdict.OK, "there, to be taken over")


def _adopted_cluster(google: Google, settings: GoogleSettings) -> Iterator[Check]:
    subject = f"cluster {settings.cluster.adopt}"
    path = f"v1/projects/{settings.project}/locations/{settings.region}/clusters/{settings.cluster.adopt}"
    _, missing = _adopted(subject, f"google.cluster.adopt, in {settings.region}", lambda: google.get("container", path))
    yield missing or Check("adopt", subject, Verdict.OK, f"there, in {settings.region}, to be taken over")


def _adopted_bucket(google: Google, settings: GoogleSettings, bucket: str, kind: str) -> Iterator[Check]:
    subject, setting = f"bucket {bucket}", f"google.storage.{kind}.adopt"
    found, missing = _adopted(subject, setting, lambda: google.get("storage", f"storage/v1/b/{bucket}"))
    location = str(found.get("location", "")).lower()
    if missing:
        yield missing
    elif location != settings.region:
        detail = f"it is in {location}, and the accelerators are in {settings.region} ({setting})"
        fix = "copy what it holds into a bucket of the region: a bucket cannot move"
        yield Check("adopt", subject, Verdict.FAIL, detail, fix)
    else:
        yield Check("adopt", subject, Verdict.OK, f"there, in {location}, to be taken over")
