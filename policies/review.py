"""Rules, configuration and waivers over resources."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from policies.configuration import Configuration, Level
from policies.resource import NotKnown, Resource, WrongType
from policies.rule import OfResource, Problem, Rule, Severity
from policies.waivers import Waiver, Waivers

EXCEPTIONS = Rule(
    id="POL-01",
    severity=Severity.HIGH,
    title="Every exception is argued for, approved by somebody else, in force and needed",
    types=("policies/waivers.yaml",),
    must="no waiver is malformed, expired, unused, self-approved or of a rule that allows none",
    why="An exception that nobody looks at any more is a rule that does not hold.",
    fix="Mend or remove the waiver in policies/waivers.yaml.",
    sources=("own",),
    level=Level.MANDATORY,
    waivable=False,
)
"""The rule about the exceptions from the others."""


class Kind(StrEnum):
    """What came of a rule.

    BROKEN:   it does not hold.
    NOT_YET:  a preview does not know what it needs; the same rule runs again in the `up`, before the resource is made.
    WAIVED:   it does not hold, and somebody is let off.
    """

    BROKEN = "broken"
    NOT_YET = "not checkable yet"
    WAIVED = "waived"


@dataclass(frozen=True)
class Finding:
    """One rule and one thing.  ``urn``: of the resource; of the stack for a rule about all of it."""

    rule: Rule
    kind: Kind
    level: Level
    urn: str
    text: str

    @property
    def stops(self) -> bool:
        return self.kind is Kind.BROKEN and self.level is Level.MANDATORY

    @property
    def name(self) -> str:
        """Of the resource, or of the stack."""
        return self.urn.rpartition("::")[2] if "::" in self.urn else self.urn.rpartition(":")[2]

    @property
    def type(self) -> str:
        parts = self.urn.split("::")
        return parts[2].rpartition("$")[2] if len(parts) > 3 else "stack"


class Review:
    """One look at one stack. Resources come one by one, then the stack as a whole; each is looked at by its own thread.

    ``findings`` has all of both, without what was replaced by a later look at the same resource.
    """

    def __init__(self, stack: str, rules: Mapping[str, Rule], configuration: Configuration, waivers: Waivers) -> None:
        self.stack, self.configuration, self.waivers = stack, configuration, waivers
        self._rules = [each for each in rules.values() if self._level(each) is not Level.OFF]
        self._by_type: dict[str, list[tuple[Rule, OfResource]]] = {}
        self._resources: dict[str, Resource] = {}
        self._findings: dict[str, list[Finding]] = {}
        self._lock = threading.Lock()

    @property
    def findings(self) -> list[Finding]:
        return [finding for each in self._findings.values() for finding in each]

    @property
    def passes(self) -> bool:
        return not any(each.stops for each in self.findings)

    def of_resource(self, resource: Resource) -> list[Finding]:
        """What the rules say of one resource."""
        found = [
            finding
            for rule, check in self._about(resource)
            for finding in self._told(rule, resource.urn, map(Problem, check(resource, self.configuration)))
        ]
        with self._lock:
            self._resources[resource.urn] = resource
            self._findings[resource.urn] = found
        return found

    def of_stack(self, urns: Iterable[str] | None = None) -> list[Finding]:
        """What the rules say of all resources seen, or of those of them that are still there; then of the waivers."""
        there = self._resources if urns is None else {urn: self._resources.get(urn) for urn in urns}
        resources = [each for each in there.values() if each]
        stack = f"urn:pulumi:{self.stack}"
        found = [
            finding
            for rule in self._rules
            if rule.check_stack
            for finding in self._told(rule, stack, rule.check_stack(resources, self.configuration))
        ]
        found += [Finding(EXCEPTIONS, Kind.BROKEN, Level.MANDATORY, stack, each) for each in self.waivers.problems()]
        found += [Finding(EXCEPTIONS, Kind.BROKEN, Level.ADVISORY, stack, each) for each in self.waivers.ending()]
        self._findings[stack] = found
        return found

    @property
    def in_force(self) -> tuple[Waiver, ...]:
        return self.waivers.in_force

    def _about(self, resource: Resource) -> list[tuple[Rule, OfResource]]:
        """The rules that look at resources of its type."""
        if resource.type not in self._by_type:
            self._by_type[resource.type] = [
                (each, each.check) for each in self._rules if each.check and resource.is_a(*each.types)
            ]
        return self._by_type[resource.type]

    def _level(self, rule: Rule) -> Level:
        return self.configuration.levels.get(rule.id, rule.level)

    def _told(self, rule: Rule, urn: str, problems: Iterator[Problem]) -> Iterator[Finding]:
        """Each problem as a finding; a rule that cannot read what it needs says so and never passes."""
        level = self._level(rule)
        try:
            for problem in problems:
                where = problem.at.urn if problem.at else urn
                if problem.not_yet:
                    yield Finding(rule, Kind.NOT_YET, Level.ADVISORY, where, problem.text)
                else:
                    yield self._finding(rule, where, problem.text, level)
        except NotKnown as error:
            yield Finding(rule, Kind.NOT_YET, Level.ADVISORY, urn, str(error))
        except WrongType as error:
            yield self._finding(rule, urn, str(error), level)

    def _finding(self, rule: Rule, urn: str, text: str, level: Level) -> Finding:
        waiver = self.waivers.covering(rule.id, urn)
        if waiver:
            return Finding(rule, Kind.WAIVED, Level.ADVISORY, urn, f"{text} (waiver {waiver.id}, to {waiver.expires})")
        return Finding(rule, Kind.BROKEN, level, urn, text)


def review(
    stack: str,
    resources: Iterable[Resource],
    rules: Mapping[str, Rule],
    configuration: Configuration,
    waivers: Waivers,
) -> Review:
    """A whole stack at once."""
    made = Review(stack, rules, configuration, waivers)
    for each in resources:
        made.of_resource(each)
    made.of_stack()
    return made
