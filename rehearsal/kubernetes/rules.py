"""What the API server refuses although the OpenAPI document allows it, by kind.

Source: pkg/apis/*/validation of the pinned Kubernetes. These are the rules that a person runs into; the tests hold them
against a real API server, in both directions.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterator
from typing import Any

from rehearsal.kubernetes import names, quantity
from rehearsal.kubernetes.api import Cause, Json, Kind
from rehearsal.values import Later

Rule = Callable[[Json], Iterator[Cause]]
PROBES = ("livenessProbe", "readinessProbe", "startupProbe")
HANDLERS = ("exec", "grpc", "httpGet", "tcpSocket")
NODE_PORTS = range(30000, 32768)
CRON = re.compile(r"@(yearly|annually|monthly|weekly|daily|midnight|hourly|every \S+)|(\S+\s+){4}\S+")
CRON_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))


def faults(kind: Kind, value: Json) -> Iterator[Cause]:
    """All that is wrong with an object that agrees with its schema."""
    yield from names.metadata_faults(kind.name, value)
    rule = RULES.get((kind.group, kind.name))
    if rule:
        yield from rule(value)


# -- pods


def _pod(path: str, spec: Json, *, restart: tuple[str, ...] = ("Always", "OnFailure", "Never")) -> Iterator[Cause]:
    containers = _at(spec, "containers") or []
    if not containers:
        yield Cause(f"{path}.containers", "Required value: a pod has at least one container")
    policy = spec.get("restartPolicy", "Always")
    if policy is not Later.VALUE and policy not in restart:
        yield Cause(f"{path}.restartPolicy", f"Unsupported value: {policy!r}: supported values: {', '.join(restart)}")
    volumes = _volume_names(spec)
    yield from _volumes(f"{path}.volumes", spec.get("volumes") or [])
    seen: set[Any] = set()
    for field in ("initContainers", "containers"):
        for index, each in enumerate(_at(spec, field) or []):
            where = f"{path}.{field}[{index}]"
            yield from _unique(f"{where}.name", each.get("name"), seen)
            yield from _container(where, each, volumes)
    yield from names.label_faults(f"{path}.nodeSelector", spec.get("nodeSelector"))
    yield from names.faults(f"{path}.serviceAccountName", spec.get("serviceAccountName"), names.SUBDOMAIN)
    yield from names.faults(f"{path}.priorityClassName", spec.get("priorityClassName"), names.SUBDOMAIN)
    yield from _at_least(path, spec, 1, "activeDeadlineSeconds")
    for index, each in enumerate(spec.get("tolerations") or []):
        yield from _toleration(f"{path}.tolerations[{index}]", each)
    for index, each in enumerate(spec.get("topologySpreadConstraints") or []):
        yield from _at_least(f"{path}.topologySpreadConstraints[{index}]", each, 1, "maxSkew")
    node = _at(spec, "affinity", "nodeAffinity") or {}
    for index, each in enumerate(node.get("preferredDuringSchedulingIgnoredDuringExecution") or []):
        where = f"{path}.affinity.nodeAffinity.preferredDuringSchedulingIgnoredDuringExecution[{index}].weight"
        yield from _within(where, each.get("weight"), 1, 100)


def _container(path: str, value: Json, volumes: set[Any]) -> Iterator[Cause]:
    yield from names.faults(f"{path}.name", value.get("name"), names.LABEL)
    if not value.get("image"):
        yield Cause(f"{path}.image", "Required value")
    yield from _container_ports(f"{path}.ports", value.get("ports") or [])
    mounted: set[Any] = set()
    for index, each in enumerate(value.get("volumeMounts") or []):
        where = f"{path}.volumeMounts[{index}]"
        if each.get("name") not in volumes and Later.VALUE not in (each.get("name"), *volumes):
            listed = ", ".join(sorted(map(str, volumes))) or "none"
            yield Cause(f"{where}.name", f"Not found: {each.get('name')!r}; volumes of the pod: {listed}")
        yield from _unique(f"{where}.mountPath", each.get("mountPath"), mounted)
    for index, each in enumerate(value.get("env") or []):
        yield from _variable(f"{path}.env[{index}]", each)
    yield from _resources(f"{path}.resources", value.get("resources") or {})
    for probe in PROBES:
        yield from _probe(f"{path}.{probe}", value.get(probe), probe)
    security = value.get("securityContext") or {}
    yield from _at_least(f"{path}.securityContext", security, 0, "runAsUser", "runAsGroup")
    if security.get("privileged") is True and security.get("allowPrivilegeEscalation") is False:
        yield Cause(
            f"{path}.securityContext", "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        )


def _container_ports(path: str, ports: list[Json]) -> Iterator[Cause]:
    seen: set[Any] = set()
    for index, each in enumerate(ports):
        yield from _within(f"{path}[{index}].containerPort", each.get("containerPort"), 1, 65535)
        if each.get("name"):
            yield from names.faults(f"{path}[{index}].name", each["name"], names.PORT)
            yield from _unique(f"{path}[{index}].name", each["name"], seen)


def _variable(path: str, value: Json) -> Iterator[Cause]:
    name = value.get("name")
    if isinstance(name, str) and (not name or "=" in name or not name.isprintable()):
        yield Cause(f"{path}.name", f"Invalid value: {name!r}: must be printable and without '='")
    source = value.get("valueFrom")
    if not isinstance(source, dict):
        return
    if value.get("value"):
        yield Cause(f"{path}.valueFrom", "Invalid value: may not be specified when `value` is not empty")
    if len(source) != 1:
        yield Cause(f"{path}.valueFrom", "Invalid value: must have exactly one source")


def _resources(path: str, value: Json) -> Iterator[Cause]:
    limits, requests = value.get("limits") or {}, value.get("requests") or {}
    for field, amounts in (("limits", limits), ("requests", requests)):
        for name, each in amounts.items():
            if not quantity.is_one(each):
                continue
            if (
                "/" not in name
                and name not in ("cpu", "memory", "ephemeral-storage")
                and not name.startswith("hugepages-")
            ):
                yield Cause(
                    f"{path}.{field}[{name}]", f"Invalid value: {name!r}: must be a standard resource type or qualified"
                )
            if quantity.amount(each) < 0:
                yield Cause(f"{path}.{field}[{name}]", f"Invalid value: {each!r}: must be greater than or equal to 0")
            if "/" in name and quantity.amount(each) % 1:
                yield Cause(f"{path}.{field}[{name}]", f"Invalid value: {each!r}: must be an integer")
    for name, each in requests.items():
        limit = limits.get(name)
        known = quantity.is_one(each) and quantity.is_one(limit)
        if known and quantity.amount(each) > quantity.amount(limit):
            yield Cause(f"{path}.requests[{name}]", f"Invalid value: {each!r}: must be at most its limit of {limit}")
        elif "/" in name and known and quantity.amount(each) != quantity.amount(limit):
            yield Cause(f"{path}.requests[{name}]", f"Invalid value: {each!r}: must equal its limit of {limit}")
        elif "/" in name and limit is None:
            yield Cause(f"{path}.limits", f"Required value: limit must be set for non overcommitable resources: {name}")


def _probe(path: str, value: Any, probe: str) -> Iterator[Cause]:
    if not isinstance(value, dict):
        return
    handlers = [name for name in HANDLERS if value.get(name) is not None]
    if len(handlers) != 1:
        said = "Required value: must specify a handler type" if not handlers else "Forbidden: has more than one handler"
        yield Cause(path, f"{said}: one of {', '.join(HANDLERS)}")
    yield from _at_least(path, value, 0, "initialDelaySeconds")
    yield from _at_least(path, value, 1, "periodSeconds", "timeoutSeconds", "failureThreshold", "successThreshold")
    if probe != "readinessProbe" and value.get("successThreshold", 1) not in (1, Later.VALUE):
        yield Cause(f"{path}.successThreshold", f"Invalid value: {value['successThreshold']}: must be 1")
    for handler in ("httpGet", "tcpSocket"):
        port = _at(value, handler, "port")
        if isinstance(port, int):
            yield from _within(f"{path}.{handler}.port", port, 1, 65535)
        elif port is not None:
            yield from names.faults(f"{path}.{handler}.port", port, names.PORT)


def _volumes(path: str, volumes: list[Json]) -> Iterator[Cause]:
    seen: set[Any] = set()
    for index, each in enumerate(volumes):
        where = f"{path}[{index}]"
        yield from names.faults(f"{where}.name", each.get("name"), names.LABEL)
        yield from _unique(f"{where}.name", each.get("name"), seen)
        sources = sorted(name for name, value in each.items() if name != "name" and value is not None)
        if len(sources) > 1:
            yield Cause(
                where, f"Forbidden: may not specify more than 1 volume type, and these are {', '.join(sources)}"
            )


def _volume_names(spec: Json) -> set[Any]:
    return {each.get("name") for each in spec.get("volumes") or []}


def _toleration(path: str, value: Json) -> Iterator[Cause]:
    if not value.get("key") and value.get("operator") != "Exists":
        yield Cause(f"{path}.operator", "Invalid value: must be Exists when `key` is empty, which matches all keys")
    if value.get("operator") == "Exists" and value.get("value"):
        yield Cause(f"{path}.operator", "Invalid value: value must be empty when `operator` is 'Exists'")
    if value.get("tolerationSeconds") is not None and value.get("effect") != "NoExecute":
        yield Cause(f"{path}.effect", "Invalid value: effect must be 'NoExecute' when `tolerationSeconds` is set")


# -- what makes pods


def _template(value: Json, *, restart: tuple[str, ...] = ("Always",), selector: bool = True) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    template = spec.get("template") or {}
    labels = _at(template, "metadata", "labels") or {}
    yield from names.label_faults("spec.template.metadata.labels", labels)
    if selector:
        yield from _selects(spec.get("selector"), labels)
    yield from _pod("spec.template.spec", template.get("spec") or {}, restart=restart)


def _selects(selector: Any, labels: Any) -> Iterator[Cause]:
    if not isinstance(selector, dict) or not isinstance(labels, dict):
        return
    wanted = selector.get("matchLabels") or {}
    if not wanted and not selector.get("matchExpressions"):
        yield Cause("spec.selector", "Invalid value: {}: empty selector is invalid")
    if not isinstance(wanted, dict):
        return
    for key, value in wanted.items():
        if Later.VALUE not in (value, labels.get(key)) and labels.get(key) != value:
            yield Cause(
                "spec.template.metadata.labels",
                f"Invalid value: `selector` does not match template `labels`: {key}={value}",
            )


def _deployment(value: Json) -> Iterator[Cause]:
    yield from _template(value)
    spec = value.get("spec") or {}
    yield from _at_least(
        "spec", spec, 0, "replicas", "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds"
    )
    strategy = spec.get("strategy") or {}
    rolling = strategy.get("rollingUpdate")
    if strategy.get("type") == "Recreate" and rolling is not None:
        yield Cause("spec.strategy.rollingUpdate", "Forbidden: may not be specified when strategy `type` is 'Recreate'")
    if isinstance(rolling, dict):
        if {rolling.get("maxSurge"), rolling.get("maxUnavailable")} <= {0, "0%", "0"}:
            yield Cause(
                "spec.strategy.rollingUpdate.maxUnavailable", "Invalid value: 0: may not be 0 when `maxSurge` is 0"
            )
        for name in ("maxSurge", "maxUnavailable"):
            yield from _percentage(f"spec.strategy.rollingUpdate.{name}", rolling.get(name))
    deadline, least = spec.get("progressDeadlineSeconds", 600), spec.get("minReadySeconds", 0)
    if isinstance(deadline, int) and isinstance(least, int) and deadline <= least:
        yield Cause("spec.progressDeadlineSeconds", f"Invalid value: {deadline}: must be greater than minReadySeconds")


def _stateful_set(value: Json) -> Iterator[Cause]:
    yield from _template(value)
    yield from _at_least("spec", value.get("spec") or {}, 0, "replicas", "minReadySeconds", "revisionHistoryLimit")


def _job_spec(path: str, spec: Json) -> Iterator[Cause]:
    fields = ("parallelism", "completions", "backoffLimit", "activeDeadlineSeconds", "ttlSecondsAfterFinished")
    yield from _at_least(path, spec, 0, *fields)
    if spec.get("completionMode") == "Indexed" and spec.get("completions") is None:
        yield Cause(f"{path}.completions", "Required value: when completion mode is Indexed")
    template = spec.get("template") or {}
    policy = _at(template, "spec", "restartPolicy")
    if policy is None:
        yield Cause(f"{path}.template.spec.restartPolicy", "Required value: valid values: OnFailure, Never")
    yield from names.label_faults(f"{path}.template.metadata.labels", _at(template, "metadata", "labels"))
    inside = {**(template.get("spec") or {}), "restartPolicy": policy or "Never"}
    yield from _pod(f"{path}.template.spec", inside, restart=("OnFailure", "Never"))
    if spec.get("selector") and not spec.get("manualSelector"):
        yield Cause(f"{path}.selector", "Invalid value: `selector` not auto-generated; leave it out")


def _cron_job(value: Json) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    name, schedule = _at(value, "metadata", "name"), spec.get("schedule")
    if isinstance(name, str) and len(name) > 52:
        yield Cause("metadata.name", f"Invalid value: {name!r}: must be no more than 52 characters")
    if isinstance(schedule, str) and not _is_schedule(schedule):
        yield Cause("spec.schedule", f"Invalid value: {schedule!r}: must be five fields, such as '0 3 * * *'")
    fields = ("successfulJobsHistoryLimit", "failedJobsHistoryLimit", "startingDeadlineSeconds")
    yield from _at_least("spec", spec, 0, *fields)
    yield from _job_spec("spec.jobTemplate.spec", _at(spec, "jobTemplate", "spec") or {})


def _is_schedule(schedule: str) -> bool:
    if not CRON.fullmatch(schedule):
        return False
    if schedule.startswith("@"):
        return True
    numbers = (re.findall(r"(?<![/\w])\d+", field) for field in schedule.split())
    limits = zip(numbers, CRON_RANGES, strict=True)
    return all(least <= int(each) <= most for found, (least, most) in limits for each in found)


# -- the network


def _service(value: Json) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    said, ports, address = spec.get("type", "ClusterIP"), spec.get("ports") or [], spec.get("clusterIP")
    if said == "ExternalName" and not spec.get("externalName"):
        yield Cause("spec.externalName", "Required value: of a Service of type ExternalName")
    if said != "ExternalName" and not ports and address != "None":
        yield Cause("spec.ports", "Required value")
    if isinstance(address, str) and address not in ("", "None") and not _is_address(address):
        yield Cause("spec.clusterIP", f"Invalid value: {address!r}: must be empty, 'None', or a valid IP address")
    if address == "None" and said in ("NodePort", "LoadBalancer"):
        yield Cause("spec.clusterIP", f"Invalid value: 'None': may not be set to 'None' for {said} services")
    yield from names.label_faults("spec.selector", spec.get("selector"))
    seen: set[Any] = set()
    for index, each in enumerate(ports):
        path = f"spec.ports[{index}]"
        if len(ports) > 1 and not each.get("name"):
            yield Cause(f"{path}.name", "Required value: each of several ports has a name")
        if each.get("name"):
            yield from names.faults(f"{path}.name", each["name"], names.LABEL)
            yield from _unique(f"{path}.name", each["name"], seen)
        yield from _within(f"{path}.port", each.get("port"), 1, 65535)
        target, node = each.get("targetPort"), each.get("nodePort")
        if isinstance(target, int):
            yield from _within(f"{path}.targetPort", target, 1, 65535)
        elif target is not None:
            yield from names.faults(f"{path}.targetPort", target, names.PORT)
        if node and said == "ClusterIP":
            yield Cause(f"{path}.nodePort", "Forbidden: may not be used when `type` is 'ClusterIP'")
        elif isinstance(node, int) and node and node not in NODE_PORTS:
            yield Cause(
                f"{path}.nodePort", f"Invalid value: {node}: provided port is not in the valid range 30000-32767"
            )
    for index, each in enumerate(spec.get("loadBalancerSourceRanges") or []):
        yield from _range(f"spec.loadBalancerSourceRanges[{index}]", each)


def _ingress(value: Json) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    if not spec.get("rules") and not spec.get("defaultBackend"):
        yield Cause("spec", "Invalid value: either `defaultBackend` or `rules` must be specified")
    for index, rule in enumerate(spec.get("rules") or []):
        where = f"spec.rules[{index}]"
        host = rule.get("host")
        if isinstance(host, str):
            yield from names.faults(f"{where}.host", host.removeprefix("*."), names.SUBDOMAIN)
        for number, path in enumerate(_at(rule, "http", "paths") or []):
            said = path.get("path")
            exact = path.get("pathType") in ("Exact", "Prefix")
            if exact and not (isinstance(said, str) and said.startswith("/")) and said is not Later.VALUE:
                yield Cause(f"{where}.http.paths[{number}].path", f"Invalid value: {said!r}: must be an absolute path")


def _network_policy(value: Json) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or []):
            for number, peer in enumerate(rule.get(peers) or []):
                where = f"spec.{direction}[{index}].{peers}[{number}]"
                if not peer:
                    yield Cause(where, "Required value: must specify a peer")
                block = peer.get("ipBlock") or {}
                if block and len(peer) > 1:
                    yield Cause(where, "Forbidden: may not specify both ipBlock and another peer")
                if "cidr" in block:
                    yield from _range(f"{where}.ipBlock.cidr", block["cidr"])
                for at, each in enumerate(block.get("except") or []):
                    if _is_range(each) and _is_range(block.get("cidr")) and not _contains(block["cidr"], each):
                        yield Cause(
                            f"{where}.ipBlock.except[{at}]",
                            f"Invalid value: {each!r}: must be inside of {block['cidr']}",
                        )
            for number, port in enumerate(rule.get("ports") or []):
                if isinstance(port.get("port"), int):
                    yield from _within(f"spec.{direction}[{index}].ports[{number}].port", port["port"], 1, 65535)


# -- configuration, rights, quotas


def _config_map(value: Json) -> Iterator[Cause]:
    both = (value.get("data") or {}).keys() & (value.get("binaryData") or {}).keys()
    yield from (
        Cause(f"data[{key}]", "Invalid value: a key cannot be in data and in binaryData") for key in sorted(both)
    )
    yield from _keys(value, "data", "binaryData")


def _secret(value: Json) -> Iterator[Cause]:
    yield from _keys(value, "data", "stringData")
    there = {*(value.get("data") or {}), *(value.get("stringData") or {})}
    needed = {
        "kubernetes.io/tls": ("tls.crt", "tls.key"),
        "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
        "kubernetes.io/ssh-auth": ("ssh-privatekey",),
    }
    for key in needed.get(str(value.get("type")), ()):
        if key not in there:
            yield Cause(f"data[{key}]", f"Required value: of a Secret of type {value['type']}")


def _keys(value: Json, *fields: str) -> Iterator[Cause]:
    for field in fields:
        for key in value.get(field) or {}:
            if not re.fullmatch(r"[-._a-zA-Z0-9]{1,253}", key) or key in (".", ".."):
                yield Cause(
                    f"{field}[{key}]", f"Invalid value: {key!r}: a key consists of letters, digits, '-', '_' and '.'"
                )


def _rules(value: Json) -> Iterator[Cause]:
    namespaced = value.get("kind") == "Role"
    for index, rule in enumerate(value.get("rules") or []):
        path = f"rules[{index}]"
        if not rule.get("verbs"):
            yield Cause(f"{path}.verbs", "Required value: verbs must contain at least one value")
        if rule.get("nonResourceURLs"):
            if namespaced:
                yield Cause(
                    f"{path}.nonResourceURLs", "Invalid value: namespaced rules cannot apply to non-resource URLs"
                )
            continue
        if not rule.get("apiGroups"):
            yield Cause(
                f"{path}.apiGroups", 'Required value: resource rules must supply at least one api group; core is ""'
            )
        if not rule.get("resources"):
            yield Cause(f"{path}.resources", "Required value: resource rules must supply at least one resource")


def _binding(value: Json) -> Iterator[Cause]:
    role = value.get("roleRef") or {}
    kinds = ("Role", "ClusterRole") if value.get("kind") == "RoleBinding" else ("ClusterRole",)
    if role.get("kind") not in (*kinds, Later.VALUE):
        yield Cause("roleRef.kind", f"Unsupported value: {role.get('kind')!r}: supported values: {', '.join(kinds)}")
    if role.get("apiGroup", "") not in ("rbac.authorization.k8s.io", "", Later.VALUE):
        yield Cause(
            "roleRef.apiGroup", f"Unsupported value: {role['apiGroup']!r}: supported: rbac.authorization.k8s.io"
        )
    for index, each in enumerate(value.get("subjects") or []):
        path = f"subjects[{index}]"
        if each.get("kind") not in ("ServiceAccount", "User", "Group", Later.VALUE):
            yield Cause(f"{path}.kind", f"Unsupported value: {each.get('kind')!r}: ServiceAccount, User, Group")
        everywhere = value.get("kind") == "ClusterRoleBinding"
        if everywhere and each.get("kind") == "ServiceAccount" and not each.get("namespace"):
            yield Cause(f"{path}.namespace", "Required value: of a ServiceAccount")


def _resource_quota(value: Json) -> Iterator[Cause]:
    for name, each in (_at(value, "spec", "hard") or {}).items():
        if quantity.is_one(each) and quantity.amount(each) < 0:
            yield Cause(f"spec.hard[{name}]", f"Invalid value: {each!r}: must be greater than or equal to 0")


def _disruption_budget(value: Json) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        yield Cause("spec", "Invalid value: minAvailable and maxUnavailable cannot be both set")
    for name in ("minAvailable", "maxUnavailable"):
        yield from _at_least("spec", spec, 0, name)
        yield from _percentage(f"spec.{name}", spec.get(name))


def _autoscaler(value: Json) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    least, most = spec.get("minReplicas", 1), spec.get("maxReplicas")
    yield from _at_least("spec", spec, 1, "minReplicas", "maxReplicas")
    if isinstance(least, int) and isinstance(most, int) and most < least:
        yield Cause("spec.maxReplicas", f"Invalid value: {most}: must be greater than or equal to `minReplicas`")


def _claim(value: Json) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    if not spec.get("accessModes"):
        yield Cause("spec.accessModes", "Required value: at least 1 access mode is required")
    if _at(spec, "resources", "requests", "storage") is None:
        yield Cause("spec.resources[storage]", "Required value")


def _priority_class(value: Json) -> Iterator[Cause]:
    name, number = _at(value, "metadata", "name"), value.get("value", 0)
    if isinstance(name, str) and name.startswith("system-"):
        yield Cause(
            "metadata.name", "Forbidden: priority class names with 'system-' prefix are reserved for system use only"
        )
    if isinstance(number, int) and number > 1_000_000_000:
        yield Cause("value", f"Forbidden: maximum allowed value of a user defined priority is 1000000000, not {number}")


def _definition(value: Json) -> Iterator[Cause]:
    spec = value.get("spec") or {}
    group, plural, versions = spec.get("group"), _at(spec, "names", "plural"), spec.get("versions") or []
    wanted, name = f"{plural}.{group}", _at(value, "metadata", "name")
    if isinstance(name, str) and name != wanted:
        yield Cause("metadata.name", f"Invalid value: {name!r}: must be spec.names.plural+'.'+spec.group, {wanted}")
    if sum(bool(each.get("storage")) for each in versions) != 1:
        yield Cause("spec.versions", "Invalid value: must have exactly one version marked as storage version")
    for index, each in enumerate(versions):
        schema = _at(each, "schema", "openAPIV3Schema")
        if not schema:
            yield Cause(f"spec.versions[{index}].schema.openAPIV3Schema", "Required value: schemas are required")
        elif schema.get("type") != "object":
            said = schema.get("type")
            yield Cause(
                f"spec.versions[{index}].schema.openAPIV3Schema.type",
                f"Invalid value: {said!r}: must be object at the root",
            )
    approved = (_at(value, "metadata", "annotations") or {}).get("api-approved.kubernetes.io")
    if re.search(r"(^|\.)(k8s|kubernetes)\.io$", str(group)) and not approved:
        yield Cause(
            "metadata.annotations", "protected groups (k8s.io) must have the annotation api-approved.kubernetes.io"
        )


# -- small ones


def _at(value: Any, *path: str) -> Any:
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value


def _unique(path: str, value: Any, seen: set[Any]) -> Iterator[Cause]:
    if value in seen and value is not Later.VALUE:
        yield Cause(path, f"Duplicate value: {value!r}")
    seen.add(value)


def _within(path: str, value: Any, least: int, most: int) -> Iterator[Cause]:
    if isinstance(value, int) and not least <= value <= most:
        yield Cause(path, f"Invalid value: {value}: must be between {least} and {most}, inclusive")


def _at_least(path: str, value: Json, least: int, *fields: str) -> Iterator[Cause]:
    for name in fields:
        if isinstance(value.get(name), int) and value[name] < least:
            yield Cause(f"{path}.{name}", f"Invalid value: {value[name]}: must be greater than or equal to {least}")


def _percentage(path: str, value: Any) -> Iterator[Cause]:
    if isinstance(value, str) and not re.fullmatch(r"\d+%", value):
        yield Cause(path, f"Invalid value: {value!r}: must be a number or a percentage, such as 25%")


def _range(path: str, value: Any) -> Iterator[Cause]:
    if isinstance(value, str) and not _is_range(value):
        yield Cause(path, f"Invalid value: {value!r}: must be a range of addresses, such as 10.9.8.0/24")


def _is_range(value: Any) -> bool:
    try:
        ipaddress.ip_network(value, strict=False)
    except (ValueError, TypeError):
        return False
    return "/" in value


def _contains(outer: str, inner: str) -> bool:
    ranges = ipaddress.ip_network(outer, strict=False), ipaddress.ip_network(inner, strict=False)
    return ranges[0].version == ranges[1].version and ranges[0].supernet_of(ranges[1]) and ranges[0] != ranges[1]  # type: ignore[arg-type]


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return False
    return True


RBAC = "rbac.authorization.k8s.io"
RULES: dict[tuple[str, str], Rule] = {
    ("", "Pod"): lambda value: _pod("spec", value.get("spec") or {}),
    ("", "Service"): _service,
    ("", "ConfigMap"): _config_map,
    ("", "Secret"): _secret,
    ("", "ResourceQuota"): _resource_quota,
    ("", "PersistentVolumeClaim"): _claim,
    ("apps", "Deployment"): _deployment,
    ("apps", "StatefulSet"): _stateful_set,
    ("apps", "DaemonSet"): _template,
    ("apps", "ReplicaSet"): _template,
    ("batch", "Job"): lambda value: _job_spec("spec", value.get("spec") or {}),
    ("batch", "CronJob"): _cron_job,
    ("networking.k8s.io", "Ingress"): _ingress,
    ("networking.k8s.io", "NetworkPolicy"): _network_policy,
    ("policy", "PodDisruptionBudget"): _disruption_budget,
    ("autoscaling", "HorizontalPodAutoscaler"): _autoscaler,
    ("scheduling.k8s.io", "PriorityClass"): _priority_class,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _definition,
    (RBAC, "Role"): _rules,
    (RBAC, "ClusterRole"): _rules,
    (RBAC, "RoleBinding"): _binding,
    (RBAC, "ClusterRoleBinding"): _binding,
}
