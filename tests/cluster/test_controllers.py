"""Kubeflow's controllers come up from their own charts, in the images that are built here, and do their work."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from infra.kubeflow import versions
from tests.cluster.conftest import IMAGE, PATIENCE, eventually, pod_spec, report
from toolchain import cache
from toolchain.cluster.built import Cluster
from toolchain.kubernetes import controllers, tools

pytestmark = pytest.mark.cluster
SMALL = {"requests": {"cpu": "50m", "memory": "64Mi"}}
STARTS = "--timeout=180s"
RESTRICTED = "pod-security.kubernetes.io/enforce=restricted"
MEET = "until nslookup pair-worker-0-$((1 - JOB_COMPLETION_INDEX)).$GROUP; do sleep 0.2; done; sleep 2; echo met"


def released(component: str) -> dict[str, str]:
    """The image that the platform installs, as charts take it."""
    (name,) = versions.COMPONENTS[component].images_at(versions.choose().versions[component])
    repository, _, tag = name.rpartition(":")
    return {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"}


VALUES: dict[str, dict[str, Any]] = {
    "jobset": {"image": released("jobset"), "controller": {"resources": SMALL}},
    "trainer": {"image": {**released("trainer"), "registry": "docker.io"}, "jobset": {"install": False}},
    "kueue": {"controllerManager": {"manager": {"image": released("kueue"), "resources": SMALL}}},
}
"""By component, in the order in which they are installed: Kueue, as its chart has it, is asked of all Deployments that
come after it. Trainer's chart puts a registry before the image's name unless it is this one."""


@pytest.fixture(scope="module")
def platform(cluster: Cluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """The cluster with JobSet, Kueue and Trainer on it; afterwards it is as it was."""
    folder = tmp_path_factory.mktemp("charts")
    controllers.charts(folder)
    controllers.load(report(), cluster.folder, VALUES)
    try:
        for name, values in VALUES.items():
            namespace = versions.COMPONENTS[name].namespace
            cluster.kubectl("create", "namespace", namespace)
            cluster.kubectl("label", "namespace", namespace, RESTRICTED)
            cluster.kubectl("apply", "--server-side", "-f", "-", text=rendered(folder / name, namespace, values))
        for name in VALUES:
            namespace = versions.COMPONENTS[name].namespace
            cluster.kubectl("wait", "--for=condition=Available", "deployments", "--all", "-n", namespace, STARTS)
        yield cluster
    finally:
        for name, values in reversed(VALUES.items()):
            namespace = versions.COMPONENTS[name].namespace
            objects = rendered(folder / name, namespace, values)
            cluster.kubectl("delete", "--ignore-not-found", "--wait=false", "-f", "-", text=objects)
            cluster.kubectl("delete", "--ignore-not-found", "namespace", namespace, PATIENCE)


def rendered(chart: Path, namespace: str, values: dict[str, Any]) -> str:
    words = ["template", chart.name, chart, "--namespace", namespace, "--include-crds", "--values", "-"]
    return subprocess.run(
        [tools.helm(), *words], input=json.dumps(values), capture_output=True, text=True, check=True
    ).stdout


def test_the_pods_of_a_train_job_start_when_its_team_has_quota_and_find_each_other(
    platform: Cluster, kubectl: Callable[..., str], namespace: str
) -> None:
    quotas = [{"name": "cpu", "nominalQuota": 0}, {"name": "memory", "nominalQuota": "1Gi"}]
    resources = [{"coveredResources": ["cpu", "memory"], "flavors": [{"name": namespace, "resources": quotas}]}]
    queue = kueue("ClusterQueue", namespace, namespaceSelector={}, resourceGroups=resources)
    queues = [kueue("ResourceFlavor", namespace), queue, kueue("LocalQueue", "default", clusterQueue=namespace)]
    kubectl("apply", "-f", "-", objects=[*queues, runtime(namespace), train_job(namespace, namespace)])
    try:
        eventually(lambda: kubectl("wait", "--for=condition=QuotaReserved=False", "workloads", "--all", PATIENCE))
        assert not kubectl("get", "pods", "-o", "name")
        quotas[0]["nominalQuota"] = 1
        kubectl("apply", "-f", "-", objects=[queue])
        kubectl("wait", "--for=condition=Complete", "trainjob/pair", PATIENCE)
        logs = kubectl("logs", "--selector=jobset.sigs.k8s.io/jobset-name=pair", "--tail=1")
        assert logs.split() == ["met", "met"]
    finally:
        kubectl("delete", "trainjob/pair", PATIENCE)
        kubectl("delete", "-f", "-", PATIENCE, objects=[runtime(namespace), *reversed(queues)])


@pytest.mark.parametrize("component", VALUES)
def test_what_a_component_must_refuse_its_webhook_refuses(
    platform: Cluster, kubectl: Callable[..., str], namespace: str, component: str
) -> None:
    worker = {"name": "worker", "template": {"spec": {"template": {"spec": pod_spec("exit")}}}}
    absent = {"operator": "All", "targetReplicatedJobs": ["absent"]}
    job = {"apiVersion": "jobset.x-k8s.io/v1alpha2", "kind": "JobSet", "metadata": {"name": "refused"}}
    refused = {
        "jobset": {**job, "spec": {"replicatedJobs": [worker], "successPolicy": absent}},
        "trainer": runtime("refused", replicas=2),
        "kueue": kueue("ResourceFlavor", "refused", nodeLabels={"no label": "value"}),
    }
    with pytest.raises(cache.SetupError, match=r"denied the request|does not appear in \.spec\.ReplicatedJobs"):
        kubectl("create", "--dry-run=server", "-f", "-", objects=[refused[component]])


def kueue(kind: str, name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "kueue.x-k8s.io/v1beta2", "kind": kind, "metadata": {"name": name}, "spec": spec}


def runtime(name: str, replicas: int = 1) -> dict[str, Any]:
    """One whose pods are told nothing."""
    container = {"name": "node", "image": IMAGE}
    pods = {"spec": {"restartPolicy": "Never", "terminationGracePeriodSeconds": 0, "containers": [container]}}
    labels = {"trainer.kubeflow.org/trainjob-ancestor-step": "trainer"}
    job = {"metadata": {"labels": labels}, "spec": {"backoffLimit": 0, "template": pods}}
    return {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "ClusterTrainingRuntime",
        "metadata": {"name": name, "labels": {"trainer.kubeflow.org/framework": "tensorflow"}},
        "spec": {"template": {"spec": {"replicatedJobs": [{"name": "worker", "replicas": replicas, "template": job}]}}},
    }


def train_job(runtime: str, namespace: str) -> dict[str, Any]:
    """Two pods that look for each other's names."""
    trainer = {
        "command": ["/bin/sh", "-c", MEET],
        "env": [{"name": "GROUP", "value": f"pair.{namespace}.svc.cluster.local"}],
        "numNodes": 2,
        "resourcesPerNode": {"requests": {"cpu": "100m", "memory": "32Mi"}},
    }
    return {
        "apiVersion": "trainer.kubeflow.org/v1alpha1",
        "kind": "TrainJob",
        "metadata": {"name": "pair", "labels": {"kueue.x-k8s.io/queue-name": "default"}},
        "spec": {"runtimeRef": {"name": runtime}, "trainer": trainer},
    }
