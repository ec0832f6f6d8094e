"""What every job of a cluster has in common: it cannot be changed, so its name says what is in it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi_kubernetes.apiextensions import CustomResource

from infra.kubeflow.pods import Object
from infra.kubeflow.waiting import Completed
from infra.plan.queues import QUEUE

QUEUE_LABEL, PRIORITY_LABEL = "kueue.x-k8s.io/queue-name", "kueue.x-k8s.io/priority-class"
DIGITS = 8  # of the hash in a name: a host's name has room for no more (workloads.train.rendezvous)


def queued(name: str, priority: str) -> dict[str, str]:
    """Labels of a job of a workload: Kueue starts it, in the team's queue, by its priority."""
    return {"app.kubernetes.io/name": name, QUEUE_LABEL: QUEUE, PRIORITY_LABEL: priority}


def digest(value: Any) -> str:
    """Hex digits that differ where JSON values do."""
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:DIGITS]


def named(job: Object) -> Object:
    """The job with the digest of what it is after its name."""
    metadata = job["metadata"]
    return {**job, "metadata": {**metadata, "name": f"{metadata['name']}-{digest(job)}"}}


def run(
    name: str,
    job: Object,
    context: str,
    *,
    chief: str | None,
    after: Sequence[pulumi.Resource],
    parent: pulumi.Resource,
) -> Completed:
    """Declares a job, and waits for its end. Another job in its place starts when the pods of this one are gone.

    job, chief:  as ``named`` gives it; and as ``Completed`` has it.
    """
    made = CustomResource(
        name,
        api_version=job["apiVersion"],
        kind=job["kind"],
        metadata=job["metadata"],
        spec=job["spec"],
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[*after], delete_before_replace=True),
    )
    return Completed(
        name,
        context,
        namespace=job["metadata"]["namespace"],
        kind=job["kind"],
        job=job["metadata"]["name"],
        chief=chief,
        opts=pulumi.ResourceOptions(parent=parent, depends_on=[made]),
    )
