"""Any Kubernetes as a site: the platform on it, and the workloads of its teams."""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from infra.jobs.model_service import PORT, ModelService
from infra.jobs.tensorboard import TensorBoard
from infra.jobs.training_job import TrainingJob
from infra.kubeflow.platform import Platform
from infra.plan import queues
from infra.settings import Settings
from workloads.spec import WorkloadSpec


class KubernetesSite(pulumi.ComponentResource):
    """The platform on a cluster that is there already; every workload trained, released and served on it.

    Makes no nodes and changes none; what it needs of them the stack file says (``kubernetes.pools``).
    """

    def __init__(self, name: str, settings: Settings) -> None:
        """settings: of a stack whose site is kubernetes, as they have been checked."""
        cluster, chosen = settings.kubernetes, settings.platform
        assert cluster is not None
        assert chosen is not None
        provider = kubernetes.Provider("cluster", context=cluster.context)
        super().__init__("aidc:any:KubernetesSite", name, None, pulumi.ResourceOptions(providers=[provider]))
        self._here = pulumi.ResourceOptions(parent=self)
        self._context, self._images = cluster.context, chosen.images
        self._platform = Platform(
            "platform",
            cluster.context,
            chosen.components,
            frozenset(chosen.install),
            queues.of(settings),
            cluster.artefacts,
            [team.name for team in chosen.teams],
            chosen.images,
            opts=self._here,
        )
        first = chosen.teams[0].name
        models = {workload.name: self._workload(workload, workload.team or first) for workload in settings.workloads}
        boards = {team: self._board(team) for team in sorted({each.team or first for each in settings.workloads})}
        self.outputs: dict[str, Any] = {
            "components": dict(chosen.components),
            "teams": [team.name for team in chosen.teams],
            "models": models,
            "tensorboards": boards,
        }
        self.register_outputs({})

    def _workload(self, workload: WorkloadSpec, team: str) -> dict[str, pulumi.Input[Any]]:
        """One job and one service. Returns what the user wants to know of them."""
        job = TrainingJob(
            workload.name,
            workload,
            team,
            self._images.train,
            self._context,
            after=self._platform.ready,
            opts=self._here,
        )
        service = ModelService(
            workload.name,
            workload,
            team,
            self._images.serve,
            job.version,
            self._context,
            after=[*self._platform.ready, job],
            opts=self._here,
        )
        return {
            "accuracy": job.accuracy,
            "version": workload.serve.version or job.version,
            "endpoint": service.url,
            "canary_percent": service.canary_percent,
            "forward": f"kubectl --context {self._context} -n {team} port-forward service/{workload.name} {PORT}",
        }

    def _board(self, team: str) -> str:
        board = TensorBoard(
            f"{team}-tensorboard", team, self._images.train, after=self._platform.ready, opts=self._here
        )
        return board.url
