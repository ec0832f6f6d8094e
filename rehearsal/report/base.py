"""The program of another commit beside this one, in the simulated cloud.

The base's program and stack file are brought up; then the engine previews this program over that state, and says itself
what it would create, update, replace and delete. The base runs with this project's Python environment and stand-ins.
"""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rehearsal import cycle
from rehearsal.report.document import Base, Change, Property
from toolchain import cache, python

PROGRAM = ("Pulumi.yaml", "infra", "stacks", "workloads")
"""What of a commit the engine and the preflight run. The stand-ins are always this project's."""

RANK = {"replace": 0, "delete": 1, "update": 2, "create": 3}
KINDS = {
    **{"create-replacement": "replace", "replace": "replace", "delete-replaced": "replace"},
    **{"create": "create", "update": "update", "delete": "delete"},
}
"""What the engine's operations come to for a reader."""

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the SDK writes a value that only an `up` knows (pulumi, sdk/python/lib/pulumi/runtime/rpc.py)."""

LONGEST, CONTEXT = 160, 16
"""Characters of a value that are shown, and of those before the first that differs."""

NEW = "there is no such stack at the base: everything in it is new"


class NoBase(Exception):
    """Why a commit cannot be compared with, and what to do."""


def commit(ref: str, project: Path = cache.PROJECT) -> str:
    """The commit that ``ref`` names. Raises NoBase."""
    try:
        named = ("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
        return _git(project, *named).decode().strip()
    except (OSError, subprocess.CalledProcessError):
        raise NoBase(
            f"--base {ref!r}: no such commit in {project}\n"
            "  Name a branch, tag or commit that is here, such as main, origin/main or HEAD~1; "
            "a shallow clone has to fetch it first: git fetch origin main"
        ) from None


def state_of(project: Path = cache.PROJECT) -> tuple[str, bool]:
    """The commit of ``project`` and whether its files differ from it; "" and False outside of a repository."""
    try:
        head = _git(project, "rev-parse", "HEAD").decode().strip()
        return head, bool(_git(project, "status", "--porcelain").strip())
    except (OSError, subprocess.CalledProcessError):
        return "", False


def check_out(ref: str, folder: Path, project: Path = cache.PROJECT) -> None:
    """Writes the program of ``ref`` into ``folder``, whose content is removed."""
    shutil.rmtree(folder, ignore_errors=True)
    there = _git(project, "ls-tree", "--name-only", ref).decode().split()
    folder.mkdir(parents=True)
    archive = folder / "program.tar"
    _git(project, "archive", f"--output={archive}", ref, *(each for each in PROGRAM if each in there))
    shutil.unpack_archive(archive, folder)
    (folder / python.ENVIRONMENT.name).symlink_to(python.ENVIRONMENT)


def environment(project: Path) -> dict[str, str]:
    """What makes Python import ``infra`` and ``workloads`` from ``project``, before those that are installed."""
    return {"PYTHONPATH": str(project)}


class Comparison(cycle.Rehearsal):
    """A rehearsal that may run another project's program."""

    def environment(self) -> dict[str, str]:
        return {**super().environment(), **environment(self.project)}


def compare(
    ref: str,
    known: str,
    stack: str,
    checkout: Path,
    folder: Path,
    on_start: Callable[[str], None] | None = None,
    on_step: Callable[[cycle.Step], None] | None = None,
) -> Base:
    """What `up` of this program would do to a stack of the base.

    ref, known:         the base as asked for, and its commit.
    checkout:           holds the base's program.
    folder:             of the comparison's state; its content is removed.
    on_start, on_step:  are called before and after each step, as those of ``cycle.run``.
    """
    if not (checkout / "stacks" / f"Pulumi.{stack}.yaml").is_file():
        return _without(ref, known, NEW)
    told = on_step or (lambda _: None)
    with Comparison(stack, folder, checkout) as base:
        base.on_start = on_start
        told(made := base.run("up of the base", "up", "--yes", "--skip-preview"))
        if not made.passed:
            return _without(ref, known, f"the program of {ref} cannot be brought up: {made.why}")
        protected = {each["urn"] for each in base.resources() if each.get("protect")}
        if protected:  # else the engine stops at the first that would go, and does not say what else would
            base.engine("state", "unprotect", "--all", "--yes", "--stack", stack)
        base.project = cache.PROJECT
        told(over := base.run("preview over the base", "preview"))
        if not over.passed:
            return _without(ref, known, f"this program cannot be previewed over {ref}: {over.why}")
        changes = _sorted(_changes(_events(folder, over.name), protected))
        return Base(
            ref=ref,
            commit=known,
            problem="",
            seconds=round(made.seconds + over.seconds, 2),
            counts={kind: sum(each.kind == kind for each in changes) for kind in RANK},
            changes=changes,
            unchanged=over.counts.get("same", 0),
        )


def _without(ref: str, known: str, problem: str) -> Base:
    return Base(ref=ref, commit=known, problem=problem, seconds=0, counts={}, changes=[], unchanged=0)


def _git(project: Path, *arguments: str) -> bytes:
    return subprocess.run(["git", *arguments], cwd=project, capture_output=True, check=True).stdout  # noqa: S607


def _events(folder: Path, step: str) -> Iterator[dict[str, Any]]:
    """What the engine said of each resource in a step."""
    for log in folder.glob(f"*-{step}.events"):
        for line in log.read_text().splitlines():
            event = json.loads(line)
            if done := event.get("resOutputsEvent") or event.get("resourcePreEvent"):
                yield done["metadata"]


def _changes(events: Iterator[dict[str, Any]], protected: set[str]) -> list[Change]:
    """One change for each resource; a replacement is several operations of the engine."""
    by_urn: dict[str, dict[str, dict[str, Any]]] = {}
    for each in events:
        if each["op"] in KINDS:
            by_urn.setdefault(each["urn"], {})[each["op"]] = each
    return [_change(urn, operations, urn in protected) for urn, operations in by_urn.items()]


def _change(urn: str, operations: dict[str, dict[str, Any]], protected: bool) -> Change:
    done = next(operations[op] for op in KINDS if op in operations)
    old, new = (done.get(side) or {} for side in ("old", "new"))
    around = urn.split("::")[2].split("$")
    return Change(
        kind=KINDS[done["op"]],
        urn=urn,
        type=around[-1],
        name=urn.rpartition("::")[2],
        component=str((new or old).get("parent", "")).rpartition("::")[2],
        protected=protected or bool(new.get("protect")),
        properties=[
            _property(path, kind, old.get("inputs") or {}, new.get("inputs") or {})
            for path, kind in sorted(_differences(done).items())
        ],
    )


def _differences(done: dict[str, Any]) -> dict[str, str]:
    """How each property differs, as the engine calls it. It gives less of what is replaced for another's sake."""
    detailed = {path: str(each["diffKind"]) for path, each in (done.get("detailedDiff") or {}).items()}
    return detailed or dict.fromkeys(done.get("diffs") or (), "") | dict.fromkeys(done.get("keys") or (), "replace")


def _property(path: str, kind: str, old: dict[str, Any], new: dict[str, Any]) -> Property:
    before, after = _apart(_at(old, path), _at(new, path))
    if before == after:  # the engine knows the new value only in the `up`
        before = after = None
    return Property(path=path, old=_shown(before), new=_shown(after), forces=kind.endswith("replace"))


def _apart(old: Any, new: Any) -> tuple[Any, Any]:
    """Two values without what they share, where they are long: properties, items of lists, the beginning of texts."""
    if len(_shown(old) + _shown(new)) <= LONGEST // 2:
        return old, new
    if isinstance(old, dict) and isinstance(new, dict):
        pairs = {key: _apart(old.get(key), new.get(key)) for key in {**old, **new} if old.get(key) != new.get(key)}
        return {key: pair[0] for key, pair in pairs.items()}, {key: pair[1] for key, pair in pairs.items()}
    if isinstance(old, list) and isinstance(new, list):
        return ["…", *(each for each in old if each not in new)], ["…", *(each for each in new if each not in old)]
    if isinstance(old, str) and isinstance(new, str) and (shared := _shared(old, new)) > LONGEST // 4:
        return f"…{old[shared - CONTEXT :]}", f"…{new[shared - CONTEXT :]}"
    return old, new


def _at(inputs: Any, path: str) -> Any:
    """The value at a path such as ``nodeConfig.taints[0].key``; None where there is none."""
    value = inputs
    for key in path.replace("[", ".").replace("]", "").replace('"', "").split("."):
        if isinstance(value, list) and key.isdigit() and int(key) < len(value):
            value = value[int(key)]
        elif isinstance(value, dict) and key in value:
            value = value[key]
        else:
            return None
    return value


def _shared(old: str, new: str) -> int:
    """Characters that two texts begin with alike."""
    differs = (at for at, (one, other) in enumerate(zip(old, new, strict=False)) if one != other)
    return next(differs, min(len(old), len(new)))


def _shown(value: Any) -> str:
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    text = text.replace(UNKNOWN, "known after the up")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"


def _sorted(changes: list[Change]) -> list[Change]:
    return sorted(changes, key=lambda each: (not each.dangerous, not each.protected, RANK[each.kind], each.urn))
