"""What the vendor's provider replaces instead of changing it. Source: its provider/pkg/provider/diff.go."""

from __future__ import annotations

from collections.abc import Iterable

from rehearsal.kubernetes.api import Json, Kind

ALWAYS = ("metadata.name", "metadata.namespace", "kind", "apiVersion")
POD = (
    *("affinity", "automountServiceAccountToken", "dnsConfig", "dnsPolicy", "enableServiceLinks", "hostAliases"),
    *("hostIPC", "hostNetwork", "hostPID", "hostname", "imagePullSecrets", "nodeName", "nodeSelector", "overhead"),
    *("preemptionPolicy", "priority", "priorityClassName", "readinessGates", "restartPolicy", "runtimeClassName"),
    *("schedulerName", "securityContext", "serviceAccount", "serviceAccountName", "shareProcessNamespace"),
    *("subdomain", "terminationGracePeriodSeconds", "volumes", "containers", "initContainers"),
)
VOLUME = (
    *("awsElasticBlockStore", "azureDisk", "azureFile", "cephfs", "cinder", "csi", "fc", "flexVolume", "flocker"),
    *("gcePersistentDisk", "glusterfs", "hostPath", "iscsi", "local", "nfs", "photonPersistentDisk"),
    *("portworxVolume", "quobyte", "rbd", "scaleIO", "storageos", "vsphereVolume"),
)
RBAC = "rbac.authorization.k8s.io"
FIELDS: dict[tuple[str, str], tuple[str, ...]] = {
    ("apps", "DaemonSet"): ("spec.selector",),
    ("apps", "Deployment"): ("spec.selector",),
    ("apps", "StatefulSet"): tuple(
        f"spec.{name}"
        for name in ("podManagementPolicy", "revisionHistoryLimit", "selector", "serviceName", "volumeClaimTemplates")
    ),
    ("batch", "Job"): ("spec.completions", "spec.parallelism", "spec.selector", "spec.template"),
    (RBAC, "RoleBinding"): ("roleRef",),
    (RBAC, "ClusterRoleBinding"): ("roleRef",),
    ("storage.k8s.io", "StorageClass"): ("parameters", "provisioner"),
    ("", "PersistentVolume"): tuple(f"spec.{name}" for name in VOLUME),
    ("", "PersistentVolumeClaim"): (
        *("spec.accessModes", "spec.selector", "spec.storageClassName", "spec.volumeName"),
    ),
    ("", "Pod"): tuple(f"spec.{name}" for name in POD),
    ("", "ResourceQuota"): ("spec.scopes",),
    ("", "Service"): ("spec.clusterIP",),
}


def replacing(kind: Kind, paths: Iterable[str], new: Json, config_maps_change: bool, secrets_change: bool) -> list[str]:
    """Those of ``paths`` whose change takes a new object.

    config_maps_change, secrets_change:  what the provider's ``enableConfigMapMutable`` and ``enableSecretMutable`` say.
    """
    fields = (*ALWAYS, *FIELDS.get((kind.group, kind.name), ()))
    if (kind.group, kind.name) == ("", "ConfigMap") and (not config_maps_change or new.get("immutable")):
        fields = (*fields, "data", "binaryData")
    if (kind.group, kind.name) == ("", "Secret"):
        fields = (*fields, "type", *(("data",) if not secrets_change or new.get("immutable") else ()))
    return [path for path in paths if any(path == each or path.startswith((f"{each}.", f"{each}[")) for each in fields)]
