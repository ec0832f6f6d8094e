"""A component of the platform: installed, or somebody else's, and in both cases seen to answer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_kubernetes.core.v1 import Namespace

from infra.kubeflow.chart import Values, charts
from infra.kubeflow.pods import Object
from infra.kubeflow.versions import COMPONENTS
from infra.kubeflow.waiting import Ready

PROBED = "default"
"""Namespace in which is tried whether objects are taken; every cluster has it, and nothing is made in it."""

RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
"""Labels of a namespace whose pods keep to the strictest Pod Security Standard."""


@dataclass(frozen=True)
class Installation:
    """What is decided about a component.

    values:  of its charts, by the chart's name (``infra.kubeflow.chart.charts``).
    probes:  objects that it takes as soon as its definitions are there and its webhooks answer, in ``PROBED``.
    """

    values: Mapping[str, Values]
    probes: tuple[Object, ...]


class Component(pulumi.ComponentResource):
    """One component: its namespace, its charts, and a look whether it answers.

    One that is somebody else's is looked at and not touched.

    ready:  what everything depends on that the component serves, checks or cleans up after.
    """

    def __init__(
        self,
        name: str,
        version: str,
        installation: Installation,
        *,
        install: pulumi.ProviderResource | None,
        context: str,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        install:  what makes its definitions (``chart.keeper``) where it is installed; None where it is there.
        after:    what has to be ready before it.
        """
        super().__init__("aidc:kubeflow:Component", name, None, opts)
        made = self._installed(name, version, installation, install, after) if install else [*after]
        self.ready = Ready(
            name,
            context,
            dry_runs=installation.probes,
            triggers=[version],
            opts=pulumi.ResourceOptions(parent=self, depends_on=made),
        )
        self.register_outputs({})

    def _installed(
        self,
        name: str,
        version: str,
        installation: Installation,
        definitions: pulumi.ProviderResource,
        after: Sequence[pulumi.Resource],
    ) -> list[pulumi.Resource]:
        component = COMPONENTS[name]
        namespace = Namespace(
            component.namespace,
            metadata={"name": component.namespace, "labels": RESTRICTED},
            opts=pulumi.ResourceOptions(parent=self, depends_on=[*after]),
        )
        inside = pulumi.ResourceOptions(parent=self, depends_on=[namespace])
        return [*charts(component, version, installation.values, definitions, inside)]


def image(name: str, version: str, part: str = "") -> tuple[str, str]:
    """Repository and tag of a component's released image; of the one that ends in ``part`` where there are several."""
    found = (each.rpartition(":") for each in COMPONENTS[name].images_at(version))
    return next((repository, tag) for repository, _, tag in found if repository.endswith(part))
