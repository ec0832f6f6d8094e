"""One data centre for the tests of what runs on it: a cluster of its own, brought up once by the engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import report
from tests.cluster.site.data_centre import DataCentre, there
from tests.project import clean_up
from toolchain.cluster.built import Cluster
from toolchain.images import build
from toolchain.kubernetes import controllers

TAG = "dev"  # as the stack file has it


@pytest.fixture(scope="session")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster that has every image that the stack needs, and nothing else."""
    made = Cluster(tmp_path_factory.mktemp("site") / "c")
    try:
        made.up(report())
        controllers.load(report(), made.folder, ("jobset", "kueue", "trainer"))
        for name in ("train-cpu", "serve"):
            made.load(build.make(report(), build.IMAGES[name], tag=TAG).archive)
        yield made
    finally:
        made.down()


@pytest.fixture(scope="session")
def charts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("charts")
    controllers.charts(folder)
    return folder


@pytest.fixture(scope="session")
def before(machine: Cluster) -> set[str]:
    """What is in the cluster before anything is brought up."""
    return there(machine)


@pytest.fixture(scope="session")
def data_centre(
    machine: Cluster, before: set[str], charts: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[DataCentre]:
    """One that is up. Tests leave it up and as its stack file says."""
    made = DataCentre(tmp_path_factory.mktemp("data-centre"), machine, charts)
    try:
        made.up()
        yield made
    finally:
        clean_up(made)


@pytest.fixture(scope="session")
def taken_down(data_centre: DataCentre) -> DataCentre:
    """The data centre, which is no more. Tests that have this come after all the others."""
    data_centre.run("destroy", "--yes", "--skip-preview")
    return data_centre


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: "taken_down" in getattr(item, "fixturenames", ()))
