"""Network policies hold from the first instruction of a pod on, and open exactly what they say."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.cluster.conftest import PATIENCE, eventually, in_namespace, pod, report
from toolchain.cluster.built import Cluster
from toolchain.cluster.components import API_ADDRESS, PODS

pytestmark = pytest.mark.cluster

PORTS = (8080, 8081)
IDLES = "exec sleep 600"
SERVES = "mkdir /web && httpd -p 8080 -h /web && exec httpd -f -p 8081 -h /web"
FRIEND, STRANGER, NAMESAKE = ("home", "friend"), ("home", "stranger"), ("away", "friend")
EVERYTHING = {(who, port) for who in (FRIEND, STRANGER, NAMESAKE) for port in PORTS}
AWAY = {"matchLabels": {"place": "away"}}
CONNECTS = "busybox nc -w 1 {address} {port} < /dev/null 2> /dev/null && echo {port}"
DNS = {
    "to": [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "kube-system"}},
            "podSelector": {"matchLabels": {"k8s-app": "kube-dns"}},
        }
    ],
    "ports": [{"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53}],
}


def app(name: str) -> dict[str, Any]:
    return {"matchLabels": {"app": name}}


def policy(subject: dict[str, Any], **limits: list[dict[str, Any]]) -> dict[str, Any]:
    """Limits the pods that ``subject`` selects to what it says of ``ingress``, ``egress`` or both."""
    spec = {"podSelector": subject, "policyTypes": [each.capitalize() for each in limits], **limits}
    metadata = {"name": f"policy-{time.time_ns()}"}
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": metadata, "spec": spec}


Run = Callable[..., str]


@pytest.fixture(scope="module")
def town(cluster: Cluster) -> Iterator[dict[str, Run]]:
    """kubectl in two namespaces: a server and two pods at home; away is a pod called and labelled as one of these."""
    number = time.time_ns()
    server = pod("web", SERVES)
    server["spec"]["containers"][0]["ports"] = [{"name": "http", "containerPort": 8080}]
    pods = {"home": [server, pod("friend", IDLES), pod("stranger", IDLES)], "away": [pod("friend", IDLES)]}
    found = {place: in_namespace(cluster, f"{place}-{number}") for place in pods}
    for place, run in found.items():
        cluster.kubectl("create", "namespace", f"{place}-{number}")
        cluster.kubectl("label", "namespace", f"{place}-{number}", f"place={place}")
        run("wait", "--for=create", "serviceaccount/default", PATIENCE)
        run("apply", "-f", "-", objects=pods[place])
    for run in found.values():
        run("wait", "--for=condition=Ready", "pods", "--all", PATIENCE)
    yield found
    cluster.kubectl("delete", "namespace", *(f"{place}-{number}" for place in pods), "--wait=false")


def address(town: dict[str, Run], name: str) -> str:
    return town["home"]("get", "pod", name, "-o", "jsonpath={.status.podIP}")


def reached(town: dict[str, Run]) -> set[tuple[tuple[str, str], int]]:
    """Who connects to the server, and on which of its ports."""
    attempts = "; ".join(CONNECTS.format(address=address(town, "web"), port=each) for each in PORTS)

    def of(who: tuple[str, str]) -> set[tuple[tuple[str, str], int]]:
        place, name = who
        return {(who, int(port)) for port in town[place]("exec", name, "--", "sh", "-c", f"{attempts}; true").split()}

    with ThreadPoolExecutor() as pool:
        return set().union(*pool.map(of, (FRIEND, STRANGER, NAMESAKE)))


@pytest.mark.parametrize(
    ("policies", "open_to"),
    [
        pytest.param([], EVERYTHING, id="none"),
        pytest.param([policy(app("web"), ingress=[])], set(), id="nothing in"),
        pytest.param([policy({}, egress=[])], {(NAMESAKE, each) for each in PORTS}, id="nothing out of a namespace"),
        pytest.param([policy(app("stranger"), ingress=[])], EVERYTHING, id="of another pod"),
        pytest.param(
            [policy(app("web"), ingress=[{"from": [{"podSelector": app("friend")}], "ports": [{"port": 8080}]}])],
            {(FRIEND, 8080)},
            id="in from a label, on a port",
        ),
        pytest.param(
            [policy(app("web"), ingress=[{"from": [{"namespaceSelector": AWAY}]}])],
            {(NAMESAKE, each) for each in PORTS},
            id="in from a namespace",
        ),
        pytest.param(
            [policy(app("web"), ingress=[{"from": [{"namespaceSelector": AWAY, "podSelector": app("stranger")}]}])],
            set(),
            id="in from a label in a namespace that has none of it",
        ),
        pytest.param(
            [policy(app("web"), ingress=[{"from": [{"ipBlock": {"cidr": PODS, "except": ["FRIEND/32"]}}]}])],
            {(who, each) for who in (STRANGER, NAMESAKE) for each in PORTS},
            id="in from a block with an exception",
        ),
        pytest.param(
            [policy(app("web"), ingress=[{"ports": [{"port": 8081, "endPort": 8090}]}])],
            {(who, 8081) for who in (FRIEND, STRANGER, NAMESAKE)},
            id="in on a range of ports",
        ),
        pytest.param(
            [
                policy(app("web"), ingress=[{"from": [{"podSelector": app("friend")}], "ports": [{"port": "http"}]}]),
                policy(app("web"), ingress=[{"from": [{"podSelector": app("stranger")}], "ports": [{"port": 8081}]}]),
            ],
            {(FRIEND, 8080), (STRANGER, 8081)},
            id="what either of two lets in",
        ),
        pytest.param(
            [policy(app("friend"), egress=[{"to": [{"podSelector": app("web")}], "ports": [{"port": "http"}]}])],
            EVERYTHING - {(FRIEND, 8081)},
            id="out to a label, on a named port",
        ),
        pytest.param(
            [policy(app("web"), ingress=[]), policy(app("friend"), egress=[{}])], set(), id="out, and not in there"
        ),
    ],
)
def test_a_policy_opens_what_it_says_and_nothing_else(
    town: dict[str, Run], policies: list[dict[str, Any]], open_to: set[tuple[tuple[str, str], int]]
) -> None:
    text = json.dumps(policies).replace("FRIEND", address(town, "friend"))
    if policies:
        town["home"]("apply", "-f", "-", objects=json.loads(text))
    until = time.monotonic() + 20
    while (found := reached(town)) != open_to and time.monotonic() < until:
        time.sleep(0.2)
    town["home"]("delete", "networkpolicies", "--all")
    assert found == open_to


@pytest.mark.parametrize(
    ("policies", "said"),
    [
        pytest.param([], ["443", "resolved"], id="none"),
        pytest.param([policy({}, egress=[])], [], id="nothing out"),
        pytest.param([policy({}, egress=[DNS])], ["resolved"], id="names and nothing else"),
    ],
)
def test_a_pod_is_held_to_its_policies_from_its_first_instruction_on(
    kubectl: Run, policies: list[dict[str, Any]], said: list[str]
) -> None:
    if policies:
        kubectl("apply", "-f", "-", objects=policies)
    connects = CONNECTS.format(address=API_ADDRESS, port=443)
    resolves = "busybox timeout 3 nslookup kubernetes.default.svc.cluster.local > /dev/null && echo resolved"
    kubectl("apply", "-f", "-", objects=[pod("starts", f"exec 2> /dev/null; {connects}; {resolves}; true")])
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/starts", PATIENCE)
    assert kubectl("logs", "starts").split() == said


def test_the_kubelet_probes_a_pod_that_nobody_may_reach(kubectl: Run) -> None:
    probed = pod("probed", SERVES)
    probed["spec"]["containers"][0]["readinessProbe"] = {"tcpSocket": {"port": 8080}, "periodSeconds": 1}
    kubectl("apply", "-f", "-", objects=[policy({}, ingress=[], egress=[]), probed])
    kubectl("wait", "--for=condition=Ready", "pod/probed", PATIENCE)


def test_while_the_enforcer_is_down_its_rules_hold_and_no_pod_starts_without(cluster: Cluster, kubectl: Run) -> None:
    connects = CONNECTS.format(address=API_ADDRESS, port=443)
    kubectl("apply", "-f", "-", objects=[policy({}, egress=[]), pod("before", IDLES)])
    kubectl("wait", "--for=condition=Ready", "pod/before", PATIENCE)
    running = cluster.status()["netpol"]
    assert running
    os.kill(running, signal.SIGKILL)
    assert kubectl("exec", "before", "--", "sh", "-c", f"{connects}; true") == ""
    kubectl("apply", "-f", "-", objects=[pod("meanwhile", f"{connects}; true")])
    refused = "--field-selector=involvedObject.name=meanwhile,reason=FailedCreatePodSandBox"
    eventually(lambda: kubectl("wait", "--for=jsonpath={.type}=Warning", "events", refused))
    cluster.up(report())
    kubectl("wait", "--for=jsonpath={.status.phase}=Succeeded", "pod/meanwhile", PATIENCE)
    assert kubectl("logs", "meanwhile") == ""
