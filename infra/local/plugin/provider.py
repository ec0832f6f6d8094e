"""The local site's resource types and their handlers."""

from __future__ import annotations

from collections.abc import Callable

from infra.local.plugin.artefacts import ArtefactsHandler
from infra.local.plugin.service import ServiceHandler
from infra.local.plugin.training_job import TrainingJobHandler
from infra.local.resources import Artefacts, Service, TrainingJob
from infra.plugin.handler import Talk
from infra.plugin.provider import HandlerProvider


class LocalProvider(HandlerProvider):
    """The provider of the local site."""

    def __init__(self, talk_at: Callable[[str], Talk]) -> None:
        """talk_at: from a resource's URN to a way to tell the person at the engine something about it."""
        handlers = {
            Artefacts.TYPE: ArtefactsHandler(),
            TrainingJob.TYPE: TrainingJobHandler(),
            Service.TYPE: ServiceHandler(),
        }
        super().__init__(handlers, talk_at)
