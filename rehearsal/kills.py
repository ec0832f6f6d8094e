"""The engine killed at an operation, any or every one, and whether the next `up` ends where it should.

A kill leaves what is on the disk at that moment. So one undisturbed `up` shows all of them: at each operation, done in
the cloud and not yet told to the engine, state and cloud are copied, and from each copy a run can go on.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from rehearsal.cloud.moments import Plan
from rehearsal.cloud.store import Operation
from rehearsal.convergence import Picture, differences, disagreements, go_on, picture
from rehearsal.cycle import Engine, Rehearsal
from toolchain import stack

ALL = 1_000_000
AT_ONCE = 2


@dataclass(frozen=True)
class Kill:
    """What a kill leaves behind, right after ``operation``. ``folder`` holds state and cloud."""

    operation: Operation
    folder: Path


def moments(rehearsal: Rehearsal) -> list[Kill]:
    """Brings the stack of a new rehearsal up, and keeps what a kill at each operation would have left.

    Raises RuntimeError when `up` fails.
    """
    folder = rehearsal.folder / "kept"
    rehearsal.cloud.plan(keeping(rehearsal, folder, times=ALL))
    step = rehearsal.run("up", "up", "--yes", "--skip-preview")
    if not step.passed:
        raise RuntimeError(f"`up` of {rehearsal.stack} fails undisturbed: {step.why}")
    rehearsal.cloud.forget_plans()
    return [Kill(each, folder / str(each.number)) for each in rehearsal.cloud.operations()]


def keeping(rehearsal: Rehearsal, folder: Path, *, nth: int = 1, times: int = 1) -> Plan:
    """A plan that copies state and cloud into a folder of ``folder``."""
    files = (str(state_file(rehearsal)),)
    return Plan("keep", phase="after", nth=nth, times=times, folder=str(folder), files=files)


def put_back(rehearsal: Rehearsal, kill: Path) -> None:
    """Makes state and cloud what a kill left. ``kill``: a folder that was kept."""
    file = state_file(rehearsal)
    shutil.copy(kill / file.name, file)
    rehearsal.cloud.restore(kill / rehearsal.cloud.file.name)
    rehearsal.cloud.forget_plans()


def astray(rehearsal: Rehearsal, wanted: Picture) -> list[str]:
    """Goes on after a kill as `make up` does; says what is not as it must be, before and afterwards."""
    found = [f"after the kill, {each}" for each in disagreements(rehearsal)]
    go_on(rehearsal)
    found += [f"after mending, {each}" for each in disagreements(rehearsal, mended=True)]
    step = rehearsal.run("next up", "up", "--yes", "--skip-preview")
    if not step.passed:
        found.append(f"the next `up` fails: {step.why}")
    return found + differences(picture(rehearsal), wanted)


def converge(
    stack_name: str,
    folder: Path,
    kills: Sequence[Kill],
    wanted: Picture,
    on_end: Callable[[Kill, list[str]], None] | None = None,
) -> dict[int, list[str]]:
    """Goes on from each of ``kills``, some at the same time; what is astray, by the operation's number.

    on_end:  is told of each.
    """
    queue = list(kills)

    def work(worker: int) -> dict[int, list[str]]:
        failed = {}
        with Rehearsal(stack_name, folder / f"worker-{worker}") as rehearsal:
            while queue:
                kill = queue.pop(0)
                put_back(rehearsal, kill.folder)
                found = astray(rehearsal, wanted)
                if found:
                    failed[kill.operation.number] = found
                if on_end:
                    on_end(kill, found)
        return failed

    with ThreadPoolExecutor(AT_ONCE) as pool:
        failures = list(pool.map(work, range(AT_ONCE)))
    return {number: found for each in failures for number, found in each.items()}


def state_file(engine: Engine) -> Path:
    """Where the engine keeps the state."""
    return Path(engine.state, ".pulumi", "stacks", stack.PROJECT_NAME, f"{engine.stack}.json")
