"""Kubernetes objects of any kind, declared from their JSON."""

from __future__ import annotations

import pulumi

from infra.kubeflow.pods import Object


class KubernetesObject(pulumi.CustomResource):
    """An object as JSON has it, whatever its kind and fields: the SDK's ``CustomResource`` knows ``spec`` alone.

    It is called ``Kind/name``, with its namespace between them where it is in one.
    """

    def __init__(self, value: Object, opts: pulumi.ResourceOptions) -> None:
        api, kind = value["apiVersion"], value["kind"]
        token = f"kubernetes:{api if '/' in api else f'core/{api}'}:{kind}"
        super().__init__(token, known_as(value), value, opts)


def known_as(value: Object) -> str:
    metadata = value["metadata"]
    return "/".join(filter(None, (value["kind"], metadata.get("namespace"), metadata["name"])))
