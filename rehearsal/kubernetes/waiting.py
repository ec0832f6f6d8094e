"""When an object is ready, as the vendor's provider sees it (its package ``await``).

``pulumi.com/skipAwait: "true"`` waits for nothing, ``pulumi.com/timeoutSeconds`` says how long, and
``pulumi.com/waitFor`` says for what: ``condition=Ready``, ``jsonpath={.status.phase}=Running``, or a JSON list of them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from rehearsal.kubernetes.api import ApiServer, Json, Kind

SECONDS = 600.0
POLL_SECONDS = 0.5
SLICES = Kind("discovery.k8s.io/v1", "EndpointSlice", "endpointslices", True)
CLASSES = Kind("storage.k8s.io/v1", "StorageClass", "storageclasses", False)


def annotation(value: Json, name: str) -> str:
    """``pulumi.com/NAME`` of an object; "" when it has none."""
    return str((value.get("metadata", {}).get("annotations") or {}).get(f"pulumi.com/{name}", ""))


def seconds(value: Json, asked: float) -> float:
    """How long to wait at most. ``asked``: by the resource's options, 0 when they do not say."""
    return asked or float(annotation(value, "timeoutSeconds") or SECONDS)


def missing(kind: Kind, value: Json, server: ApiServer) -> str:
    """What an object still waits for; "" when it is ready."""
    if annotation(value, "skipAwait") == "true":
        return ""
    if said := annotation(value, "waitFor"):
        wanted = json.loads(said) if said.startswith("[") else [said]
        return next((f"waits for {each}" for each in wanted if not _holds(each, value)), "")
    ready = READY.get((kind.group, kind.name))
    return ready(value, server) if ready else ""


def _holds(wanted: str, value: Json) -> bool:
    kind, _, rest = wanted.partition("=")
    if kind == "condition":
        name, _, status = rest.partition("=")
        return _condition(value, name) == (status or "True")
    path, has_value, expected = rest.partition("}=")
    found: Any = value
    for name in re.findall(r"[\w-]+", path):
        found = found.get(name) if isinstance(found, dict) else None
    return str(found) == expected if has_value else found is not None


def _condition(value: Json, name: str) -> str:
    for each in value.get("status", {}).get("conditions") or ():
        if each["type"] == name:
            return str(each["status"])
    return ""


def _told(value: Json, name: str) -> str:
    said = [each.get("message", "") for each in value.get("status", {}).get("conditions") or () if each["type"] == name]
    return f": {said[0]}" if said and said[0] else ""


def _seen(value: Json) -> bool:
    return bool(value.get("status", {}).get("observedGeneration", 0) >= value["metadata"].get("generation", 1))


def _deployment(value: Json, _server: ApiServer) -> str:
    status, wanted = value.get("status", {}), value["spec"].get("replicas", 1)
    there = min(status.get("updatedReplicas", 0), status.get("availableReplicas", 0))
    if _seen(value) and there >= wanted and (_condition(value, "Available") == "True" or not wanted):
        return ""
    return f"{there} of {wanted} replicas are up to date and available{_told(value, 'Progressing')}"


def _stateful_set(value: Json, _server: ApiServer) -> str:
    status, wanted = value.get("status", {}), value["spec"].get("replicas", 1)
    there = status.get("readyReplicas", 0)
    same = status.get("updateRevision") == status.get("currentRevision")
    return "" if _seen(value) and there >= wanted and same else f"{there} of {wanted} pods are ready"


def _daemon_set(value: Json, _server: ApiServer) -> str:
    status = value.get("status", {})
    wanted, there = status.get("desiredNumberScheduled", 0), status.get("numberReady", 0)
    current = status.get("updatedNumberScheduled", 0) >= wanted
    return "" if _seen(value) and current and there >= wanted else f"{there} of {wanted} nodes run it"


def _job(value: Json, _server: ApiServer) -> str:
    if "True" in (_condition(value, "Complete"), _condition(value, "Suspended")):
        return ""
    if _condition(value, "Failed") == "True":
        return f"it failed{_told(value, 'Failed')}"
    return f"{value.get('status', {}).get('succeeded', 0)} pods of it have succeeded"


def _pod(value: Json, _server: ApiServer) -> str:
    phase = value.get("status", {}).get("phase", "Pending")
    ready = phase == "Succeeded" or _condition(value, "Ready") == "True"
    return "" if ready else f"it is {phase}{_told(value, 'PodScheduled') or _told(value, 'Ready')}"


def _service(value: Json, server: ApiServer) -> str:
    spec, name = value["spec"], value["metadata"]["name"]
    if spec.get("type") == "LoadBalancer" and not value.get("status", {}).get("loadBalancer", {}).get("ingress"):
        return "it has no address of a load balancer yet"
    if not spec.get("selector") or spec.get("type") == "ExternalName" or spec.get("clusterIP") == "None":
        return ""
    slices = server.all(SLICES, value["metadata"]["namespace"])
    mine = (each for each in slices if each["metadata"].get("labels", {}).get("kubernetes.io/service-name") == name)
    return "" if any(each.get("endpoints") for each in mine) else "it does not target any pods"


def _ingress(value: Json, _server: ApiServer) -> str:
    there = value.get("status", {}).get("loadBalancer", {}).get("ingress")
    return "" if there else "it has no address yet"


def _claim(value: Json, server: ApiServer) -> str:
    phase = value.get("status", {}).get("phase", "Pending")
    named = value["spec"].get("storageClassName")
    its_class = server.get(CLASSES, "", named) if named else None
    later = bool(its_class) and (its_class or {}).get("volumeBindingMode") == "WaitForFirstConsumer"
    return "" if phase == "Bound" or later else f"it is {phase}"


def _volume(value: Json, _server: ApiServer) -> str:
    phase = value.get("status", {}).get("phase", "Pending")
    return "" if phase in ("Available", "Bound") else f"it is {phase}"


def _definition(value: Json, server: ApiServer) -> str:
    """Also until it is in the document, as objects of it are checked against that."""
    for name in ("NamesAccepted", "Established"):
        if _condition(value, name) != "True":
            return f"it is not {name}{_told(value, name)}"
    spec = value["spec"]
    served = next(each["name"] for each in spec["versions"] if each["served"])
    document = server.document(f"{spec['group']}/{served}")
    known = document is not None and any(path.endswith(f"/{spec['names']['plural']}") for path in document["paths"])
    return "" if known else "its schema is not published yet"


Ready = Callable[[Json, ApiServer], str]
READY: dict[tuple[str, str], Ready] = {
    ("", "PersistentVolume"): _volume,
    ("", "PersistentVolumeClaim"): _claim,
    ("", "Pod"): _pod,
    ("", "Service"): _service,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("batch", "Job"): _job,
    ("networking.k8s.io", "Ingress"): _ingress,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
}
