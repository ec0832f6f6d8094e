"""The pods of a training job without a cluster: two hosts on this machine, and the environment that JobSet gives.

A host is a network namespace with a name for each member and a link to the other one; only root can make it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from workloads.artefacts import Artefacts
from workloads.spec import WorkloadSpec

JOB = "digits"
PYTHON = sys.executable
APART = ["unshare", "--net", "--mount"]


def possible() -> bool:
    """Whether this user may make network namespaces and links here."""
    if not all(map(shutil.which, ("ip", "mount", "nsenter", "unshare"))):
        return False
    return subprocess.run([*APART, "ip", "link", "add", "pod", "type", "veth"], capture_output=True).returncode == 0


class Pods:
    """Two hosts, on which members are started."""

    def __init__(self, hosts: list[subprocess.Popen[bytes]], artefacts: Artefacts) -> None:
        self._hosts = hosts
        self.artefacts = artefacts
        self.started: list[subprocess.Popen[str]] = []

    def start(self, index: int, spec: WorkloadSpec) -> subprocess.Popen[str]:
        """Starts member ``index`` of ``spec.train.workers`` as its pod does."""
        file = self.artefacts.root / "spec.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(spec.model_dump_json())
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.artefacts.root),
            "TMPDIR": str(self.artefacts.root),
            "JOBSET_NAME": JOB,
            "JOBSET_REPLICATED_JOB": "worker",
            "JOBSET_JOB_INDEX": "0",
            "JOB_COMPLETION_INDEX": str(index),
            "WORKLOADS_CLUSTER": f"worker={spec.train.workers}",
            "WORKLOADS_OUTCOME": str(self.outcome(index)),
        }
        command = [PYTHON, "-m", "workloads.train.rendezvous", "--", PYTHON, "-m", "workloads"]
        command += ["train", "--member", "--release", "--spec", str(file), "--artefacts", str(self.artefacts.root)]
        process = subprocess.Popen(
            _on(self._hosts[index], *command),
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.started.append(process)
        return process

    def group(self, spec: WorkloadSpec) -> list[subprocess.Popen[str]]:
        """Starts all members."""
        return [self.start(index, spec) for index in range(spec.train.workers)]

    def outcome(self, index: int) -> Path:
        """The file that stands for the member's termination message."""
        return self.artefacts.root / f"outcome-{index}"

    def cut(self, index: int) -> None:
        """Takes the host off the network, as if it had lost power: nobody is told."""
        _do(self._hosts[index], "ip", "link", "set", "pod", "down")


@contextmanager
def two_hosts(artefacts: Artefacts, hosts_file: Path) -> Iterator[Pods]:
    """Makes the hosts, and takes them down with all that runs on them."""
    addresses = [f"10.231.0.{index + 1}" for index in range(2)]
    names = [f"{address} {JOB}-worker-0-{index}.{JOB}\n" for index, address in enumerate(addresses)]
    hosts_file.write_text("127.0.0.1 localhost\n" + "".join(names))
    with ExitStack() as stack:
        hosts = []
        for _ in addresses:
            host = subprocess.Popen([*APART, "sleep", "infinity"])
            stack.callback(host.wait)
            stack.callback(host.kill)
            hosts.append(host)
            _wait_for_namespace(host)
        peer = ["peer", "name", "pod", "netns", str(hosts[1].pid)]
        _do(hosts[0], "ip", "link", "add", "pod", "type", "veth", *peer)
        for host, address in zip(hosts, addresses, strict=True):
            _do(host, "ip", "address", "add", f"{address}/24", "dev", "pod")
            for link in ("lo", "pod"):
                _do(host, "ip", "link", "set", link, "up")
            _do(host, "mount", "--bind", str(hosts_file), "/etc/hosts")
        pods = Pods(hosts, artefacts)
        try:
            yield pods
        finally:
            for process in pods.started:
                process.kill()
                process.communicate()


def _on(host: subprocess.Popen[bytes], *command: str) -> list[str]:
    return ["nsenter", "--target", str(host.pid), "--net", "--mount", "--", *command]


def _do(host: subprocess.Popen[bytes], *command: str) -> None:
    subprocess.run(_on(host, *command), check=True, capture_output=True)


def _wait_for_namespace(host: subprocess.Popen[bytes]) -> None:
    """Returns when the host's process has left this one's namespaces."""
    own = Path("/proc/self/ns/mnt").readlink()
    deadline = time.monotonic() + 10
    while Path(f"/proc/{host.pid}/ns/mnt").readlink() == own:
        assert time.monotonic() < deadline
        time.sleep(0.01)
