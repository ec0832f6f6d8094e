"""Google's APIs on loopback, for those who ask them themselves; what they are asked for is in the cloud.

Of the TPU API, version 2, what the plugin of queued resources needs. Of others, below their host's name, the lists that
are asked for after an interruption (``rehearsal.cloud.lists``).

A request is held against the API's discovery document: path, query and body. It is granted at once where the cloud has
such TPUs, and else waits in the queue. ``AIDC_TPU_ENDPOINT`` leads the plugin here.
"""

from __future__ import annotations

import http.server
import json
import re
import threading
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from rehearsal.cloud import lists
from rehearsal.cloud.errors import ApiError, not_found
from rehearsal.cloud.store import Cloud, Resource
from rehearsal.google import discovery

Json = dict[str, Any]

TOKEN = "aidc-tpu:index:QueuedResource"  # noqa: S105 - the token of a resource type
DOCUMENT = "tpu.v2"
DELETABLE = ("ACCEPTED", "WAITING_FOR_RESOURCES", "SUSPENDED", "FAILED")
"""States in which a request has no nodes and goes without ``force`` (answers of the API, seen in public issues)."""

MINUTES = {"create": 1.0, "delete": 2.0}
"""An estimate."""

ONE_OF = {("spot", "guaranteed"), ("nodeId", "multisliceParams")}
"""Fields of which at most one is set; the document leaves such groups out (tpu.proto, ``oneof``)."""


class TpuApi:
    """Serves from ``start`` to ``stop`` at ``url``."""

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def start(self) -> None:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def answer(self, verb: str, target: str, body: Json | None) -> Json:
        """One request's answer. Raises ApiError as the API refuses."""
        split = urlsplit(target)
        if lists.has(split.path):
            return lists.answer(self._cloud, split.path)
        path, query = unquote(split.path).removeprefix("/v2/"), dict(parse_qsl(split.query))
        method = _method(verb, path)
        for name in query:
            if name not in method["parameters"]:
                raise _invalid(f'Unknown name "{name}": Cannot bind query parameter')
        match method["id"].removeprefix("tpu.projects.locations."):
            case "queuedResources.create":
                return self._create(path.removesuffix("/queuedResources"), query["queuedResourceId"], body or {})
            case "queuedResources.get":
                return self._body(path)
            case "queuedResources.delete":
                return self._delete(path, force=query.get("force") == "true")
            case "nodes.get":
                return self._node(path)
        raise not_found(path)  # an operation is done when it is answered, so nobody asks for one

    def _create(self, parent: str, identity: str, body: Json) -> Json:
        schema = discovery.schema(DOCUMENT, "QueuedResource")
        for place, value, allowed in schema.mistakes(body):
            raise _invalid(f"Invalid value at 'queued_resource.{place}', {json.dumps(value)}: {allowed}")
        for group in ONE_OF:
            for holder in (body, *body["tpu"]["nodeSpec"]):
                if len(holder.keys() & set(group)) > 1:
                    raise _invalid(f"Only one of {' and '.join(group)} may be set")
        name = f"{parent}/queuedResources/{identity}"
        project, zone = parent.split("/")[1], parent.split("/")[3]
        self._enabled(project)
        uses = tuple(self._used(spec, zone) for spec in body["tpu"]["nodeSpec"])
        sold_out = f"{zone}/{_accelerator(body)}" in self._cloud.fact("sold_out")
        self._cloud.create(
            Resource(
                TOKEN,
                name,
                {"project": project, "zone": zone},
                body,
                {"state": "WAITING_FOR_RESOURCES" if sold_out else "ACTIVE"},
                uses=tuple(used for each in uses for used in each),
            ),
            MINUTES["create"],
        )
        return {"name": f"{parent}/operations/create-{identity}", "done": True, "response": {}}

    def _used(self, spec: Json, zone: str) -> list[str]:
        """Ids of the networks of a node. Raises ApiError when one is not there."""
        network = spec["node"].get("networkConfig", {})
        found = []
        for field, token in (
            ("network", "gcp:compute/network:Network"),
            ("subnetwork", "gcp:compute/subnetwork:Subnetwork"),
        ):
            if field in network:
                there = self._cloud.find(token, network[field])
                if there is None:
                    raise not_found(network[field])
                found.append(there.id)
        return found

    def _enabled(self, project: str) -> None:
        service = "tpu.googleapis.com"
        if service in self._cloud.fact("enabled"):
            return
        if self._cloud.get("gcp:projects/service:Service", f"{project}/{service}") is None:
            raise ApiError("PERMISSION_DENIED", f"Cloud TPU API has not been used in project {project} before")

    def _there(self, name: str) -> Resource:
        found = self._cloud.get(TOKEN, name)
        if found is None:
            raise not_found(name)
        return found

    def _body(self, name: str) -> Json:
        found = self._there(name)
        state = {"state": found.made["state"], "stateInitiator": "SERVICE"}
        return {**found.body, "name": name, "createTime": found.created, "state": state}

    def _delete(self, name: str, *, force: bool) -> Json:
        state = self._there(name).made["state"]
        if not force and state not in DELETABLE:
            raise ApiError(
                "FAILED_PRECONDITION",
                f"DeleteQueuedResource is not supported when state is {state} (must be one of [{' '.join(DELETABLE)}])",
            )
        self._cloud.delete(TOKEN, name, MINUTES["delete"])
        return {"name": f"{name.partition('/queuedResources/')[0]}/operations/delete", "done": True, "response": {}}

    def _node(self, name: str) -> Json:
        parent, _, node = name.partition("/nodes/")
        for each in self._cloud.all(TOKEN):
            if each.id.startswith(f"{parent}/") and node in _nodes(each) and each.made["state"] == "ACTIVE":
                index = _nodes(each).index(node)
                return {"name": name, "networkEndpoints": [{"ipAddress": f"10.128.{index}.2", "port": 8470}]}
        raise not_found(name)


def _nodes(request: Resource) -> list[str]:
    spec = request.body["tpu"]["nodeSpec"][0]
    if several := spec.get("multisliceParams"):
        prefix = several.get("nodeIdPrefix", request.id.rpartition("/")[2])
        return [f"{prefix}-{index}" for index in range(several["nodeCount"])]
    return [spec["nodeId"]]


def _accelerator(body: Json) -> str:
    node = body["tpu"]["nodeSpec"][0]["node"]
    return str(node.get("acceleratorType") or node.get("acceleratorConfig", {}).get("type"))


def _method(verb: str, path: str) -> Json:
    """The documented method of a request."""
    for method in discovery.methods(DOCUMENT):
        pattern = re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(method["flatPath"]))
        if method["httpMethod"] == verb and re.fullmatch(pattern, f"v2/{path}"):
            return method
    raise ApiError("NOT_FOUND", f"there is no {verb} {path}")


def _invalid(message: str) -> ApiError:
    return ApiError("INVALID_ARGUMENT", message)


def _handler_of(api: TpuApi) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer goes out at once; in two parts the second waits for an acknowledgement

        def do(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            try:
                code, said = 200, api.answer(self.command, self.path, json.loads(sent) if sent else None)
            except ApiError as error:
                code = error.code
                said = {"error": {"code": error.code, "status": error.status, "message": error.message}}
            content = json.dumps(said).encode()
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = do  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: Any) -> None:
            return

    return Handler
