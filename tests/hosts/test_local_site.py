"""What the local site leaves on the machine, seen from outside with testinfra."""

from __future__ import annotations

import getpass
import sys

import pytest
import testinfra
from testinfra.host import Host

from tests.project import Project

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="testinfra looks at sockets and processes on Linux")

SERVICES = ("digits-server", "local-tensorboard")


@pytest.fixture(scope="module")
def host() -> Host:
    return testinfra.get_host("local://")


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_listens_on_loopback_and_nowhere_else(host: Host, site: Project, service: str) -> None:
    port = site.resources()[service]["listening"]
    assert host.socket(f"tcp://127.0.0.1:{port}").is_listening
    assert not [each for each in host.socket.get_listening_sockets() if each == f"tcp://0.0.0.0:{port}"]


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_runs_as_the_user_who_ran_the_engine_and_outlives_it(host: Host, site: Project, service: str) -> None:
    process = host.process.get(pid=site.pid(service))
    assert process.user == getpass.getuser()
    assert process.ppid not in {each.pid for each in site.processes()}


def test_training_leaves_no_process_behind(host: Host, site: Project) -> None:
    assert site.root.exists()
    assert not [
        each for each in host.process.filter(comm="python") if f"{site.root}" in each.args and "train" in each.args
    ]


def test_the_artefacts_belong_to_the_user_and_others_cannot_write_them(host: Host, site: Project) -> None:
    for kind in ("datasets", "checkpoints", "models", "logs"):
        directory = host.file(str(site.root / kind))
        assert directory.is_directory
        assert directory.user == getpass.getuser()
        assert directory.mode & 0o002 == 0


def test_neither_state_nor_logs_hold_what_the_environment_keeps_secret(host: Host, site: Project) -> None:
    secret = site.environment["AIDC_TEST_SECRET"]
    for folder in (site.folder / "state", site.root / "logs"):
        assert host.run("grep -r -l -- %s %s", secret, str(folder)).stdout == ""


def test_nothing_of_a_write_in_progress_is_left(host: Host, site: Project) -> None:
    assert host.run("find %s -name '*.partial'", str(site.root)).stdout == ""
