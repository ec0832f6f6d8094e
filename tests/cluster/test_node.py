"""What runs in a cluster finds each other, keeps its data and comes back, as it would in one that costs money."""

from __future__ import annotations

import json
import os
from collections.abc import Callable

import pytest

from tests.cluster.conftest import PATIENCE, eventually, pod, pod_spec, report, service
from toolchain.cluster.built import Cluster
from toolchain.cluster.node import NAME
from toolchain.kubernetes import sources

pytestmark = pytest.mark.cluster
WEB = "mkdir /web && hostname > /web/index.html && exec httpd -f -p 8080 -h /web"
RETRIED = "until {command} 2>/dev/null; do sleep 0.2; done"
EVERY_PROGRAM = (
    *("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
    *("containerd", "kubelet", "kube-proxy", "coredns", "door", "netpol", "metrics-server", "local-path-provisioner"),
)


def test_the_node_is_ready_and_of_the_pinned_version(cluster: Cluster) -> None:
    (node,) = json.loads(cluster.kubectl("get", "nodes", f"--field-selector=metadata.name={NAME}", "-o", "json"))[
        "items"
    ]
    assert node["status"]["nodeInfo"]["kubeletVersion"] == sources.versions()[sources.KUBERNETES]
    assert {"type": "Ready", "status": "True"}.items() <= {
        key: value for each in node["status"]["conditions"] if each["type"] == "Ready" for key, value in each.items()
    }.items()


def test_the_api_is_reached_from_the_machine_with_the_kubeconfig_alone(cluster: Cluster) -> None:
    kubernetes = pytest.importorskip("kubernetes")
    with kubernetes.config.new_client_from_config(str(cluster.kubeconfig)) as client:
        nodes = kubernetes.client.CoreV1Api(client).list_node().items
    assert NAME in [each.metadata.name for each in nodes]


def test_the_pods_of_a_job_find_each_other_by_name_through_a_headless_service(kubectl: Callable[..., str]) -> None:
    other = "http://pair-$((1 - JOB_COMPLETION_INDEX)).pair:8080/done"
    command = (
        "mkdir /web && echo met > /web/done && httpd -p 8080 -h /web && "
        f"{RETRIED.format(command=f'wget -q -O /web/got {other}')} && sleep 3 && cat /web/got"
    )
    template = {"metadata": {"labels": {"app": "pair"}}, "spec": pod_spec(command, subdomain="pair")}
    spec = {"completions": 2, "parallelism": 2, "completionMode": "Indexed", "template": template}
    job = {"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": "pair"}, "spec": spec}
    kubectl("apply", "-f", "-", objects=[service("pair", 8080, headless=True), job])
    kubectl("wait", "--for=condition=Complete", "job/pair", PATIENCE)
    assert kubectl("logs", "--selector=app=pair").split() == ["met", "met"]


@pytest.mark.parametrize("client", ["another pod", "the pod itself"])
def test_a_service_is_reached_by_its_name(kubectl: Callable[..., str], client: str) -> None:
    kubectl("apply", "-f", "-", objects=[service("web", 8080), pod("web", WEB), pod("client", "exec sleep 600")])
    kubectl("wait", "--for=condition=Ready", "pod/web", "pod/client", PATIENCE)
    asks = "web" if client == "the pod itself" else "client"
    address = "http://web.$(cat /var/run/secrets/kubernetes.io/serviceaccount/namespace).svc.cluster.local:8080"
    said = kubectl("exec", asks, "--", "sh", "-c", RETRIED.format(command=f"wget -q -O - {address}"))
    assert said.strip() == "web"


def test_what_a_pod_writes_to_a_volume_the_next_one_reads(kubectl: Callable[..., str]) -> None:
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": "data"},
        "spec": {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    }
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    mounts = ({"name": "data", "mountPath": "/data"},)
    for name, command in (("writes", "echo kept > /data/file"), ("reads", "cat /data/file")):
        objects = [claim, pod(name, command, mounts, volumes=volumes)]
        kubectl("apply", "-f", "-", objects=objects)
        kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", f"pod/{name}", PATIENCE)
    assert kubectl("logs", "reads").strip() == "kept"


def test_a_pod_of_a_deployment_that_is_deleted_is_replaced(kubectl: Callable[..., str]) -> None:
    spec = pod_spec("exec sleep 600", restartPolicy="Always")
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "one"},
        "spec": {
            "selector": {"matchLabels": {"app": "one"}},
            "template": {"metadata": {"labels": {"app": "one"}}, "spec": spec},
        },
    }
    kubectl("apply", "-f", "-", objects=[deployment])
    kubectl("rollout", "status", "deployment/one", PATIENCE)
    (first,) = kubectl("get", "pods", "-o", "name").split()
    kubectl("delete", first)
    kubectl("rollout", "status", "deployment/one", PATIENCE)
    (second,) = kubectl("get", "pods", "-o", "name").split()
    assert second != first


def test_a_second_up_changes_nothing(cluster: Cluster) -> None:
    def state() -> tuple[dict[str, int | None], str, bytes]:
        ours = cluster.kubectl(
            "get", "services,storageclasses,clusterroles", "-A", "-o", "jsonpath={.items[*].metadata.resourceVersion}"
        )
        return cluster.status(), ours, cluster.kubeconfig.read_bytes()

    before = state()
    cluster.up(report())
    assert state() == before


@pytest.mark.parametrize("program", EVERY_PROGRAM)
def test_a_program_that_is_killed_is_started_again_by_up_and_pods_go_on(
    cluster: Cluster, kubectl: Callable[..., str], program: str
) -> None:
    kubectl("apply", "-f", "-", objects=[pod("stays", "exec sleep 600")])
    kubectl("wait", "--for=condition=Ready", "pod/stays", PATIENCE)
    container = ("get", "pod/stays", "-o", "jsonpath={.status.containerStatuses[0].containerID}")
    before, running = cluster.status(), kubectl(*container)
    killed = before[program]
    assert killed
    os.kill(killed, 9)
    cluster.up(report())
    after = cluster.status()
    assert all(after.values())
    assert after[program] != killed
    assert {name: pid for name, pid in after.items() if name != program}.items() <= before.items()
    assert eventually(lambda: kubectl("exec", "stays", "--", "echo", "here")).strip() == "here"
    assert kubectl(*container) == running


def test_a_hundred_simulated_nodes_are_ready_and_take_pods_that_tolerate_them(
    cluster: Cluster, kubectl: Callable[..., str]
) -> None:
    cluster.up(report(), simulated=100)
    said = cluster.kubectl("get", "nodes", "--selector=type=simulated", "-o", "jsonpath={.items[*].spec.taints[0].key}")
    assert len(said.split()) == 100
    where = {"nodeSelector": {"type": "simulated"}, "tolerations": [{"operator": "Exists"}]}
    kubectl("apply", "-f", "-", objects=[pod("anything", "exit 1", **where)])
    kubectl("wait", "--for=condition=Ready", "pod/anything", PATIENCE)
    kubectl("delete", "pod/anything")
    cluster.up(report(), simulated=0)
    assert cluster.kubectl("get", "nodes", "-o", "name").split() == [f"node/{NAME}"]


def test_an_archive_that_is_no_image_is_refused_with_what_is_taken(cluster: Cluster, tmp_path) -> None:
    archive = tmp_path / "no.tar"
    archive.write_text("nothing")
    with pytest.raises(Exception, match=r"(?s)no\.tar: containerd does not take it.*docker save"):
        cluster.load(archive)
