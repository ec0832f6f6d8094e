"""KServe in Standard mode, with a runtime of our own for TensorFlow: the stock one is TensorFlow Serving of 2021.

Its Deployments need neither Knative nor Istio, and it makes no way in from outside the cluster.
"""

from __future__ import annotations

from infra.kubeflow import pods
from infra.kubeflow.installation import PROBED, Installation, image
from infra.kubeflow.pods import Object
from infra.plan.footprint import CONTROLLERS

RUNTIME = "tensorflow"
RBAC_PROXY = "quay.io/brancz/kube-rbac-proxy:v0.19.1"
"""Guards the controller's metrics; later than the chart's, which does not build beside KServe's own modules."""

MODELS_PATH, PORT = "/mnt/models", 8080
"""Where KServe puts what ``storageUri`` names, and the port that it sends requests to."""


def installation(version: str) -> Installation:
    """Without the chart of stock runtimes. Sources: KServe v0.20.0, charts/kserve-crd and charts/kserve-resources."""
    requests = CONTROLLERS["kserve"].requests
    repository, tag = image("kserve", version, "kserve-controller")
    storage, _ = image("kserve", version, "storage-initializer")
    controller = {
        "deploymentMode": "Standard",
        "image": repository,
        "tag": tag,
        "imagePullPolicy": "IfNotPresent",
        "resources": {"requests": requests},
        "rbacProxy": {"resources": {"requests": requests}},
        "rbacProxyImage": RBAC_PROXY,
        "gateway": {"disableIngressCreation": True, "disableIstioVirtualHost": True},
    }
    values = {
        "version": tag,
        "controller": controller,
        "storage": {"image": storage, "tag": tag},
        "security": {"autoMountServiceAccountToken": False},
    }
    model = {"modelFormat": {"name": "tensorflow"}, "storageUri": f"pvc://{pods.ARTEFACTS}"}
    probe: Object = {
        "apiVersion": "serving.kserve.io/v1beta1",
        "kind": "InferenceService",
        "metadata": {"name": "probe", "namespace": PROBED},
        "spec": {"predictor": {"model": model}},
    }
    return Installation({"kserve-crd": {}, "kserve-resources": {"kserve": values}}, (probe,))


def runtime(server: str) -> Object:
    """Serves the models of a team's artefacts, by the InferenceService's name: ``storageUri: pvc://artefacts``.

    server:  the image that serves.
    """
    command = ("python", "-m", "workloads", "serve", "--name={{.Name}}", f"--artefacts={MODELS_PATH}")
    return {
        "apiVersion": "serving.kserve.io/v1alpha1",
        "kind": "ClusterServingRuntime",
        "metadata": {"name": RUNTIME},
        "spec": {
            "supportedModelFormats": [{"name": "tensorflow", "version": "2", "autoSelect": True, "priority": 2}],
            "protocolVersions": ["v1"],
            "containers": [
                {
                    "name": "kserve-container",
                    "image": server,
                    "command": [*command, "--host=0.0.0.0", f"--port={PORT}"],
                    "env": [{"name": "HOME", "value": "/tmp"}],  # noqa: S108 - the pod's own
                    "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108
                    "securityContext": pods.SECURITY,
                }
            ],
            "volumes": [{"name": "tmp", "emptyDir": {}}],
        },
    }
