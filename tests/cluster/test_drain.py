"""The node is emptied and taken back, as for a repair."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.cluster.conftest import PATIENCE, pod_spec
from toolchain import cache
from toolchain.cluster.node import NAME

pytestmark = pytest.mark.cluster


def test_a_drain_keeps_to_the_budget_and_pods_come_back_with_the_node(kubectl: Callable[..., str]) -> None:
    deployment = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "moves"},
        "spec": {
            "selector": {"matchLabels": {"app": "moves"}},
            "template": {
                "metadata": {"labels": {"app": "moves"}},
                "spec": pod_spec("exec sleep 600", restartPolicy="Always"),
            },
        },
    }
    drain = ("drain", NAME, "--pod-selector=app=moves")
    kubectl("apply", "-f", "-", objects=[deployment])
    kubectl("create", "poddisruptionbudget", "all", "--selector=app=moves", "--min-available=1")
    kubectl("wait", "--for=jsonpath={.status.currentHealthy}=1", "poddisruptionbudget/all", PATIENCE)
    try:
        with pytest.raises(cache.SetupError, match="disruption budget"):
            kubectl(*drain, "--timeout=3s")
        kubectl("delete", "poddisruptionbudget/all")
        kubectl(*drain, PATIENCE)
        kubectl("wait", "--for=jsonpath={.status.unavailableReplicas}=1", "deployment/moves", PATIENCE)
    finally:
        kubectl("uncordon", NAME)
    kubectl("wait", "--for=jsonpath={.status.availableReplicas}=1", "deployment/moves", PATIENCE)
