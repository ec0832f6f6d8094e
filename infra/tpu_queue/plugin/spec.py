"""Between a resource's inputs and the API's ``QueuedResource``, and when two sets of inputs ask for the same.

The API fills in what a request leaves out, so an imported resource says more than the program that made it. The
comparison here knows those defaults.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from dataclasses import MISSING, fields
from datetime import UTC, datetime
from typing import Any

from infra.plugin.handler import Later, ProviderError, State, differences
from infra.tpu_queue.resource import QueuedResourceArgs

Json = dict[str, Any]

MARK = "aidc-request"
"""Label on the nodes: which resource of which stack made the request, and from what specification."""

INPUTS = tuple(field.name for field in fields(QueuedResourceArgs))
DEFAULTS: State = {
    field.name: field.default for field in fields(QueuedResourceArgs) if field.default not in (None, MISSING)
}
LOCAL = ("wait_for", "force_delete")
"""Inputs that the API knows nothing of."""

NAME = re.compile(r"projects/([^/]+)/locations/([^/]+)/queuedResources/([^/]+)")
ALL_OF_GOOGLE_CLOUD = ["https://www.googleapis.com/auth/cloud-platform"]
DEFAULT_ACCOUNT = re.compile(r"\d+-compute@developer\.gserviceaccount\.com")
QUEUEING = {
    "valid_until_duration": "validUntilDuration",
    "valid_until_time": "validUntilTime",
    "valid_after_duration": "validAfterDuration",
    "valid_after_time": "validAfterTime",
}


def parent(inputs: State) -> str:
    return f"projects/{inputs['project']}/locations/{inputs['zone']}"


def name(inputs: State) -> str:
    """The full resource name, which is also the id."""
    return f"{parent(inputs)}/queuedResources/{inputs['queued_resource_id']}"


def body(inputs: State, urn: str) -> Json:
    """The request, marked as made by the resource ``urn``."""
    request = _body(inputs)
    node = request["tpu"]["nodeSpec"][0]["node"]
    node["labels"] = {**node.get("labels", {}), MARK: f"{_owner(urn)}-{_digest(json.dumps(request, sort_keys=True))}"}
    return request


def mark(resource: Json) -> str:
    """The mark of a request of the API; empty when this plugin did not make it."""
    labels = _node_specs(resource)[0].get("node", {}).get("labels", {})
    return str(labels.get(MARK, ""))


def made_by(urn: str, resource: Json) -> bool:
    """Whether the resource ``urn`` made the request, from whatever specification."""
    return mark(resource).startswith(f"{_owner(urn)}-")


def _owner(urn: str) -> str:
    return _digest(urn)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _body(inputs: State) -> Json:
    node: Json = {
        "acceleratorType": inputs.get("accelerator_type"),
        "acceleratorConfig": inputs.get("accelerator_config"),
        "runtimeVersion": inputs["runtime_version"],
        "description": inputs.get("description"),
        "networkConfig": _given(
            {
                "network": inputs.get("network"),
                "subnetwork": inputs.get("subnetwork"),
                "enableExternalIps": inputs["enable_external_ips"],
            }
        ),
        "labels": inputs.get("labels"),
        "tags": inputs.get("tags"),
        "metadata": inputs.get("metadata"),
    }
    account = inputs.get("service_account")
    if account:
        node["serviceAccount"] = _given({"email": account.get("email"), "scope": account.get("scopes")})
    if inputs["secure_boot"]:
        node["shieldedInstanceConfig"] = {"enableSecureBoot": True}
    if inputs.get("data_disks"):
        node["dataDisks"] = [{"sourceDisk": each["source_disk"], "mode": each["mode"]} for each in inputs["data_disks"]]
    spec: Json = {"parent": parent(inputs), "node": _given(node)}
    several = inputs.get("multislice")
    if several:
        spec["multisliceParams"] = _given(
            {"nodeCount": several["node_count"], "nodeIdPrefix": several.get("node_id_prefix")}
        )
    else:
        spec["nodeId"] = inputs.get("node_id", inputs["queued_resource_id"])
    request: Json = {"tpu": {"nodeSpec": [spec]}}
    match inputs["capacity"]:
        case "spot":
            request["spot"] = {}
        case "guaranteed":
            request["guaranteed"] = _given({"minDuration": inputs.get("min_duration")})
        case "reservation":
            request["reservationName"] = inputs["reservation"]
    if inputs.get("queueing"):
        request["queueingPolicy"] = _queueing(inputs["queueing"])
    return request


def _queueing(queueing: State) -> Json:
    policy = {there: queueing.get(here) for here, there in QUEUEING.items()}
    interval = queueing.get("valid_interval")
    if interval:
        policy["validInterval"] = {"startTime": interval["start_time"], "endTime": interval["end_time"]}
    return _given(policy)


def inputs_of(resource: Json, identity: str) -> State:
    """The inputs from which a request of the API could have been made. Raises ProviderError when there are none."""
    specs = _node_specs(resource)
    if len(specs) != 1:
        raise ProviderError(f"{identity} asks for {len(specs)} kinds of nodes; a resource of this type has one")
    project, zone, queued_resource_id = place(identity)
    spec = specs[0]
    node = spec.get("node", {})
    network, account = node.get("networkConfig", {}), node.get("serviceAccount", {})
    several, guaranteed = spec.get("multisliceParams"), resource.get("guaranteed")
    tier = "spot" if "spot" in resource else "guaranteed" if guaranteed is not None else "on-demand"
    inputs = {
        **DEFAULTS,
        "project": project,
        "zone": zone,
        "queued_resource_id": queued_resource_id,
        "runtime_version": node.get("runtimeVersion"),
        "accelerator_type": node.get("acceleratorType"),
        "accelerator_config": None if node.get("acceleratorType") else node.get("acceleratorConfig"),
        "node_id": None if several else spec.get("nodeId"),
        "multislice": several
        and _given({"node_count": several.get("nodeCount"), "node_id_prefix": several.get("nodeIdPrefix")}),
        "network": network.get("network"),
        "subnetwork": network.get("subnetwork"),
        "enable_external_ips": network.get("enableExternalIps", False),
        "service_account": _given({"email": account.get("email"), "scopes": account.get("scope")}),
        "labels": {key: value for key, value in node.get("labels", {}).items() if key != MARK},
        "tags": node.get("tags"),
        "metadata": node.get("metadata"),
        "description": node.get("description"),
        "secure_boot": node.get("shieldedInstanceConfig", {}).get("enableSecureBoot", False),
        "data_disks": [_disk(each) for each in node.get("dataDisks", [])],
        "capacity": "reservation" if resource.get("reservationName") else tier,
        "min_duration": guaranteed and guaranteed.get("minDuration"),
        "reservation": resource.get("reservationName"),
        "queueing": _queueing_of(resource.get("queueingPolicy", {})),
    }
    return {key: value for key, value in inputs.items() if value not in (None, "", {}, [])}


def place(identity: str) -> tuple[str, str, str]:
    """Project, zone and id of a full resource name. Raises ProviderError for what is none."""
    found = NAME.fullmatch(identity)
    if not found:
        raise ProviderError(
            f"{identity!r} is no queued resource; use projects/PROJECT/locations/ZONE/queuedResources/ID"
        )
    return found[1], found[2], found[3]


def outputs_of(resource: Json, inputs: State) -> State:
    """What the API says of a request, without what only its nodes know."""
    node = _node_specs(resource)[0].get("node", {})
    return {
        "name": name(inputs),
        "create_time": resource.get("createTime", ""),
        "state": state_of(resource),
        "state_detail": _detail(resource.get("state", {})),
        "nodes": [f"{parent(inputs)}/nodes/{each}" for each in _node_ids(inputs)],
        "endpoints": {},
        "accelerator": _given(
            {"accelerator_type": node.get("acceleratorType"), "accelerator_config": node.get("acceleratorConfig")}
        ),
    }


def state_of(resource: Json) -> str:
    return str(resource.get("state", {}).get("state", "STATE_UNSPECIFIED"))


def _detail(state: Json) -> str:
    """Why a request is in its state, as far as the API says; who brought it about matters where nodes are lost."""
    initiator = {"USER": "the user", "SERVICE": "the TPU service"}.get(state.get("stateInitiator", ""))
    error = state.get("failedData", {}).get("error", {})
    lost = initiator and state.get("state") in ("SUSPENDING", "SUSPENDED", "DELETING")
    return "; ".join(filter(None, [str(error.get("message", "")), f"brought about by {initiator}" if lost else ""]))


def same_difference(old: State, new: State) -> Iterator[str]:
    """Paths at which a request in the state ``old`` is not what the inputs ``new`` ask for."""
    before, after = _canonical(old), _canonical(new)
    for key in ("accelerator_type", "accelerator_config"):
        if key in after and after[key] == old.get("accelerator", {}).get(key):  # one slice has both names
            for each in (before, after):
                each.pop("accelerator_type", None)
                each.pop("accelerator_config", None)
    yield from differences(before, after)


def _canonical(state: State) -> State:
    """Inputs without what is as the API would have it anyway, and in one way of writing."""
    inputs = {key: state[key] for key in INPUTS if key in state}
    project, zone, request = (inputs.get(key) for key in ("project", "zone", "queued_resource_id"))
    network = _path(inputs.get("network", "default"), f"projects/{project}/global/networks/")
    region = str(zone).rpartition("-")[0]
    subnetwork = _path(inputs.get("subnetwork"), f"projects/{project}/regions/{region}/subnetworks/")
    account = inputs.get("service_account", {})
    several = inputs.get("multislice")
    changed = {
        "network": network,
        # in a network of automatic mode the subnetwork has the network's name
        "subnetwork": None if _last(subnetwork) == _last(network) else subnetwork,
        "service_account": account
        if account is Later.VALUE
        else _given({"email": _email(account.get("email")), "scopes": _scopes(account.get("scopes"))}),
        "node_id": None if inputs.get("node_id") == request else inputs.get("node_id"),
        "multislice": {key: value for key, value in several.items() if value != request}
        if isinstance(several, dict)
        else several,
        "min_duration": _seconds(inputs.get("min_duration")),
        "queueing": _written_once(inputs.get("queueing")),
    }
    return {key: value for key, value in (inputs | changed).items() if value not in (None, "", {}, [])}


def _path(value: Any, prefix: str) -> Any:
    """A name or a URL of a resource of Compute Engine as its path."""
    if not isinstance(value, str):
        return value
    return value.partition("/compute/v1/")[2] or (value if "/" in value else prefix + value)


def _last(path: Any) -> Any:
    return path.rpartition("/")[2] if isinstance(path, str) else path


def _email(email: Any) -> Any:
    return None if isinstance(email, str) and DEFAULT_ACCOUNT.fullmatch(email) else email


def _scopes(scopes: Any) -> Any:
    return None if scopes in ([], ALL_OF_GOOGLE_CLOUD) else scopes


def _seconds(duration: Any) -> Any:
    return float(duration.removesuffix("s")) if isinstance(duration, str) else duration


def _moment(time: Any) -> Any:
    return datetime.fromisoformat(time).astimezone(UTC).isoformat() if isinstance(time, str) else time


def _written_once(queueing: Any) -> Any:
    if not isinstance(queueing, dict):
        return queueing
    return {
        key: _seconds(value)
        if key.endswith("duration")
        else {end: _moment(each) for end, each in value.items()}
        if isinstance(value, dict)
        else _moment(value)
        for key, value in queueing.items()
    }


def _queueing_of(policy: Json) -> State:
    queueing = {here: policy.get(there) for here, there in QUEUEING.items()}
    interval = policy.get("validInterval")
    if interval:
        queueing["valid_interval"] = _given(
            {"start_time": interval.get("startTime"), "end_time": interval.get("endTime")}
        )
    return _given(queueing)


def _disk(disk: Json) -> State:
    return {"source_disk": disk.get("sourceDisk"), "mode": disk.get("mode", "READ_WRITE")}


def _node_ids(inputs: State) -> list[str]:
    request = inputs["queued_resource_id"]
    several = inputs.get("multislice")
    if several:
        return [f"{several.get('node_id_prefix', request)}-{index}" for index in range(several["node_count"])]
    return [str(inputs.get("node_id", request))]


def _node_specs(resource: Json) -> list[Json]:
    return resource.get("tpu", {}).get("nodeSpec") or [{}]


def _given(values: State) -> State:
    return {key: value for key, value in values.items() if value is not None and value != {} and value != []}
