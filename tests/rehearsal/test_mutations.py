"""What Google would refuse, the rehearsal refuses, whatever property of whatever resource a mistake is in.

The stacks are those of this repository and the samples of every type; ``mutations`` makes the mistakes.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from rehearsal import cycle
from rehearsal.google.table import tokens
from tests.rehearsal.conftest import SAMPLES, STACKS
from tests.rehearsal.mutations import Mutation, Stack, Trial, alternatives, mutations, samples, stack_of

LEAST_SHARE = 0.95
LEAST_MUTATIONS = {"samples": 1500, "dev": 2000, "staging": 2400, "prod": 3000}
LEAST_ALTERNATIVES = 150
SURVIVORS = yaml.safe_load((Path(__file__).parent / "survivors.yaml").read_text())


@dataclass(frozen=True)
class Tried:
    """A stack, and why each of its resources, mutations and alternatives is refused; "" where it is not."""

    stack: Stack
    as_it_is: dict[str, str]
    mutations: list[tuple[Mutation, str]]
    alternatives: list[tuple[Mutation, str]]


@pytest.fixture(scope="session")
def tried(rehearse: Callable[[str], cycle.Cycle], tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Tried]:
    """By the stack's name; each is tried once."""

    @functools.cache
    def of(name: str) -> Tried:
        stack = samples(SAMPLES) if name == "samples" else stack_of(name, rehearse(name).resources)
        return _try(stack, tmp_path_factory.mktemp(name))

    return of


def _try(stack: Stack, folder: Path) -> Tried:
    trial = Trial(stack, folder)
    return Tried(
        stack,
        {each.urn: trial.refusal(each, each.inputs) for each in stack.resources},
        [(each, trial.refusal(each.given, each.inputs)) for each in mutations(stack)],
        [(each, trial.refusal(each.given, each.inputs)) for each in alternatives(stack)],
    )


every_stack = pytest.mark.parametrize("name", ["samples", *STACKS])


@every_stack
def test_a_stack_as_it_is_is_not_refused(tried: Callable[[str], Tried], name: str) -> None:
    assert {urn: why for urn, why in tried(name).as_it_is.items() if why} == {}


@every_stack
def test_what_google_would_refuse_is_refused(tried: Callable[[str], Tried], name: str) -> None:
    all_of_them = tried(name).mutations
    refused = [each for each, why in all_of_them if why]
    assert len(all_of_them) >= LEAST_MUTATIONS[name]
    assert len(refused) / len(all_of_them) >= LEAST_SHARE


@every_stack
def test_a_refusal_names_the_property_that_was_flipped_or_one_that_it_does_not_go_with(
    tried: Callable[[str], Tried], name: str
) -> None:
    """Nearly all: a refusal for another reason would prove nothing."""
    refused = [(each, why) for each, why in tried(name).mutations if why]
    apt = [each for each, why in refused if _last(each.path) in why]
    assert len(apt) / len(refused) > LEAST_SHARE


def _last(path: str) -> str:
    return re.split(r"[.\]]", re.sub(r"\[\d+\]$", "", path))[-1]


def test_the_mutations_of_a_stack_do_not_depend_on_the_order_in_which_an_engine_made_it() -> None:
    stack, other = samples(SAMPLES), samples(SAMPLES[::-1])
    assert [each.told for each in mutations(stack)] == [each.told for each in mutations(other)]


def test_what_survives_is_listed_with_its_reason(tried: Callable[[str], Tried]) -> None:
    found = {each.told for name in ("samples", *STACKS) for each, why in tried(name).mutations if not why}
    listed = [told for each in SURVIVORS for told in each["survivors"]]
    assert sorted(found) == sorted(listed)
    assert all(each["reason"] for each in SURVIVORS)


def test_there_is_a_mistake_in_every_type(tried: Callable[[str], Tried]) -> None:
    touched = {each.given.token for name in ("samples", *STACKS) for each, _ in tried(name).mutations}
    assert touched == set(tokens())


@every_stack
def test_other_values_that_google_takes_are_not_refused(tried: Callable[[str], Tried], name: str) -> None:
    all_of_them = tried(name).alternatives
    assert len(all_of_them) >= LEAST_ALTERNATIVES
    assert {each.told: why for each, why in all_of_them if why} == {}


PROGRAM = """
import pulumi_gcp as gcp

gcp.compute.Firewall(
    "wrong",
    project="example-project",
    network="default",
    priority=70000,
    source_ranges=["10.0.0.0/33"],
    allows=[{"protocol": "tcpp", "ports": ["http"]}],
)
"""
TOLD = {
    "priority": "70000 is refused: must be 0 to 65535 (Compute Engine API, Firewall.priority)",
    "sourceRanges[0]": '"10.0.0.0/33" is refused: must be a range, such as 10.0.0.0/20',
    "allows[0].protocol": '"tcpp" is refused: must be all, tcp, udp',
    "allows[0].ports[0]": '"http" is refused: must be a port or a range of ports',
}


@pytest.fixture
def wrong_program(tmp_path: Path) -> Iterator[cycle.Rehearsal]:
    """A rehearsal of a program with mistakes that no settings catch."""
    project = tmp_path / "project"
    (project / "stacks").mkdir(parents=True)
    settings: dict[str, Any] = {"project": "example-project", "project_number": 100000000001}
    (project / "stacks" / "Pulumi.wrong.yaml").write_text(
        yaml.safe_dump({"config": {"ai-datacenter:google": settings}})
    )
    about = {"name": "ai-datacenter", "runtime": "python", "stackConfigDir": "stacks"}
    (project / "Pulumi.yaml").write_text(yaml.safe_dump(about))
    (project / "__main__.py").write_text(PROGRAM)
    with cycle.Rehearsal("wrong", tmp_path / "rehearsal", project) as rehearsal:
        yield rehearsal


def test_a_preview_with_the_real_engine_stops_at_mistakes_and_tells_each(wrong_program: cycle.Rehearsal) -> None:
    step = wrong_program.run("preview", "preview")
    assert not step.passed
    for path, says in TOLD.items():
        assert any(f"property {path} " in error and says in error for error in step.errors), (path, step.errors)
    assert wrong_program.cloud.operations() == []
