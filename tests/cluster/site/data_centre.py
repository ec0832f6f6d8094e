"""The stack `cluster` on a cluster of this machine: its file, the engine, and what is asked of the cluster."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from tests.project import Project
from toolchain import cache
from toolchain.cluster.built import Cluster

STACK_FILE = cache.PROJECT / "stacks" / "Pulumi.cluster.yaml"
PREFIX = "ai-datacenter:"


class DataCentre(Project):
    """What a person has who brings the stack up. The vendor's provider is not on every machine: the stand-in is used,
    over the real API server."""

    patience = 1200

    def __init__(self, folder: Path, cluster: Cluster, charts: Path) -> None:
        shipped = yaml.safe_load(STACK_FILE.read_text())["config"]
        self.settings: dict[str, Any] = {key.removeprefix(PREFIX): value for key, value in shipped.items()}
        (self.workload,) = self.settings.pop("workloads")
        self.cluster = cluster
        super().__init__(folder)
        self.environment |= {
            "KUBECONFIG": str(cluster.kubeconfig),
            "AIDC_CHARTS": str(charts),
            "AIDC_KUBERNETES_PROVIDER": "stand-in",
        }
        self.write(self.workload)

    def write(self, *workloads: dict[str, Any], **settings: Any) -> None:
        """Writes the stack file: the shipped one with these workloads."""
        super().write(*workloads, **{"local": {}, **self.settings, **settings})

    def says_no_change(self, command: str) -> str:
        """Runs `up` or `refresh`, which fails where anything would change."""
        return self.run(command, "--yes", "--skip-preview", "--expect-no-changes")

    def kubectl(self, *words: str, objects: list[dict[str, Any]] | None = None) -> str:
        text = json.dumps({"apiVersion": "v1", "kind": "List", "items": objects}) if objects else None
        return self.cluster.kubectl(*words, text=text)

    def get(self, kind: str, *words: str) -> list[dict[str, Any]]:
        """The objects of a kind."""
        items: list[dict[str, Any]] = json.loads(self.kubectl("get", kind, *words, "--output=json"))["items"]
        return items


PASSING = ("events", "leases", "endpoints", "endpointslices", "metrics.k8s.io", "componentstatuses")
"""What comes and goes in a cluster that nobody uses."""


def there(cluster: Cluster) -> set[str]:
    """All objects of a cluster, as ``Kind/namespace/name``, but for those that come and go by themselves."""
    kinds = cluster.kubectl("api-resources", "--verbs=list", "--output=name").split()
    lasting = ",".join(each for each in kinds if not any(passing in each for passing in PASSING))
    items = json.loads(cluster.kubectl("get", lasting, "--all-namespaces", "--output=json"))["items"]
    names = ((each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]) for each in items)
    return {"/".join(each) for each in names}


class Load:
    """Requests to a model's service from inside the cluster's network, until ``end``."""

    def __init__(self, cluster: Cluster, url: str, request: dict[str, Any], *, clients: int = 4) -> None:
        """url: of the service, such as ``http://10.96.0.7:8501/v1/models/digits``."""
        inside = cluster.status()["kubelet"]
        script = Path(__file__).parent / "load.py"
        self._process = subprocess.Popen(
            [
                "/usr/bin/env",
                "nsenter",
                "--target",
                str(inside),
                "--net",
                sys.executable,
                str(script),
                url,
                str(clients),
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(request) + "\n")
        self._process.stdin.flush()

    def end(self) -> dict[str, Any]:
        """How many requests were answered, what the others came to, and which versions were there to answer."""
        said, _ = self._process.communicate(timeout=60)  # the end of its input ends it
        counted: dict[str, Any] = json.loads(said)
        return counted
