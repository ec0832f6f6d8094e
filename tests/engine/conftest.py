"""A program of one queued resource, the real engine, and a TPU API on loopback."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.engine.program import Program
from tests.project import clean_up
from tests.unit.tpu_queue.fake_tpu import FakeTpu


@pytest.fixture
def fake() -> Iterator[FakeTpu]:
    with FakeTpu() as fake:
        yield fake


@pytest.fixture
def program(tmp_path: Path, fake: FakeTpu) -> Iterator[Program]:
    made = Program(tmp_path, fake.url)
    yield made
    fake.polls = 1
    fake.finish_operations()
    clean_up(made)
