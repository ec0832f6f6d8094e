"""The provider's side of the engine's protocol, over the handlers of the resource types."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pulumi.provider.experimental import provider as protocol

from infra.local.plugin.artefacts import ArtefactsHandler
from infra.local.plugin.handler import Handler, Later, State, Talk, differences
from infra.local.plugin.service import ServiceHandler
from infra.local.plugin.training_job import TrainingJobHandler
from infra.local.plugin.values import plain, properties
from infra.local.resources import Artefacts, Service, TrainingJob

UPDATE = protocol.PropertyDiffKind.UPDATE
REPLACE = protocol.PropertyDiffKind.UPDATE_REPLACE


class LocalProvider(protocol.Provider):
    """Dispatches each request to the handler of its resource type."""

    def __init__(self, talk_at: Callable[[str], Talk]) -> None:
        """talk_at: from a resource's URN to a way to tell the person at the engine something about it."""
        self._talk_at = talk_at
        self._jobs = TrainingJobHandler()
        self._handlers: dict[str, Handler] = {
            Artefacts.TYPE: ArtefactsHandler(),
            TrainingJob.TYPE: self._jobs,
            Service.TYPE: ServiceHandler(),
        }

    def _handler(self, urn_type: str) -> Handler:
        return self._handlers[urn_type.split("$")[-1]]  # a child's type is prefixed with its parents'

    async def configure(self, request: protocol.ConfigureRequest) -> protocol.ConfigureResponse:
        return protocol.ConfigureResponse(supports_preview=True)  # secrets and outputs arrive as plain values

    async def check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        handler = self._handler(request.type)
        declared = {key: value for key, value in request.new_inputs.items() if key not in handler.outputs}
        return protocol.CheckResponse(declared | properties(handler.wanted))

    async def diff(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        handler, old, new = self._handler(request.type), plain(request.old_state), plain(request.new_inputs)
        paths = [path for key in new for path in differences(old.get(key), new[key], key)]
        return protocol.DiffResponse(
            changes=bool(paths),
            replaces=sorted({path.partition(".")[0] for path in paths if handler.replaces(path)}),
            diffs=sorted({path.partition(".")[0] for path in paths}),
            detailed_diff={
                path: protocol.PropertyDiff(REPLACE if handler.replaces(path) else UPDATE, input_diff=False)
                for path in paths
            },
        )

    async def create(self, request: protocol.CreateRequest) -> protocol.CreateResponse:
        handler, inputs = self._handler(request.type), plain(request.properties)
        if request.preview:
            state: State = {**inputs, **dict.fromkeys(handler.outputs, Later.VALUE)}
        else:
            state = await asyncio.to_thread(handler.create, request.name, inputs, self._talk_at(request.urn))
        return protocol.CreateResponse(request.name, properties(state))

    async def read(self, request: protocol.ReadRequest) -> protocol.ReadResponse:
        state = await asyncio.to_thread(self._handler(request.type).read, request.name, plain(request.properties))
        if state is None:
            return protocol.ReadResponse("")
        return protocol.ReadResponse(request.resource_id, properties(state), request.inputs)

    async def update(self, request: protocol.UpdateRequest) -> protocol.UpdateResponse:
        handler, old, inputs = self._handler(request.type), plain(request.olds), plain(request.news)
        if request.preview:
            state: State = {**old, **inputs, **dict.fromkeys(handler.volatile, Later.VALUE)}
        else:
            state = await asyncio.to_thread(handler.update, request.name, old, inputs, self._talk_at(request.urn))
        return protocol.UpdateResponse(properties(state))

    async def delete(self, request: protocol.DeleteRequest) -> None:
        handler = self._handler(request.type)
        await asyncio.to_thread(handler.delete, request.name, plain(request.properties), self._talk_at(request.urn))

    async def cancel(self) -> None:
        self._jobs.cancel()
