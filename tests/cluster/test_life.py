"""A cluster comes and goes without a trace, whatever ends whatever meanwhile."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cluster.conftest import PATIENCE, machine, pod, report
from toolchain import cache
from toolchain.cluster import built, node
from toolchain.cluster.built import Cluster

pytestmark = pytest.mark.cluster


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """Where a test makes a cluster; none is left."""
    yield tmp_path / "cluster"
    Cluster(tmp_path / "cluster").down()


def command(folder: Path, *words: object) -> subprocess.Popen[str]:
    """The command of a person, in a session of its own."""
    line = [sys.executable, "-m", "toolchain.cluster", "--without-docker", "--folder", folder, *words]
    return subprocess.Popen(
        [str(each) for each in line],
        cwd=cache.PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def said(folder: Path, *words: object) -> tuple[int, str]:
    process = command(folder, *words)
    output, _ = process.communicate(timeout=300)
    return process.returncode, output


def run_a_pod(cluster: Cluster, busybox: Path) -> None:
    cluster.load(busybox)
    cluster.kubectl("wait", "--for=create", "serviceaccount/default", PATIENCE)
    claim = {"name": "scratch", "emptyDir": {"medium": "Memory"}}
    mounts = ({"name": "scratch", "mountPath": "/scratch"},)
    cluster.kubectl(
        "apply",
        "-f",
        "-",
        text=built.json.dumps(pod("runs", "exec sleep 600", mounts, volumes=[claim], restartPolicy="Always")),
    )
    cluster.kubectl("wait", "--for=condition=Ready", "pod/runs", PATIENCE)


def test_down_leaves_nothing_of_a_cluster_with_a_running_pod(folder: Path, busybox: Path) -> None:
    before = machine()
    status, output = said(folder, "up")
    assert status == 0, output
    cluster = Cluster(folder)
    run_a_pod(cluster, busybox)
    during = machine()
    assert during["processes"] - before["processes"]
    assert {
        kind: during[kind] - before[kind] for kind in during if kind not in ("processes", "namespaces", "cgroups")
    } == {kind: set() for kind in during if kind not in ("processes", "namespaces", "cgroups")}
    assert said(folder, "down")[0] == 0
    assert left(before) == {}
    assert not folder.exists()
    assert said(folder, "status") == (1, f"no cluster in {folder}\n")
    assert said(folder, "down")[0] == 0


def left(before: dict[str, set[str]]) -> dict[str, set[str]]:
    """What is on the machine and was not; waits a moment for who is ending."""
    until = time.monotonic() + 10
    while True:
        after = machine()
        found = {kind: after[kind] - before[kind] for kind in after if after[kind] - before[kind]}
        if not found or time.monotonic() > until:
            return found
        time.sleep(0.2)


def test_a_node_whose_first_process_is_killed_comes_back_with_what_it_kept(folder: Path, busybox: Path) -> None:
    before = machine()
    cluster = Cluster(folder)
    cluster.up(report())
    run_a_pod(cluster, busybox)
    first = cluster.node._first()
    assert first
    first.kill()
    assert said(folder, "status")[0] == 1
    cluster.up(report())
    cluster.kubectl("wait", "--for=jsonpath={.status.containerStatuses[0].restartCount}=1", "pod/runs", PATIENCE)
    cluster.kubectl("wait", "--for=condition=Ready", "pod/runs", PATIENCE)
    assert cluster.kubectl("exec", "runs", "--", "echo", "here").strip() == "here"
    cluster.down()
    assert left(before) == {}


@pytest.mark.parametrize("after", ["namespaces", "starting kube-apiserver", "starting containerd", "starting coredns"])
def test_an_up_that_is_killed_goes_on_with_the_next_one_or_is_taken_down(folder: Path, after: str) -> None:
    before = machine()
    process = command(folder, "up")
    assert process.stdout
    for line in process.stdout:
        if after in line:
            break
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    if after == "starting containerd":
        cluster = Cluster(folder)
        cluster.up(report())
        assert all(cluster.status().values())
    status, output = said(folder, "down")
    assert status == 0, output
    assert left(before) == {}


def test_two_clusters_are_apart(cluster: Cluster, folder: Path) -> None:
    """The other is the one that all tests share."""
    other = Cluster(folder)
    other.up(report())
    other.kubectl("create", "namespace", "here")
    assert "here" not in cluster.kubectl("get", "namespaces", "-o", "name")
    other.down()
    assert all(cluster.status().values())


def test_a_port_that_is_somebody_elses_is_named_with_the_way_out(folder: Path) -> None:
    with socket.socket() as somebody:
        somebody.bind(("127.0.0.1", 0))
        somebody.listen()
        port = somebody.getsockname()[1]
        status, output = said(folder, "up", "--port", port)
    assert status == 1
    assert f"port {port} of 127.0.0.1 is somebody else's" in output
    assert "--port" in output


def test_a_program_that_does_not_work_is_named_with_its_last_words(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(node, "SERVICES", "nonsense")
    with pytest.raises(cache.SetupError, match=r"(?s)kube-apiserver has ended.*service-cluster-ip-range"):
        Cluster(folder).up(report())


def test_without_root_what_is_missing_is_said_before_anything_is_made(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(cache.SetupError, match=r"for root to make; run it as root, or start Docker"):
        Cluster(folder).up(report())
    assert not folder.exists()


def test_a_folder_with_anything_else_in_it_is_not_taken(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.txt").write_text("mine")
    status, output = said(folder, "up")
    assert status == 1
    assert f"{folder} is not empty and not a cluster's" in output
    said(folder, "down")
    assert (folder / "thesis.txt").read_text() == "mine"
