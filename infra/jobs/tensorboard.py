"""TensorBoard over the logs of a team's jobs, behind a Service that only the team's own pods reach.

A person reaches it by ``kubectl port-forward``.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from infra.jobs.quantities import quantities
from infra.kubeflow import pods
from infra.kubeflow.objects import KubernetesObject
from infra.kubeflow.pods import Object
from infra.plan import footprint

NAME, PORT = "tensorboard", 6006
MEMORY = "1Gi"  # at most: it keeps what it shows in memory
START_SECONDS = 240


class TensorBoard(pulumi.ComponentResource):
    """The TensorBoard of a team.

    url:  for the team's own pods.
    """

    def __init__(
        self,
        name: str,
        namespace: str,
        image: str,
        *,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        namespace:  of the team.
        image:      that has TensorBoard, which that of training has.
        after:      what has to be there, the platform's ``ready``.
        """
        super().__init__("aidc:jobs:TensorBoard", name, None, opts)
        made: list[pulumi.Resource] = [*after]
        for each in (deployment(namespace, image), service(namespace)):
            made.append(KubernetesObject(each, pulumi.ResourceOptions(parent=self, depends_on=[*made])))
        self.url = f"http://{NAME}.{namespace}.svc:{PORT}"
        self.register_outputs({"url": self.url})


def deployment(namespace: str, image: str) -> Object:
    probe: Object = {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 5, "timeoutSeconds": 5}
    container = pods.container(
        NAME,
        image,
        [
            *("python", "-m", "tensorboard.main", "--logdir", f"{pods.ARTEFACTS_PATH}/logs"),
            *("--host", "0.0.0.0", "--port", str(PORT), "--load_fast=false"),  # noqa: S104 - the pod's own
        ],
        writes=False,
        ports=[{"name": "http", "containerPort": PORT}],
        resources={"requests": quantities(footprint.TENSORBOARD), "limits": {"memory": MEMORY}},
        startupProbe={**probe, "failureThreshold": START_SECONDS // 5},
        readinessProbe=probe,
        livenessProbe={**probe, "periodSeconds": 30},
    )
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME, "namespace": namespace},
        "spec": {
            "replicas": 1,
            "selector": {"matchLabels": _labels()},
            "template": pods.template([container], labels=_labels()),
        },
    }


def service(namespace: str) -> Object:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": NAME, "namespace": namespace},
        "spec": {"selector": _labels(), "ports": [{"name": "http", "port": PORT}]},
    }


def _labels() -> dict[str, str]:
    return {"app.kubernetes.io/name": NAME}
