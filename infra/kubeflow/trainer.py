"""Kubeflow Trainer: TrainJobs, which take the place of TFJobs. Our runtimes for TensorFlow are in ``runtimes``."""

from __future__ import annotations

from infra.kubeflow import runtimes
from infra.kubeflow.installation import Installation, image
from infra.plan.footprint import CONTROLLERS


def installation(version: str) -> Installation:
    """Without the JobSet that the chart brings, and without its runtimes: they are for other frameworks, and a hook.

    Its webhooks' certificates are its own. Source: Trainer v2.2.1, charts/kubeflow-trainer/values.yaml.
    """
    name, tag = image("trainer", version)
    registry, _, repository = name.partition("/")
    values = {
        "image": {"registry": registry, "repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"},
        "manager": {"resources": {"requests": CONTROLLERS["trainer"].requests}},
        "jobset": {"install": False},
        "dataCache": {"enabled": False, "lws": {"install": False}},
        "runtimes": {"defaultEnabled": False},
    }
    return Installation({"kubeflow-trainer": values}, (runtimes.multi_worker("probe"),))
