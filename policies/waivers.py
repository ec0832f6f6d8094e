"""Exceptions from rules: who is let off what, why, until when, and who agreed.

They stand in ``waivers.yaml``, which its owners review, and not in the program, whose authors they excuse. One that is
expired, malformed or needed by nothing is a finding itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from fnmatch import fnmatchcase
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from policies.configuration import told
from policies.rule import Rule

FILE = Path(__file__).parent / "waivers.yaml"
LONGEST_DAYS = 90
NOTICE_DAYS = 14
"""How long before its end a waiver is told to be ending."""


class Waiver(BaseModel):
    """One exception.

    stacks:   where it holds.
    rules:    ids.
    targets:  URNs of resources, ``*`` standing for anything; the stack's own for a rule about all of it.
    granted, expires:  the first and the last day on which it holds, at most LONGEST_DAYS apart.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    id: str = Field(pattern=r"^[a-z0-9-]+$")
    stacks: tuple[str, ...] = Field(min_length=1)
    rules: tuple[str, ...] = Field(min_length=1)
    targets: tuple[str, ...] = Field(min_length=1)
    reason: str = Field(min_length=20)
    owner: str = Field(min_length=3)
    approver: str = Field(min_length=3)
    granted: date
    expires: date
    issue: str | None = None

    def covers(self, rule: str, urn: str) -> bool:
        return rule in self.rules and any(fnmatchcase(urn, each) for each in self.targets)

    def __str__(self) -> str:
        return (
            f"{self.id}: {', '.join(self.rules)} until {self.expires}, asked for by {self.owner}, approved by "
            f"{self.approver}: {self.reason}"
        )


@dataclass
class Waivers:
    """The waivers of one stack on one day.

    in_force:  those that count.
    wrong:     what is wrong with the file or with a waiver that does not count.
    used:      ids of those that let something off so far.
    """

    today: date
    in_force: tuple[Waiver, ...] = ()
    wrong: tuple[str, ...] = ()
    used: set[str] = field(default_factory=set)

    def covering(self, rule: str, urn: str) -> Waiver | None:
        """The waiver that lets ``urn`` off ``rule``; it counts as used from then on."""
        for each in self.in_force:
            if each.covers(rule, urn):
                self.used.add(each.id)
                return each
        return None

    def problems(self) -> Iterator[str]:
        """What is wrong once everything has been looked at."""
        yield from self.wrong
        for each in self.in_force:
            if each.id not in self.used:
                yield f"waiver {each.id} lets nothing off: remove it, or correct its rules and targets"

    def ending(self) -> Iterator[str]:
        """Which will not hold much longer."""
        for each in self.in_force:
            left = (each.expires - self.today).days
            if left <= NOTICE_DAYS:
                yield f"waiver {each.id} ends in {left} days"


def load(stack: str, rules: Mapping[str, Rule], today: date, file: Path = FILE) -> Waivers:
    """The waivers of ``stack``. Of a file that cannot be read none counts, and that is told."""
    try:
        listed = yaml.safe_load(file.read_text()) or []
        if not isinstance(listed, list):
            raise ValueError("must be a list of waivers")
        waivers = [Waiver.model_validate(each) for each in listed]
        names = [each.id for each in waivers]
        if len(set(names)) < len(names):
            raise ValueError("two waivers have one id")
    except (ValidationError, yaml.YAMLError) as error:
        return Waivers(today, wrong=(f"{file.name}: {told(error)}; no waiver counts until it is mended",))
    except (OSError, ValueError) as error:
        return Waivers(today, wrong=(f"{file.name}: {error}; no waiver counts until it is mended",))
    here = [each for each in waivers if stack in each.stacks]
    wrong = {each.id: why for each in here if (why := _why_not(each, rules, today))}
    return Waivers(today, tuple(each for each in here if each.id not in wrong), tuple(wrong.values()))


def _why_not(waiver: Waiver, rules: Mapping[str, Rule], today: date) -> str:
    """Why a waiver does not count; empty when it does."""
    said = f"waiver {waiver.id}"
    for rule in waiver.rules:
        if rule not in rules:
            return f"{said}: there is no rule {rule!r}"
        if not rules[rule].waivable:
            return f"{said}: nobody can be let off {rule}"
    if waiver.owner == waiver.approver:
        return f"{said}: {waiver.owner} approved their own; somebody else must"
    if (waiver.expires - waiver.granted).days > LONGEST_DAYS:
        return f"{said}: holds for more than {LONGEST_DAYS} days; shorten it to {waiver.granted} plus {LONGEST_DAYS}"
    if waiver.expires < today:
        return f"{said}: expired on {waiver.expires}; mend what it excused, or have it granted anew"
    return ""
