"""Queues that are emptied before they go. Nobody admits or evicts here but the tests."""

from __future__ import annotations

import json

import pytest

from infra.kubeflow.plugin.drained import DrainedHandler
from infra.plugin.handler import ProviderError, State
from tests.cluster.conftest import pod_spec
from tests.cluster.kinds.conftest import KUEUE, PACE, Beside, apply, status, within
from tests.unit.conftest import Heard, wait_until
from toolchain.cluster.built import Cluster

pytestmark = pytest.mark.cluster


def inputs(*queues: str) -> State:
    return {"context": "cluster", "cluster_queues": [*queues]}


def a_job_that_runs(cluster: Cluster, team: str, name: str, queue: str) -> None:
    metadata = {"namespace": team, "name": name}
    apply(
        cluster,
        {"apiVersion": KUEUE, "kind": "ClusterQueue", "metadata": {"name": queue}, "spec": {}},
        {
            "apiVersion": KUEUE,
            "kind": "LocalQueue",
            "metadata": {"namespace": team, "name": queue},
            "spec": {"clusterQueue": queue},
        },
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata},
    )
    owner = json.loads(cluster.kubectl("--namespace", team, "get", "configmap", name, "-o", "json"))
    reference = {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "uid": owner["metadata"]["uid"]}
    pods = [{"name": "main", "count": 1, "template": {"spec": pod_spec("true")}}]
    work = {"apiVersion": KUEUE, "kind": "Workload", "spec": {"queueName": queue, "podSets": pods}}
    apply(cluster, {**work, "metadata": {**metadata, "ownerReferences": [{**reference, "controller": True}]}})
    assigned = [{"name": "main", "count": 1}]
    status(cluster, team, f"workload/{name}", admission={"clusterQueue": queue, "podSetAssignments": assigned})


def left(cluster: Cluster, team: str) -> set[str]:
    return set(cluster.kubectl("--namespace", team, "get", "workloads,configmaps", "-o", "name").split()) - {
        "configmap/kube-root-ca.crt"
    }


def test_a_delete_stops_the_queue_waits_for_what_runs_and_removes_only_its_jobs(
    bare: Cluster, team: str, heard: Heard, beside: Beside
) -> None:
    ours, theirs = f"{team}-ours", f"{team}-theirs"
    a_job_that_runs(bare, team, "runs", ours)
    a_job_that_runs(bare, team, "other", theirs)
    handler = DrainedHandler(PACE)
    done = beside(handler.delete, "drained", inputs(ours, "never-made"), within(heard, 60))
    wait_until("news", lambda: heard.progress)
    assert bare.kubectl("get", "clusterqueue", ours, "-o", "jsonpath={.spec.stopPolicy}") == "HoldAndDrain"
    assert "configmap/runs" in left(bare, team)  # it still saves its work

    status(bare, team, "workload/runs", admission=None)  # Kueue has evicted it
    done.result(60)
    assert left(bare, team) == {"workload.kueue.x-k8s.io/other", "configmap/other"}
    assert f"deleting ConfigMap {team}/runs" in heard.info[0]

    handler.create("drained", inputs(ours), heard.talk)  # the destroy was cut off, and up comes
    assert bare.kubectl("get", "clusterqueue", ours, "-o", "jsonpath={.spec.stopPolicy}") == "None"


def test_nobody_who_evicts_ends_in_a_plain_error_in_time(bare: Cluster, team: str, heard: Heard) -> None:
    a_job_that_runs(bare, team, "stuck", team)
    with pytest.raises(ProviderError, match=f"not empty after 1 s: {team}/stuck\n.*Kueue's controller"):
        DrainedHandler(PACE).delete("drained", inputs(team), within(heard, 1))
