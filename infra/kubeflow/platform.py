"""The platform of a cluster: its components in their order, the queues, and the teams' namespaces.

Each component comes up after those that it needs, queues when Kueue answers, and namespaces after everything that
cleans up after objects in them. It goes the other way round: jobs, then whatever else is queued (``Drained``), the
namespaces with all that is in them while every controller is still there to let go of it, the queues, and the
controllers last. So nothing waits for a finalizer whose controller is gone.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pulumi
from pulumi_kubernetes.core.v1 import Namespace

from infra.kubeflow import cert_manager, jobset, kserve, kueue, lws, runtimes, trainer
from infra.kubeflow.artefacts import Folders
from infra.kubeflow.chart import keeper
from infra.kubeflow.installation import Component, Installation
from infra.kubeflow.namespaces import TeamNamespace
from infra.kubeflow.objects import KubernetesObject
from infra.kubeflow.versions import COMPONENTS
from infra.plan.queues import Queues
from infra.settings import ArtefactVolume, Images

QUEUED = ("jobset", "lws", "trainer")
"""What Kueue is installed after: it watches the kinds that are there when it starts."""


class Platform(pulumi.ComponentResource):
    """The platform's components, installed or somebody else's, and the teams on them.

    ready:       what a job or a service depends on.
    namespaces:  of the teams, by name.
    """

    def __init__(
        self,
        name: str,
        context: str,
        versions: Mapping[str, str],
        install: frozenset[str],
        queues: Queues,
        artefacts: ArtefactVolume,
        teams: Sequence[str],
        images: Images,
        *,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """
        context:   of the kubeconfig, for what waits (``waiting``); the objects go where the provider of ``opts`` leads.
        versions:  of the components that are installed and of those that are there; they fit together
                   (``infra.kubeflow.versions``).
        install:   which of them are installed.
        """
        super().__init__("aidc:kubeflow:Platform", name, None, opts)
        self._here = pulumi.ResourceOptions(parent=self)
        self._context = context
        self._components: dict[str, pulumi.Resource] = {}
        definitions = keeper("definitions", context, self._here)
        for each, installation in installations(versions, queues).items():
            self._add(each, versions[each], installation, definitions if each in install else None)
        answering = [*self._components.values()]

        self.ready: list[pulumi.Resource] = [*answering]
        if "trainer" in versions:
            after = pulumi.ResourceOptions(parent=self, depends_on=[self._components["trainer"]])
            self.ready += [
                KubernetesObject(each, after)
                for each in (runtimes.multi_worker(), runtimes.parameter_server(), runtimes.tpu())
            ]
        if "kserve" in versions:
            after = pulumi.ResourceOptions(parent=self, depends_on=[self._components["kserve"]])
            self.ready.append(KubernetesObject(kserve.runtime(images.serve), after))
        if "kueue" in versions:
            after_kueue = [self._components["kueue"]]
            answering += kueue.ClusterQueues("cluster-queues", queues, after=after_kueue, opts=self._here).last
        if artefacts.host_path:
            answering.append(Folders("folders", artefacts.host_path, teams, images.train, self._here).ready)

        spaces = {team: TeamNamespace(team, artefacts, after=answering, opts=self._here) for team in teams}
        self.namespaces: dict[str, Namespace] = {team: space.namespace for team, space in spaces.items()}
        inside = [each for space in spaces.values() for each in space.ready]
        self.ready += inside
        if "kueue" in versions:
            self.ready.append(kueue.LocalQueues("local-queues", queues, context, after=inside, opts=self._here).ready)
        self.register_outputs({})

    def _add(
        self, name: str, version: str, installation: Installation, install: pulumi.ProviderResource | None
    ) -> None:
        wanted = QUEUED if name == "kueue" else COMPONENTS[name].needs
        self._components[name] = Component(
            name,
            version,
            installation,
            install=install,
            context=self._context,
            after=[self._components[each] for each in wanted if each in self._components],
            opts=self._here,
        ).ready


def installations(versions: Mapping[str, str], queues: Queues) -> dict[str, Installation]:
    """Those that this program knows how to install, each after what it needs."""
    known: dict[str, Callable[[str], Installation]] = {
        "cert-manager": cert_manager.installation,
        "jobset": jobset.installation,
        "lws": lws.installation,
        "trainer": trainer.installation,
        "kserve": kserve.installation,
        "kueue": lambda version: kueue.installation(version, queues),
    }
    return {name: installation(versions[name]) for name, installation in known.items() if name in versions}
