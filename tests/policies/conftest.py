"""What the rules are held against: the resources of every shipped stack, from a rehearsed `up`."""

from __future__ import annotations

import json
from collections.abc import Callable
from functools import cache
from pathlib import Path

import pytest

from policies import state
from policies.resource import Resource
from rehearsal import cycle

STACKS = ("dev", "staging", "prod")


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """The exported state of a stack that is up; each is brought up once."""

    @cache
    def export(stack: str) -> Path:
        folder = tmp_path_factory.mktemp(stack)
        with cycle.Rehearsal(stack, folder / "rehearsal") as rehearsal:
            up = rehearsal.run("up", "up", "--yes", "--skip-preview")
            assert up.passed, up.why
            file = folder / "state.json"
            file.write_text(json.dumps({"version": 3, "deployment": rehearsal.checkpoint()}))
        return file

    return export


@pytest.fixture(scope="session")
def shipped(exported: Callable[[str], Path]) -> Callable[[str], list[Resource]]:
    """The resources of a stack that is up."""
    return cache(lambda stack: state.read(exported(stack)))
