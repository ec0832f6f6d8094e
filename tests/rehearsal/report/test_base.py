"""What an `up` would do to a stack of another commit, as the engine says."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from rehearsal.report import base
from rehearsal.report.document import Base
from toolchain import cache, python

COMMIT = "0" * 40


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=somebody", "-c", "user.email=somebody@example.com", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, capture_output=True)  # noqa: S607


@pytest.fixture(scope="module")
def compared(tmp_path_factory: pytest.TempPathFactory) -> Base:
    """Beside a base with protection, another range of nodes, a bucket more, a pool less and other words in its code."""
    folder = tmp_path_factory.mktemp("compared") / "rehearsal"
    program = folder / "program"
    program.mkdir(parents=True)
    for each in base.PROGRAM:
        there = cache.PROJECT / each
        (shutil.copytree if there.is_dir() else shutil.copy)(there, program / each)
    (program / ".venv").symlink_to(python.ENVIRONMENT)
    file = program / "stacks" / "Pulumi.dev.yaml"
    content = yaml.safe_load(file.read_text())
    settings = content["config"]["ai-datacenter:google"]
    settings.update(protection="all", network={"nodes": "10.200.0.0/20"})
    settings["gpu_pools"] = [each for each in settings["gpu_pools"] if each["name"] != "notebooks"]
    settings["storage"]["filestore"] = [{"name": "old", "tier": "ZONAL", "capacity_gib": 1024, "zone": "us-central1-a"}]
    file.write_text(yaml.safe_dump(content))
    identity = program / "infra" / "google_cloud" / "identity.py"
    identity.write_text(identity.read_text().replace('"Training jobs"', '"Words of the base"'))
    return base.compare("main", COMMIT, "dev", program, folder / "state")


def test_the_engine_says_what_would_be_replaced_deleted_changed_and_made(compared: Base) -> None:
    assert compared.problem == ""
    kinds: dict[str, str] = {each.name: each.kind for each in compared.changes}
    assert kinds["network-nodes"] == "replace"
    assert kinds["volumes-old"] == "delete"
    assert kinds["gpu-pool-notebooks-pool"] == "create"
    assert compared.counts == {kind: list(kinds.values()).count(kind) for kind in compared.counts}
    assert compared.unchanged > 50


def test_it_is_the_base_s_code_that_the_base_ran(compared: Base) -> None:
    changed = next(each for each in compared.changes if each.name == "identity-training")
    described = next(each for each in changed.properties if each.path == "description")
    assert (changed.kind, described.old, described.new) == ("update", "Words of the base", "Training jobs")


def test_a_change_tells_the_property_that_forces_the_replacement_with_both_values(compared: Base) -> None:
    nodes = next(each for each in compared.changes if each.name == "network-nodes")
    forcing = [each for each in nodes.properties if each.forces]
    assert [(each.path, each.old) for each in forcing] == [("ipCidrRange", "10.200.0.0/20")]
    assert forcing[0].new not in ("", forcing[0].old)


def test_what_goes_away_is_first_and_what_the_base_protects_before_all(compared: Base) -> None:
    order = [(each.dangerous, each.protected) for each in compared.changes]
    assert order == sorted(order, reverse=True)
    old = next(each for each in compared.changes if each.name == "volumes-old")
    assert old.protected  # by the base alone; this program does not have it


def test_a_stack_that_the_base_has_not_is_all_new(tmp_path: Path) -> None:
    made = base.compare("main", COMMIT, "dev", tmp_path, tmp_path / "rehearsal")
    assert (made.problem, made.changes) == (base.NEW, [])


def test_the_program_of_a_commit_is_that_of_the_commit_and_not_of_the_files(tmp_path: Path) -> None:
    repository = tmp_path / "repository"
    (repository / "infra").mkdir(parents=True)
    (repository / "Pulumi.yaml").write_text("name: committed\n")
    (repository / "infra" / "__main__.py").write_text("")
    (repository / "secret.txt").write_text("is no program")
    git(repository, "init")
    git(repository, "add", ".")
    git(repository, "commit", "-m", "one")
    assert base.state_of(repository) == (base.commit("main", repository), False)
    (repository / "Pulumi.yaml").write_text("name: edited\n")
    assert base.state_of(repository) == (base.commit("HEAD", repository), True)
    base.check_out("main", tmp_path / "out", repository)
    assert (tmp_path / "out" / "Pulumi.yaml").read_text() == "name: committed\n"
    assert (tmp_path / "out" / "infra" / "__main__.py").is_file()
    assert not (tmp_path / "out" / "secret.txt").exists()


@pytest.mark.parametrize("ref", ["no-such-branch", "--output=/tmp/x", ""])
def test_a_base_that_is_no_commit_is_told_with_what_can_be_named(tmp_path: Path, ref: str) -> None:
    git(tmp_path, "init")
    with pytest.raises(base.NoBase, match="no such commit in"):
        base.commit(ref, tmp_path)


def test_outside_of_a_repository_there_is_no_commit(tmp_path: Path) -> None:
    assert base.state_of(tmp_path) == ("", False)
