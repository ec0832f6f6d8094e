"""With a Docker engine a cluster is kind's: what kind and Docker are asked, with stand-ins for both."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from toolchain import cache
from toolchain.cluster import __main__ as command
from toolchain.cluster import kind, programs

DOCKER = """\
#!/bin/sh
[ "$1" = info ] && echo 29.0
[ "$1" = ps ] && echo ai-datacenter-control-plane
[ "$1" = inspect ] && echo 4711
exit 0
"""
KIND = """\
#!/bin/sh
here=$(dirname "$0")
case "$1 $2" in
  "get clusters") cat "$here/clusters" 2> "$here/none" ;;
  "create cluster") echo "$@" >> "$here/asked"; echo "$KUBECONFIG" > "$here/settings"; echo "${8}" > "$here/clusters" ;;
  *) echo "$@" >> "$here/asked" ;;
esac
exit 0
"""


@pytest.fixture
def stand_ins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of both, which also holds what kind was asked."""
    for name, text in (("docker", DOCKER), ("kind", KIND)):
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("AIDC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(programs, "kind", lambda _: tmp_path)
    return tmp_path


def test_a_cluster_is_made_once_with_the_image_of_kinds_own_release(stand_ins: Path) -> None:
    folder = stand_ins / "cluster"
    assert command.main(["--folder", str(folder), "up"]) == 0
    assert command.main(["--folder", str(folder), "up"]) == 0
    name = f"ai-datacenter-{cache.key(str(folder))}"
    assert (stand_ins / "asked").read_text().splitlines() == [
        f"create cluster --image {kind.IMAGE} --wait {kind.READY} --name {name}",
        f"export kubeconfig --name {name}",
    ]
    assert (stand_ins / "settings").read_text().strip() == str(folder / "kubeconfig")


def test_its_node_is_a_container_and_it_goes_as_a_whole(stand_ins: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = stand_ins / "cluster"
    assert command.main(["--folder", str(folder), "up"]) == 0
    assert command.main(["--folder", str(folder), "status"]) == 0
    assert "pid 4711" in capsys.readouterr().out
    assert command.main(["--folder", str(folder), "down"]) == 0
    assert (stand_ins / "asked").read_text().splitlines()[-1].startswith("delete cluster --name ai-datacenter-")


def test_simulated_nodes_are_refused_with_what_has_them(stand_ins: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--folder", str(stand_ins / "cluster"), "up", "--nodes", "3"]) == 1
    assert "--without-docker" in capsys.readouterr().err


def test_a_cluster_that_was_built_stays_one_when_docker_is_started_later(stand_ins: Path) -> None:
    folder = stand_ins / "cluster"
    folder.mkdir()
    (folder / "cluster.json").write_text("{}")
    assert command.main(["--folder", str(folder), "status"]) == 1
    assert not (stand_ins / "asked").exists()
