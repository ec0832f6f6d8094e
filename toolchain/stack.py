"""``python3 -m toolchain.stack COMMAND ...``: Pulumi with the project's engine, environment and state.

State is a folder of the clone (``.local/state``; AIDC_STATE names another): no login, no password, nothing in the
user's own ``~/.pulumi``. Before a command that works on a stack, the stack is made when it is new, and a lock whose
holder is dead is removed.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

from toolchain import cache, engine, google, kubernetes_site, python, vendors

PROJECT_NAME = "ai-datacenter"
NOT_KEPT = ("PULUMI_ACCESS_TOKEN", "PYTHONDONTWRITEBYTECODE")
"""Who the user is to Pulumi; and what would compile the SDKs anew in every run, which takes seconds of a processor."""

CHANGES = ("up", "refresh", "destroy")
WORKS_ON_A_STACK = ("up", "preview", "refresh", "destroy", "import", "watch")
GOOGLE, KUBERNETES = "google", "kubernetes"


def state_directory() -> Path:
    """Where the engine keeps its state."""
    return Path(os.environ.get("AIDC_STATE") or cache.PROJECT / ".local" / "state").absolute()


def environment(state: Path) -> dict:
    """The engine's environment, with its state in ``state``."""
    home = engine.folder()
    if home is None or not python.is_ready():
        raise cache.SetupError("not set up yet; run: make setup")
    kept = {name: value for name, value in vendors.without_stand_ins(os.environ).items() if name not in NOT_KEPT}
    direct = ",".join(filter(None, [os.environ.get("no_proxy") or os.environ.get("NO_PROXY"), "127.0.0.1,localhost"]))
    return {
        **kept,
        "PULUMI_CONFIG_PASSPHRASE": "",  # the local stack holds no secret, and its salt was made with this
        "no_proxy": direct,  # engine, plugin, workers and servers talk to each other on loopback
        "NO_PROXY": direct,
        "PATH": os.pathsep.join([str(python.ENVIRONMENT / "bin"), str(home), kept.get("PATH", os.defpath)]),
        "VIRTUAL_ENV": str(python.ENVIRONMENT),
        "TMPDIR": str(state / "tmp"),
        "PULUMI_HOME": str(state / "pulumi-home"),
        "PULUMI_BACKEND_URL": f"file://{state}",
        "PULUMI_SKIP_UPDATE_CHECK": "1",
        "KERAS_HOME": str(state / "keras"),  # else a job or TensorBoard writes to ~
        "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",  # a missing plugin is an error, not a download
    }


def main(arguments: list) -> int:
    """Runs one Pulumi command; returns its exit status."""
    try:
        command, stack, state = (arguments or [""])[0], _stack(arguments), state_directory()
        surroundings = environment(state)
        works = command in WORKS_ON_A_STACK and bool(stack)
        if works:
            _require_stack_file(stack)
        site = site_of(stack)
        if site in (GOOGLE, KUBERNETES) and command == "preview" and (opening := _why_with_a_stand_in(site, stack)):
            print(opening, flush=True)
            state /= "stand-in"  # what is previewed with a stand-in never meets what is real
            surroundings = vendors.stood_in_for(environment(state))
        elif site == GOOGLE:
            if works or google.keeps_state():  # the others, such as `stack output`, read the state alone
                google.require_credentials(stack, command)
            surroundings = vendors.fetched(surroundings)
        elif site == KUBERNETES:
            if works:
                settings = kubernetes_site.require_kubeconfig(stack, command)
                surroundings = kubernetes_site.environment(surroundings, settings)
            else:
                surroundings = vendors.fetched(surroundings)
        Path(surroundings["TMPDIR"]).mkdir(parents=True, exist_ok=True)
        if works and surroundings["PULUMI_BACKEND_URL"] == f"file://{state}":
            _make_stack(stack, state, surroundings)
            _remove_dead_locks(stack, state)
        if command in CHANGES and site == GOOGLE:
            _go_on(stack, surroundings)
    except (cache.SetupError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    sys.stdout.flush()
    os.execvpe("pulumi", ["pulumi", *arguments], surroundings)  # signals go to the engine itself


def _stack(arguments: list) -> str:
    for position, argument in enumerate(arguments):
        if argument in ("--stack", "-s"):
            return arguments[position + 1] if position + 1 < len(arguments) else ""
        if argument.startswith("--stack="):
            return argument.partition("=")[2]
    return ""


def site_of(stack: str) -> str:
    """Where the data centre of ``stack`` is, as its file says; "" for one that says nothing, or is not there."""
    file = Path("stacks") / f"Pulumi.{stack}.yaml"
    text = file.read_text(errors="replace") if file.is_file() else ""
    found = re.search(r"^\s*[\"']?ai-datacenter:site[\"']?:\s*[\"']?(\w+)", text, re.MULTILINE)
    return found[1] if found else ""


def _why_with_a_stand_in(site: str, stack: str) -> str:
    """What a preview begins with that cannot ask the real one; "" for one that can."""
    if site == GOOGLE:
        return "" if google.has_credentials() else google.opening_of_a_stand_in(stack)
    return "" if kubernetes_site.kubeconfig() else kubernetes_site.WITHOUT_CLUSTER.format(stack=stack)


def _require_stack_file(stack: str) -> None:
    """A misspelt name must not bring up an empty stack of that name."""
    stacks = Path("stacks")
    if not (stacks / f"Pulumi.{stack}.yaml").is_file():
        there = sorted(file.name.removeprefix("Pulumi.").removesuffix(".yaml") for file in stacks.glob("Pulumi.*.yaml"))
        near = difflib.get_close_matches(stack, there, n=1)
        guess = f" Did you mean {near[0]}?" if near else ""
        raise cache.SetupError(
            f"STACK = {stack!r}: no stacks/Pulumi.{stack}.yaml. There are: {', '.join(there)}.{guess}"
        )


def _make_stack(stack: str, state: Path, surroundings: dict) -> None:
    if (state / ".pulumi" / "stacks" / PROJECT_NAME / f"{stack}.json").exists():
        return
    command = ["pulumi", "stack", "init", "--stack", stack, "--non-interactive"]
    made = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=False)
    if made.returncode:
        raise cache.SetupError(f"cannot make stack {stack}: {made.stderr.strip()}")


def _remove_dead_locks(stack: str, state: Path) -> None:
    """Removes what an engine that was killed left behind. A lock of a live process, or of another machine, stays."""
    for lock in (state / ".pulumi" / "locks").glob(f"organization/{PROJECT_NAME}/{stack}/*.json"):
        try:
            holder = json.loads(lock.read_text())
            host, pid = holder["hostname"], int(holder["pid"])
        except (OSError, ValueError, KeyError, TypeError):
            continue  # not a lock that says who holds it
        if host == os.uname().nodename and not _is_engine(pid):
            print(f"the engine with pid {pid} was killed while it held the stack; going on", flush=True)
            lock.unlink(missing_ok=True)
            lock.with_name(f"{lock.name}.attrs").unlink(missing_ok=True)


def _go_on(stack: str, surroundings: dict) -> None:
    """What an interrupted run may have made in the cloud finds its place in the state, before anything changes."""
    command = [python.ENVIRONMENT / "bin" / "python", "-m", "infra.interrupted", "--stack", stack]
    if subprocess.run(command, env=surroundings, check=False).returncode:
        raise cache.SetupError(f"{stack} was left as it is: nothing is changed on top of a state that may not be true")


def _is_engine(pid: int) -> bool:
    """Whether a process with this pid lives and is an engine; the pid of a dead one may have been given again."""
    try:
        os.kill(pid, 0)
        said = subprocess.run(["/bin/ps", "-o", "comm=", "-p", str(pid)], capture_output=True, text=True, check=False)
    except ProcessLookupError:
        return False
    except OSError:
        return True  # another user's, or nothing to ask: it may be one
    return "pulumi" in said.stdout


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
