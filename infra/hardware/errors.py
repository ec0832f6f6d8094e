"""The error for a combination that no hardware offers, and the words it is told in."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Literal

Argument = Literal[
    "generation",
    "topology",
    "machine_type",
    "accelerator_type",
    "accelerator",
    "count",
    "zone",
    "zones",
    "runtime",
    "capacity",
    "sharing",
    "partition",
    "compact",
    "slices",
]
SHOWN = 24


class Impossible(ValueError):
    """A combination that does not exist.

    problem:   what is wrong, what is allowed and the likely fix, for a person.
    argument:  the setting at fault, so that a caller can say where in a file it stands.
    """

    def __init__(self, problem: str, argument: Argument) -> None:
        super().__init__(problem)
        self.problem = problem
        self.argument = argument


def allowed(values: Iterable[object]) -> str:
    """``allowed: a, b, c``; the first of a long list, and how many more there are."""
    words = [str(value) for value in values]
    more = f" and {len(words) - SHOWN} more" if len(words) > SHOWN else ""
    return f"allowed: {', '.join(words[:SHOWN]) or 'none'}{more}"


def did_you_mean(value: str, choices: Iterable[str]) -> str:
    """``; did you mean x?`` for the closest choice, or nothing when none is close."""
    near = difflib.get_close_matches(value, list(choices), n=1, cutoff=0.6)
    return f"; did you mean {near[0]}?" if near else ""
