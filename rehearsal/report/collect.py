"""Puts the report together from a cycle, the preflight and the comparison with a base."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from rehearsal.cycle import PLAIN, Cycle
from rehearsal.cycle import Step as CycleStep
from rehearsal.report import base, picture, preflight
from rehearsal.report.document import (
    VERSION,
    Base,
    Fault,
    Finding,
    Layer,
    Remnant,
    Report,
    Resource,
    Setting,
    Step,
    Totals,
)

FIRST_UP = ("up", "undisturbed up")
"""What the step is called, without and with faults."""


def collect(
    cycle: Cycle,
    *,
    said: preflight.Said | None,
    no_preflight: str = "",
    compared: Base | None = None,
    base_said: preflight.Said | None = None,
    policy: Sequence[Finding] | None = None,
    faults: Sequence[Fault] | None = None,
) -> Report:
    """The report of a rehearsal.

    said, base_said:  what the preflights of this program and of the base's said; None without.
    no_preflight:     why there is none.
    compared:         None when no base was asked for.
    policy:           None when none was checked.
    faults:           None when nothing was made to go wrong.
    """
    commit, edited = base.state_of()
    shown = picture.of(cycle.resources)
    gpus, tpu_chips = picture.chips(shown)
    real = [each for each in cycle.resources if _is_real(each)]
    return Report(
        version=VERSION,
        made_at=datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        stack=cycle.stack,
        commit=commit,
        edited=edited,
        passed=cycle.passed,
        seconds=round(cycle.seconds, 2),
        totals=Totals(
            resources=len(real),
            components=sum(not each.get("custom") for each in cycle.resources),
            protected=sum(bool(each.get("protect")) for each in real),
            gpus=gpus,
            tpu_chips=tpu_chips,
            minutes=next((round(step.simulated_minutes, 1) for step in cycle.steps if step.name in FIRST_UP), 0.0),
        ),
        steps=[_step(each) for each in cycle.steps],
        base=compared,
        cost=preflight.cost(said, base_said) if said else None,
        quotas=preflight.quotas(said, base_said) if said else [],
        checks=preflight.checks(said) if said else [],
        preflight=str(said["mode"]) if said else no_preflight,
        policy=None if policy is None else list(policy),
        faults=None if faults is None else list(faults),
        picture=shown,
        layers=_layers(cycle.resources),
        not_imported=[urn.rpartition("::")[2] for urn in cycle.not_imported],
        settings=[Setting(urn=urn, paths=list(paths)) for urn, paths in sorted(cycle.settings.items())],
        left=[_remnant(what, why) for what, why in cycle.left.items()],
    )


def _is_real(resource: dict[str, Any]) -> bool:
    """Whether it is neither a component nor a provider."""
    return bool(resource.get("custom")) and not resource["type"].startswith("pulumi:providers:")


def _step(step: CycleStep) -> Step:
    return Step(
        name=step.name,
        passed=step.passed,
        why=step.why,
        seconds=round(step.seconds, 2),
        simulated_minutes=round(step.simulated_minutes, 1),
        counts=dict(sorted(step.counts.items())),
        changed=sum(number for what, number in step.counts.items() if what not in PLAIN),
        errors=step.errors,
        messages=step.messages,
    )


def _layers(resources: list[dict[str, Any]]) -> list[Layer]:
    """Components in the order in which the engine came to them, each with what lies directly in it."""
    inside: dict[str, list[Resource]] = {}
    for each in resources:
        if each.get("custom"):
            inside.setdefault(str(each.get("parent", "")), []).append(_resource(each))
    return [
        Layer(
            name=urn.rpartition("::")[2],
            type=urn.split("::")[2].rpartition("$")[2] if urn else "",
            resources=sorted(members, key=lambda each: (each.type, each.name)),
        )
        for urn, members in sorted(inside.items(), key=lambda layer: layer[0].rpartition("::")[2])
    ]


def _resource(resource: dict[str, Any]) -> Resource:
    return Resource(
        urn=resource["urn"],
        type=resource["type"],
        name=resource["urn"].rpartition("::")[2],
        id=str(resource.get("id", "")),
        protected=bool(resource.get("protect")),
    )


def _remnant(what: str, why: str) -> Remnant:
    token, _, identity = what.partition(" ")
    return Remnant(type=token, id=identity, why=why)
