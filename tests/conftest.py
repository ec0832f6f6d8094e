"""The project as a person has it, for the folders that drive the real engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project import Project, clean_up


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project in which nothing is up."""
    made = Project(tmp_path)
    yield made
    clean_up(made)


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    """A project that is up. Tests leave it up and as its stack file says."""
    made = Project(tmp_path_factory.mktemp("site"))
    made.up()
    yield made
    clean_up(made)
