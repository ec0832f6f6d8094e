"""A node: namespaces of mounts, network, processes, IPC and host name, which live as long as their first process.

Nothing is written down about what runs: the kernel is asked. So whatever was killed, and whoever started it, what is
there is found, and the end of the first process takes every other one, every mount, interface and iptables rule along.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil

from toolchain import cache

SCRIPT = Path(__file__).parent / "node.sh"
NAMESPACES = ("--mount", "--net", "--pid", "--ipc", "--uts")
NAME, ADDRESS = "node", "10.97.0.1"
SERVICES = "10.96.0.0/16"
START_SECONDS, STOP_SECONDS = 20.0, 60.0
CGROUPS = Path("/sys/fs/cgroup")
CGROUP_CONTROLLERS = {"cpu", "cpuset", "memory", "pids"}  # what the kubelet asks for


def require_machine() -> None:
    """Raises SetupError where a node cannot be, with everything that is missing."""
    missing = []
    if sys.platform != "linux":
        missing.append("this is not Linux; with a Docker engine it works here too")
    else:
        if os.geteuid() != 0:
            missing.append("namespaces, mounts and cgroups are for root to make; run it as root, or start Docker")
        missing += [
            f"there is no {each}; install util-linux and mount"
            for each in ("unshare", "nsenter", "mount")
            if not shutil.which(each)
        ]
        lacking = CGROUP_CONTROLLERS - _controllers()
        if lacking:
            missing.append(f"the cgroup controllers {', '.join(sorted(lacking))} are not mounted below {CGROUPS}")
    if missing:
        raise cache.SetupError("a cluster cannot run here:\n" + "\n".join(f"  - {each}" for each in missing))


def _unified() -> bool:
    """Whether cgroups are of version 2."""
    return (CGROUPS / "cgroup.controllers").exists()


def _controllers() -> set[str]:
    if _unified():
        return set((CGROUPS / "cgroup.controllers").read_text().split())
    return {each for mount in _hierarchies() for each in mount.name.split(",")}


def _hierarchies() -> list[Path]:
    """Where cgroups are: one folder for each controller in version 1, one for all in version 2, or both."""
    return [Path(each.mountpoint) for each in psutil.disk_partitions(all=True) if each.fstype in ("cgroup", "cgroup2")]


def place(product: Path) -> str:
    """Where in a node a file of the cache folder is."""
    return f"/cache/{product.relative_to(cache.directory())}"


class Node:
    """The node whose files are in ``folder``."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.cgroup = f"ai-datacenter-{cache.key(str(folder))}"

    def start(self, packages: str, pause: str) -> None:
        """Makes the node unless it is there. Raises SetupError when it does not come up.

        packages:  the folder, in the node, of the ``usr`` that is added to the machine's.
        pause:     its first program, in the node.
        """
        if self._is_ready():
            return
        self.stop()  # half made by somebody who was killed
        for each in ("root", "tmp", "var/lib", "var/log"):
            (self.folder / each).mkdir(parents=True, exist_ok=True)
        (self.folder / "tmp").chmod(0o1777)
        run = self.folder / "var" / "run"
        if not run.is_symlink():
            run.symlink_to("/run")
        self._make_cgroups()
        command = ["unshare", *NAMESPACES, "--fork", "sh", SCRIPT, SERVICES, ADDRESS, packages, pause]
        log = self.folder / "var" / "log" / "node.log"
        with log.open("ab") as sink:
            started = subprocess.Popen(
                [*command, cache.directory(), self.folder],
                stdin=subprocess.DEVNULL,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )
        until = time.monotonic() + START_SECONDS
        while not self._is_ready():
            if started.poll() is not None or time.monotonic() > until:
                self.stop()
                last = "\n".join(f"  | {line}" for line in log.read_text(errors="replace").splitlines()[-8:])
                raise cache.SetupError(
                    f"the node's namespaces could not be set up; all that was said is in {log}:\n{last}"
                )
            time.sleep(0.05)

    def stop(self) -> None:
        """Ends the node with all that is in it; its files stay. Raises SetupError when something does not end."""
        until = time.monotonic() + STOP_SECONDS
        while makers := self._makers():
            for process, _ in makers:
                with suppress(psutil.NoSuchProcess):
                    process.kill()
            if time.monotonic() > until:
                raise cache.SetupError(
                    f"the node in {self.folder} does not end within {STOP_SECONDS:.0f} s: a process of it waits in the "
                    "kernel, as for a disk.\n  Run the same command again; what is gone stays gone"
                )
            time.sleep(0.05)
        self._remove_cgroups()

    def command(self, *words: object) -> list[str]:
        """What runs ``words`` in the node. Raises SetupError when it is not up."""
        first = self._first()
        if first is None:
            raise cache.SetupError(f"no cluster is up in {self.folder}; start it: make cluster")
        settings = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root"]
        enter = ["nsenter", "--target", first.pid, *NAMESPACES]
        return [str(each) for each in (*enter, "env", "-i", *settings, *words)]

    def run(
        self, *words: object, stdin: object = subprocess.DEVNULL, text: str | None = None
    ) -> subprocess.CompletedProcess:
        """Runs ``words`` in the node to their end, with ``stdin`` or ``text`` as input; does not judge how they end."""
        source = {"input": text} if text is not None else {"stdin": stdin}
        return subprocess.run(self.command(*words), capture_output=True, text=True, check=False, **source)

    def process(self, program: str) -> psutil.Process | None:
        """The process that is ``program``, a path in the node; None when it does not run."""
        first = self._first()
        if first is None:
            return None
        for process in psutil.process_iter():
            try:
                if process.cmdline()[:1] == [program] and _pids(process) == _pids(first):
                    return process
            except (psutil.Error, OSError):  # it has just ended
                continue
        return None

    def is_up(self) -> bool:
        """Whether there is a node, with or without anything in it."""
        return self._first() is not None

    def _first(self) -> psutil.Process | None:
        """The first process of the node's namespace of processes."""
        return next((process for process, is_first in self._makers() if is_first), None)

    def _makers(self) -> list[tuple[psutil.Process, bool]]:
        """What is the node or about to make it, by its last word, and whether it is the first process of it."""
        found = []
        for process in psutil.process_iter():
            try:
                words = process.cmdline()
                if words and words[-1] == str(self.folder):
                    is_first = _is_first(process)
                    if is_first or words[0] == "unshare":
                        found.append((process, is_first))
            except (psutil.Error, OSError):  # it has just ended
                continue
        return found

    def _is_ready(self) -> bool:
        """Whether the script has done its work and become pause."""
        first = self._first()
        with suppress(psutil.NoSuchProcess):
            return first is not None and "".join(first.cmdline()[:1]).startswith("/cache/")
        return False

    def _make_cgroups(self) -> None:
        if _unified():
            wanted = " ".join(f"+{each}" for each in sorted(CGROUP_CONTROLLERS))
            (CGROUPS / "cgroup.subtree_control").write_text(wanted)
        for hierarchy in _hierarchies():
            (hierarchy / self.cgroup).mkdir(exist_ok=True)

    def _remove_cgroups(self) -> None:
        """What the kubelet made below the node's own, from the innermost; nobody is in them any more."""
        until = time.monotonic() + STOP_SECONDS
        for hierarchy in _hierarchies():
            for folder, _, _ in os.walk(hierarchy / self.cgroup, topdown=False):
                while True:
                    try:
                        Path(folder).rmdir()
                        break
                    except OSError:  # the kernel still counts what has just ended
                        if time.monotonic() > until:
                            raise
                        time.sleep(0.05)


def _is_first(process: psutil.Process) -> bool:
    """Whether a process is the first one of a PID namespace below ours."""
    status = Path(f"/proc/{process.pid}/status").read_text()
    _, *pids = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()
    return len(pids) > 1 and pids[-1] == "1"


def _pids(process: psutil.Process) -> str:
    """The PID namespace of a process."""
    return str(Path(f"/proc/{process.pid}/ns/pid").readlink())
