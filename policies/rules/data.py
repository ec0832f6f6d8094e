"""Who can read the data, and whether what was lost can be had again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.configuration import Configuration, Level
from policies.resource import Resource
from policies.rule import Problem, Rules, Severity, expect

RULES = Rules()

BUCKET = "gcp:storage/bucket:Bucket"
AUDIT = "gcp:projects/iAMAuditConfig:IAMAuditConfig"


@RULES.resource(
    "DATA-01",
    Severity.CRITICAL,
    BUCKET,
    must="`publicAccessPrevention` is `enforced`",
    why="One grant to everybody would publish a data set or a model; this refuses such a grant.",
    fix='Set public_access_prevention="enforced".',
    sources=("checkov CKV_GCP_114", "CIS Google Cloud 5.1"),
)
def no_bucket_can_be_public(bucket: Resource, _: Configuration) -> Iterator[str]:
    """No bucket can be made public."""
    yield from expect(bucket, "publicAccessPrevention", "enforced")


EVERYBODY = ("allUsers", "allAuthenticatedUsers")


@RULES.resource(
    "DATA-02",
    Severity.CRITICAL,
    "gcp:*I[aA][mM]Member",
    "gcp:*I[aA][mM]Binding",
    "gcp:*I[aA][mM]Policy",
    "gcp:storage/*AccessControl",
    "gcp:storage/*ACL",
    must="no `member`, `members`, `entity`, `roleEntities` or `policyData` has allUsers or allAuthenticatedUsers",
    why="The second is everybody with any Google account: both are the whole world.",
    fix="Name who needs it; publish through a load balancer what is to be public.",
    sources=("checkov CKV_GCP_28", "checkov CKV_GCP_101", "checkov CKV_GCP_112"),
    waivable=False,
)
def nothing_is_granted_to_the_world(grant: Resource, _: Configuration) -> Iterator[str]:
    """Nothing is granted to the world."""
    named = [grant.at(key).text() or "" for key in ("member", "entity", "policyData")]
    named += [*grant.at("members").texts(), *grant.at("roleEntities").texts()]
    for each in EVERYBODY:
        if any(each in text for text in named):
            yield f"it is granted to {each}"


@RULES.resource(
    "DATA-03",
    Severity.HIGH,
    BUCKET,
    must="`uniformBucketLevelAccess` is true",
    why="Access lists of single objects are rights that no review of roles ever shows.",
    fix="Set uniform_bucket_level_access to true.",
    sources=("checkov CKV_GCP_29", "CIS Google Cloud 5.2", "organisation policy"),
)
def rights_are_the_buckets(bucket: Resource, _: Configuration) -> Iterator[str]:
    """Rights are the bucket's, and no object has its own."""
    yield from expect(bucket, "uniformBucketLevelAccess", True)


@RULES.stack(
    "DATA-04",
    Severity.MEDIUM,
    AUDIT,
    must="an audit configuration of Cloud Storage or all services with `DATA_WRITE`, or `logging` on every bucket",
    why="When a data set changed or went, somebody asks who did it.",
    fix="Declare gcp.projects.IAMAuditConfig for storage.googleapis.com with DATA_WRITE.",
    sources=("checkov CKV_GCP_62", "checkov CKV2_GCP_5"),
    level=Level.ADVISORY,
)
def who_changed_the_data_is_recorded(resources: Sequence[Resource], _: Configuration) -> Iterator[Problem]:
    """Who changed the data is recorded."""
    for audit in resources:
        if audit.type != AUDIT or audit.at("service").text() not in ("storage.googleapis.com", "allServices"):
            continue
        if "DATA_WRITE" in [each.at("logType").text() for each in audit.at("auditLogConfigs").items()]:
            return
    for bucket in resources:
        if bucket.type == BUCKET and not bucket.at("logging").is_set():
            yield Problem("nothing records who changes what is in it", bucket)
