"""What a mistake, a lost machine or a lost zone may cost."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infra.hardware import Impossible, zones
from policies.configuration import Configuration, Level
from policies.hardware import CLUSTER, MACHINES, NODE_POOL, accelerators_of, machines_of
from policies.resource import Resource, shown
from policies.rule import Problem, Rules, Severity, each_of, expect, expect_set

RULES = Rules()

BUCKET = "gcp:storage/bucket:Bucket"
CRYPTO_KEY = "gcp:kms/cryptoKey:CryptoKey"
FILESTORE = "gcp:filestore/instance:Instance"
LUSTRE = "gcp:lustre/instance:Instance"
DISK = "gcp:compute/disk:Disk"
REPOSITORY = "gcp:artifactregistry/repository:Repository"
BACKUP_PLAN = "gcp:gkebackup/backupPlan:BackupPlan"
HOLDS_DATA = (BUCKET, CRYPTO_KEY, FILESTORE, LUSTRE, DISK, REPOSITORY)
SOFT_DELETE_SECONDS = 7 * 24 * 3600


@RULES.resource(
    "REL-01",
    Severity.CRITICAL,
    CLUSTER,
    *HOLDS_DATA,
    must="what `protection` covers has `deletionPolicy` PREVENT and `protect`; cluster and file shares Google's own",
    why="One wrong edit would take a data set, a key with all that it encrypts, or the cluster with all in it.",
    fix="Set protection in the stack file to what the configuration says.",
    sources=("own", "checkov CKV_GCP_82"),
)
def what_cannot_be_made_again_cannot_be_deleted(resource: Resource, configuration: Configuration) -> Iterator[str]:
    """What cannot be made again cannot be deleted by mistake."""
    if configuration.protection == "none" or (configuration.protection == "data" and resource.type == CLUSTER):
        return
    if not resource.protected:
        yield "the engine may delete it: protect is not set"
    yield from expect(resource, "deletionPolicy", "PREVENT")
    if resource.type == CLUSTER:
        yield from expect(resource, "deletionProtection", True)
    if resource.type == FILESTORE:
        yield from expect(resource, "deletionProtectionEnabled", True)


@RULES.resource(
    "REL-02",
    Severity.CRITICAL,
    BUCKET,
    must="`forceDestroy` is not true where `protection` covers data",
    why="A destroy would empty the bucket first, and no version of any object would be left.",
    fix="Set force_destroy to false.",
    sources=("own",),
)
def a_destroy_does_not_empty_buckets(bucket: Resource, configuration: Configuration) -> Iterator[str]:
    """A destroy does not empty buckets."""
    if configuration.protection != "none" and bucket.at("forceDestroy").flag():
        yield "forceDestroy is true"


@RULES.resource(
    "REL-03",
    Severity.HIGH,
    BUCKET,
    must="`versioning.enabled`; a rule that deletes noncurrent versions; `softDeletePolicy` of 7 days or more",
    why="A job that overwrites its own checkpoint can then be gone back on, and old versions do not pile up for ever.",
    fix="Enable versioning, add a lifecycle rule with days_since_noncurrent_time, keep deleted objects for 7 days.",
    sources=("checkov CKV_GCP_78",),
)
def what_was_overwritten_can_be_had_again(bucket: Resource, _: Configuration) -> Iterator[str]:
    """What was overwritten or deleted can be had again for a while, and not for ever."""
    yield from expect(bucket, "versioning.enabled", True)
    rules = bucket.at("lifecycleRules").items()
    bounds = ("daysSinceNoncurrentTime", "numNewerVersions")
    if not any(rule.at("condition").at(bound).is_set() for rule in rules for bound in bounds):
        yield "no lifecycleRules entry deletes noncurrent versions"
    kept = bucket.at("softDeletePolicy.retentionDurationSeconds").number() or 0
    if kept < SOFT_DELETE_SECONDS:
        yield f"softDeletePolicy.retentionDurationSeconds is {kept:.0f}; at least {SOFT_DELETE_SECONDS}"


@RULES.stack(
    "REL-04",
    Severity.MEDIUM,
    BUCKET,
    must="`location` of every bucket is the region of the accelerators",
    why="A checkpoint that crosses regions is slow to write, slower to read, and its traffic is paid for.",
    fix="Put bucket and accelerators into one region.",
    sources=("own",),
    level=Level.ADVISORY,
)
def data_is_where_the_accelerators_are(resources: Sequence[Resource], _: Configuration) -> Iterator[Problem]:
    """Data is in the region of the accelerators."""
    regions = set()
    for each in resources:
        machines = accelerators_of(each) if each.type in MACHINES else None
        if machines:
            regions.add(_region(machines.zone))

    def check(bucket: Resource) -> Iterator[str]:
        location = (bucket.at("location").text() or "").lower()
        if regions and location not in regions:
            yield f"location is {shown(location)}, the accelerators are in {', '.join(sorted(regions))}"

    yield from each_of((each for each in resources if each.type == BUCKET), check)


def _region(zone: str) -> str:
    try:
        return zones.region_of(zone) if zone.count("-") == 2 else zone
    except Impossible:
        return zone


@RULES.stack(
    "REL-05",
    Severity.HIGH,
    BACKUP_PLAN,
    must="a backup plan, or `rebuilt_from` says where it is written how to do without",
    why="What is kept in a cluster goes with it, and the day it goes is no day to find that out.",
    fix="Declare a gkebackup BackupPlan, or write down how it is made again and name it in rebuilt_from.",
    sources=("own",),
    level=Level.ADVISORY,
)
def the_cluster_can_be_made_again(resources: Sequence[Resource], configuration: Configuration) -> Iterator[Problem]:
    """What is in the cluster can be had again."""
    clusters = [each for each in resources if each.type == CLUSTER]
    if clusters and not configuration.rebuilt_from and not any(each.type == BACKUP_PLAN for each in resources):
        yield Problem("there is no backup plan", clusters[0])


@RULES.resource(
    "REL-06",
    Severity.MEDIUM,
    NODE_POOL,
    must="spot: `kubeletConfig.shutdownGracePeriodSeconds`; all but flex-start and queued: `upgradeSettings`",
    why="A spot node that stops at once takes the step with it that the job was in the middle of.",
    fix="Set shutdown_grace_period_seconds to 30 on spot pools, and upgrade_settings on every pool.",
    sources=("own", "GKE, 'Spot VMs'"),
    level=Level.ADVISORY,
)
def nodes_leave_with_notice(pool: Resource, _: Configuration) -> Iterator[str]:
    """Nodes that go give notice, and upgrades say how many go at once."""
    capacity = machines_of(pool).capacity
    if capacity == "spot" and not pool.at("nodeConfig.kubeletConfig.shutdownGracePeriodSeconds").number():
        yield "nodeConfig.kubeletConfig.shutdownGracePeriodSeconds is not set"
    if capacity not in ("flex-start", "queued"):
        yield from expect_set(pool, "upgradeSettings", dict)


@RULES.resource(
    "REL-07",
    Severity.MEDIUM,
    CLUSTER,
    must="`addonsConfig.gcsFuseCsiDriverConfig` and `highScaleCheckpointingConfig` are enabled",
    why="Checkpoints that are kept near the accelerators are back in a minute instead of half an hour.",
    fix="Enable both add-ons.",
    sources=("own", "Google, 'Multi-tier checkpointing'"),
    level=Level.ADVISORY,
)
def jobs_are_back_soon(cluster: Resource, _: Configuration) -> Iterator[str]:
    """A job that lost a machine is back soon."""
    for addon in ("gcsFuseCsiDriverConfig", "highScaleCheckpointingConfig"):
        yield from expect(cluster, f"addonsConfig.{addon}.enabled", True)
