"""JobSet: the jobs of a group as one. Trainer makes JobSets of TrainJobs, and jobs on TPU slices are JobSets."""

from __future__ import annotations

from infra.kubeflow.installation import PROBED, Installation, image
from infra.kubeflow.pods import Object
from infra.plan.footprint import CONTROLLERS

API = "jobset.x-k8s.io/v1alpha2"


def installation(version: str) -> Installation:
    """Its webhooks' certificates are its own. Source: JobSet v0.12.0, charts/jobset/values.yaml."""
    repository, tag = image("jobset", version)
    values = {
        "image": {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"},
        "controller": {"resources": {"requests": CONTROLLERS["jobset"].requests}},
        "certManager": {"enable": False},
    }
    pod: Object = {"restartPolicy": "Never", "containers": [{"name": "probe", "image": "probe"}]}
    job = {"name": "probe", "template": {"spec": {"template": {"spec": pod}}}}
    probe: Object = {
        "apiVersion": API,
        "kind": "JobSet",
        "metadata": {"name": "probe", "namespace": PROBED},
        "spec": {"replicatedJobs": [job]},
    }
    return Installation({"jobset": values}, (probe,))
