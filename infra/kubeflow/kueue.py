"""Kueue: its installation, and the queues of a stack (``infra.plan.queues``) in it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

import pulumi
import yaml

from infra.kubeflow.installation import Installation, image
from infra.kubeflow.objects import KubernetesObject
from infra.kubeflow.pods import Object
from infra.kubeflow.waiting import Drained
from infra.plan.footprint import CONTROLLERS
from infra.plan.queues import API, Queues

SERVING = {
    "health": {"healthProbeBindAddress": ":8081"},
    "metrics": {"bindAddress": ":8443"},
    "webhook": {"port": 9443},
    "leaderElection": {"leaderElect": True, "resourceName": "c1f6bfd2.kueue.x-k8s.io"},
    "clientConnection": {"qps": 300, "burst": 500},
}
"""What the chart configures beside the queues. A configuration of one's own takes the place of all of it."""


def installation(version: str, queues: Queues) -> Installation:
    """Its webhooks' certificates are its own. Source: Kueue v0.19.2, charts/kueue/values.yaml."""
    repository, tag = image("kueue", version)
    values = {
        "controllerManager": {
            "manager": {
                "image": {"repository": repository, "tag": tag, "pullPolicy": "IfNotPresent"},
                "resources": {"requests": CONTROLLERS["kueue"].requests},
            }
        },
        "managerConfig": {"controllerManagerConfigYaml": yaml.safe_dump({**SERVING, **queues.configuration()})},
        "enableCertManager": False,
        "enableKueueViz": False,
    }
    probe: Object = {"apiVersion": API, "kind": "ResourceFlavor", "metadata": {"name": "probe"}, "spec": {}}
    return Installation({"kueue": values}, (probe,))


class ClusterQueues(pulumi.ComponentResource):
    """Flavours, priorities, cohort and the teams' queues: all of what is of no namespace.

    Each kind comes after those before it, which it names, and goes before them: Kueue lets go of a queue when nothing
    is in it, and of a flavour when no queue has it. A flavour that is placed by topology keeps its labels and
    tolerations for ever (Kueue refuses to change them): a pool of other labels needs another name.

    last:  what everything that is queued depends on.
    """

    def __init__(
        self,
        name: str,
        queues: Queues,
        *,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("aidc:kubeflow:ClusterQueues", name, None, opts)
        self.last = [*after]
        shared = [*queues.compute_classes(), *(each for each in queues.objects() if not _is_of_a_team(each))]
        for _, kind in groupby(shared, key=lambda each: str(each["kind"])):
            here = pulumi.ResourceOptions(parent=self, depends_on=self.last)
            self.last = [KubernetesObject(each, here) for each in kind]
        self.register_outputs({})


class LocalQueues(pulumi.ComponentResource):
    """The queue of each team's namespace, and what empties them all before any of it goes.

    ready:  what a job depends on that is queued.
    """

    def __init__(
        self,
        name: str,
        queues: Queues,
        context: str,
        *,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("aidc:kubeflow:LocalQueues", name, None, opts)
        here = pulumi.ResourceOptions(parent=self, depends_on=[*after])
        made = [KubernetesObject(each, here) for each in queues.objects() if _is_of_a_team(each)]
        self.ready = Drained(
            name,
            context,
            cluster_queues=[team.name for team in queues.teams],
            opts=pulumi.ResourceOptions(parent=self, depends_on=made),
        )
        self.register_outputs({})


def _is_of_a_team(value: Object) -> bool:
    return "namespace" in value["metadata"]
