"""LeaderWorkerSet: servers that take several nodes each."""

from __future__ import annotations

from infra.kubeflow.installation import PROBED, Installation, image
from infra.kubeflow.pods import Object
from infra.plan.footprint import CONTROLLERS


def installation(version: str) -> Installation:
    """Its webhooks' certificates are its own. Source: LeaderWorkerSet v0.9.0, charts/lws/values.yaml."""
    repository, tag = image("lws", version)
    values = {
        "image": {"manager": {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"}},
        "resources": {"requests": CONTROLLERS["lws"].requests},
        "podSecurityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "enableCertManager": False,
    }
    pod: Object = {"metadata": {}, "spec": {"containers": [{"name": "probe", "image": "probe"}]}}
    probe: Object = {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": "probe", "namespace": PROBED},
        "spec": {"replicas": 1, "leaderWorkerTemplate": {"size": 2, "workerTemplate": pod}},
    }
    return Installation({"lws": values}, (probe,))
