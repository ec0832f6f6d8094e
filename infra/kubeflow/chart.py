"""Helm charts of components: where they come from, and what holds for all of them.

A chart is rendered and its objects are resources like any other, so a preview shows each of them. By default it is the
one that the component's project publishes; with ``AIDC_CHARTS`` it is ``CHART/`` in that folder, for tests and for
sites without a way to the registries. Hooks are never run: what needs one is switched off by the values.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pulumi
from pulumi_kubernetes import Provider
from pulumi_kubernetes.helm.v4 import Chart

from infra.kubeflow.versions import Component

Values = Mapping[str, Any]
"""Of a chart, by name."""

FOLDER_VARIABLE = "AIDC_CHARTS"
DEFINITION = "kubernetes:apiextensions.k8s.io/v1:CustomResourceDefinition"
SECRET = "kubernetes:core/v1:Secret"  # noqa: S105 - a type


def charts(
    component: Component,
    version: str,
    values: Mapping[str, Values],
    definitions: pulumi.ProviderResource,
    opts: pulumi.ResourceOptions,
) -> list[Chart]:
    """The charts of a component that ``values`` names, in order, each after the one before.

    values:       by the chart's name, the last part of its address. A chart that is not named is not installed.
    definitions:  provider of definitions, which takes over those that are there (``keeper``).

    Raises ValueError where ``AIDC_CHARTS`` has no such chart.
    """
    made: list[Chart] = []
    for address, published in component.charts_at(version):
        name = address.rpartition("/")[2]
        if name not in values:
            continue
        chart, at = _source(component, address, published)
        after = pulumi.ResourceOptions(depends_on=made[-1:], transforms=[_keep(definitions), _leave_certificates])
        made.append(
            Chart(
                name,
                chart=chart,
                version=at,
                name=name,  # of the release: charts name their objects after it
                namespace=component.namespace,
                values=values[name],
                opts=pulumi.ResourceOptions.merge(opts, after),
            )
        )
    return made


def _source(component: Component, address: str, version: str) -> tuple[str, str | None]:
    folder = os.environ.get(FOLDER_VARIABLE)
    if not folder:
        return address, version
    name = component.name if len(component.charts) == 1 else address.rpartition("/")[2]
    chart = Path(folder).absolute() / name
    if not (chart / "Chart.yaml").is_file():
        raise ValueError(
            f"{FOLDER_VARIABLE} = {folder}: there is no chart {name} of {component.name} {version} in it; write all of "
            f"them: python -m toolchain.kubernetes.controllers charts {folder}"
        )
    return str(chart), None


def keeper(name: str, context: str | None, opts: pulumi.ResourceOptions) -> Provider:
    """A provider that takes over what is there. Any other refuses to, for what it takes over it may later delete."""
    return Provider(name, context=context, upsert_existing_objects=True, opts=opts)


def _keep(definitions: pulumi.ProviderResource) -> pulumi.ResourceTransform:
    """Definitions of resources outlive the chart, for every object of theirs would go with them.

    So a later installation finds those of an earlier one: it takes them over, and says what they are from then on.
    """

    def kept(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
        if args.type_ != DEFINITION:
            return None
        metadata: Any = args.props["metadata"]
        annotations = {**(metadata.get("annotations") or {}), "pulumi.com/patchForce": "true"}
        props = {**args.props, "metadata": {**metadata, "annotations": annotations}}
        options = pulumi.ResourceOptions(retain_on_delete=True, provider=definitions)
        return pulumi.ResourceTransformResult(props, pulumi.ResourceOptions.merge(args.opts, options))

    return kept


def _leave_certificates(args: pulumi.ResourceTransformArgs) -> pulumi.ResourceTransformResult | None:
    """The Secrets of these charts are empty, with empty values or none: each controller puts its certificate there.

    Said again, an empty value would be a conflict with the controller, and a difference at each refresh.
    """
    if args.type_ != SECRET:
        return None
    return pulumi.ResourceTransformResult({key: args.props[key] for key in args.props if key != "data"}, args.opts)
