"""Buckets and file systems: what is kept how long, what is taken over, and where it stands."""

from __future__ import annotations

from typing import Any

import pytest

from infra.google_cloud.environment import Environment
from infra.google_cloud.storage import Storage
from infra.settings import foundation
from tests.google.conftest import Site, edited
from tests.google.mocks import Declared, declare

ENVIRONMENT = Environment("dev", "acme-ai-dev", 123456789012, "us-central1", {"env": "dev"}, "none")
DAY_SECONDS = 86_400
ABORT = {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 7, "withState": "ANY"}}


def bucket(kind: str, **settings: Any) -> Declared:
    """The bucket of ``kind`` for those of its settings."""
    wanted = foundation.Storage.model_validate({kind: settings})
    declared = declare(lambda: Storage("storage", ENVIRONMENT, wanted, key="projects/p/key"))
    (found,) = (each for each in declared if each.name == f"storage-{kind}")
    return found


@pytest.mark.parametrize(
    ("kind", "noncurrent", "delete_after"),
    [
        ("datasets", 90, None),
        ("checkpoints", 7, None),
        ("models", 365, None),
        ("pipelines", 30, 180),
        ("logs", 30, 400),
    ],
)
def test_what_is_replaced_goes_in_time_and_only_what_can_be_made_again_goes_by_its_age(
    kind: str, noncurrent: int, delete_after: int | None
) -> None:
    replaced = {"daysSinceNoncurrentTime": noncurrent, "withState": "ARCHIVED"}
    rules = [{"action": {"type": "Delete"}, "condition": replaced}, ABORT]
    if delete_after:
        rules.append({"action": {"type": "Delete"}, "condition": {"age": delete_after, "withState": "LIVE"}})
    assert bucket(kind).inputs["lifecycleRules"] == rules


def test_days_of_the_settings_are_those_of_the_rules() -> None:
    made = bucket("models", noncurrent_days=11, delete_after_days=22, soft_delete_days=33)
    conditions = [rule["condition"] for rule in made.inputs["lifecycleRules"]]
    assert [each.get("daysSinceNoncurrentTime") for each in conditions] == [11, None, None]
    assert [each.get("age") for each in conditions] == [None, 7, 22]
    assert made.inputs["softDeletePolicy"] == {"retentionDurationSeconds": 33 * DAY_SECONDS}


def test_an_adopted_bucket_is_imported_and_never_emptied_even_where_nothing_is_protected() -> None:
    made = bucket("datasets", adopt="their-data")
    assert (made.imports, made.inputs["name"]) == ("acme-ai-dev/their-data", "their-data")
    assert made.protect
    assert made.inputs["forceDestroy"] is False
    assert bucket("datasets").inputs["forceDestroy"] is True


def test_the_region_of_a_bucket_is_written_as_the_service_answers_it() -> None:
    assert bucket("models").inputs["location"] == "US-CENTRAL1"


def test_every_bucket_is_used_with_the_key_only_when_the_service_may_use_it(site: Site) -> None:
    grant = site.named("encryption-storage-users")
    for each in site.of("gcp:storage/bucket:Bucket"):
        assert grant.urn in each.depends_on


def test_lustre_waits_for_the_peering_that_it_comes_by(prod: Site) -> None:
    assert prod.named("network-peering").urn in prod.named("volumes-corpus").depends_on


def test_a_share_stands_in_its_zone_or_in_all_of_the_region() -> None:
    site = edited(
        "dev",
        {
            "storage.filestore": [
                {"name": "zonal", "zone": "us-central1-b"},
                {"name": "regional", "tier": "REGIONAL"},
            ]
        },
    )
    assert site.named("volumes-zonal").inputs["location"] == "us-central1-b"
    assert site.named("volumes-regional").inputs["location"] == "us-central1"


def test_a_volume_of_weights_that_a_job_made_readable_to_many_stays_so(prod: Site) -> None:
    weights = prod.named("volumes-weights")
    assert weights.inputs["accessMode"] == "READ_WRITE_SINGLE"
    assert weights.ignore_changes == ("accessMode",)
