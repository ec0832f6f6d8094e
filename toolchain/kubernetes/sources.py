"""What Kubernetes and Kubeflow's controllers publish in their Go modules: OpenAPI, definitions of resources, charts.

``modules/sources`` pins them, with their checksums. A module is fetched when it is asked for the first time.
"""

from __future__ import annotations

import re
from pathlib import Path

from toolchain import cache, go

KUBERNETES, KUBERNETES_TYPES = "k8s.io/kubernetes", "k8s.io/api"
JOBSET, KUEUE, LEADER_WORKER_SET = "sigs.k8s.io/jobset", "sigs.k8s.io/kueue", "sigs.k8s.io/lws"
TRAINER, KSERVE = "github.com/kubeflow/trainer/v2", "github.com/kserve/kserve"
CERT_MANAGER = "github.com/cert-manager/cert-manager"
PINNED = Path(__file__).parent / "modules" / "sources"


def versions(module: str = "sources") -> dict[str, str]:
    """The version of each Go module that ``modules/MODULE`` pins, such as ``v1.34.4``."""
    pinned = (PINNED.parent / module / "go.mod").read_text()
    return dict(re.findall(r"^\t(\S+) (v\S+)(?: // indirect)?$", pinned, re.MULTILINE))


def module(path: str) -> Path:
    """The folder of a module's content, which is not to be written to. Raises SetupError when it cannot be fetched."""
    version = versions()[path]
    escaped = re.sub("[A-Z]", lambda letter: f"!{letter[0].lower()}", path)
    folder = cache.directory() / "go" / "mod" / f"{escaped}@{version}"
    if folder.is_dir():
        return folder
    report = cache.Reporter("kubernetes")
    report(f"fetching {path} {version}")
    return go.source(report, "kubernetes/modules/sources", f"{path}@{version}")
