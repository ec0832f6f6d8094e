"""The local site: directories for artefacts, processes for jobs and services."""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pulumi

from infra.local.resources import Artefacts, Service, TrainingJob
from infra.settings import LocalSettings
from workloads.spec import WorkloadSpec


class LocalSite(pulumi.ComponentResource):
    """Trains and serves every workload on this machine, with one TensorBoard for all.

    Isolates nothing: jobs and services run as the user who runs the engine, and listen on loopback only.
    """

    def __init__(
        self,
        name: str,
        root: Path,
        settings: LocalSettings,
        workloads: Sequence[WorkloadSpec],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """root: absolute path of the artefact directories."""
        super().__init__("aidc:local:LocalSite", name, None, opts)
        child = pulumi.ResourceOptions(parent=self)
        artefacts = Artefacts(f"{name}-artefacts", str(root), child)
        models = {workload.name: self._workload(workload, artefacts, child) for workload in workloads}
        tensorboard = Service(
            f"{name}-tensorboard",
            module="tensorboard.main",
            args=[
                "--logdir",
                artefacts.root.apply(lambda path: f"{path}/logs"),
                "--host=127.0.0.1",
                "--port={port}",
                "--load_fast=false",  # else it starts a second process that outlives a killed first one
            ],
            port=settings.tensorboard_port,
            ready="/",
            artefacts=artefacts.root,
            opts=child,
        )
        self.outputs: dict[str, Any] = {"models": models, "tensorboard": tensorboard.url, "artefacts": artefacts.root}
        self.register_outputs(self.outputs)

    def _workload(
        self, workload: WorkloadSpec, artefacts: Artefacts, child: pulumi.ResourceOptions
    ) -> dict[str, pulumi.Output[Any]]:
        """One job and one service. Returns what the user wants to know of them."""
        job = TrainingJob(workload.name, json.loads(workload.model_dump_json(exclude={"serve"})), artefacts.root, child)
        server = Service(
            f"{workload.name}-server",
            module="workloads",
            args=[
                "serve",
                f"--name={workload.name}",
                "--artefacts",
                artefacts.root,
                job.version.apply(lambda version: f"--version={version}"),
                "--port={port}",
            ],
            port=workload.serve.port,
            ready=f"/v1/models/{workload.name}",
            artefacts=artefacts.root,
            opts=child,
        )
        endpoint = server.url.apply(lambda url: f"{url}/v1/models/{workload.name}")
        return {
            "accuracy": job.accuracy,
            "steps_per_second": job.steps_per_second,
            "version": job.version,
            "endpoint": endpoint,
            "curl": pulumi.Output.all(job.example_request, endpoint).apply(
                lambda both: f"curl -s -d @{shlex.quote(both[0])} {both[1]}:predict"
            ),
            "curl_sends_a": job.example_label,
        }
