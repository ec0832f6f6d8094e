"""The one way to get the providers of the site. No resource takes one by default."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.environment import Environment


def google_provider(environment: Environment) -> gcp.Provider:
    """The provider of the environment's project and region; every component gets it from its parent.

    It takes the caller's credentials (Application Default Credentials, or what federation gives a workflow) and never
    a key file from the stack. ``billing_project`` and ``user_project_override`` charge API quota to the project, which
    the Budgets API demands of a person's credentials.
    """
    return gcp.Provider(
        "google",
        project=environment.project,
        region=environment.region,
        billing_project=environment.project,
        user_project_override=True,
        add_pulumi_attribution_label=False,  # "managed-by" says it; a label that comes by itself shows as a change
    )


def tpu_provider() -> pulumi.ProviderResource:
    """The provider of ``infra.tpu_queue``. It needs no settings: a request says its project and zone itself."""
    return pulumi.ProviderResource("aidc-tpu", "tpu")
