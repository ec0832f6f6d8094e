"""The HTTP side of the model server: TensorFlow Serving's REST routes on one model.

Source: TensorFlow Serving, 'RESTful API' (tensorflow/serving, docs/api_rest.md). Errors are ``{"error": "..."}``.
"""

from __future__ import annotations

import json
import logging
from pathlib import Path

import uvicorn
from fastapi import FastAPI, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from workloads.serve.model import BadRequest, ServedModel

MAX_BODY = 32 * 2**20
"""Largest request body, in bytes."""

log = logging.getLogger(__name__)


def application(model: ServedModel) -> FastAPI:
    """The routes of ``model``: status, metadata and predict, with and without a version, and ``/healthz``."""
    app = FastAPI(title=f"Model server of {model.name}", docs_url=None, redoc_url=None, openapi_url=None)

    def require(name: str, version: str | None = None) -> None:
        if name != model.name or version not in (None, model.version):
            asked = f"Latest({name})" if version is None else f"Specific({name}, {version})"
            raise HTTPException(404, f"Servable not found for request: {asked}; serving {model.name} {model.version}")

    async def predict(request: Request) -> JSONResponse:
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > MAX_BODY:
                raise HTTPException(413, f"the request body is larger than {MAX_BODY} bytes")
        try:
            content = json.loads(body, parse_constant=_refuse)
        except (ValueError, RecursionError) as error:
            raise HTTPException(400, f"JSON Parse error: {error}") from error
        return JSONResponse(await run_in_threadpool(model.predict, content))

    @app.get("/healthz")
    def health() -> dict[str, str]:
        return {"status": "ok"}

    @app.get("/v1/models/{name}")
    @app.get("/v1/models/{name}/versions/{version}")
    def status(name: str, version: str | None = None) -> JSONResponse:
        require(name, version)
        return JSONResponse(model.status())

    @app.get("/v1/models/{name}/metadata")
    @app.get("/v1/models/{name}/versions/{version}/metadata")
    def metadata(name: str, version: str | None = None) -> JSONResponse:
        require(name, version)
        return JSONResponse(model.metadata())

    @app.post("/v1/models/{name}:predict")
    async def predict_latest(name: str, request: Request) -> JSONResponse:
        require(name)
        return await predict(request)

    @app.post("/v1/models/{name}/versions/{version}:predict")
    async def predict_version(name: str, version: str, request: Request) -> JSONResponse:
        require(name, version)
        return await predict(request)

    @app.exception_handler(BadRequest)
    async def bad_request(_: Request, error: BadRequest) -> JSONResponse:
        return JSONResponse({"error": str(error)}, 400)

    @app.exception_handler(HTTPException)
    async def refused(_: Request, error: HTTPException) -> JSONResponse:
        return JSONResponse({"error": str(error.detail)}, error.status_code)

    return app


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is not JSON")


def serve(name: str, path: Path, host: str, port: int) -> None:
    """Serves the version directory ``path`` as ``name`` until a signal; a request in progress is finished first."""
    model = ServedModel(name, path)
    log.info("serving %s version %s on http://%s:%d", name, model.version, host, port)
    uvicorn.run(application(model), host=host, port=port, log_level="warning", timeout_graceful_shutdown=10)
