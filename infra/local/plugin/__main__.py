"""``python -m infra.local.plugin ENGINE``: serves the provider to the engine that started this process.

The SDK's own ``main`` is not used: it hands exceptions to the engine with their class and traceback, and a provider
that it serves outlives an engine that was killed.
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
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime._grpc_settings import _GRPC_CHANNEL_OPTIONS
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2_grpc

from infra.local.plugin.handler import SiteError, Talk
from infra.local.plugin.provider import LocalProvider

VERSION = "0.1.0"
ENGINE_POLL_SECONDS = 1.0


class PlainErrors(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Answers a SiteError with its message alone."""

    async def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        handler = await continuation(details)
        inner = handler.unary_unary

        async def call(request: Any, context: grpc.aio.ServicerContext) -> Any:
            try:
                return await inner(request, context)
            except SiteError as error:
                await context.abort(grpc.StatusCode.FAILED_PRECONDITION, str(error))

        return grpc.unary_unary_rpc_method_handler(call, handler.request_deserializer, handler.response_serializer)


async def serve(engine_address: str) -> None:
    """Serves until the engine is gone."""
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
        ProviderServicer(sys.argv[1:], VERSION, LocalProvider(talk_at), engine_address), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    while engine.is_running() and engine.status() != psutil.STATUS_ZOMBIE:
        await asyncio.sleep(ENGINE_POLL_SECONDS)
    os._exit(1)  # operations in progress have nobody to report to; a training group ends with this process


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
