"""What goes wrong on demand, and whether a stack goes on from there.

A rehearsal with faults brings a stack up twice: undisturbed, and with what is to go wrong. It proves that each failure
is told with the resource's name and in Google's words, that state and cloud agree afterwards, and that the next `up`
ends where the undisturbed one did. What goes wrong in which words is in ``failures``.
"""

from __future__ import annotations

import difflib
import fnmatch
import itertools
import random
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rehearsal import cycle
from rehearsal.cloud.moments import Plan
from rehearsal.cloud.store import Resource
from rehearsal.convergence import Picture, differences, disagreements, go_on, picture
from rehearsal.cycle import Step
from rehearsal.failures import DRIFTS, KINDS, Kind, Strike
from rehearsal.google.patience import ATTEMPTS
from rehearsal.google.table import row

FORM = "KIND[xTIMES][:TYPE][@N], such as stockout, 503x4:Network, denied:Bucket@2, kill@17, or random:SEED:COUNT"
PART = re.compile(r"(?P<kind>[a-z]+|\d{3})(x(?P<times>[1-9]\d*))?(:(?P<where>[^@]+))?(@(?P<nth>[1-9]\d*))?")
RANDOM = re.compile(r"random:(?P<seed>\d+):(?P<count>[1-9]\d*)")
BURSTS = ("429", "503")
OF_THE_SDK = "Program failed with an unhandled exception"
"""What the SDK says of every output that it then waits for in vain."""


class NotAFault(ValueError):
    """What a person wrote and nothing can strike: the part, what is allowed, the likely fix."""


@dataclass(frozen=True)
class Fault:
    """Something that is to go wrong once.

    kind:   a key of ``failures.KINDS``.
    where:  the resource type: the whole token, its last word, or a pattern with ``*``; "" where the kind happens most.
    nth:    which resource of that type, in the order of their names; of a kill, after which operation.
    times:  how often it happens to the same request, of bursts alone.
    seed:   draws ``nth``, from as many as the stack has.
    """

    kind: str
    where: str = ""
    nth: int = 1
    times: int = 1
    seed: int | None = None

    def __str__(self) -> str:
        times = f"x{self.times}" if self.times > 1 else ""
        where = f":{self.where}" if self.where else ""
        return f"{self.kind}{times}{where}@{'?' if self.seed is not None else self.nth}"


@dataclass(frozen=True)
class Planned:
    """A fault and the resource that it strikes. ``plan``: None for what happens between two runs."""

    fault: Fault
    urn: str
    resource: Resource
    plan: Plan | None

    @property
    def name(self) -> str:
        """Of what is struck, as the program calls it."""
        return "the engine" if self.fault.kind == "kill" else _name(self.urn)

    @property
    def advice(self) -> str:
        """What to do about it."""
        return KINDS[self.fault.kind].advice

    @property
    def message(self) -> str:
        """What is told, "" for nothing: a short burst passes unnoticed, and who is killed says nothing."""
        passes = self.fault.kind in BURSTS and self.fault.times < ATTEMPTS
        return self.plan.message if self.plan and not passes else ""


@dataclass
class Outcome:
    """What came of it.

    steps:      in their order; a step that failed is the last.
    planned:    each fault and what it strikes.
    resources:  of the state after the undisturbed `up`, as the engine keeps them.
    """

    stack: str
    folder: Path
    steps: list[Step] = field(default_factory=list)
    planned: list[Planned] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return bool(self.steps) and all(step.passed for step in self.steps)


def parse(text: str) -> tuple[Fault, ...]:
    """Faults as a person writes them, divided by commas. Raises NotAFault with the part and what is allowed."""
    faults: list[Fault] = []
    for part in filter(None, (each.strip() for each in text.split(","))):
        drawn = RANDOM.fullmatch(part)
        faults += _drawn(int(drawn["seed"]), int(drawn["count"])) if drawn else [_fault(part)]
    if not faults:
        raise NotAFault(f"FAULTS = {text!r}: names no fault. Each is {FORM}")
    return tuple(faults)


def rehearse(
    stack_name: str,
    faults: Sequence[Fault],
    folder: Path | None = None,
    on_step: Callable[[Step], None] | None = None,
    on_start: Callable[[str], None] | None = None,
) -> Outcome:
    """Brings the stack up undisturbed, then with ``faults``.

    folder:  a new one is made in it for each; as of ``cycle.Rehearsal``.
    on_start, on_step:  are called before each step with its name, and after it.
    Raises NotAFault for one that strikes nothing in this stack.
    """
    outcome = Outcome(stack_name, folder or cycle.FOLDER / f"{stack_name}-faults")
    for step in _steps(outcome, faults, on_start):
        outcome.steps.append(step)
        if on_step:
            on_step(step)
        if not step.passed:
            break
    return outcome


def _steps(outcome: Outcome, faults: Sequence[Fault], on_start: Callable[[str], None] | None) -> Iterator[Step]:
    with cycle.Rehearsal(outcome.stack, outcome.folder / "undisturbed") as rehearsal:
        rehearsal.on_start = on_start
        yield rehearsal.run("undisturbed up", "up", "--yes", "--skip-preview")
        wanted, outcome.resources = picture(rehearsal), rehearsal.resources()
    for fault in faults:
        outcome.planned.append(plan(fault, wanted, outcome.planned))
    with cycle.Rehearsal(outcome.stack, outcome.folder / "disturbed") as rehearsal:
        rehearsal.on_start = on_start
        yield from _failing(rehearsal, outcome.planned, wanted)
        drifts = [each for each in outcome.planned if each.plan is None]
        if drifts:
            yield from _drifting(rehearsal, drifts, wanted)
        yield _unchanged(rehearsal.run("one more up", "up", "--yes", "--skip-preview"))


def _failing(rehearsal: cycle.Rehearsal, planned: list[Planned], wanted: Picture) -> Iterator[Step]:
    """Runs `up` until nothing goes wrong any more."""
    for each in planned:
        if each.plan:
            rehearsal.cloud.plan(each.plan)
    untold, left = [each for each in planned if each.message], rehearsal.cloud.plans_left()
    for run in itertools.count(1):  # a fault may hide behind another
        before = left
        step = rehearsal.run(f"up {run}", "up", "--yes", "--skip-preview", "--continue-on-error")
        left = rehearsal.cloud.plans_left()
        if step.passed:
            break
        told = [each for each in untold if _tells(step, each)]
        untold = [each for each in untold if each not in told]
        yield _judged(step, rehearsal, as_planned=bool(told) or _kills(before) > _kills(left))
        go_on(rehearsal)
    if missed := [each.name for each in planned if each in untold or each.plan in left]:
        step.passed, step.why = False, f"did not happen, or was not told: {', '.join(missed)}"
    yield _as_wanted(step, rehearsal, wanted)


def _judged(step: Step, rehearsal: cycle.Rehearsal, *, as_planned: bool) -> Step:
    """A failure is as it must be when it was planned, and state and cloud agree after it."""
    step.errors = [each for each in step.errors if not each.startswith(OF_THE_SDK)]
    astray = list(disagreements(rehearsal))
    if not as_planned:
        step.why = f"failed otherwise than planned: {step.why}"
    elif astray:
        step.why = f"state and cloud do not agree: {'; '.join(astray[:5])}"
    else:
        step.passed, step.why = True, ""
    return step


def _drifting(rehearsal: cycle.Rehearsal, drifts: list[Planned], wanted: Picture) -> Iterator[Step]:
    for each in drifts:
        if each.fault.kind == "gone":
            rehearsal.cloud.vanish(each.resource.token, each.resource.id)
        else:
            there = rehearsal.cloud.get(each.resource.token, each.resource.id)
            assert there is not None  # it is as in the undisturbed cloud
            DRIFTS[there.token](there.body)
            rehearsal.cloud.drift(there)
    shown = rehearsal.run("preview of the drift", "preview", "--refresh")
    unseen = {each.urn for each in drifts} - {each.urn for each in shown.changes}
    if shown.passed and unseen:
        shown.passed, shown.why = False, f"drift is not seen: {', '.join(map(_name, sorted(unseen)))}"
    yield shown
    yield _as_wanted(rehearsal.run("up after drift", "up", "--yes", "--skip-preview", "--refresh"), rehearsal, wanted)


def _as_wanted(step: Step, rehearsal: cycle.Rehearsal, wanted: Picture) -> Step:
    astray = differences(picture(rehearsal), wanted)
    if step.passed and astray:
        step.passed, step.why = False, f"not as undisturbed: {'; '.join(astray[:5])}"
    return step


def _unchanged(step: Step) -> Step:
    if step.passed and step.changes:
        step.passed = False
        step.why = f"changes again: {', '.join(each.name for each in step.changes[:5])}"
    return step


def plan(fault: Fault, undisturbed: Picture, others: Sequence[Planned] = ()) -> Planned:
    """Where a fault strikes in a stack. Raises NotAFault when it cannot, or where one of ``others`` does already."""
    kind = KINDS[fault.kind]
    able = [(urn, each) for urn, each in _resources(undisturbed) if _can(fault.kind, each, undisturbed)]
    where = fault.where or next((w for w in kind.where if any(_fits(each, w) for _, each in able)), "*")
    fitting = [(urn, each) for urn, each in able if _fits(each, where)]
    if fault.seed is not None:
        struck = _struck(kind, others)
        fitting = [(urn, each) for urn, each in fitting if urn not in struck]
    if not fitting:
        types = ", ".join(sorted({each.token.rpartition(":")[2] for _, each in able}))
        raise NotAFault(
            f"{fault}: strikes nothing in this stack. {fault.kind} can strike {types or 'nothing'}, once each"
        )
    nth = fault.nth if fault.seed is None else random.Random(fault.seed).randrange(len(fitting)) + 1  # noqa: S311
    if nth > len(fitting):
        raise NotAFault(f"{fault}: there are {len(fitting)} in this stack; @1 to @{len(fitting)}")
    urn, resource = fitting[nth - 1]
    if fault.kind == "kill":
        urn = ""
    elif urn in _struck(kind, others):
        raise NotAFault(f"{fault}: strikes {_name(urn)}, as another does; name another type, or another with @N")
    number = undisturbed.numbers.get(str(resource.address.get("project")), "")
    return Planned(fault, urn, resource, kind.plan(Strike(resource, number, nth, fault.times)) if kind.plan else None)


def _resources(undisturbed: Picture) -> list[tuple[str, Resource]]:
    """What Google's provider made, with its URN, by name."""
    urns = sorted((urn for urn, (identity, _) in undisturbed.state.items() if identity), key=_name)
    found = [(urn, undisturbed.cloud[_token(urn), undisturbed.state[urn][0]]) for urn in urns]
    return [(urn, each) for urn, each in found if each.token.startswith("gcp:")]


def _struck(kind: Kind, others: Sequence[Planned]) -> set[str]:
    """URNs that something happens to at the same time, in an `up` or after it."""
    return {each.urn for each in others if (each.plan is None) == (kind.plan is None)}


def _can(kind: str, resource: Resource, undisturbed: Picture) -> bool:
    """Whether this may happen to a resource, as far as the rehearsal knows what would then come of it."""
    if kind == "quota" and resource.token not in KINDS[kind].where:
        return bool(row(resource.token)["quota"])
    if kind == "gone" and any(resource.id in (each.parent, *each.uses) for each in undisturbed.cloud.values()):
        return False  # what hangs on it would be gone, too
    return any(fnmatch.fnmatchcase(resource.token, each) for each in KINDS[kind].where)


def _fits(resource: Resource, where: str) -> bool:
    return any(fnmatch.fnmatchcase(each, where) for each in (resource.token, resource.token.rpartition(":")[2]))


def _fault(part: str) -> Fault:
    found = PART.fullmatch(part)
    if not found:
        raise NotAFault(f"FAULTS: {part!r} is no fault. Each is {FORM}")
    kind = found["kind"]
    if kind not in KINDS:
        near = difflib.get_close_matches(kind, KINDS, n=1)
        guess = f" Did you mean {near[0]}?" if near else ""
        kinds = "; ".join(f"{name}: {each.about}" for name, each in KINDS.items())
        raise NotAFault(f"FAULTS: {part!r}: there is no {kind!r}.{guess} There are: {kinds}")
    if found["times"] and kind not in BURSTS:
        raise NotAFault(f"FAULTS: {part!r}: {kind} happens once; x{found['times']} is for {' and '.join(BURSTS)}")
    if found["where"] and kind == "kill":
        raise NotAFault(f"FAULTS: {part!r}: a kill strikes the engine: write kill@N, the operation after which it does")
    times = int(found["times"] or (3 if kind in BURSTS else 1))
    return Fault(kind, found["where"] or "", int(found["nth"] or 1), times)


def _drawn(seed: int, count: int) -> list[Fault]:
    """The same for the same seed."""
    dice = random.Random(seed)  # noqa: S311 - nothing secret
    kinds = [dice.choice(sorted(KINDS)) for _ in range(count)]
    return [Fault(kind, "*", times=3 if kind in BURSTS else 1, seed=dice.getrandbits(32)) for kind in kinds]


def _kills(plans: Sequence[Plan]) -> int:
    return sum(each.effect == "kill" for each in plans)


def _tells(step: Step, planned: Planned) -> bool:
    """Whether an error carries Google's words, and the engine names the resource."""
    assert planned.plan is not None  # of what is told there is one
    in_words = any(planned.plan.message in error for error in step.errors)
    return in_words and any(each.urn == planned.urn for each in step.changes)


def _token(urn: str) -> str:
    return urn.split("::")[2].rpartition("$")[2]


def _name(urn: str) -> str:
    return urn.rpartition("::")[2]
