"""One cluster for the tests that leave it as it was, and what a machine is like before and after one."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from toolchain import cache
from toolchain.cluster import images, programs
from toolchain.cluster.built import Cluster

IMAGE = "tests.local/busybox:1"
COMMANDS = tuple(
    f"/bin/{each}" for each in ("sh", "cat", "echo", "hostname", "httpd", "mkdir", "nslookup", "sleep", "wget")
)
PATIENCE = "--timeout=60s"


def report() -> cache.Reporter:
    return cache.Reporter("cluster")


@pytest.fixture(scope="session")
def busybox(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of an image with a shell, a web server and a client, and nothing else."""
    archive = tmp_path_factory.mktemp("images") / "busybox.tar"
    binary = programs.packages(report()) / "usr" / "bin" / "busybox"
    images.write(archive, IMAGE, {"/bin/busybox": binary}, ["/bin/sh"], COMMANDS)
    return archive


@pytest.fixture(scope="session")
def cluster(tmp_path_factory: pytest.TempPathFactory, busybox: Path) -> Iterator[Cluster]:
    """One that is up and has the image."""
    made = Cluster(tmp_path_factory.mktemp("cluster") / "c")
    try:
        made.up(report())
        made.load(busybox)
        yield made
    finally:
        made.down()


@pytest.fixture
def namespace(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[str]:
    """A new one, with the service account that pods run as."""
    name = f"test-{time.time_ns()}"
    cluster.kubectl("create", "namespace", name)
    cluster.kubectl("wait", "--for=create", "serviceaccount/default", "--namespace", name, PATIENCE)
    yield name
    cluster.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def kubectl(cluster: Cluster, namespace: str) -> Callable[..., str]:
    """kubectl in the test's namespace."""
    return in_namespace(cluster, namespace)


def in_namespace(cluster: Cluster, name: str) -> Callable[..., str]:
    """kubectl in a namespace; ``objects`` are what it reads."""

    def run(*words: str, objects: list[dict[str, Any]] | None = None) -> str:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}) if objects else None
        return cluster.kubectl("--namespace", name, *words, text=text)

    return run


def eventually(says: Callable[[], str]) -> str:
    """What is said once it is, as a kubelet that has just started does not know its pods yet."""
    until = time.monotonic() + 30
    while True:
        try:
            return says()
        except cache.SetupError:
            if time.monotonic() > until:
                raise
            time.sleep(0.5)


def pod(name: str, command: str, mounts: tuple[dict[str, str], ...] = (), **spec: Any) -> dict[str, Any]:
    """A pod of the image with the label ``app: NAME``."""
    metadata = {"name": name, "labels": {"app": name}}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_spec(command, mounts, **spec)}


def pod_spec(command: str, mounts: tuple[dict[str, str], ...] = (), **spec: Any) -> dict[str, Any]:
    container = {"name": "main", "image": IMAGE, "args": ["-c", command], "volumeMounts": list(mounts)}
    return {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container], **spec}


def service(name: str, port: int, headless: bool = False) -> dict[str, Any]:
    """One for the pods with the label ``app: NAME``."""
    spec: dict[str, Any] = {"selector": {"app": name}, "ports": [{"port": port}]}
    if headless:
        spec |= {"clusterIP": "None", "publishNotReadyAddresses": True}
    return {"apiVersion": "v1", "kind": "Service", "metadata": {"name": name}, "spec": spec}


def machine() -> dict[str, set[str]]:
    """What a cluster could leave on this machine, apart from what is known to come and go."""
    ours = Path("/proc/self/ns/pid").readlink()
    namespaces, processes = set(), set()
    for pid in psutil.pids():
        try:
            there = {kind: Path(f"/proc/{pid}/ns/{kind}").readlink() for kind in ("mnt", "net", "pid", "ipc", "uts")}
            words = " ".join(psutil.Process(pid).cmdline())
        except (OSError, psutil.Error):
            continue
        namespaces |= {str(each) for each in there.values()}
        if there["pid"] != ours or "nsenter" in words or "unshare" in words:
            processes.add(f"{pid} {words}")
    rules = programs.packages(report()) / "usr"
    saved = subprocess.run(
        [rules / "sbin" / "iptables-save"],
        env={"LD_LIBRARY_PATH": str(rules / "lib" / f"{os.uname().machine}-linux-gnu")},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {
        "namespaces": namespaces,
        "processes": processes,
        "mounts": {line.split(" ", 3)[3] for line in Path("/proc/self/mountinfo").read_text().splitlines()},
        "interfaces": {each.name for each in Path("/sys/class/net").iterdir()},
        "addresses": set(Path("/proc/net/fib_trie").read_text().splitlines()),
        "iptables": {line for line in saved.splitlines() if not line.startswith(("#", ":"))},
        "cgroups": {folder for folder, _, _ in os.walk("/sys/fs/cgroup") if "ai-datacenter" in folder},
        "settings": {
            f"{name} = {Path('/proc/sys', name).read_text()}"
            for name in ("net/ipv4/ip_forward", "vm/overcommit_memory", "kernel/panic", "kernel/panic_on_oops")
        },
        "files": {
            str(each)
            for folder in ("/etc", "/run", "/opt", "/var/lib", "/var/log", "/etc/cni", "/var/run")
            if Path(folder).is_dir()
            for each in Path(folder).iterdir()
        },
    }
