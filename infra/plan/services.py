"""The Google APIs that a stack needs."""

from __future__ import annotations

from infra.settings import GoogleSettings

NEEDED_BEFOREHAND = ("cloudresourcemanager.googleapis.com", "serviceusage.googleapis.com")
"""What the others are enabled and looked up through: somebody enables these two by hand."""

_ALWAYS = {
    "artifactregistry": "the image registry",
    "billingbudgets": "the budget",
    "binaryauthorization": "the cluster admits images by policy",
    "cloudkms": "the keys",
    "cloudquotas": "the preflight asks for limits that Compute Engine does not list",
    "cloudresourcemanager": "roles on the project",
    "compute": "networks, nodes and disks",
    "container": "the cluster",
    "containerfilesystem": "nodes stream images: containers start before all of their image is there",
    "containerscanning": "images are scanned for vulnerabilities",
    "containersecurity": "the cluster reports weak configuration of its workloads",
    "dns": "names of the cluster's Services",
    "gkebackup": "the cluster runs the backup agent",
    "iam": "service accounts",
    "iamcredentials": "workload identity: pods become service accounts",
    "logging": "logs and the audit trail",
    "monitoring": "dashboards and alerts",
    "secretmanager": "the cluster mounts secrets",
    "serviceusage": "enables the other APIs",
    "storage": "the buckets",
}


def services(settings: GoogleSettings) -> tuple[str, ...]:
    """Full names of the APIs, such as ``compute.googleapis.com``, sorted."""
    return tuple(reasons(settings))


def reasons(settings: GoogleSettings) -> dict[str, str]:
    """Why each API is needed, by its full name, sorted."""
    needed = dict(_ALWAYS)
    if settings.delivery:
        needed["sts"] = "deployments exchange GitHub's token, without keys"
    if settings.storage.filestore:
        needed["file"] = "Filestore shares"
    if settings.storage.lustre:
        needed["lustre"] = "Managed Lustre file systems"
    if settings.network.peering:
        needed["servicenetworking"] = "managed services appear in the VPC by private services access"
    if settings.tpu_vms or settings.tpu_queues:
        needed["tpu"] = "TPU VMs and queued resources"
    return {f"{name}.googleapis.com": needed[name] for name in sorted(needed)}
