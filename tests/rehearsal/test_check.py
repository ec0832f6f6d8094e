"""What Google would refuse, a preview refuses: at the property, with the value, what is allowed, and who says so."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.values import Later
from tests.rehearsal.conftest import Driver, sample

NETWORK = "gcp:compute/network:Network"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
FIREWALL = "gcp:compute/firewall:Firewall"
NAT = "gcp:compute/routerNat:RouterNat"
BUCKET = "gcp:storage/bucket:Bucket"
CLUSTER = "gcp:container/cluster:Cluster"
POOL = "gcp:container/nodePool:NodePool"
KEY = "gcp:kms/cryptoKey:CryptoKey"
POLICY = "gcp:monitoring/alertPolicy:AlertPolicy"
VM = "gcp:tpu/v2Vm:V2Vm"
GPU = {"type": "nvidia-l4", "count": 1, "gpuDriverInstallationConfig": {"gpuDriverVersion": "DEFAULT"}}


def node(**changes: Any) -> dict[str, Any]:
    """The sample's ``nodeConfig``, changed."""
    config = {**sample(POOL)["nodeConfig"], **changes}
    return {"nodeConfig": {name: value for name, value in config.items() if value is not None}}


def gpus(machine: str = "g2-standard-8", accelerator: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """A GPU pool."""
    config = node(machineType=machine, guestAccelerators=[{**GPU, **(accelerator or {})}], **changes)
    return {**config, "placementPolicy": None}


MISTAKES: list[tuple[str, dict[str, Any], str, str]] = [
    # the document: names of fields, types, enumerations, patterns, formats, what is required
    (NETWORK, {"mtuu": 1460}, "mtuu", "Did you mean mtu?"),
    (SUBNETWORK, {"logConfig": {"flowSamplin": 0.5}}, "logConfig.flowSamplin", "Did you mean flowSampling?"),
    (NETWORK, {"mtu": "large"}, "mtu", "must be a number"),
    (NETWORK, {"autoCreateSubnetworks": "yes"}, "autoCreateSubnetworks", "must be true or false"),
    (NETWORK, {"routingMode": "REGIONALL"}, "routingMode", "Did you mean REGIONAL? (API compute.beta"),
    (FIREWALL, {"sourceRanges": "10.0.0.0/8"}, "sourceRanges", "must be a list"),
    (KEY, {"rotationPeriod": "90 days"}, "rotationPeriod", "must be seconds, such as 3600s"),
    (POOL, {"cluster": None}, "cluster", "is missing"),
    (
        "gcp:monitoring/dashboard:Dashboard",
        {"dashboardJson": '{"displayName": "x", "mosaicLayot": {}}'},
        "dashboardJson",
        "mosaicLayot: there is no such field. Did you mean mosaicLayout?",
    ),
    ("gcp:monitoring/dashboard:Dashboard", {"dashboardJson": "{"}, "dashboardJson", "must be JSON"),
    (CLUSTER, {"nodePools": [{"name": "x"}]}, "nodePools", "pools are resources of their own"),
    # names and who
    (NETWORK, {"name": "a" * 64}, "name", "at most 63 lower-case letters"),
    (NETWORK, {"name": "Net"}, "name", "lower-case"),
    (POOL, {"name": "a" * 41}, "name", "at most 40"),
    (BUCKET, {"name": "my-google-data"}, "name", 'without "google"'),
    ("gcp:serviceaccount/account:Account", {"accountId": "me"}, "accountId", "6 to 30"),
    (BUCKET, {"labels": {"Env": "dev"}}, "labels.Env", "a letter first"),
    ("gcp:storage/bucketIAMMember:BucketIAMMember", {"member": "training@example"}, "member", "a principal, such as"),
    ("gcp:storage/bucketIAMMember:BucketIAMMember", {"role": "storage.admin"}, "role", "a role, such as"),
    ("gcp:projects/service:Service", {"service": "compute"}, "service", "compute.googleapis.com"),
    # where
    (SUBNETWORK, {"region": "us-centrall1"}, "region", "Did you mean us-central1?"),
    (VM, {"zone": "us-central1-z"}, "zone", "must be a zone of Google Cloud"),
    (BUCKET, {"location": "MOON"}, "location", "must be a region, or US, EU or ASIA"),
    (POOL, {"nodeLocations": ["us-east1-b"]}, "nodeLocations[0]", "must be in us-central1"),
    (
        BUCKET,
        {"encryption": {"defaultKmsKeyName": "projects/p/locations/us-east1/keyRings/r/cryptoKeys/k"}},
        "encryption.defaultKmsKeyName",
        "must be a key in us-central1",
    ),
    # ranges
    (SUBNETWORK, {"ipCidrRange": "10.0.0.1/20"}, "ipCidrRange", "has host bits set"),
    (SUBNETWORK, {"ipCidrRange": "10.0.0.0/30"}, "ipCidrRange", "/8 to /29"),
    (
        SUBNETWORK,
        {"secondaryIpRanges": [{"rangeName": "pods", "ipCidrRange": "10.0.8.0/21"}]},
        "secondaryIpRanges[0].ipCidrRange",
        "overlaps 10.0.0.0/20",
    ),
    (FIREWALL, {"sourceRanges": ["10.0.0.0/33"]}, "sourceRanges[0]", "must be a range"),
    (FIREWALL, {"denies": [{"protocol": "all"}]}, "denies", "excludes allows"),
    (FIREWALL, {"priority": 70000}, "priority", "0 to 65535"),
    (NETWORK, {"mtu": 9000}, "mtu", "1300 to 8896"),
    (NAT, {"enableDynamicPortAllocation": True, "minPortsPerVm": 100}, "minPortsPerVm", "must be a power of two"),
    # machines
    (POOL, node(machineType="ct5lp-hightpu-9t"), "nodeConfig.machineType", "Did you mean ct5lp-hightpu-"),
    (POOL, {"nodeLocations": ["us-central1-f"]}, "nodeLocations[0]", "does not offer ct5lp-hightpu-4t"),
    (POOL, gpus(accelerator={"type": "nvidia-t4"}), "nodeConfig.guestAccelerators[0].type", "is no accelerator"),
    (POOL, gpus(accelerator={"count": 2}), "nodeConfig.guestAccelerators[0].count", "must be 1"),
    (POOL, gpus(accelerator={"type": "nvidia-b200"}), "nodeConfig.guestAccelerators[0].type", "must be nvidia-l4"),
    (
        POOL,
        gpus("a2-highgpu-1g", {"type": "nvidia-tesla-a100", "gpuPartitionSize": "4g.40gb"}),
        "nodeConfig.guestAccelerators[0].gpuPartitionSize",
        "must be one of 1g.5gb",
    ),
    (POOL, node(bootDisk={"diskType": "pd-huge"}), "nodeConfig.bootDisk.diskType", "must be one of pd-standard"),
    (POOL, node(imageType="COS"), "nodeConfig.imageType", "COS_CONTAINERD"),
    # capacity
    (POOL, node(flexStart=True), "nodeConfig.flexStart", "excludes spot"),
    (
        POOL,
        node(reservationAffinity={"consumeReservationType": "SPECIFIC_RESERVATION", "key": "k", "values": ["r"]}),
        "nodeConfig.reservationAffinity.consumeReservationType",
        "excludes nodeConfig.spot",
    ),
    (
        POOL,
        node(spot=False, reservationAffinity={"consumeReservationType": "SPECIFIC_RESERVATION", "values": ["r"]}),
        "nodeConfig.reservationAffinity.key",
        "is needed with SPECIFIC_RESERVATION",
    ),
    (
        POOL,
        {**node(spot=None, flexStart=True), "management": {"autoRepair": True}},
        "management.autoRepair",
        "must be false",
    ),
    # slices
    (POOL, {"placementPolicy": {"type": "COMPACT", "tpuTopology": "4x4x4"}}, "placementPolicy.tpuTopology", "2 sides"),
    (POOL, {"placementPolicy": {"type": "COMPACT", "tpuTopology": "3x4"}}, "placementPolicy.tpuTopology", "a square"),
    (POOL, {"placementPolicy": {"type": "COMPACT", "tpuTopology": "32x32"}}, "placementPolicy.tpuTopology", "256"),
    (POOL, {"autoscaling": {"minNodeCount": 0, "maxNodeCount": 3}}, "autoscaling.maxNodeCount", "must be 4"),
    (POOL, {"autoscaling": {"minNodeCount": 5, "maxNodeCount": 4}}, "autoscaling.minNodeCount", "must be 0 or 4"),
    (VM, {"acceleratorConfig": {"type": "V5LITE_POD", "topology": "2x2x2"}}, "acceleratorConfig.topology", "2 sides"),
    (VM, {"schedulingConfig": {"spot": True, "reserved": True}}, "schedulingConfig.spot", "excludes reserved"),
    (VM, {"runtimeVersion": "v2-alpha-tpuv5"}, "runtimeVersion", "Did you mean v2-alpha-tpuv5-lite?"),
    # the rest
    (KEY, {"rotationPeriod": "3600s"}, "rotationPeriod", "86400"),
    (
        BUCKET,
        {"softDeletePolicy": {"retentionDurationSeconds": 5}},
        "softDeletePolicy.retentionDurationSeconds",
        "604800",
    ),
    (POLICY, {"alertStrategy": {"autoClose": "60s"}}, "alertStrategy.autoClose", "1800 to 604800 seconds"),
    (POLICY, {"conditions": [{"displayName": "x"}]}, "conditions[0].conditionThreshold", "one of"),
    (
        CLUSTER,
        {
            "maintenancePolicy": {
                "recurringWindow": {
                    "startTime": "2026-01-03T02:00:00Z",
                    "endTime": "2026-01-03T03:00:00Z",
                    "recurrence": "FREQ=WEEKLY;BYDAY=SA",
                }
            }
        },
        "maintenancePolicy.recurringWindow.endTime",
        "at least 4 hours",
    ),
    (
        "gcp:filestore/instance:Instance",
        {"fileShares": {"name": "share", "capacityGb": 1000}},
        "fileShares.capacityGb",
        "in steps of 256",
    ),
    ("gcp:lustre/instance:Instance", {"perUnitStorageThroughput": "300"}, "perUnitStorageThroughput", "125, 250"),
    (
        "gcp:artifactregistry/repository:Repository",
        {"cleanupPolicies": [{"id": "keep", "action": "KEEPP", "mostRecentVersions": {"keepCount": 5}}]},
        "cleanupPolicies[0].action",
        "Did you mean KEEP?",
    ),
    (
        "gcp:projects/iAMCustomRole:IAMCustomRole",
        {"permissions": ["storage.buckets"]},
        "permissions[0]",
        "a permission",
    ),
    (
        "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider",
        {"attributeMapping": {"attribute.actor": "assertion.actor"}},
        "attributeMapping",
        "needs google.subject",
    ),
]


@pytest.mark.parametrize(
    ("token", "change", "path", "says"), MISTAKES, ids=[f"{each[0]}-{each[2]}" for each in MISTAKES]
)
def test_a_mistake_is_told_once_at_its_property_with_what_is_allowed(
    token: str, change: dict[str, Any], path: str, says: str
) -> None:
    found = Driver(None).check(token, sample(token, **change))
    assert list(found) == [path]
    assert says in found[path]
    assert found[path].endswith(")")  # who says so


def test_an_account_without_an_id_gets_one_and_a_role_gets_one_that_the_api_refuses() -> None:
    """As from the vendor's provider, which puts a dash between the resource's name and the random part."""
    account, role = "gcp:serviceaccount/account:Account", "gcp:projects/iAMCustomRole:IAMCustomRole"
    assert Driver(None).check(account, sample(account, accountId=None)) == {}
    assert list(Driver(None).check(role, sample(role, roleId=None))) == ["roleId"]


@pytest.mark.parametrize(
    ("token", "missing"),
    [("gcp:compute/disk:Disk", "zone"), ("gcp:filestore/instance:Instance", "location"), (NETWORK, "project")],
)
def test_what_an_address_is_made_of_must_be_given_by_the_program_or_by_its_provider(token: str, missing: str) -> None:
    assert list(Driver(None).check(token, sample(token, **{missing: None}))) == [missing]
    if missing == "project":
        assert Driver(None, {"project": "example-project"}).check(token, sample(token, project=None)) == {}


def test_a_value_that_the_preview_does_not_know_yet_is_no_mistake() -> None:
    unknown = {"maxSurge": Later.VALUE, "maxUnavailable": 0, "strategy": "SURGE"}
    pool = {**node(spot=Later.VALUE), "queuedProvisioning": {"enabled": True}, "upgradeSettings": unknown}
    assert Driver(None).check(POOL, sample(POOL, **pool)) == {}
