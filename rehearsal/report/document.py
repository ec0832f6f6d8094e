"""The report as a document: the one thing that the terminal, the page and machines read.

``VERSION`` grows when a key goes away or changes its meaning; new keys come without. Money is in US dollars, time in
seconds unless a name says minutes. What is not known is null, never nought. ``report.schema.json`` is the same as JSON
Schema: ``python -m rehearsal.report.document > rehearsal/report/report.schema.json``.
"""

from __future__ import annotations

import json
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

VERSION = 1


class Part(BaseModel):
    """Whatever the document is made of."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Step(Part):
    """One run of the engine.

    counts:             resources by what happened to them.
    changed:            resources that did not stay the same.
    simulated_minutes:  that a cloud would take, an estimate.
    why:                why it failed, "" when it passed.
    """

    name: str
    passed: bool
    why: str
    seconds: float
    simulated_minutes: float
    counts: dict[str, int]
    changed: int
    errors: list[str]
    messages: list[str]


class Resource(Part):
    """A resource after the first `up`.

    type:       the engine's token.
    protected:  the engine refuses to delete it.
    """

    urn: str
    type: str
    name: str
    id: str
    protected: bool


class Layer(Part):
    """A component of the program and what lies directly in it. ``type`` is "" for what lies in no component."""

    name: str
    type: str
    resources: list[Resource]


class Range(Part):
    """Addresses that a network has. ``what`` is a subnetwork, or what a second range of one is for."""

    what: str
    cidr: str


class Network(Part):
    """``component`` is the name of the component that made it."""

    name: str
    component: str
    ranges: list[Range]


class Pool(Part):
    """Node pools of one kind: the slices of one workload, else a single pool.

    names:              of the node pools.
    chips_per_machine:  accelerators; 0 for none.
    least, most:        machines of all those pools that the autoscaler keeps.
    chips:              accelerators of ``most`` machines.
    topology:           of a TPU slice, such as 4x4x8, else "".
    capacity:           on demand, spot, reservation ...
    networks:           that its machines are in besides the cluster's own.
    """

    names: list[str]
    machine: str
    accelerator: str
    chips_per_machine: int
    least: int
    most: int
    chips: int
    topology: str
    capacity: str
    zones: list[str]
    networks: list[str]
    protected: bool


class Cluster(Part):
    name: str
    location: str
    protected: bool
    pools: list[Pool]


class Slice(Part):
    """TPUs outside of a cluster. ``kind`` is TPU VM or queued resource; ``chips`` of all ``count`` slices."""

    name: str
    kind: str
    accelerator: str
    topology: str
    count: int
    chips: int
    capacity: str
    zone: str


class Store(Part):
    """Something that keeps data. ``size`` is as it was asked for, "" for what grows by itself."""

    kind: str
    name: str
    size: str
    where: str
    protected: bool


class Account(Part):
    """A service account. ``grants`` counts the roles that the stack gives it."""

    name: str
    email: str
    grants: int


class Workload(Part):
    """A job or a service. ``where`` is its namespace, or the machine."""

    kind: str
    name: str
    where: str


class Tally(Part):
    """Resources of a type that only their number is shown of."""

    what: str
    number: int


class Picture(Part):
    """The data centre as a person thinks of it."""

    project: str
    region: str
    networks: list[Network]
    clusters: list[Cluster]
    slices: list[Slice]
    stores: list[Store]
    accounts: list[Account]
    keys: list[str]
    workloads: list[Workload]
    others: list[Tally]


class Property(Part):
    """How a property differs. Values as JSON, shortened; ``forces``: it is the reason for a replacement."""

    path: str
    old: str
    new: str
    forces: bool


class Change(Part):
    """What `up` would do to one resource of the base. ``protected``: by the base or by this program."""

    kind: Literal["replace", "delete", "update", "create"]
    urn: str
    type: str
    name: str
    component: str
    protected: bool
    properties: list[Property]

    @property
    def dangerous(self) -> bool:
        """Whether something that is there goes away."""
        return self.kind in ("replace", "delete")


class Base(Part):
    """The comparison with another commit: its `up`, then a preview of this program over that state.

    ref, commit:  as asked for, and what it is.
    problem:      why there is no comparison, "" when there is one.
    changes:      the dangerous ones first, and of those the protected ones.
    unchanged:    resources that stay as they are.
    """

    ref: str
    commit: str
    problem: str
    seconds: float
    counts: dict[str, int]
    changes: list[Change]
    unchanged: int


class Rate(Part):
    """US dollars. A month is as the preflight counts it."""

    hour: float
    month: float


class Amount(Part):
    """at_least:    something in it has no known price.
    base, difference:  null without a base.
    """

    hour: float
    month: float
    at_least: bool
    base: Rate | None
    difference: Rate | None


class Scale(Part):
    """declared: each thing in the capacity that its settings name; the others: as if all were bought so."""

    declared: Amount
    on_demand: Amount
    spot: Amount


class CostLine(Part):
    """USD an hour of one thing, null without a known price."""

    what: str
    setting: str
    unit: str
    least: int
    most: int
    minimum: float | None
    maximum: float | None
    on_demand: float | None
    spot: float | None
    source: str


class Cost(Part):
    """minimum, maximum: with the fewest and the most machines that the settings allow."""

    prices: str
    minimum: Scale
    maximum: Scale
    lines: list[CostLine]
    unpriced: list[str]
    other_regions: list[str]
    not_included: list[str]


class Quota(Part):
    """``base_most`` is what the base needs at most, null without a base."""

    service: str
    subject: str
    metric: str
    location: str
    least: int
    most: int
    base_most: int | None
    why: list[str]


class Check(Part):
    """A check of the preflight that is not simply right."""

    name: str
    subject: str
    verdict: str
    detail: str
    fix: str


class Finding(Part):
    """What a policy says of a resource. ``severity``: mandatory or advisory."""

    rule: str
    severity: str
    resource: str
    message: str


class Fault(Part):
    """Something that was made to go wrong. What it had to prove, and whether it did, is in the steps.

    resource:  what it struck, as the program calls it.
    message:   that a person was told, "" for nothing.
    advice:    what to do about it.
    """

    kind: str
    resource: str
    message: str
    advice: str


class Remnant(Part):
    """Something that is in the cloud after the destroy. ``why`` is "" where it must not be."""

    type: str
    id: str
    why: str


class Setting(Part):
    """Properties that no import can read, as they live in the provider alone."""

    urn: str
    paths: list[str]


class Totals(Part):
    """Of the state after the first `up`. ``resources`` counts neither components nor providers."""

    resources: int
    components: int
    protected: int
    gpus: int
    tpu_chips: int
    minutes: float = Field(description="that a cloud would take for the first `up`, an estimate")


class Report(Part):
    """All of it. ``commit`` is "" outside of a git repository; ``edited``: files differ from it."""

    version: Literal[1]
    made_at: str
    stack: str
    commit: str
    edited: bool
    passed: bool
    seconds: float
    totals: Totals
    steps: list[Step]
    base: Base | None
    cost: Cost | None
    quotas: list[Quota]
    checks: list[Check]
    preflight: str = Field(description="what the preflight says of itself, or why there is none")
    policy: list[Finding] | None = Field(description="null: no policy was checked")
    faults: list[Fault] | None = Field(description="null: nothing was made to go wrong")
    picture: Picture
    layers: list[Layer]
    not_imported: list[str] = Field(description="names of resources that no provider can import")
    settings: list[Setting]
    left: list[Remnant]

    def json_text(self) -> str:
        """The document as it is written and printed."""
        return self.model_dump_json(indent=2) + "\n"


if __name__ == "__main__":  # how report.schema.json is made
    print(json.dumps(Report.model_json_schema(), indent=2))
