"""What pods use is measured, and what is asked to grow with its load does."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress

import pytest

from tests.cluster.conftest import eventually, pod, pod_spec, service
from toolchain import cache
from toolchain.cluster.node import NAME

pytestmark = pytest.mark.cluster

Run = Callable[..., str]
SECONDS = 90  # use is a difference of two readings, and there is one every 10 s


def test_what_a_pod_uses_is_measured(kubectl: Run) -> None:
    kubectl("apply", "-f", "-", objects=[pod("works", "while true; do true; done"), pod("idles", "exec sleep 600")])
    used: dict[str, int] = {}
    until = time.monotonic() + SECONDS
    while used.keys() != {"works", "idles"} and time.monotonic() < until:
        with suppress(cache.SetupError):  # nothing is measured yet
            lines = kubectl("top", "pods", "--no-headers").splitlines()
            used = {name: int(cpu.removesuffix("m")) for name, cpu, _ in map(str.split, lines)}
        time.sleep(1)
    assert used["works"] > 100 > 10 > used["idles"]
    assert eventually(lambda: kubectl("top", "node", NAME, "--no-headers")).startswith(NAME)


def test_a_deployment_grows_with_its_load(kubectl: Run) -> None:
    serves = pod_spec("mkdir /web && exec httpd -f -p 8080 -h /web", restartPolicy="Always")
    serves["containers"][0]["resources"] = {"requests": {"cpu": "20m"}}
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web"},
        "spec": {
            "selector": {"matchLabels": {"app": "web"}},
            "template": {"metadata": {"labels": {"app": "web"}}, "spec": serves},
        },
    }
    kubectl("apply", "-f", "-", objects=[deployment, service("web", 8080)])
    kubectl("autoscale", "deployment/web", "--cpu=50%", "--min=1", "--max=3")
    kubectl("wait", "--for=condition=ScalingActive", "hpa/web", f"--timeout={SECONDS}s")
    assert kubectl("get", "hpa/web", "-o", "jsonpath={.status.desiredReplicas}") == "1"
    kubectl("apply", "-f", "-", objects=[pod("asks", "while true; do wget -q -O /dev/null http://web:8080/; done")])
    kubectl("wait", "--for=jsonpath={.status.availableReplicas}=3", "deployment/web", f"--timeout={SECONDS}s")
