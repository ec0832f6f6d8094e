"""The engine may be killed at any moment, and the next `up` ends where an undisturbed one does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from rehearsal.cloud.moments import Plan
from rehearsal.cloud.store import Cloud
from rehearsal.convergence import Picture, differences, picture
from rehearsal.cycle import Rehearsal
from rehearsal.kills import Kill, astray, converge, keeping, moments, put_back, state_file

OF_EACH_SORT = ("KeyRing", "NodePool", "Dashboard", "QueuedResource")
"""Named by the program; inside of another; numbered by Google; of a plugin of this project."""

PROD_EVERY = 35


@dataclass(frozen=True)
class Undisturbed:
    """An `up` of a stack that nothing disturbed, and what a kill at each of its operations would have left."""

    stack: str
    folder: Path
    kills: list[Kill]
    wanted: Picture


@pytest.fixture(scope="module")
def dev(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    yield from _undisturbed("dev", tmp_path_factory)


@pytest.fixture(scope="module")
def prod(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    yield from _undisturbed("prod", tmp_path_factory)


def _undisturbed(stack: str, factory: pytest.TempPathFactory) -> Iterator[Undisturbed]:
    folder = factory.mktemp(stack) / "rehearsal"
    with Rehearsal(stack, folder / "undisturbed") as rehearsal:
        kills = moments(rehearsal)
        yield Undisturbed(stack, folder, kills, picture(rehearsal))


@pytest.mark.parametrize("nth", [4, 60])
def test_a_kill_leaves_what_was_kept_of_its_moment_and_the_next_up_converges(
    dev: Undisturbed, tmp_path: Path, nth: int
) -> None:
    with Rehearsal("dev", tmp_path / "rehearsal") as rehearsal:
        kept = rehearsal.folder / "kept"
        rehearsal.cloud.plan(keeping(rehearsal, kept, nth=nth))
        rehearsal.cloud.plan(Plan("kill", phase="after", nth=nth))
        one_at_a_time = ("--parallel", "1")  # so that nothing else is written down between the two
        assert not rehearsal.run("up", "up", "--yes", "--skip-preview", *one_at_a_time).passed
        copy = Cloud(kept / str(nth) / rehearsal.cloud.file.name)
        assert (copy.all(), copy.operations()) == (rehearsal.cloud.all(), rehearsal.cloud.operations())
        copy.close()
        assert (kept / str(nth) / "dev.json").read_bytes() == state_file(rehearsal).read_bytes()
        assert len(rehearsal.checkpoint()["pending_operations"]) == 1
        assert astray(rehearsal, dev.wanted) == []


def test_what_a_kill_left_is_astray_until_a_run_goes_on(dev: Undisturbed, tmp_path: Path) -> None:
    """The comparison sees what is lost, and what differs."""
    with Rehearsal("dev", tmp_path / "rehearsal") as rehearsal:
        put_back(rehearsal, dev.kills[-1].folder)
        lost = differences(picture(rehearsal), dev.wanted)
        assert any(each.startswith("in the state, ") and each.endswith(" is lost") for each in lost)
        there = rehearsal.cloud.all("gcp:storage/bucket:Bucket")[0]
        there.body["storageClass"] = "NEARLINE"
        rehearsal.cloud.drift(there)
        assert f"in the cloud, {there.id} differs" in differences(picture(rehearsal), dev.wanted)


def test_killing_the_engine_at_an_operation_of_each_sort_converges_on_the_next_up(dev: Undisturbed) -> None:
    chosen = [next(each for each in dev.kills if each.operation.token.endswith(f":{kind}")) for kind in OF_EACH_SORT]
    assert converge(dev.stack, dev.folder, chosen, dev.wanted) == {}


@pytest.mark.every_kill
def test_killing_the_engine_at_any_operation_of_dev_converges_on_the_next_up(dev: Undisturbed) -> None:
    assert len(dev.kills) > 100
    assert converge(dev.stack, dev.folder, dev.kills, dev.wanted, _tell) == {}


@pytest.mark.every_kill
def test_killing_the_engine_at_some_operations_of_prod_converges_on_the_next_up(prod: Undisturbed) -> None:
    chosen = prod.kills[PROD_EVERY // 2 :: PROD_EVERY]
    assert len(chosen) > 4
    assert converge(prod.stack, prod.folder, chosen, prod.wanted, _tell) == {}


def _tell(kill: Kill, found: list[str]) -> None:
    """Minutes pass meanwhile; pytest shows this with -s."""
    print(f"{'FAIL' if found else 'ok  '} {kill.operation.number} {kill.operation.id}", flush=True)
