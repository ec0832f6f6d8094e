"""Serves a provider to the engine that started this process.

The SDK's own ``main`` is not used: it hands exceptions to the engine with their class and traceback, cannot say that a
resource was made but is unfinished, and a provider that it serves outlives an engine that was killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio
import psutil
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

from infra.plugin.handler import ProviderError, Talk
from infra.plugin.provider import HandlerProvider, InitialisationFailed
from infra.plugin.values import properties

ENGINE_POLL_SECONDS = 1.0
DETAILS = "grpc-status-details-bin"
"""The trailer in which gRPC carries a ``google.rpc.Status`` with details."""


def run(version: str, provider_of: Callable[[Callable[[str], Talk]], HandlerProvider]) -> None:
    """Serves until the engine, whose address is the first argument of this process, is gone.

    provider_of: makes the provider from the way to talk at a resource's URN.
    """
    asyncio.run(_serve(sys.argv[1], version, provider_of))


class PlainErrors(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Answers a ProviderError with its message alone, and an unfinished resource with its state."""

    async def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        handler = await continuation(details)
        inner = handler.unary_unary

        async def call(request: Any, context: grpc.aio.ServicerContext) -> Any:
            try:
                return await inner(request, context)
            except ProviderError as error:
                await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))
            except InitialisationFailed as error:
                code = grpc.StatusCode.FAILED_PRECONDITION
                await context.abort(code, str(error), ((DETAILS, _details(code, error)),))

        return grpc.unary_unary_rpc_method_handler(call, handler.request_deserializer, handler.response_serializer)


def _details(code: grpc.StatusCode, error: InitialisationFailed) -> bytes:
    status = status_pb2.Status(code=code.value[0], message=str(error))
    status.details.add().Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.identity,
            properties=PropertyValue.marshal_map(properties(error.state)),
            reasons=[str(error)],
            inputs=PropertyValue.marshal_map(properties(error.inputs)),
        )
    )
    return bytes(status.SerializeToString())


async def _serve(
    engine_address: str, version: str, provider_of: Callable[[Callable[[str], Talk]], HandlerProvider]
) -> None:
    engine = psutil.Process(os.getppid())
    messages = engine_pb2_grpc.EngineStub(grpc.insecure_channel(engine_address, options=_GRPC_CHANNEL_OPTIONS))

    def talk_at(urn: str) -> Talk:
        def say(severity: Any, *, ephemeral: bool = False) -> Callable[[str], None]:
            return lambda message: messages.Log(
                engine_pb2.LogRequest(severity=severity, message=message, urn=urn, ephemeral=ephemeral)
            )

        return Talk(
            info=say(engine_pb2.INFO), warn=say(engine_pb2.WARNING), progress=say(engine_pb2.INFO, ephemeral=True)
        )

    server = grpc.aio.server(interceptors=[PlainErrors()], options=_GRPC_CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(
        ProviderServicer(sys.argv[1:], version, provider_of(talk_at), engine_address), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    while engine.is_running() and engine.status() != psutil.STATUS_ZOMBIE:
        await asyncio.sleep(ENGINE_POLL_SECONDS)
    os._exit(
        1
    )  # operations in progress have nobody to report to; what must not outlive this process holds a pipe to it
