"""The whole plan on one page: settings in, a site built from top to bottom, outputs out."""

from __future__ import annotations

from typing import Any

import pulumi

from infra.local import place
from infra.local.site import LocalSite
from infra.plan import advice, queues
from infra.settings import Settings, Site, project_directory


def build(settings: Settings) -> dict[str, Any]:
    """Declares the data centre on the site that the settings name. Returns the stack's outputs."""
    match settings.site:
        case Site.LOCAL:
            root = project_directory() / settings.local.artefacts
            if trouble := place.problem(root):
                raise settings.mistake("local.artefacts", trouble)
            return LocalSite("local", root, settings.local, settings.workloads).outputs
        case Site.KUBERNETES:
            from infra.any_cluster.site import KubernetesSite  # takes seconds to import; the local site does without

            return KubernetesSite("cluster", settings).outputs
        case Site.GOOGLE:
            return _google(settings)


def _google(settings: Settings) -> dict[str, Any]:
    from infra.google_cloud.environment import Environment
    from infra.google_cloud.site import GoogleSite

    google = settings.google
    assert google is not None  # as the settings have checked
    for warning in advice.warnings(google):
        pulumi.log.warn(warning)
    marks = queues.of(settings).on_nodes() if settings.platform else {}
    return GoogleSite("google", Environment.of(settings.stack, google), google, marks).outputs
