"""A cluster with Kubeflow's kinds and without its controllers: the tests say what those would."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from infra.kubeflow.plugin.patience import Pace
from infra.plugin.handler import State, Talk
from tests.cluster.conftest import report
from tests.unit.conftest import Heard
from toolchain.cluster.built import Cluster
from toolchain.kubernetes import sources

PACE = Pace(look=0.1)
KUEUE = "kueue.x-k8s.io/v1beta2"
DEFINITIONS = (
    (sources.TRAINER, "manifests/base/crds/trainer*.yaml"),
    (sources.JOBSET, "config/components/crd/bases/*.yaml"),
    (sources.KUEUE, "config/components/crd/bases/*.yaml"),
)

Beside = Callable[..., Future[Any]]
"""Runs an operation beside the test."""


@pytest.fixture(scope="package")
def bare(tmp_path_factory: pytest.TempPathFactory, busybox: Path) -> Iterator[Cluster]:
    """A cluster of its own, so that nobody else's controllers answer for these kinds."""
    made = Cluster(tmp_path_factory.mktemp("bare") / "c")
    try:
        made.up(report())
        made.load(busybox)
        files = [file for path, files in DEFINITIONS for file in sources.module(path).glob(files)]
        made.kubectl("apply", "--server-side", "-f", "-", text="\n---\n".join(file.read_text() for file in files))
        made.kubectl("wait", "--for=condition=Established", "crd", "--all")
        yield made
    finally:
        made.down()


@pytest.fixture
def team(bare: Cluster, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A namespace of its own, on the cluster that the plugin then reaches."""
    monkeypatch.setenv("KUBECONFIG", str(bare.kubeconfig))
    name = f"team-{time.time_ns()}"
    bare.kubectl("create", "namespace", name)
    bare.kubectl("wait", "--for=create", "serviceaccount/default", "--namespace", name, "--timeout=60s")
    yield name
    bare.kubectl("delete", "namespace", name, "--wait=false")


@pytest.fixture
def heard() -> Heard:
    return Heard()


@pytest.fixture
def beside() -> Iterator[Beside]:
    with ThreadPoolExecutor(4) as threads:
        yield threads.submit


def apply(cluster: Cluster, *objects: State) -> None:
    """As the provider does with the annotation ``patchForce``: what others have changed is taken back."""
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [*objects]})
    cluster.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", text=text)


def status(cluster: Cluster, team: str, thing: str, **content: Any) -> None:
    """Says what a controller would."""
    change = json.dumps({"status": content})
    cluster.kubectl("--namespace", team, "patch", thing, "--subresource=status", "--type=merge", "-p", change)


def condition(kind: str, value: bool, message: str = "", reason: str = "Said") -> State:
    when = "2026-01-01T00:00:00Z"
    return {"type": kind, "status": str(value), "reason": reason, "message": message, "lastTransitionTime": when}


def within(heard: Heard, seconds: float) -> Talk:
    """Talk of an operation that may take so long."""
    return Talk(heard.info.append, heard.warn.append, heard.progress.append, seconds=seconds)
