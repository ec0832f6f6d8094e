"""A cluster of kind's: its node is a container of this machine's Docker engine."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from toolchain import cache
from toolchain.cluster import programs

IMAGE = "kindest/node:v1.34.11@sha256:44e222ee2132dab25ff87301682f89eb82c7880ea3a1bf543bfe9708fd08d67d"
"""As the notes of kind 0.33.0 have it for Kubernetes 1.34; kind supports the images of its own release only."""
READY = "120s"


def is_possible() -> bool:
    """Whether a Docker engine answers."""
    if not shutil.which("docker"):
        return False
    asked = subprocess.run(["docker", "info", "--format", "{{.ServerVersion}}"], capture_output=True, check=False)
    return asked.returncode == 0 and bool(asked.stdout.strip())


class Cluster:
    """The one whose ``kubeconfig`` is in ``folder``; Docker keeps everything else."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.kubeconfig = self.folder / "kubeconfig"
        self.name = f"ai-datacenter-{cache.key(str(self.folder))}"

    def build(self, report: cache.Reporter) -> None:
        """Builds kind, unless it is there; all else comes from a registry. Raises SetupError when it cannot be."""
        programs.kind(report)

    def up(self, report: cache.Reporter, port: int = 0, simulated: int | None = None) -> None:
        """Makes it unless it is there. Raises SetupError when it does not come up."""
        if port or simulated is not None:
            raise cache.SetupError("--port and --nodes are for a cluster without Docker: add --without-docker")
        self.folder.mkdir(parents=True, exist_ok=True)
        if self._is_there(report):
            self._kind(report, "export", "kubeconfig")
        else:
            self._kind(report, "create", "cluster", "--image", IMAGE, "--wait", READY)
        report(cache.READY)

    def down(self) -> None:
        """Removes it; does nothing when there is none."""
        self._kind(cache.Reporter("cluster"), "delete", "cluster")
        self.kubeconfig.unlink(missing_ok=True)

    def status(self) -> dict[str, int | None]:
        """The pid, on this machine, of each container that is a node of it."""
        label = f"label=io.x-k8s.kind.cluster={self.name}"
        names = _docker("ps", "--all", "--filter", label, "--format", "{{.Names}}").split()
        return {name: int(_docker("inspect", "--format", "{{.State.Pid}}", name)) or None for name in names}

    def load(self, archive: Path) -> str:
        """Brings the images of an archive to the node."""
        self._kind(cache.Reporter("cluster"), "load", "image-archive", archive)
        return f"loaded {archive}"

    def _is_there(self, report: cache.Reporter) -> bool:
        binary = programs.kind(report) / "kind"
        there = subprocess.run([binary, "get", "clusters"], capture_output=True, text=True, check=False).stdout
        return self.name in there.split()

    def _kind(self, report: cache.Reporter, *words: object) -> None:
        command = [programs.kind(report) / "kind", *words, "--name", self.name]
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        cache.run(command, cache.directory() / "logs" / "cluster.log", environment, line=report)


def _docker(*words: str) -> str:
    return subprocess.run(["docker", *words], capture_output=True, text=True, check=True).stdout
