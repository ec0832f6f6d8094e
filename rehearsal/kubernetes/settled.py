"""What servers and controllers make of an object: fields that nobody gave, and the status that it ends up with.

A simulated cluster has all the machines that it needs: whatever is asked to run is running at once, and whatever is
asked to end well has ended well.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from rehearsal.kubernetes import quantity
from rehearsal.kubernetes.api import Json, Kind

JOB = {
    "backoffLimit": 6,
    "completionMode": "NonIndexed",
    "suspend": False,
    "manualSelector": False,
    "podReplacementPolicy": "TerminatingOrFailed",
}
START_OF_SERVICES, START_OF_BALANCERS, START_OF_NODE_PORTS = "10.96", "203.0.113", 30000


def completed(kind: Kind, value: Json, identity: str) -> Json:
    """With the fields that the server gives a value that depends on others."""
    for spec in _pod_specs(value):
        _complete_pod(spec)
    complete = COMPLETE.get((kind.group, kind.name))
    if complete:
        complete(value, identity)
    return value


def status(kind: Kind, value: Json, now: str) -> Json | None:
    """What the controllers report in the end; None when nobody reports anything."""
    report = STATUS.get((kind.group, kind.name))
    return report(value, now) if report else None


def _pod_specs(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        if isinstance(value.get("containers"), list) and "restartPolicy" in value:
            yield value
        for each in value.values():
            yield from _pod_specs(each)


def _complete_pod(spec: Json) -> None:
    for each in (*spec.get("initContainers", ()), *spec["containers"]):
        tag = each.get("image", "").rpartition("/")[2].partition("@")[0].partition(":")[2]
        pinned = "@" in each.get("image", "") or tag not in ("", "latest")
        each.setdefault("imagePullPolicy", "IfNotPresent" if pinned else "Always")
    if "serviceAccountName" in spec:
        spec.setdefault("serviceAccount", spec["serviceAccountName"])


def _complete_alone(value: Json, _identity: str) -> None:
    """A pod that nothing else makes: the defaults of pods, and what admission adds."""
    spec = value["spec"]
    for each in spec["containers"]:
        amounts = each.get("resources", {})
        if amounts.get("limits"):
            amounts["requests"] = {**amounts["limits"], **amounts.get("requests", {})}
    spec.setdefault("enableServiceLinks", True)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    spec.setdefault("priority", 0)
    spec["serviceAccount"] = spec.setdefault("serviceAccountName", "default")
    mine = {each.get("key") for each in spec.get("tolerations", ())}
    waits = {"operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    added = [{"key": f"node.kubernetes.io/{why}", **waits} for why in ("not-ready", "unreachable")]
    spec["tolerations"] = [*spec.get("tolerations", ()), *(each for each in added if each["key"] not in mine)]


def _complete_rollout(field: str, settings: Json) -> Callable[[Json, str], None]:
    def complete(value: Json, _identity: str) -> None:
        strategy = value["spec"][field]
        if strategy["type"] == "RollingUpdate":
            strategy.setdefault("rollingUpdate", dict(settings))

    return complete


def _complete_stateful_set(value: Json, identity: str) -> None:
    _complete_rollout("updateStrategy", {"partition": 0})(value, identity)
    for each in value["spec"].get("volumeClaimTemplates", ()):
        each |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "status": {"phase": "Pending"}}


def _complete_daemon_set(value: Json, identity: str) -> None:
    _complete_rollout("updateStrategy", {"maxSurge": 0, "maxUnavailable": 1})(value, identity)
    annotations = value["metadata"].setdefault("annotations", {})
    annotations.setdefault("deprecated.daemonset.template.generation", "1")


def _complete_claim(value: Json, _identity: str) -> None:
    value["metadata"].setdefault("finalizers", ["kubernetes.io/pvc-protection"])


def _complete_service(value: Json, identity: str) -> None:
    spec = value["spec"]
    if spec["type"] == "ExternalName":
        return
    number = int(hashlib.sha256(identity.encode()).hexdigest(), 16)
    spec.setdefault("clusterIP", f"{START_OF_SERVICES}.{number % 250 + 1}.{number // 250 % 250 + 1}")
    spec.setdefault("clusterIPs", [spec["clusterIP"]])
    spec.setdefault("ipFamilies", ["IPv4"])
    spec.setdefault("ipFamilyPolicy", "SingleStack")
    spec.setdefault("internalTrafficPolicy", "Cluster")
    outside = spec["type"] in ("NodePort", "LoadBalancer")
    if outside:
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if spec["type"] == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
    for index, port in enumerate(spec.get("ports", ())):
        port.setdefault("targetPort", port["port"])
        if outside:
            port.setdefault("nodePort", START_OF_NODE_PORTS + (number + index) % 2768)


def _complete_secret(value: Json, _identity: str) -> None:
    plain = value.pop("stringData", None) or {}
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in plain.items()}
    if encoded:
        value["data"] = {**value.get("data", {}), **encoded}


def _complete_namespace(value: Json, _identity: str) -> None:
    labels = value["metadata"].setdefault("labels", {})
    labels["kubernetes.io/metadata.name"] = value["metadata"]["name"]
    value.setdefault("spec", {}).setdefault("finalizers", ["kubernetes"])


def _complete_job(value: Json, _identity: str) -> None:
    spec = value["spec"]
    if "completions" not in spec and "parallelism" not in spec:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    for name, usual in JOB.items():
        spec.setdefault(name, usual)


def _complete_binding(value: Json, _identity: str) -> None:
    value["roleRef"].setdefault("apiGroup", "rbac.authorization.k8s.io")
    for each in value.get("subjects", ()):
        if each["kind"] != "ServiceAccount":
            each.setdefault("apiGroup", "rbac.authorization.k8s.io")


def _complete_definition(value: Json, _identity: str) -> None:
    spec = value["spec"]
    names = spec["names"]
    names.setdefault("singular", names["kind"].lower())
    names.setdefault("listKind", f"{names['kind']}List")
    spec.setdefault("conversion", {"strategy": "None"})


def _condition(said: str, now: str, reason: str = "Simulated") -> Json:
    return {"type": said, "status": "True", "reason": reason, "message": "", "lastTransitionTime": now}


def _deployment_status(value: Json, now: str) -> Json:
    number = value["spec"]["replicas"]
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), number)
    conditions = [_condition("Available", now, "MinimumReplicasAvailable")]
    conditions.append(_condition("Progressing", now, "NewReplicaSetAvailable"))
    return {"observedGeneration": value["metadata"]["generation"], **counts, "conditions": conditions}


def _stateful_set_status(value: Json, _now: str) -> Json:
    number = value["spec"]["replicas"]
    counts = dict.fromkeys(
        ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "currentReplicas"), number
    )
    return {"observedGeneration": value["metadata"]["generation"], **counts}


def _daemon_set_status(value: Json, _now: str) -> Json:
    names = ("desiredNumberScheduled", "currentNumberScheduled", "updatedNumberScheduled", "numberReady")
    counts = dict.fromkeys((*names, "numberAvailable"), 1)
    return {"observedGeneration": value["metadata"]["generation"], "numberMisscheduled": 0, **counts}


def _job_status(value: Json, now: str) -> Json:
    if value["spec"].get("suspend"):
        return {"conditions": [_condition("Suspended", now)]}
    number = value["spec"].get("completions", value["spec"]["parallelism"])
    return {"succeeded": number, "startTime": now, "completionTime": now, "conditions": [_condition("Complete", now)]}


def _pod_status(value: Json, now: str) -> Json:
    ends = value["spec"]["restartPolicy"] != "Always"
    conditions = [_condition("PodScheduled", now), _condition("Initialized", now), _condition("Ready", now)]
    return {"phase": "Succeeded" if ends else "Running", "conditions": conditions}


def _service_status(value: Json, _now: str) -> Json:
    if value["spec"]["type"] != "LoadBalancer":
        return {"loadBalancer": {}}
    last = value["spec"]["clusterIP"].rpartition(".")[2]
    return {"loadBalancer": {"ingress": [{"ip": f"{START_OF_BALANCERS}.{last}", "ipMode": "VIP"}]}}


def _ingress_status(_value: Json, _now: str) -> Json:
    return {"loadBalancer": {"ingress": [{"ip": f"{START_OF_BALANCERS}.1"}]}}


def _claim_status(value: Json, _now: str) -> Json:
    asked = value["spec"]["resources"]["requests"]["storage"]
    capacity = {"storage": quantity.canonical(asked)}
    return {"phase": "Bound", "accessModes": value["spec"]["accessModes"], "capacity": capacity}


def _definition_status(value: Json, now: str) -> Json:
    stored = [each["name"] for each in value["spec"]["versions"] if each["storage"]]
    conditions = [
        _condition("NamesAccepted", now, "NoConflicts"),
        _condition("Established", now, "InitialNamesAccepted"),
    ]
    return {"acceptedNames": value["spec"]["names"], "storedVersions": stored, "conditions": conditions}


COMPLETE: dict[tuple[str, str], Callable[[Json, str], None]] = {
    ("", "Namespace"): _complete_namespace,
    ("", "PersistentVolumeClaim"): _complete_claim,
    ("", "Pod"): _complete_alone,
    ("", "Secret"): _complete_secret,
    ("", "Service"): _complete_service,
    ("apps", "Deployment"): _complete_rollout("strategy", {"maxSurge": "25%", "maxUnavailable": "25%"}),
    ("apps", "DaemonSet"): _complete_daemon_set,
    ("apps", "StatefulSet"): _complete_stateful_set,
    ("batch", "Job"): _complete_job,
    ("rbac.authorization.k8s.io", "RoleBinding"): _complete_binding,
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): _complete_binding,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _complete_definition,
}
STATUS: dict[tuple[str, str], Callable[[Json, str], Json]] = {
    ("", "Namespace"): lambda _value, _now: {"phase": "Active"},
    ("", "PersistentVolume"): lambda _value, _now: {"phase": "Available"},
    ("", "PersistentVolumeClaim"): _claim_status,
    ("", "Pod"): _pod_status,
    ("", "Service"): _service_status,
    ("", "ResourceQuota"): lambda value, _now: {"hard": value["spec"].get("hard", {}), "used": {}},
    ("apps", "DaemonSet"): _daemon_set_status,
    ("apps", "Deployment"): _deployment_status,
    ("apps", "StatefulSet"): _stateful_set_status,
    ("batch", "Job"): _job_status,
    ("networking.k8s.io", "Ingress"): _ingress_status,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition_status,
}
