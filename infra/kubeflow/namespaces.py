"""Namespaces of teams: what may run there, and what it may reach.

A team's name is that of its namespace. Quota of cores, memory and accelerators is Kueue's (``kueue``): it queues a job
that does not fit, where a ResourceQuota would refuse its pods one by one. This module grants nobody access.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pulumi
from pulumi_kubernetes.core.v1 import Namespace

from infra.kubeflow import artefacts
from infra.kubeflow.installation import RESTRICTED
from infra.kubeflow.objects import KubernetesObject
from infra.kubeflow.pods import Object
from infra.settings import ArtefactVolume

ASKS_MODELS = {"ai-datacenter/asks-models": "true"}
"""Label of a namespace whose pods may ask the teams' models. The teams' have it; others are given it, such as a
gateway's."""

SERVING_PORT = 8501

GUARDS = {"services.loadbalancers": "0", "services.nodeports": "0"}
"""Quota of a team's namespace: it opens nothing to the outside."""

UNSAID = {"cpu": "100m", "memory": "256Mi"}
"""What a container is taken to need that does not say. There is no default limit: it would lie below the request of a
container that asks for more and names no limit, and the pod would be refused."""


class TeamNamespace(pulumi.ComponentResource):
    """The namespace of a team, with its limits, its walls and its artefacts.

    namespace:  itself.
    ready:      what anything depends on that runs there.
    """

    def __init__(
        self,
        team: str,
        volume: ArtefactVolume,
        *,
        after: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """after: what cleans up after objects that may be in it; it goes when the namespace is gone."""
        super().__init__("aidc:kubeflow:TeamNamespace", team, None, opts)
        outside = pulumi.ResourceOptions(parent=self, depends_on=[*after])
        # Before the namespace, for it can go only when the claim is gone, which goes with the namespace.
        volumes = [KubernetesObject(each, outside) for each in artefacts.volumes(team, volume)]
        self.namespace = Namespace(
            team,
            metadata={"name": team, "labels": {**RESTRICTED, **ASKS_MODELS, "ai-datacenter/team": team}},
            opts=pulumi.ResourceOptions.merge(outside, pulumi.ResourceOptions(depends_on=volumes)),
        )
        inside = pulumi.ResourceOptions(parent=self, depends_on=[self.namespace])
        walls = [KubernetesObject(each, inside) for each in (*limits(team), *network_policies(team))]
        kept = pulumi.ResourceOptions.merge(inside, pulumi.ResourceOptions(retain_on_delete=True))
        self.ready: list[pulumi.Resource] = [*walls, KubernetesObject(artefacts.claim(team, volume), kept)]
        self.register_outputs({})


def limits(team: str) -> Iterator[Object]:
    yield _object("v1", "ResourceQuota", "guards", team, {"hard": GUARDS})
    yield _object("v1", "LimitRange", "unsaid", team, {"limits": [{"type": "Container", "defaultRequest": UNSAID}]})


def network_policies(team: str) -> Iterator[Object]:
    """Nothing comes in or goes out but what one of these allows.

    Volumes are mounted by the node and need none. Names may be asked of any address: a cluster answers from pods or
    from a cache on the node, and who may ask at all may ask anybody's through it.
    """
    own: list[Object] = [{"podSelector": {}}]
    askers: list[Object] = [{"namespaceSelector": {"matchLabels": ASKS_MODELS}}]
    names = [{"port": 53, "protocol": protocol} for protocol in ("UDP", "TCP")]
    models = [{"port": SERVING_PORT, "protocol": "TCP"}]
    yield _policy("deny", team, {"policyTypes": ["Ingress", "Egress"]})
    yield _policy("names", team, {"policyTypes": ["Egress"], "egress": [{"ports": names}]})
    yield _policy(
        "own-pods", team, {"policyTypes": ["Ingress", "Egress"], "ingress": [{"from": own}], "egress": [{"to": own}]}
    )
    yield _policy(
        "models",
        team,
        {
            "policyTypes": ["Ingress", "Egress"],
            "ingress": [{"from": askers, "ports": models}],
            "egress": [{"to": askers, "ports": models}],
        },
    )


def _policy(name: str, team: str, spec: Object) -> Object:
    return _object("networking.k8s.io/v1", "NetworkPolicy", name, team, {"podSelector": {}, **spec})


def _object(api: str, kind: str, name: str, namespace: str, spec: Object) -> Object:
    return {"apiVersion": api, "kind": kind, "metadata": {"name": name, "namespace": namespace}, "spec": spec}
