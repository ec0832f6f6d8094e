"""A model served from pods: no request is lost while it changes, load adds servers, and a bad version is taken back."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from tests.cluster.site.data_centre import DataCentre, Load
from tests.project import wait_for

pytestmark = pytest.mark.cluster

REQUEST = {"instances": [[[[0.0]] * 8] * 8]}
ROOM = {"pools": [{"name": "node", "nodes": 1, "cpu": 2, "memory_gib": 16}]}
"""More memory than the shipped stack counts on, for servers beside servers."""


class Served:
    """The model of the stack, and its stack file with other keys of ``serve``."""

    def __init__(self, data_centre: DataCentre) -> None:
        self.data_centre = data_centre
        self._cluster = data_centre.settings["kubernetes"] | ROOM

    def up(self, *, fails: bool = False, **serve: Any) -> str:
        workload = deepcopy(self.data_centre.workload)
        workload["train"]["learning_rate"] = 0.003  # another run: it released version 2
        workload["serve"] = {"cpu": 0.1, "memory_gib": 0.75, **serve}
        self.data_centre.write(workload, kubernetes=self._cluster)
        return self.data_centre.up(fails=fails)

    def load(self, clients: int = 2) -> Load:
        where = self.data_centre.kubectl(
            *("get", "service", "digits", "--namespace=research", "--output=jsonpath={.spec.clusterIP}")
        )
        return Load(self.data_centre.cluster, f"http://{where}:8501/v1/models/digits", REQUEST, clients=clients)

    def pods(self) -> list[dict[str, Any]]:
        return self.data_centre.get("pods", "--namespace=research", "--selector=app.kubernetes.io/component=server")

    def versions(self) -> Path:
        """The folder of the model's versions, as the node has it."""
        (volume,) = (self.data_centre.cluster.folder / "var" / "lib" / "volumes").glob("*_research_artefacts")
        return volume / "models" / "digits"


@pytest.fixture(scope="module")
def served(data_centre: DataCentre) -> Iterator[Served]:
    """Version 1 is served, and there is a version 2. The data centre is left as it was."""
    made = Served(data_centre)
    made.up(version=1)
    yield made
    data_centre.write(data_centre.workload)
    data_centre.up()


def test_a_canary_and_a_rolling_update_lose_no_request(served: Served) -> None:
    load = served.load()
    served.up(version=1, replicas=2, canary={"version": 2, "percent": 33})
    time.sleep(5)
    counted = load.end()
    assert counted["failed"] == {}
    assert counted["versions"].keys() == {"1", "2"}

    load = served.load()
    time.sleep(10)
    seen = load.end()["versions"]
    assert 0.15 < seen["2"] / (seen["1"] + seen["2"]) < 0.55

    load = served.load()
    served.up(version=2, replicas=2)
    counted = load.end()
    assert counted["failed"] == {}
    assert counted["answered"] > 100
    load = served.load()
    time.sleep(3)
    assert load.end()["versions"].keys() == {"2"}


def test_a_version_whose_files_are_damaged_is_taken_back_and_said(served: Served) -> None:
    versions = served.versions()
    shutil.copytree(versions / "2", versions / "3")
    weights = next((versions / "3" / "variables").glob("*.data-*"))
    content = weights.read_bytes()
    weights.write_bytes(content[:-1] + bytes([content[-1] ^ 0xFF]))
    load = served.load()
    said = served.up(version=3, replicas=2, fails=True)
    counted = load.end()
    assert counted["failed"] == {}
    assert counted["versions"].keys() == {"2"}
    assert "variables" in said
    assert all(each["status"]["phase"] == "Running" for each in served.pods())
    assert len(served.pods()) == 2


def test_load_adds_servers(served: Served) -> None:
    served.up(version=2, replicas=2, max_replicas=3)
    wait_for(lambda: len(served.pods()) == 2, "two servers", 120)
    load = served.load(clients=4)
    wait_for(lambda: len(served.pods()) > 2, "a third server", 120)
    assert load.end()["failed"] == {}
