"""What workloads write is whole or not there."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from infra.local.plugin import artefacts as site_artefacts
from workloads.artefacts import Artefacts, read_json, write_json, written_aside


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_directory_written_aside_is_not_there_before_it_is_whole(tmp_path: Path) -> None:
    target = tmp_path / "models" / "1"
    with written_aside(target) as aside:
        (aside / "weights").write_text("w")
        assert not target.exists()
    assert names(target) == ["weights"]
    assert names(target.parent) == ["1"]


def test_a_block_that_fails_leaves_nothing_and_its_error_is_seen(tmp_path: Path) -> None:
    def half(folder: Path) -> None:
        (folder / "weights").write_text("half")
        raise OSError("disk is full")

    with pytest.raises(OSError, match="disk is full"), written_aside(tmp_path / "1") as aside:
        half(aside)
    assert names(tmp_path) == []


def test_what_a_killed_writer_left_is_swept_and_never_part_of_the_next_one(tmp_path: Path) -> None:
    target = tmp_path / "1"
    killed = f"""
import os, pathlib
from workloads.artefacts import written_aside
with written_aside(pathlib.Path({str(target)!r})) as aside:
    (aside / "old").write_text("half")
    os._exit(9)
"""
    assert subprocess.run([sys.executable, "-c", killed], check=False).returncode == 9
    assert not target.exists()
    assert len(names(tmp_path)) == 1  # the leftover
    with written_aside(target) as aside:
        (aside / "new").write_text("whole")
    assert names(tmp_path) == ["1"]
    assert names(target) == ["new"]


def test_a_directory_that_has_content_is_never_overwritten(tmp_path: Path) -> None:
    target = tmp_path / "1"
    target.mkdir()
    (target / "weights").write_text("released")
    with pytest.raises(OSError, match="not empty"), written_aside(target) as aside:
        (aside / "weights").write_text("other")
    assert (target / "weights").read_text() == "released"
    assert names(tmp_path) == ["1"]


def test_json_that_is_written_is_read_back_and_replaces_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "release.json"
    write_json(path, {"version": 1, "long": "x" * 10_000})
    write_json(path, {"version": 2})
    assert read_json(path) == {"version": 2}
    assert names(tmp_path) == ["release.json"]


def test_json_that_cannot_be_written_leaves_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "release.json"
    write_json(path, {"version": 1})
    with pytest.raises(TypeError):
        write_json(path, {"version": object()})
    assert read_json(path) == {"version": 1}


@pytest.mark.parametrize("content", [None, b"", b'{"version": 1', b"[1]", b"null", b"\xff\xfe"])
def test_json_that_is_not_there_or_not_whole_reads_as_none(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "release.json"
    if content is not None:
        path.write_bytes(content)
    assert read_json(path) is None


def test_runs_of_different_fingerprints_share_no_directory(tmp_path: Path) -> None:
    there = Artefacts(tmp_path)
    places = [
        there.run("a", "f1"),
        there.run("a", "f2"),
        there.logs("a", "f1"),
        there.logs("a", "f2"),
        there.model("a"),
    ]
    assert not any(one.is_relative_to(other) for one in places for other in places if one is not other)


def test_the_site_makes_the_very_directories_that_workloads_write_to(tmp_path: Path) -> None:
    there = Artefacts(tmp_path)
    places = (there.datasets, there.run("a", "f"), there.model("a"), there.logs("a", "f"))
    assert tuple(place.relative_to(tmp_path).parts[0] for place in places) == site_artefacts.KINDS
