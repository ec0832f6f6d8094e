"""A server that answers as the TPU API does, on loopback.

Every request is held against the API's discovery document, which google-api-python-client carries: path, query, and
every field of the body by name, type, enumeration and format. What the document does not say is from Google's public
answers: which states can be deleted without force, the form of errors, and the defaults that come back.
"""

from __future__ import annotations

import http.server
import json
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from urllib.parse import parse_qsl, unquote, urlsplit

import googleapiclient.discovery_cache

Json = dict[str, Any]

DOCUMENT: Json = json.loads(
    (Path(googleapiclient.discovery_cache.__file__).parent / "documents" / "tpu.v2.json").read_text()
)
SCHEMAS: Json = DOCUMENT["schemas"]
DELETABLE = ("ACCEPTED", "WAITING_FOR_RESOURCES", "SUSPENDED", "FAILED")
SHAPES = {"v5litepod-16": {"type": "V5LITE_POD", "topology": "4x4"}, "v4-8": {"type": "V4", "topology": "2x2x1"}}
FORMATS = {
    "google-duration": r"\d+(\.\d+)?s",
    "google-datetime": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)",
}
EXCLUSIVE = {
    "QueuedResource": ({"spot", "guaranteed"},),
    "QueueingPolicy": (set(SCHEMAS["QueueingPolicy"]["properties"]),),
}
"""The ``oneof`` groups of the API's protocol buffers, which the discovery document leaves out."""


class Refused(Exception):
    def __init__(self, code: int, status: str, message: str, details: list[Json] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.headers: dict[str, str] = {}
        self.body = {"error": {"code": code, "status": status, "message": message, "details": details or []}}


def invalid(message: str) -> Refused:
    return Refused(400, "INVALID_ARGUMENT", message)


@dataclass
class Fault:
    """What happens to the next requests of a method instead of an answer, or after they were carried out.

    dropped:  the request is carried out, and the connection closed without an answer.
    stalled:  seconds before a request is carried out and answered, with nobody waiting for it any more.
    """

    method: str
    code: int = 0
    error: Json = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    times: int = 1
    dropped: bool = False
    path: str = ""
    stalled: float = 0.0


@dataclass
class Operation:
    """polls:  looks until it is done.
    finish:    called then; returns the error, if it has one.
    """

    name: str
    polls: int
    finish: Callable[[], Json | None]
    done: bool = False
    error: Json | None = None

    def seen(self) -> Json:
        said: Json = {"name": self.name, "metadata": {"apiVersion": "v2"}, "done": self.done}
        if self.done:
            said |= {"error": self.error} if self.error else {"response": {}}
        return said


class FakeTpu:
    """The API, with what it holds and what it was asked.

    script:    the states of a new request, one a look, after the first; it stays in the last.
    polls:     looks until an operation is done.
    detail:    joined to the state of a request in its last state, such as a ``failedData``.
    refusal:   the error of every operation that creates.
    vanishes:  whether a request whose operation failed is not there.
    """

    def __init__(self) -> None:
        self.script = ["CREATING", "ACCEPTED", "WAITING_FOR_RESOURCES"]
        self.polls = 2
        self.detail: Json = {}
        self.refusal: Json | None = None
        self.vanishes = False
        self.faults: list[Fault] = []
        self.requests: list[tuple[str, str, dict[str, str]]] = []
        self.bodies: list[Json] = []
        self.accepted = 0
        self.deleted = 0
        self.resources: dict[str, Json] = {}
        self.nodes: dict[str, Json] = {}
        self._left: dict[str, list[str]] = {}
        self._operations: dict[str, Operation] = {}
        self._repeated: dict[str, Operation] = {}
        self._lock = threading.RLock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def count(self, method: str) -> int:
        return sum(each[0] == method for each in self.requests)

    def put(self, name: str, body: Json, state: str) -> Json:
        """Makes a request that nobody asked this server for, as another tool does."""
        with self._lock:
            self._make(name, body)
            self._left[name] = []
            self._enter(name, state)
            return self.resources[name]

    def enter(self, name: str, state: str, **detail: Any) -> None:
        """Moves a request to a state, where it stays."""
        with self._lock:
            self._left[name] = []
            self._enter(name, state)
            self.resources[name]["state"] |= detail

    def answer(self, method: str, target: str, body: Json | None) -> Json:
        split = urlsplit(target)
        path, query = unquote(split.path), dict(parse_qsl(split.query, keep_blank_values=True))
        with self._lock:
            self.requests.append((method, path, query))
            fault = self._fault(method, path)
        if fault and fault.stalled:
            time.sleep(fault.stalled)
        with self._lock:
            if fault and fault.code:
                refused = Refused(fault.code, "", "")
                refused.body = {"error": fault.error} if fault.error else {}
                refused.headers = fault.headers
                raise refused
            known = _method(method, path)
            _check_query(known, query)
            if "request" in known:
                _check(body, SCHEMAS[known["request"]["$ref"]], "queued_resource", known["request"]["$ref"])
            said = self._carry_out(
                known["id"].removeprefix("tpu.projects.locations."), path[len("/v2/") :], query, body
            )
            if fault and fault.dropped:
                raise ConnectionAbortedError
            return said

    def _fault(self, method: str, path: str) -> Fault | None:
        for fault in self.faults:
            if fault.method == method and fault.path in path and fault.times:
                fault.times -= 1
                return fault
        return None

    def _carry_out(self, method: str, path: str, query: dict[str, str], body: Json | None) -> Json:
        match method:
            case "queuedResources.create":
                assert body is not None
                return self._create(path.removesuffix("/queuedResources"), query, body)
            case "queuedResources.get":
                return self._look(path)
            case "queuedResources.delete":
                return self._delete(path, query)
            case "operations.get":
                return self._poll(path)
            case "nodes.get":
                if path in self.nodes:
                    return self.nodes[path]
                raise _not_found(path)
        raise AssertionError(method)

    def _create(self, parent: str, query: dict[str, str], body: Json) -> Json:
        if query.get("requestId") in self._repeated:
            return self._repeated[query["requestId"]].seen()
        name = f"{parent}/queuedResources/{query['queuedResourceId']}"
        if name in self.resources:
            raise Refused(409, "ALREADY_EXISTS", f"Resource '{name}' already exists")
        if body["tpu"]["nodeSpec"][0]["parent"] != parent:
            raise invalid("the parent of a node is not that of its queued resource")
        self._make(name, body)
        self.accepted += 1
        self.bodies.append(body)
        if self.refusal and self.vanishes:
            del self.resources[name]
        operation = self._operation(parent, lambda: self.refusal)
        if "requestId" in query:
            self._repeated[query["requestId"]] = operation
        return operation.seen()

    def _make(self, name: str, body: Json) -> None:
        self.resources[name] = _with_defaults(body, name) | {
            "name": name,
            "createTime": f"2026-11-24T10:00:{len(self._operations) % 60:02}.123456789Z",
        }
        self._left[name] = list(self.script)
        self._enter(name, self._left[name].pop(0))

    def _enter(self, name: str, state: str) -> None:
        resource = self.resources[name]
        resource["state"] = {"state": state, "stateInitiator": "SERVICE"}
        if not self._left[name]:
            resource["state"] |= self.detail
        for index, node in enumerate(_node_names(name, resource)):
            if state == "ACTIVE":
                address = f"10.128.{index}.2"
                self.nodes[node] = {"name": node, "networkEndpoints": [{"ipAddress": address, "port": 8470}]}
            elif state in ("SUSPENDED", "FAILED"):
                self.nodes.pop(node, None)

    def _look(self, name: str) -> Json:
        if name not in self.resources:
            raise _not_found(name)
        seen: Json = json.loads(json.dumps(self.resources[name]))
        if self._left[name]:
            self._enter(name, self._left[name].pop(0))
        return seen

    def _delete(self, name: str, query: dict[str, str]) -> Json:
        if name not in self.resources:
            raise _not_found(name)
        state = self.resources[name]["state"]["state"]
        if state == "DELETING":
            raise Refused(409, "ABORTED", "another operation on the queued resource is in progress")
        if query.get("force") != "true" and state not in DELETABLE:
            raise Refused(
                400,
                "FAILED_PRECONDITION",
                f"DeleteQueuedResource is not supported when state is {state} (must be one of [{' '.join(DELETABLE)}])",
            )
        self.deleted += 1
        self._left[name] = []
        self._enter(name, "DELETING")

        def finish() -> None:
            for node in _node_names(name, self.resources.pop(name)):
                self.nodes.pop(node, None)

        return self._operation(name.partition("/queuedResources/")[0], finish).seen()

    def _operation(self, parent: str, finish: Callable[[], Json | None]) -> Operation:
        name = f"{parent}/operations/operation-{len(self._operations)}"
        self._operations[name] = Operation(name, self.polls, finish)
        return self._operations[name]

    def _poll(self, name: str) -> Json:
        if name not in self._operations:
            raise _not_found(name)
        operation = self._operations[name]
        operation.polls -= 1
        if operation.polls <= 0 and not operation.done:
            operation.done, operation.error = True, operation.finish()
        return operation.seen()

    def finish_operations(self) -> None:
        """Time passes."""
        with self._lock:
            for operation in self._operations.values():
                if not operation.done:
                    operation.done, operation.error = True, operation.finish()


def _handler_of(fake: FakeTpu) -> type[http.server.BaseHTTPRequestHandler]:
    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # an answer goes out at once; in two parts the second waits for an acknowledgement

        def do(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            sent = self.rfile.read(length)
            headers: dict[str, str] = {}
            try:
                code, said = 200, fake.answer(self.command, self.path, json.loads(sent) if sent else None)
            except Refused as refused:
                code, said, headers = refused.code, refused.body, refused.headers
            except ConnectionAbortedError:
                self.connection.shutdown(socket.SHUT_RDWR)
                self.close_connection = True
                return
            content = json.dumps(said).encode()
            self.send_response(code)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_DELETE = do_PATCH = do  # noqa: N815 - the names that http.server calls

        def log_message(self, *_: Any) -> None:
            return

    return Handler


def _not_found(name: str) -> Refused:
    return Refused(404, "NOT_FOUND", f"Resource '{name}' was not found")


def _methods(resources: Json) -> Iterator[Json]:
    for each in resources.values():
        yield from each.get("methods", {}).values()
        yield from _methods(each.get("resources", {}))


def _method(verb: str, path: str) -> Json:
    """The documented method of a request."""
    for method in _methods(DOCUMENT["resources"]):
        pattern = re.sub(r"\\\{[^}]+\\\}", "[^/]+", re.escape(method["flatPath"]))
        if method["httpMethod"] == verb and re.fullmatch(f"/{pattern}", path):
            return method
    raise Refused(404, "NOT_FOUND", f"there is no {verb} {path}")


def _check_query(method: Json, query: dict[str, str]) -> None:
    documented = {
        **DOCUMENT["parameters"],
        **{name: each for name, each in method["parameters"].items() if each["location"] == "query"},
    }
    for name, value in query.items():
        if name not in documented:
            raise invalid(f'Invalid JSON payload received. Unknown name "{name}": Cannot bind query parameter.')
        if documented[name]["type"] == "boolean" and value not in ("true", "false"):
            raise invalid(f"Invalid value at '{name}' (TYPE_BOOL), \"{value}\"")
        if name == "requestId" and not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value):
            raise invalid(f"requestId {value} is not a UUID")


def _check(value: Any, schema: Json, path: str, kind: str) -> None:
    """A value of a body against its schema. Fields that only the API writes are refused, as no program may set them."""
    properties = schema.get("properties", {})
    if not isinstance(value, dict):
        raise invalid(f"Invalid value at '{path}' ({kind})")
    for name, documented in properties.items():
        if documented.get("description", "").startswith("Required.") and name not in value:
            raise invalid(f"{path}.{name} is required")
    for group in EXCLUSIVE.get(kind, ()):
        if len(group & value.keys()) > 1:
            raise invalid(f"Invalid value at '{path}': oneof field is already set")
    for name, item in value.items():
        if name not in properties:
            raise invalid(f"Invalid JSON payload received. Unknown name \"{name}\" at '{path}': Cannot find field.")
        if properties[name].get("readOnly"):
            raise invalid(f"{path}.{name} is output only")
        _check_item(item, properties[name], f"{path}.{name}")


def _check_item(value: Any, schema: Json, path: str) -> None:
    if "$ref" in schema:
        _check(value, SCHEMAS[schema["$ref"]], path, schema["$ref"])
        return
    kinds = {"string": str, "boolean": bool, "integer": int, "array": list, "object": dict}
    wanted = kinds[schema["type"]]
    if not isinstance(value, wanted) or (wanted is int and isinstance(value, bool)):
        raise invalid(f"Invalid value at '{path}' ({schema['type']}), {json.dumps(value)}")
    if "enum" in schema and value not in schema["enum"]:
        raise invalid(f"Invalid value at '{path}' (enum), {json.dumps(value)}")
    if schema.get("format") in FORMATS and not re.fullmatch(FORMATS[schema["format"]], value):
        raise invalid(f"Invalid value at '{path}' ({schema['format']}), {json.dumps(value)}")
    if wanted is list:
        for index, item in enumerate(value):
            _check_item(item, schema["items"], f"{path}[{index}]")
    if wanted is dict:
        for name, item in value.items():
            _check_item(item, schema["additionalProperties"], f"{path}.{name}")


def _rewritten(value: Any, schema: Json) -> Any:
    """A value of a request as protocol buffers write it: times in UTC, durations without a fraction of nothing."""
    if "$ref" in schema:
        members = SCHEMAS[schema["$ref"]]["properties"]
        return {name: _rewritten(item, members[name]) for name, item in value.items()}
    if schema["type"] == "array":
        return [_rewritten(item, schema["items"]) for item in value]
    if schema.get("format") == "google-duration":
        return f"{float(value.removesuffix('s')):g}s"
    if schema.get("format") == "google-datetime":
        return datetime.fromisoformat(value).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value


def _with_defaults(body: Json, name: str) -> Json:
    """A request as it comes back: with the defaults of what it left out, and without what is false."""
    resource: Json = json.loads(json.dumps(_rewritten(body, {"$ref": "QueuedResource"})))
    project, zone = name.split("/")[1], name.split("/")[3]
    for spec in resource["tpu"]["nodeSpec"]:
        node = spec["node"]
        network = node.setdefault("networkConfig", {})
        network["network"] = _path(network.get("network", "default"), f"projects/{project}/global/networks/")
        region = zone.rpartition("-")[0]
        subnetwork = network.get("subnetwork", network["network"].rpartition("/")[2])
        network["subnetwork"] = _path(subnetwork, f"projects/{project}/regions/{region}/subnetworks/")
        if not network.get("enableExternalIps"):
            network.pop("enableExternalIps", None)
        account = node.setdefault("serviceAccount", {})
        account.setdefault("email", "123456789012-compute@developer.gserviceaccount.com")
        account.setdefault("scope", ["https://www.googleapis.com/auth/cloud-platform"])
        if node.get("acceleratorType") in SHAPES:
            node["acceleratorConfig"] = SHAPES[node["acceleratorType"]]
        elif "acceleratorConfig" in node:
            node["acceleratorType"] = next(key for key, each in SHAPES.items() if each == node["acceleratorConfig"])
        node |= {"schedulingConfig": {}, "shieldedInstanceConfig": node.get("shieldedInstanceConfig", {})}
        node |= {"queuedResource": name, "bootDisk": {}, "useTpuVm": True}  # the last two are not documented
    return resource


def _path(value: str, prefix: str) -> str:
    return value if "/" in value else prefix + value


def _node_names(name: str, resource: Json) -> list[str]:
    parent, _, request = name.partition("/queuedResources/")
    spec = resource["tpu"]["nodeSpec"][0]
    several = spec.get("multisliceParams")
    if several:
        prefix = several.get("nodeIdPrefix", request)
        return [f"{parent}/nodes/{prefix}-{index}" for index in range(several["nodeCount"])]
    return [f"{parent}/nodes/{spec['nodeId']}"]
