"""cert-manager: certificates of KServe's webhooks. JobSet, Kueue and Trainer make their own and do not need it."""

from __future__ import annotations

from infra.kubeflow.chart import Values
from infra.kubeflow.installation import PROBED, Installation, image
from infra.kubeflow.versions import COMPONENTS
from infra.plan.footprint import CONTROLLERS


def installation(version: str) -> Installation:
    """Sources: cert-manager v1.21.2, deploy/charts/cert-manager/values.yaml."""
    asked = {"requests": CONTROLLERS["cert-manager"].requests}

    def part(name: str) -> Values:
        repository, tag = image("cert-manager", version, name)
        return {"image": {"repository": repository, "tag": tag}}

    values = {
        **part("controller"),
        "resources": asked,
        "webhook": {**part("webhook"), "resources": asked},
        "cainjector": {**part("cainjector"), "resources": asked},
        "acmesolver": part("acmesolver"),
        "crds": {"enabled": True, "keep": True},
        "startupapicheck": {"enabled": False},  # a hook; whether it answers is looked at without
        "global": {"leaderElection": {"namespace": COMPONENTS["cert-manager"].namespace}},  # no rights in kube-system
    }
    issuer = {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Issuer",
        "metadata": {"name": "probe", "namespace": PROBED},
        "spec": {"selfSigned": {}},
    }
    return Installation({"cert-manager": values}, (issuer,))
