"""What a rule is: a pure function from one resource or from all to what is wrong, and what a reader needs to know."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NotRequired, TypedDict, Unpack

from policies.configuration import Configuration, Level
from policies.resource import UNKNOWN, NotKnown, Resource, WrongType, shown


class Severity(StrEnum):
    """How bad it is when the rule does not hold; worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


@dataclass(frozen=True)
class Problem:
    """Why a stack does not hold.

    at:      the resource to look at, None for the stack as a whole.
    not_yet: whether a preview does not know enough to say.
    """

    text: str
    at: Resource | None = None
    not_yet: bool = False


OfResource = Callable[[Resource, Configuration], Iterator[str]]
OfStack = Callable[[Sequence[Resource], Configuration], Iterator[Problem]]


@dataclass(frozen=True)
class Rule:
    """One rule.

    title:     what holds, as a sentence.
    types:     of the resources it looks at; of a stack rule, those whose absence or sum it is about.
    must:      which properties must have which values.
    fix:       what to write instead, in the program or in the stack file.
    sources:   CIS GKE, CIS Google Cloud, Pod Security, NSA/CISA, checkov ids, or own.
    level:     what a finding does where the configuration does not say otherwise.
    waivable:  whether anybody can be let off.
    check:     of a resource; or ``check_stack``, of all.
    """

    id: str
    severity: Severity
    title: str
    types: tuple[str, ...]
    must: str
    why: str
    fix: str
    sources: tuple[str, ...]
    level: Level = Level.MANDATORY
    waivable: bool = True
    check: OfResource | None = None
    check_stack: OfStack | None = None

    @property
    def family(self) -> str:
        """The module that it stands in."""
        function = self.check or self.check_stack
        return function.__module__.rpartition(".")[2] if function else ""


class Told(TypedDict):
    """What a reader is told of a rule, as ``Rule`` has it."""

    must: str
    why: str
    fix: str
    sources: tuple[str, ...]
    level: NotRequired[Level]
    waivable: NotRequired[bool]


class Rules(dict[str, Rule]):
    """Rules by id, in the order in which they are written down."""

    def resource(
        self, rule_id: str, severity: Severity, *types: str, **told: Unpack[Told]
    ) -> Callable[[OfResource], OfResource]:
        """Makes a rule of a function that yields what is wrong with a resource. Its docstring is the title."""

        def decorate(check: OfResource) -> OfResource:
            self.add(Rule(rule_id, severity, _title(check), types, check=check, **told))
            return check

        return decorate

    def stack(
        self, rule_id: str, severity: Severity, *types: str, **told: Unpack[Told]
    ) -> Callable[[OfStack], OfStack]:
        """Makes a rule of a function that yields what is wrong with a stack as a whole."""

        def decorate(check: OfStack) -> OfStack:
            self.add(Rule(rule_id, severity, _title(check), types, check_stack=check, **told))
            return check

        return decorate

    def add(self, rule: Rule) -> None:
        if rule.id in self:
            raise ValueError(f"two rules are called {rule.id}")
        self[rule.id] = rule


def _title(check: Callable[..., object]) -> str:
    return " ".join((check.__doc__ or "").split()).rstrip(".")


def each_of(resources: Iterable[Resource], check: Callable[[Resource], Iterator[str]]) -> Iterator[Problem]:
    """What is wrong with each; one that cannot be read yet, or at all, does not hide the others."""
    for resource in resources:
        try:
            for text in check(resource):
                yield Problem(text, resource)
        except NotKnown as error:
            yield Problem(str(error), resource, not_yet=True)
        except WrongType as error:
            yield Problem(str(error), resource)


def expect(resource: Resource, path: str, *wanted: str | bool) -> Iterator[str]:
    """What is wrong unless the property is one of ``wanted``."""
    value = resource.at(path)
    found = value.flag() if isinstance(wanted[0], bool) else value.text()
    if found not in wanted:
        yield f"{path} is {shown(found)}; allowed: {', '.join(map(shown, wanted))}"


def expect_set(resource: Resource, path: str, kind: type[str] | type[dict[str, Any]]) -> Iterator[str]:
    """What is wrong where a property is missing or empty. One whose value is not known yet is there."""
    value = resource.at(path)
    if value.raw is UNKNOWN:
        return
    if not (value.text() if kind is str else value.entries()):
        yield f"{path} is not set"
