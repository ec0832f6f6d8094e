"""The buckets of the data centre."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.durations import DAY_SECONDS
from infra.google_cloud.environment import Environment
from infra.settings import foundation


class Storage(pulumi.ComponentResource):
    """One bucket for each kind of artefact: private, versioned, encrypted with our key, in the accelerators' region.

    This component does not decide who may read them (see ``Identity``), and file systems are in ``Volumes``.

    Attributes by kind, as the settings have them: ``buckets``, and ``names``, plain.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: foundation.Storage,
        *,
        key: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """key: full resource name of the key that encrypts them."""
        super().__init__("aidc:google:Storage", name, None, opts)
        self._name, self._environment, self._key = name, environment, key
        self.names = {kind: bucket.adopt or environment.bucket_named(kind) for kind, bucket in settings.buckets.items()}
        self.buckets = {kind: self._bucket(kind, bucket) for kind, bucket in settings.buckets.items()}
        self.register_outputs({kind: bucket.url for kind, bucket in self.buckets.items()})

    def _bucket(self, kind: str, settings: foundation.Bucket) -> gcp.storage.Bucket:
        environment = self._environment
        bucket_name = self.names[kind]
        return gcp.storage.Bucket(
            f"{self._name}-{kind}",
            name=bucket_name,
            project=environment.project,
            location=environment.region.upper(),  # as the service answers, or every preview shows a difference
            storage_class="STANDARD",
            labels=environment.labelled(kind),
            force_destroy=not environment.keeps("data") and settings.adopt is None,
            uniform_bucket_level_access=True,
            public_access_prevention="enforced",
            versioning={"enabled": True},
            soft_delete_policy={"retention_duration_seconds": settings.soft_delete_days * DAY_SECONDS},
            lifecycle_rules=_lifecycle(settings),
            encryption={"default_kms_key_name": self._key},
            deletion_policy=environment.deletion_policy("data"),
            opts=environment.options(self, "data", adopt=settings.adopt and f"{environment.project}/{bucket_name}"),
        )


def _lifecycle(settings: foundation.Bucket) -> list[gcp.storage.BucketLifecycleRuleArgsDict]:
    rules: list[gcp.storage.BucketLifecycleRuleArgsDict] = [
        {
            "action": {"type": "Delete"},
            "condition": {"days_since_noncurrent_time": settings.noncurrent_days, "with_state": "ARCHIVED"},
        },
        {"action": {"type": "AbortIncompleteMultipartUpload"}, "condition": {"age": 7, "with_state": "ANY"}},
    ]
    if settings.delete_after_days:
        rules.append(
            {"action": {"type": "Delete"}, "condition": {"age": settings.delete_after_days, "with_state": "LIVE"}}
        )
    return rules
