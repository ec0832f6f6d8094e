"""Whether a state and a cloud belong together, and whether a stack that was disturbed ended where it should."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rehearsal.cloud.store import Resource
from rehearsal.cycle import Engine
from rehearsal.google.table import row

Json = dict[str, Any]


@dataclass(frozen=True)
class Picture:
    """What a stack is, without what differs from one run to the next: times, and the ids of providers.

    state:    id and inputs by URN.
    cloud:    resources by type and id.
    numbers:  of projects, by id.
    """

    state: dict[str, tuple[str, Json]]
    cloud: dict[tuple[str, str], Resource]
    numbers: dict[str, str]


def picture(engine: Engine) -> Picture:
    """What a stack is now."""
    state = {each["urn"]: (_identity(each), dict(each.get("inputs", {}))) for each in engine.resources()}
    there = {(each.token, each.id): each for each in engine.cloud.all()}
    return Picture(state, there, engine.cloud.fact("numbers"))


def differences(found: Picture, wanted: Picture) -> list[str]:
    """What is lost, duplicated or otherwise than wanted, a line each."""
    lines = [f"{what} is lost" for what in _names(wanted, found)] + [
        f"{what} is too many" for what in _names(found, wanted)
    ]
    for urn in found.state.keys() & wanted.state.keys():
        if found.state[urn] != wanted.state[urn]:
            lines.append(f"in the state, {urn.rpartition('::')[2]} differs")
    for key in found.cloud.keys() & wanted.cloud.keys():
        if _content(found.cloud[key]) != _content(wanted.cloud[key]):
            lines.append(f"in the cloud, {key[1]} differs")
    return sorted(lines)


def disagreements(engine: Engine, *, mended: bool = False) -> Iterator[str]:
    """What is in the state and not in the cloud; what is in the cloud, and neither in the state nor pending there.

    mended:  after ``go_on``, which brings into the state what a provider can import.
    """
    checkpoint = engine.checkpoint()
    pending = Counter(
        each["resource"]["type"] for each in checkpoint.get("pending_operations") or [] if each["type"] == "creating"
    )
    known = {(each["type"], _identity(each)) for each in checkpoint.get("resources") or [] if _identity(each)}
    there = {(each.token, each.id) for each in engine.cloud.all()}
    for token, identity in sorted(known - there):
        yield f"{token} {identity} is in the state and not in the cloud"
    for token, identity in sorted(there - known):
        if not pending[token] and not (mended and not _is_importable(token)):
            yield f"{token} {identity} is in the cloud and not in the state"
        pending[token] -= 1


def go_on(engine: Engine) -> None:
    """What `make up` does first: what an interrupted run may have made finds its place. Raises RuntimeError."""
    for lock in engine.state.glob(".pulumi/locks/**/*.json*"):
        lock.unlink()  # of an engine that is dead: a rehearsal has its folder for itself
    if not engine.checkpoint().get("pending_operations"):
        return
    surroundings = engine.environment()
    done = subprocess.run(
        [sys.executable, "-m", "infra.interrupted", "--stack", engine.stack],
        cwd=engine.project,
        env={**surroundings, "AIDC_GOOGLE_ENDPOINT": surroundings["AIDC_TPU_ENDPOINT"]},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode or engine.checkpoint().get("pending_operations"):
        raise RuntimeError(f"{engine.stack} cannot go on after an interruption: {done.stderr or done.stdout}")


def _is_importable(token: str) -> bool:
    return not token.startswith("gcp:") or bool(row(token).spellings)


def _identity(resource: Json) -> str:
    is_provider = resource["type"].startswith("pulumi:providers:")
    return "" if is_provider or not resource.get("custom") else str(resource["id"])


def _names(some: Picture, others: Picture) -> list[str]:
    urns = [f"in the state, {urn.rpartition('::')[2]}" for urn in some.state.keys() - others.state.keys()]
    return urns + [f"in the cloud, {identity}" for _, identity in some.cloud.keys() - others.cloud.keys()]


def _content(resource: Resource) -> str:
    """Without what the service makes of it, which tells the time."""
    return json.dumps([resource.address, resource.body, resource.parent, sorted(resource.uses)], sort_keys=True)
