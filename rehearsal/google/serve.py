"""Serves the stand-in to the engine that started this process.

The SDK's own ``main`` is not used: it hands exceptions to the engine with their class and traceback, and what it serves
outlives an engine that was killed.
"""

from __future__ import annotations

import asyncio
import os
import sys
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
from rehearsal.google.provider import InitialisationFailed
from rehearsal.google.table import NotServed

ENGINE_POLL_SECONDS = 0.5
DETAILS = "grpc-status-details-bin"
"""The trailer in which gRPC carries a ``google.rpc.Status`` with details."""


def run(version: str, provider: Provider) -> None:
    """Serves until the engine, whose address is the first argument of this process, is gone."""
    asyncio.run(_serve(sys.argv[1], version, provider))


class PlainErrors(grpc.aio.ServerInterceptor):  # type: ignore[misc]
    """Answers a refusal with its message alone, and an unfinished resource with its state."""

    async def intercept_service(self, continuation: Any, details: grpc.HandlerCallDetails) -> Any:
        handler = await continuation(details)
        inner = handler.unary_unary

        async def call(request: Any, context: grpc.aio.ServicerContext) -> Any:
            try:
                return await inner(request, context)
            except (ApiError, NotServed) as error:
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
            properties=PropertyValue.marshal_map(error.state),
            reasons=[str(error)],
            inputs=PropertyValue.marshal_map(error.inputs),
        )
    )
    return bytes(status.SerializeToString())


async def _serve(engine_address: str, version: str, provider: Provider) -> None:
    engine = psutil.Process(os.getppid())
    server = grpc.aio.server(interceptors=[PlainErrors()], options=_GRPC_CHANNEL_OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(
        ProviderServicer(sys.argv[1:], version, provider, engine_address), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    print(port, flush=True)
    while engine.is_running() and engine.status() != psutil.STATUS_ZOMBIE:
        await asyncio.sleep(ENGINE_POLL_SECONDS)
    os._exit(1)  # what it was asked for has nobody to be told to
