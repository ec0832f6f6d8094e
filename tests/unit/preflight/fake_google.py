"""A server that answers reads as Google's APIs do, on loopback.

Requests and answers are held against the discovery documents that google-api-python-client carries: path, query, and
every field of an answer. The Cloud Quotas API has no document there; its answers follow its reference page (QuotaInfo).
"""

from __future__ import annotations

import http.server
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qs, unquote, urlsplit

import googleapiclient.discovery_cache

from infra.plan.fleet import fleet
from infra.plan.quotas import COMPUTE, quotas
from infra.plan.services import services
from infra.settings import GoogleSettings

Json = dict[str, Any]

VERSIONS = {
    "cloudresourcemanager": "v3",
    "compute": "v1",
    "container": "v1",
    "serviceusage": "v1",
    "storage": "v1",
    "tpu": "v2",
}
PAGE = 2
"""Elements on a page of a list."""


def error(code: int, message: str, reason: str = "") -> Json:
    """A refusal, in the form of Google's APIs."""
    details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}] if reason else []
    return {"error": {"code": code, "message": message, "status": "REFUSED", "details": details}}


class FakeGoogle:
    """Answers by path, such as ``compute/v1/projects/p``, below the first word of the host.

    answers:   what is there; a list is given out in pages. What is not there is a 404.
    refusals:  by path, statuses and bodies to answer with first, one for each request.
    asked:     how often each path was asked for.
    wrong:     what the discovery documents forbid.
    """

    def __init__(self) -> None:
        self.answers: dict[str, Json | tuple[str, list[Json]]] = {}
        self.refusals: dict[str, list[tuple[int, Json]]] = {}
        self.asked: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def refuse(self, path: str, status: int, body: Json | None = None, times: int = 1000) -> None:
        self.refusals[path] = [(status, error(status, "no") if body is None else body)] * times

    def provide(self, settings: GoogleSettings) -> None:
        """A project in which the stack can come up, with nothing in it yet."""
        project, region = settings.project, settings.region
        number = f"projects/{settings.project_number}"
        here = f"compute/compute/v1/projects/{project}"
        needed = quotas(settings)
        plain = [need for need in needed if need.service == COMPUTE and need.metric and not need.family]

        def listed(location: str) -> list[Json]:
            found = [need for need in plain if need.location == location]
            return [{"metric": need.metric, "limit": float(need.most), "usage": 0.0} for need in found]

        self.answers = {
            f"cloudresourcemanager/v3/projects/{project}": {
                "name": number,
                "projectId": project,
                "state": "ACTIVE",
            },
            f"serviceusage/v1/{number}/services:batchGet": {
                "services": [{"name": f"{number}/services/{name}", "state": "ENABLED"} for name in services(settings)]
            },
            f"{here}/regions/{region}": {"name": region, "quotas": listed(region)},
            here: {"name": project, "quotas": listed("global")},
        }
        for need in needed:
            if need.metric and need not in plain:
                path = f"cloudquotas/v1/projects/{project}/locations/global/services/{need.service}/quotaInfos/"
                self.answers[path + str(need.quota_id)] = {
                    "quotaId": need.quota_id,
                    "dimensionsInfos": [{"dimensions": need.dimensions, "details": {"value": str(need.most)}}],
                }
        machines = [{"name": name} for name in ("a-first", *(group.machine_type for group in fleet(settings)))]
        for zone in {zone for group in fleet(settings) for zone in group.zones}:
            self.answers[f"{here}/zones/{zone}/machineTypes"] = ("items", machines)
            gpus = [{"name": group.gpu.accelerator} for group in fleet(settings) if group.gpu]
            self.answers[f"{here}/zones/{zone}/acceleratorTypes"] = ("items", gpus)
            place = f"tpu/v2/projects/{project}/locations/{zone}"
            types = [{"type": each.accelerator_type} for each in (*settings.tpu_vms, *settings.tpu_queues)]
            versions = [{"version": each} for each in ("v2-alpha-tpuv5-lite", "v2-alpha-tpuv5", "v2-alpha-tpuv6e")]
            self.answers[f"{place}/acceleratorTypes"] = ("acceleratorTypes", types)
            self.answers[f"{place}/runtimeVersions"] = ("runtimeVersions", versions)

    def reserve(self, settings: GoogleSettings, name: str, project: str = "", **changes: Any) -> None:
        """A reservation of eight machines of the type that the first reserved pool wants."""
        group = next(each for each in fleet(settings) if each.reservation)
        path = f"compute/compute/v1/projects/{project or settings.project}/zones/{group.zones[0]}/reservations/{name}"
        self.answers[path] = {
            "name": name,
            "status": "READY",
            "specificReservationRequired": True,
            "specificReservation": {
                "count": "8",
                "inUseCount": "0",
                "instanceProperties": {"machineType": group.machine_type},
            },
            **changes,
        }

    def _handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        fake = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                url = urlsplit(self.path)
                status, body = fake._answer(unquote(url.path).lstrip("/"), parse_qs(url.query))
                content = json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                pass

        return Handler

    def _answer(self, path: str, query: dict[str, list[str]]) -> tuple[int, Json]:
        host, _, below = path.partition("/")
        service = host.removesuffix(".googleapis.com")
        key = f"{service}/{below}"
        self.asked[key] += 1
        schema = self._checked(service, below, query)
        if self.refusals.get(key):
            return self.refusals[key].pop(0)
        answer = self.answers.get(key)
        if answer is None:
            return 404, error(404, f"The resource '{below}' was not found")
        if isinstance(answer, tuple):
            answer = _page(*answer, int(query.get("pageToken", ["0"])[0]))
        if schema:
            self.wrong += _unknown_fields(service, schema, answer, key)
        return 200, answer

    def _checked(self, service: str, path: str, query: dict[str, list[str]]) -> str | None:
        """Name of the answer's schema."""
        if service not in VERSIONS:
            return None
        for pattern, method in _methods(service):
            if pattern.fullmatch(path):
                known = {*method.get("parameters", {}), *_document(service)["parameters"]}
                self.wrong += [f"{path}: no parameter {name}" for name in query if name not in known]
                return str(method["response"]["$ref"])
        self.wrong.append(f"{service} has no {path}")
        return None


def _page(key: str, elements: list[Json], start: int) -> Json:
    page: Json = {key: elements[start : start + PAGE]}
    return page | ({"nextPageToken": str(start + PAGE)} if start + PAGE < len(elements) else {})


@cache
def _document(service: str) -> Json:
    folder = Path(googleapiclient.discovery_cache.__file__).parent / "documents"
    return dict(json.loads((folder / f"{service}.{VERSIONS[service]}.json").read_text()))


@cache
def _methods(service: str) -> list[tuple[re.Pattern[str], Json]]:
    """The reading methods, each with a pattern of its paths."""

    def methods(part: Json) -> Iterator[Json]:
        yield from part.get("methods", {}).values()
        for each in part.get("resources", {}).values():
            yield from methods(each)

    document = _document(service)
    found = []
    for method in methods(document):
        if method["httpMethod"] == "GET":
            path = document["servicePath"] + method.get("flatPath", method["path"])
            found.append((re.compile(re.sub(r"\\?\{[^}]*\\?\}", "[^/:]+", re.escape(path))), method))
    return found


def _unknown_fields(service: str, schema: str, answer: Json, where: str) -> Iterator[str]:
    properties = _document(service)["schemas"][schema]["properties"]
    for name, value in answer.items():
        if name not in properties:
            yield f"{where}: {schema} has no field {name}"
            continue
        inner = properties[name].get("$ref") or properties[name].get("items", {}).get("$ref")
        for each in value if isinstance(value, list) else [value]:
            if inner and isinstance(each, dict):
                yield from _unknown_fields(service, inner, each, where)
