"""A model served on a cluster: a Deployment behind a Service, which no request is lost over when it changes.

A new version comes up beside the old one, and the old one goes when the new one answers; one that does not come up is
put back (``Rollout``). Pods leave the Service before they stop listening. Does not open the service to the outside of
the cluster.

A canary is a second Deployment behind the same Service. A Service spreads connections evenly over pods, so its share is
that of its pods, and not exactly what was asked for; where load adds servers, it sinks.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi

from infra.jobs import job
from infra.jobs.quantities import quantities
from infra.kubeflow import pods
from infra.kubeflow.objects import KubernetesObject
from infra.kubeflow.pods import Object
from infra.kubeflow.waiting import Rollout
from infra.plan import footprint
from workloads.spec import WorkloadSpec

PORT = 8501
NAME, COMPONENT, TRACK = "app.kubernetes.io/name", "app.kubernetes.io/component", "ai-datacenter/track"
STABLE, CANARY = "stable", "canary"

LEAVE_SECONDS, STOP_SECONDS = 5, 30
"""A pod that ends listens for so long, in which the nodes learn that it is no longer of the Service; and has so long in
all to answer what it has taken."""

START_SECONDS = 240
"""That a server may take until it listens: it imports TensorFlow on a part of a core."""

BUSY_PERCENT = 70
"""Use of the cores that a server asks for, over all servers, above which there come more."""

UP_SECONDS = 600
"""That a revision may take to come up on all servers."""


class ModelService(pulumi.ComponentResource):
    """A version of a workload's model, served.

    url:            of the model, for pods that may ask it (``infra.kubeflow.namespaces``).
    canary_percent: share of the requests that the canary answers, as near as servers divide; 0 without one.
    """

    def __init__(
        self,
        name: str,
        workload: WorkloadSpec,
        namespace: str,
        image: str,
        version: pulumi.Input[int],
        context: str,
        *,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        namespace:  of the workload's team.
        image:      that serves.
        version:    that was trained; ``serve.version`` comes before it.
        context:    of the kubeconfig, for what waits; the objects go where the provider of ``opts`` leads.
        after:      what has to be there, the platform's ``ready``.
        """
        super().__init__("aidc:jobs:ModelService", name, None, opts)
        serve, here = workload.serve, pulumi.ResourceOptions(parent=self, depends_on=[*after])
        for each in surroundings(workload, namespace):
            KubernetesObject(each, here)
        up = self._track(STABLE, workload, namespace, image, serve.version or version, context, here)
        self.canary_percent = 0.0
        if serve.canary:
            self._track(CANARY, workload, namespace, image, serve.canary.version, context, here)
            self.canary_percent = canary_share(workload)
        url = f"http://{workload.name}.{namespace}.svc:{PORT}/v1/models/{workload.name}"
        self.url: pulumi.Output[str] = up.good.apply(lambda _: url)
        self.register_outputs({"url": self.url, "canary_percent": self.canary_percent})

    def _track(
        self,
        track: str,
        workload: WorkloadSpec,
        namespace: str,
        image: str,
        version: pulumi.Input[int],
        context: str,
        here: pulumi.ResourceOptions,
    ) -> Rollout:
        template = servers(workload, image, pulumi.Output.from_input(version).apply(str), track)
        revision = pulumi.Output.json_dumps(template).apply(job.digest)
        made = deployment(workload, namespace, template, revision, track)
        declared = KubernetesObject(made, here)
        return Rollout(
            made["metadata"]["name"],
            context,
            namespace=namespace,
            deployment=made["metadata"]["name"],
            revision=revision,
            seconds=UP_SECONDS,
            opts=pulumi.ResourceOptions(parent=self, depends_on=[declared]),
        )


def servers(workload: WorkloadSpec, image: str, version: Any, track: str) -> Object:
    """The template of the pods that serve ``version``."""
    command = [
        *("python", "-m", "workloads", "serve", "--name", workload.name, "--artefacts", pods.ARTEFACTS_PATH),
        *("--host", "0.0.0.0", "--port", str(PORT), "--version", version),  # noqa: S104 - the pod's own
    ]
    asked = quantities(footprint.of_server(workload.serve))
    server = pods.container(
        "server",
        image,
        command,
        writes=False,
        ports=[{"name": "http", "containerPort": PORT}],
        # no limit of cores: idle ones make an answer faster
        resources={"requests": asked, "limits": {"memory": asked["memory"]}},
        startupProbe=_probe("/healthz", 2, START_SECONDS // 2),
        livenessProbe=_probe("/healthz", 10, 3),
        readinessProbe=_probe(f"/v1/models/{workload.name}", 2, 3),
        lifecycle={"preStop": {"sleep": {"seconds": LEAVE_SECONDS}}},
    )
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": _of(workload, track)},
        "matchLabelKeys": ["pod-template-hash"],
    }
    return pods.template(
        [server],
        labels=_of(workload, track),
        terminationGracePeriodSeconds=STOP_SECONDS,
        topologySpreadConstraints=[spread],
    )


def deployment(workload: WorkloadSpec, namespace: str, template: Object, revision: Any, track: str) -> Object:
    """The servers of a track. How many there are is left to the autoscaler where there is one."""
    name = f"{workload.name}-{'canary' if track == CANARY else 'server'}"
    metadata = {**template["metadata"], "annotations": {Rollout.REVISION: revision}}
    spec: Object = {
        "selector": {"matchLabels": _of(workload, track)},
        "strategy": {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
        "template": {**template, "metadata": metadata},
    }
    if track == CANARY:
        spec["replicas"] = workload.serve.canaries
    elif not workload.serve.max_replicas:
        spec["replicas"] = workload.serve.replicas
    return _object("apps/v1", "Deployment", name, namespace, spec, annotations=Rollout.unattended())


def surroundings(workload: WorkloadSpec, namespace: str) -> list[Object]:
    """What the servers have around them: their address, their number, and what may interrupt them."""
    serve, name = workload.serve, workload.name
    service: Object = {"selector": {NAME: name, COMPONENT: "server"}, "ports": [{"name": "http", "port": PORT}]}
    made = [
        # it has an address before it has servers, for whose coming up the rollout waits
        _object("v1", "Service", name, namespace, service, annotations={"pulumi.com/skipAwait": "true"})
    ]
    if serve.max_replicas:
        target = {"type": "Utilization", "averageUtilization": BUSY_PERCENT}
        scaled: Object = {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": f"{name}-server"},
            "minReplicas": serve.replicas,
            "maxReplicas": serve.max_replicas,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        }
        made.append(_object("autoscaling/v2", "HorizontalPodAutoscaler", name, namespace, scaled))
    if serve.replicas > 1:
        kept: Object = {
            "maxUnavailable": 1,
            "selector": {"matchLabels": _of(workload, STABLE)},
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        }
        made.append(_object("policy/v1", "PodDisruptionBudget", name, namespace, kept))
    return made


def canary_share(workload: WorkloadSpec) -> float:
    """The share of the canary in percent."""
    count = workload.serve.canaries
    return round(100 * count / (count + workload.serve.replicas), 1)


def _of(workload: WorkloadSpec, track: str) -> dict[str, str]:
    """Labels of the pods of a track, and of no others."""
    return {NAME: workload.name, COMPONENT: "server", TRACK: track}


def _probe(path: str, seconds: int, failures: int) -> Object:
    return {
        "httpGet": {"path": path, "port": "http"},
        "periodSeconds": seconds,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }


def _object(
    api: str, kind: str, name: str, namespace: str, spec: Object, *, annotations: dict[str, str] | None = None
) -> Object:
    metadata: Object = {"name": name, "namespace": namespace}
    if annotations:
        metadata["annotations"] = annotations
    return {"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec}
