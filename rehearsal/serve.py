"""Serves a stand-in to the engine that started this process.

The SDK's own ``main`` is not used: it hands exceptions to the engine with their class and traceback, cannot say that a
resource was made but is unfinished, and what it serves outlives an engine that was killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
import grpc.aio
import psutil
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.provider import Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from rehearsal.cloud.errors import ApiError

CLOUD_VARIABLE = "AIDC_REHEARSAL_CLOUD"
"""Names the file of the simulated cloud."""

AT_ONCE = 256
"""Operations that run at a time, in threads of their own: those of the SDK wait for them when it declares children."""

ENGINE_POLL_SECONDS = 0.5
DETAILS = "grpc-status-details-bin"
"""The trailer in which gRPC carries a ``google.rpc.Status`` with details."""


class InitialisationFailed(Exception):
    """A resource that is there but unfinished, in the engine's terms."""

    def __init__(
        self, identity: str, state: dict[str, PropertyValue], inputs: dict[str, PropertyValue], reason: str
    ) -> None:
        super().__init__(reason)
        self.identity, self.state, self.inputs = identity, state, inputs


def run(version: str, provider: Provider, refusals: tuple[type[Exception], ...]) -> None:
    """Serves until the engine, whose address is the first argument of this process, is gone.

    refusals:  what is answered with its message alone, besides what the cloud says.
    """
    asyncio.run(_serve(sys.argv[1], version, provider, (ApiError, *refusals)))


class PlainErrors(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Answers a refusal with its message alone, and an unfinished resource with its state."""

    def __init__(self, refusals: tuple[type[Exception], ...]) -> None:
        self._refusals = refusals

    async def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        handler = await continuation(details)
        inner = handler.unary_unary

        async def call(request: Any, context: grpc.aio.ServicerContext) -> Any:
            code = grpc.StatusCode.FAILED_PRECONDITION
            try:
                return await inner(request, context)
            except InitialisationFailed as error:
                await context.abort(code, str(error), ((DETAILS, _details(code, error)),))
            except self._refusals as error:
                await context.abort(code, str(error))

        return grpc.unary_unary_rpc_method_handler(call, handler.request_deserializer, handler.response_serializer)


class Servicer(ProviderServicer):
    """Declares one component at a time, as the SDK's settings are those of a process, not of a request.

    A component's refusals come through as they are; the SDK's adds a traceback to their message.
    """

    def __init__(self, arguments: list[str], version: str, provider: Provider, engine_address: str) -> None:
        super().__init__(arguments, version, provider, engine_address)
        self._one = asyncio.Lock()

    async def Construct(self, request: Any, context: Any) -> Any:  # noqa: N802 - the protocol's name
        async with self._one:
            return await self._construct(request, context)


def _details(code: grpc.StatusCode, error: InitialisationFailed) -> bytes:
    status = status_pb2.Status(code=code.value[0], message=str(error))
    status.details.add().Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.identity,
            properties=PropertyValue.marshal_map(error.state),
            reasons=[str(error)],
            inputs=PropertyValue.marshal_map(error.inputs),
        )
    )
    return bytes(status.SerializeToString())


async def _serve(engine_address: str, version: str, provider: Provider, refusals: tuple[type[Exception], ...]) -> None:
    engine = psutil.Process(os.getppid())
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(AT_ONCE))  # the SDK registers children in it
    server = grpc.aio.server(interceptors=[PlainErrors(refusals)], options=_GRPC_CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(
        Servicer(sys.argv[1:], version, provider, engine_address), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    while engine.is_running() and engine.status() != psutil.STATUS_ZOMBIE:
        await asyncio.sleep(ENGINE_POLL_SECONDS)
    os._exit(1)  # what it was asked for has nobody to be told to
