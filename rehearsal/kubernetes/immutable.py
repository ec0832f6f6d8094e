"""What of an object cannot change once it is there. Source: pkg/apis/*/validation of the pinned Kubernetes.

Of custom resources, what their schema says with the rule ``self == oldSelf``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rehearsal.kubernetes.api import Cause, Json, Kind
from rehearsal.kubernetes.schema import Walk

FIELDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "ReplicaSet"): ("spec.selector",),
    ("batch", "Job"): ("spec.completions", "spec.selector", "spec.template", "spec.completionMode"),
    ("", "Secret"): ("type",),
    ("", "Service"): ("spec.clusterIP",),
    ("rbac.authorization.k8s.io", "RoleBinding"): ("roleRef",),
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner", "reclaimPolicy", "volumeBindingMode"),
    ("scheduling.k8s.io", "PriorityClass"): ("value", "preemptionPolicy"),
    ("networking.k8s.io", "IngressClass"): ("spec.controller",),
    ("node.k8s.io", "RuntimeClass"): ("handler",),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): ("spec.scope", "spec.group"),
}
MUTABLE: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "StatefulSet"): (
        *("replicas", "ordinals", "template", "updateStrategy", "revisionHistoryLimit"),
        *("persistentVolumeClaimRetentionPolicy", "minReadySeconds"),
    ),
    ("", "PersistentVolumeClaim"): ("resources", "volumeAttributesClassName", "volumeName"),
    ("", "Pod"): ("activeDeadlineSeconds", "terminationGracePeriodSeconds", "tolerations", "containers"),
}
"""Of these all of ``spec`` is fixed, but for the fields named."""


def faults(kind: Kind, walk: Walk, schema: Json, old: Json, new: Json) -> Iterator[Cause]:
    """What differs and cannot."""
    key = (kind.group, kind.name)
    for path in FIELDS.get(key, ()):
        if _at(old, path) != _at(new, path) and _at(old, path) is not None:
            yield Cause(path, f"Invalid value: {_at(new, path)!r}: field is immutable")
    if key in MUTABLE:
        yield from _fixed(kind, old.get("spec", {}), new.get("spec", {}), MUTABLE[key])
    if kind.name in ("ConfigMap", "Secret") and old.get("immutable"):
        for field in ("data", "binaryData", "immutable"):
            if old.get(field) != new.get(field):
                yield Cause(field, "Forbidden: field is immutable when `immutable` is set")
    yield from _by_schema(walk, schema, old, new, "")


def _fixed(kind: Kind, old: Json, new: Json, mutable: tuple[str, ...]) -> Iterator[Cause]:
    changed = sorted(name for name in {**old, **new} if old.get(name) != new.get(name) and name not in mutable)
    if changed:
        words = f"updates to {kind.name.lower()} spec for fields other than {', '.join(mutable)} are forbidden"
        yield Cause("spec", f"Forbidden: {words}: {', '.join(changed)} changed")


def _by_schema(walk: Walk, schema: Json, old: Any, new: Any, path: str) -> Iterator[Cause]:
    if old is None or old == new:
        return
    schema = walk.resolved(schema)
    rules = (each["rule"].replace(" ", "") for each in schema.get("x-kubernetes-validations", ()))
    if "self==oldSelf" in rules:
        yield Cause(path, "Invalid value: field is immutable")
    elif isinstance(old, dict) and isinstance(new, dict):
        for name, inner in schema.get("properties", {}).items():
            yield from _by_schema(walk, inner, old.get(name), new.get(name), f"{path}.{name}" if path else name)


def _at(value: Any, path: str) -> Any:
    for name in path.split("."):
        value = value.get(name) if isinstance(value, dict) else None
    return value
