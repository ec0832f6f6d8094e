"""The whole life of a stack with the real engine and a simulated cloud.

preview -> up -> up (nothing changes) -> refresh (nothing changes) -> import of everything into an empty state (nothing
differs) -> destroy (nothing is left). State, cloud and home of the engine lie in a folder of their own, and on the
engine's path are the stand-ins and no plugin of a vendor.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import yaml

from rehearsal.cloud.store import Cloud, Operation
from rehearsal.cloud.tpu_api import TpuApi
from rehearsal.google.table import row
from rehearsal.serve import CLOUD_VARIABLE
from toolchain import cache, stack, vendors

FOLDER = cache.PROJECT / ".local" / "rehearsal"
ENDING_SECONDS = 20.0
"""That an engine has to end in when it is interrupted."""

PLAIN = ("same", "read", "refresh")
"""What the engine does to a resource without changing anything."""


@dataclass(frozen=True)
class Change:
    """What a step did, or would do, to one resource.

    kind:      create, update, replace, delete, import, same ...
    paths:     of the properties that differ.
    protected: whether the stack protects it.
    """

    urn: str
    kind: str
    paths: tuple[str, ...] = ()
    protected: bool = False

    @property
    def token(self) -> str:
        return self.urn.split("::")[2].split("$")[-1]

    @property
    def name(self) -> str:
        return self.urn.rpartition("::")[2]


@dataclass
class Step:
    """One run of the engine.

    counts:             resources by what happened to them, those of the program's components too.
    changes:            without what stayed the same.
    seconds:            of real time.
    simulated_minutes:  as a cloud would take, operations running side by side as far as they depend on nothing.
    errors, messages:   what the engine and the plugins said, without the engine's own chatter.
    passed:             whether it did what this step must.
    why:                why not, in a sentence.
    """

    name: str
    counts: dict[str, int] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    seconds: float = 0.0
    simulated_minutes: float = 0.0
    errors: list[str] = field(default_factory=list)
    messages: list[str] = field(default_factory=list)
    passed: bool = True
    why: str = ""


@dataclass
class Cycle:
    """What came of a rehearsal.

    steps:      in their order; a step that failed is the last.
    resources:  of the state after the first `up`, as the engine keeps them.
    outputs:    of the stack after the first `up`.
    left:       what is still in the cloud after the destroy, with the reason; an empty reason is a failure.
    settings:   properties that no import can read, as they live in the provider alone, by resource.
    not_imported:  resources whose provider has no import; they stay in the state that the others are imported into.
    operations: all calls that the simulated cloud had.
    """

    stack: str
    folder: Path
    steps: list[Step] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    settings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    not_imported: tuple[str, ...] = ()
    operations: list[Operation] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        return bool(self.steps) and all(step.passed for step in self.steps)

    @property
    def seconds(self) -> float:
        return sum(step.seconds for step in self.steps)

    def step(self, name: str) -> Step:
        """Raises KeyError when the rehearsal did not come so far."""
        for each in self.steps:
            if each.name == name:
                return each
        raise KeyError(f"no step {name!r}; there are {', '.join(each.name for each in self.steps)}")


class Busy(Exception):
    """Another rehearsal is using the folder."""


class Engine:
    """The real engine over a state of its own, with the stand-ins for the vendors' plugins."""

    def __init__(self, stack_name: str, folder: Path, project: Path, cloud: Cloud, tpu_url: str, state: str) -> None:
        self.stack, self.folder, self.project, self.cloud = stack_name, folder, project, cloud
        self.state = folder / "state" / state
        self._tpu_url = tpu_url
        self.on_start: Callable[[str], None] | None = None
        (self.state / "tmp").mkdir(parents=True)
        made = self.engine("stack", "init", "--stack", stack_name)
        if made.returncode:
            raise RuntimeError(f"cannot make the stack {stack_name} in {self.state}: {made.stderr}")

    def begin_with(self, resources: list[dict[str, Any]]) -> None:
        """Puts ``resources`` into the state, such as components, as if they had been made."""
        exported = json.loads(self.engine("stack", "export", "--stack", self.stack).stdout)
        links = ("dependencies", "propertyDependencies")  # to what is not there
        exported["deployment"]["resources"] = [
            {key: value for key, value in each.items() if key not in links} for each in resources
        ]
        file = self.folder / "begin.json"
        file.write_text(json.dumps(exported))
        done = self.engine("stack", "import", "--stack", self.stack, "--file", str(file))
        if done.returncode:
            raise RuntimeError(f"cannot begin with {len(resources)} resources: {done.stderr}")

    def environment(self) -> dict[str, str]:
        """What the engine sees: nothing of the person's credentials or of other states."""
        surroundings = vendors.stood_in_for(stack.environment(self.state))
        own = ("GOOGLE_", "CLOUDSDK_", "PULUMI_CONFIG_PASSPHRASE_FILE", "PULUMI_BACKEND_URL", "PULUMI_ACCESS_TOKEN")
        kept = {name: value for name, value in surroundings.items() if not name.startswith(own)}
        return {
            **kept,
            "PULUMI_BACKEND_URL": f"file://{self.state}",
            "AIDC_TPU_ENDPOINT": self._tpu_url,
            "AIDC_TPU_POLL_SECONDS": "0.02",
            "PULUMI_DEBUG_COMMANDS": "true",  # the engine hides --event-log without
            CLOUD_VARIABLE: str(self.cloud.file),
        }

    def engine(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs one command of the engine. An interrupt is passed to it, once, and it ends what it has started."""
        process = subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive"],  # noqa: S607 - the first on the path is the project's
            cwd=self.project,
            env=self.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,  # a terminal would interrupt it as well: twice, and it ends at once
        )
        try:
            output, errors = process.communicate()
        except KeyboardInterrupt:
            _interrupt(process)
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def run(self, name: str, *arguments: str) -> Step:
        """Runs a command that works on the stack, and tells what it did; ``on_start`` hears of it first."""
        if self.on_start:
            self.on_start(name)
        log = self.folder / f"{len(list(self.folder.glob('*.events')))}-{name}.events"
        since = len(self.cloud.operations())
        began = time.monotonic()
        done = self.engine(*arguments, "--stack", self.stack, "--event-log", str(log))
        step = Step(name, seconds=time.monotonic() - began)
        _read_events(log, step)
        step.simulated_minutes = self._simulated(self.cloud.operations()[since:])
        if done.returncode:
            step.passed = False
            step.why = step.errors[0] if step.errors else (done.stderr.strip() or done.stdout.strip())[-2000:]
        return step

    def checkpoint(self) -> dict[str, Any]:
        """The state as the engine keeps it."""
        file = self.state / ".pulumi" / "stacks" / stack.PROJECT_NAME / f"{self.stack}.json"
        latest: dict[str, Any] = json.loads(file.read_text())["checkpoint"]["latest"] or {}
        return latest

    def resources(self) -> list[dict[str, Any]]:
        return list(self.checkpoint().get("resources") or [])

    def _simulated(self, operations: list[Operation]) -> float:
        """The longest chain of operations, each after those that its resource depends on, by the state."""
        minutes: dict[str, float] = {}
        for each in operations:
            minutes[each.id] = minutes.get(each.id, 0.0) + each.minutes
        after: dict[str, float] = {}
        for resource in self.resources():  # in the order of their making: what it depends on comes first
            waits = [*resource.get("dependencies", []), resource.get("parent", "")]
            for each in resource.get("propertyDependencies", {}).values():
                waits += each or []
            began = max((after.get(urn, 0.0) for urn in waits), default=0.0)
            after[resource["urn"]] = began + minutes.get(resource.get("id", ""), 0.0)
        return max([*after.values(), 0.0]) or max([*minutes.values(), 0.0])


class Rehearsal(Engine):
    """An engine and a new cloud, in ``folder``. Used as a context, in which the TPU API answers.

    stack_name:  a stack file of ``project``.
    folder:      its content is removed; it lies in a folder called ``rehearsal``, so that no state is mistaken for it.
    """

    def __init__(self, stack_name: str, folder: Path, project: Path = cache.PROJECT) -> None:
        folder = folder.absolute()
        if "rehearsal" not in folder.parts:
            raise ValueError(f"folder {folder}: must lie in a folder called rehearsal, as its content is removed")
        self._lock = _locked(folder)
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        cloud = Cloud(folder / "cloud.sqlite")
        config = yaml.safe_load((project / "stacks" / f"Pulumi.{stack_name}.yaml").read_text())["config"]
        settings = config["ai-datacenter:google"]
        cloud.set_fact("numbers", {settings["project"]: str(settings["project_number"])})
        self._api = TpuApi(cloud)
        super().__init__(stack_name, folder, project, cloud, self._api.url, stack_name)

    def __enter__(self) -> Rehearsal:
        self._api.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._api.stop()
        self.cloud.close()
        self._lock.close()

    def beside(self, state: str) -> Engine:
        """Another engine with an empty state, called ``state``, over the same cloud."""
        other = Engine(self.stack, self.folder, self.project, self.cloud, self._api.url, f"{self.stack}-{state}")
        other.on_start = self.on_start
        return other


def run(
    stack_name: str,
    folder: Path | None = None,
    on_step: Callable[[Step], None] | None = None,
    on_start: Callable[[str], None] | None = None,
) -> Cycle:
    """The whole cycle of a stack. ``on_start`` is called with the name of each step before it, ``on_step`` after it."""
    with Rehearsal(stack_name, folder or FOLDER / stack_name) as rehearsal:
        rehearsal.on_start = on_start
        cycle = Cycle(stack_name, rehearsal.folder)
        for step in _steps(rehearsal, cycle):
            cycle.steps.append(step)
            if on_step:
                on_step(step)
            if not step.passed:
                break
        cycle.operations = rehearsal.cloud.operations()
        return cycle


def _steps(rehearsal: Rehearsal, cycle: Cycle) -> Iterable[Step]:
    yield rehearsal.run("preview", "preview")
    yield rehearsal.run("up", "up", "--yes", "--skip-preview")
    cycle.resources = rehearsal.resources()
    cycle.outputs = cycle.resources[0].get("outputs", {}) if cycle.resources else {}
    yield _nothing(rehearsal.run("second up", "up", "--yes", "--skip-preview"))
    yield _nothing(rehearsal.run("refresh", "refresh", "--yes", "--skip-preview"))
    yield from _import(rehearsal, cycle)
    yield from _destroy(rehearsal, cycle)


def _nothing(step: Step) -> Step:
    if step.passed and step.changes:
        step.passed = False
        step.why = f"{len(step.changes)} resources differ: {'; '.join(map(_told, step.changes[:5]))}"
    return step


def _told(change: Change) -> str:
    return f"{change.kind} {change.token} {change.name} ({', '.join(change.paths) or 'no property'})"


def _import(rehearsal: Rehearsal, cycle: Cycle) -> Iterable[Step]:
    """Everything by its id alone, into a state that holds components, providers and what no provider can import."""
    wanted = [each for each in cycle.resources if _is_importable(each)]
    other = rehearsal.beside("imported")
    frame = [each for each in cycle.resources if not _is_importable(each)]
    other.begin_with(frame)
    names = {each["urn"]: f"frame-{index}" for index, each in enumerate(frame)}
    file = rehearsal.folder / "import.json"
    listed = [
        {
            "type": each["type"],
            "name": each["urn"].rpartition("::")[2],
            "id": each["id"],
            "parent": names[each["parent"]],
            "provider": names[each["provider"].rpartition("::")[0]],
        }
        for each in wanted
    ]
    file.write_text(json.dumps({"nameTable": {name: urn for urn, name in names.items()}, "resources": listed}))
    flags = ("--generate-code=false", "--protect=false", "--yes", "--skip-preview")
    imported = other.run("import", "import", "--file", str(file), *flags)
    if imported.passed and (got := imported.counts.get("import", 0)) != len(wanted):
        imported.passed, imported.why = False, f"{got} of {len(wanted)} resources were imported"
    yield imported
    preview = other.run("preview of the imported", "preview")
    cycle.settings = {each.urn: each.paths for each in preview.changes if _is_setting(each)}
    cycle.not_imported = tuple(each["urn"] for each in cycle.resources if _is_real(each) and not _is_importable(each))
    preview.changes = [each for each in preview.changes if each.urn not in cycle.settings]
    yield _nothing(preview)


def _interrupt(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=ENDING_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()


def _locked(folder: Path) -> IO[str]:
    """A file that is locked as long as it is open, so that no other rehearsal takes ``folder`` away meanwhile."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    lock = (folder.parent / f".{folder.name}.lock").open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        lock.close()
        raise Busy(f"another rehearsal is using {folder}: wait for it, or end it") from None
    return lock


def _is_real(resource: dict[str, Any]) -> bool:
    """Whether it is neither a component nor a provider."""
    return bool(resource.get("custom")) and not resource["type"].startswith("pulumi:providers:")


def _is_importable(resource: dict[str, Any]) -> bool:
    if not _is_real(resource):
        return False
    return not resource["type"].startswith("gcp:") or bool(row(resource["type"]).spellings)


def _is_setting(change: Change) -> bool:
    """Whether only what no API tells differs: settings that live in the vendor's provider alone."""
    if change.kind != "update" or not change.token.startswith("gcp:"):
        return False
    return bool(change.paths) and set(change.paths) <= set(row(change.token).provider)


def _destroy(rehearsal: Rehearsal, cycle: Cycle) -> Iterable[Step]:
    """A protected stack refuses first; then all protection is lifted, in the rehearsal's own state and cloud alone."""
    protected = [each["urn"] for each in rehearsal.resources() if each.get("protect")]
    if protected:
        before = len(rehearsal.cloud.operations())
        refused = rehearsal.run("destroy refused", "destroy", "--yes")
        refused.passed = not refused.passed and len(rehearsal.cloud.operations()) == before
        refused.why = "" if refused.passed else "a stack with protected resources let something be destroyed"
        yield refused
        done = rehearsal.engine("state", "unprotect", "--all", "--yes", "--stack", rehearsal.stack)
        if done.returncode:
            raise RuntimeError(f"cannot lift the protection of {rehearsal.stack}: {done.stderr}")
    rehearsal.cloud.set_fact("lifted", True)
    step = rehearsal.run("destroy", "destroy", "--yes", "--skip-preview")
    cycle.left = {f"{each.token} {each.id}": str(each.made.get("left", "")) for each in rehearsal.cloud.all()}
    remains = [urn for urn in (each["urn"] for each in rehearsal.resources()) if "pulumi:pulumi:Stack" not in urn]
    lost = [what for what, why in cycle.left.items() if not why]
    if step.passed and (remains or lost):
        step.passed, step.why = False, f"something is left: {', '.join([*remains, *lost][:5])}"
    yield step


def _read_events(log: Path, step: Step) -> None:
    if not log.exists():
        return
    done_to: dict[str, dict[str, Any]] = {}
    for line in log.read_text().splitlines():
        event = json.loads(line)
        if said := event.get("diagnosticEvent"):
            _read_diagnostic(said, step)
        elif done := event.get("resOutputsEvent") or event.get("resOpFailedEvent"):
            done_to[f"{done['metadata']['op']} {done['metadata']['urn']}"] = done["metadata"]  # a component comes twice
    for each in done_to.values():
        _read_resource(each, step)


def _read_diagnostic(said: dict[str, Any], step: Step) -> None:
    message = said.get("message", "").replace("<{%reset%}>", "").replace("<{%fg 1%}>", "").strip()
    if said.get("ephemeral") or said["severity"] == "debug" or not message or "from $PATH" in message:
        return
    (step.errors if said.get("severity") == "error" else step.messages).append(message)


def _read_resource(done: dict[str, Any], step: Step) -> None:
    kind = done["op"]
    step.counts[kind] = step.counts.get(kind, 0) + 1
    if kind not in PLAIN:
        paths = tuple(sorted(done.get("detailedDiff") or done.get("diffs") or ()))
        new = done.get("new") or done.get("old") or {}
        step.changes.append(Change(done["urn"], kind, paths, bool(new.get("protect"))))
