"""The provider's side of the engine's protocol, over the handlers of the resource types."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

from pulumi.provider.experimental import provider as protocol

from infra.plugin.handler import Handler, Later, ProviderError, State, Talk, Unfinished
from infra.plugin.values import plain, properties

UPDATE = protocol.PropertyDiffKind.UPDATE
REPLACE = protocol.PropertyDiffKind.UPDATE_REPLACE

AT_ONCE = 256
"""Operations that run at a time. Some wait for hours, and the others must not wait for them."""


class InitialisationFailed(Exception):
    """A resource that is there but unfinished, in the engine's terms."""

    def __init__(self, identity: str, state: State, inputs: State, reason: str) -> None:
        super().__init__(reason)
        self.identity = identity
        self.state = state
        self.inputs = inputs


class HandlerProvider(protocol.Provider):
    """Dispatches each request to the handler of its resource type."""

    def __init__(self, handlers: Mapping[str, Handler], talk_at: Callable[[str], Talk]) -> None:
        """
        handlers: by resource type, such as ``aidc-local:index:Service``.
        talk_at: from a resource's URN to a way to tell the person at the engine something about it.
        """
        self._handlers = handlers
        self._talk_at = talk_at
        self._threads = ThreadPoolExecutor(AT_ONCE, "operation")

    def _handler(self, urn_type: str) -> Handler:
        return self._handlers[urn_type.split("$")[-1]]  # a child's type is prefixed with its parents'

    def _talk(self, urn: str, timeout: float = 0) -> Talk:
        return replace(self._talk_at(urn), urn=urn, seconds=timeout or None)  # the protocol's 0: none was set

    async def _run(self, operation: Callable[..., Any], *arguments: Any) -> Any:
        return await asyncio.get_running_loop().run_in_executor(self._threads, operation, *arguments)

    async def configure(self, request: protocol.ConfigureRequest) -> protocol.ConfigureResponse:
        return protocol.ConfigureResponse(supports_preview=True)  # secrets and outputs arrive as plain values

    async def get_schema(self, request: protocol.GetSchemaRequest) -> protocol.GetSchemaResponse:
        raise ProviderError("this plugin has no schema to write code from; import with --generate-code=false")

    async def check(self, request: protocol.CheckRequest) -> protocol.CheckResponse:
        handler = self._handler(request.type)
        declared = {key: value for key, value in request.new_inputs.items() if key not in handler.outputs}
        inputs = properties(handler.defaults) | declared | properties(handler.wanted)
        mistakes = [protocol.CheckFailure(each.path, each.reason) for each in handler.check(plain(inputs))]
        return protocol.CheckResponse(inputs, mistakes)

    async def diff(self, request: protocol.DiffRequest) -> protocol.DiffResponse:
        handler = self._handler(request.type)
        paths = list(handler.differences(plain(request.old_state), plain(request.new_inputs)))
        return protocol.DiffResponse(
            changes=bool(paths),
            replaces=sorted({path.partition(".")[0] for path in paths if handler.replaces(path)}),
            delete_before_replace=handler.delete_before_replace,
            diffs=sorted({path.partition(".")[0] for path in paths}),
            detailed_diff={
                path: protocol.PropertyDiff(REPLACE if handler.replaces(path) else UPDATE, input_diff=False)
                for path in paths
            },
        )

    async def create(self, request: protocol.CreateRequest) -> protocol.CreateResponse:
        handler, inputs = self._handler(request.type), plain(request.properties)
        if request.preview:
            return protocol.CreateResponse("", properties({**inputs, **dict.fromkeys(handler.outputs, Later.VALUE)}))
        talk = self._talk(request.urn, request.timeout)
        try:
            state = await self._run(handler.create, request.name, inputs, talk)
        except Unfinished as error:
            identity = handler.identity(request.name, error.state)
            raise InitialisationFailed(identity, error.state, inputs, str(error)) from error
        _tell_concern(handler, state, talk)
        return protocol.CreateResponse(handler.identity(request.name, state), properties(state))

    async def read(self, request: protocol.ReadRequest) -> protocol.ReadResponse:
        handler, talk = self._handler(request.type), self._talk(request.urn)
        known, inputs = plain(request.properties), request.inputs
        if known:
            state = await self._run(handler.read, request.name, known)
        else:  # an import: only the id is known
            found = await self._run(handler.adopt, request.resource_id)
            state = found[1] if found else None
            inputs = properties(found[0]) if found else {}
        if state is None:
            return protocol.ReadResponse("")
        news = handler.news(known, state) if known else None
        if news:
            talk.info(news)
        _tell_concern(handler, state, talk)
        return protocol.ReadResponse(request.resource_id, properties(state), inputs)

    async def update(self, request: protocol.UpdateRequest) -> protocol.UpdateResponse:
        handler, old, inputs = self._handler(request.type), plain(request.olds), plain(request.news)
        if request.preview:
            state: State = {**old, **inputs, **dict.fromkeys(handler.volatile, Later.VALUE)}
            return protocol.UpdateResponse(properties(state))
        talk = self._talk(request.urn, request.timeout)
        try:
            state = await self._run(handler.update, request.name, old, inputs, talk)
        except Unfinished as error:
            raise InitialisationFailed(request.resource_id, error.state, inputs, str(error)) from error
        _tell_concern(handler, state, talk)
        return protocol.UpdateResponse(properties(state))

    async def delete(self, request: protocol.DeleteRequest) -> None:
        handler, state = self._handler(request.type), plain(request.properties)
        await self._run(handler.delete, request.name, state, self._talk(request.urn, request.timeout))

    async def cancel(self) -> None:
        for handler in self._handlers.values():
            handler.cancel()


def _tell_concern(handler: Handler, state: State, talk: Talk) -> None:
    concern = handler.concern(state)
    if concern:
        talk.warn(concern)
