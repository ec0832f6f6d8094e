"""The registry of the images that jobs and servers run."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.durations import duration
from infra.google_cloud.environment import Environment
from infra.settings import foundation


class Registry(pulumi.ComponentResource):
    """One Docker repository: a tag that was pushed never means another image, images are scanned, old ones go.

    It does not build or sign images. Attribute ``url``: what an image's name begins with, known before it exists.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: foundation.Registry,
        *,
        key: pulumi.Input[str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """key: full resource name of the key that encrypts it."""
        super().__init__("aidc:google:Registry", name, None, opts)
        self.repository = gcp.artifactregistry.Repository(
            f"{name}-images",
            repository_id=environment.named("images"),
            project=environment.project,
            location=environment.region,
            format="DOCKER",
            mode="STANDARD_REPOSITORY",
            description=f"Images of {environment.name}",
            docker_config={"immutable_tags": True},
            vulnerability_scanning_config={"enablement_config": "INHERITED"},
            cleanup_policy_dry_run=False,
            cleanup_policies=[
                {
                    "id": "delete-untagged",
                    "action": "DELETE",
                    "condition": {
                        "tag_state": "UNTAGGED",
                        "older_than": duration(days=settings.delete_untagged_days),
                    },
                },
                {
                    "id": "keep-newest",
                    "action": "KEEP",
                    "most_recent_versions": {"keep_count": settings.keep_versions},
                },
            ],
            kms_key_name=key,
            labels=environment.labelled("images"),
            deletion_policy=environment.deletion_policy("data"),
            opts=environment.options(self, "data"),
        )
        self.url = f"{environment.region}-docker.pkg.dev/{environment.project}/{environment.named('images')}"
        self.register_outputs({"url": self.url})
