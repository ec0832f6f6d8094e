"""The whole plan on one page: settings in, a site built from top to bottom, outputs out."""

from __future__ import annotations

from typing import Any

import pulumi

from infra.local import place
from infra.local.site import LocalSite
from infra.plan import advice
from infra.settings import GoogleSettings, Settings, Site, project_directory


def build(settings: Settings) -> dict[str, Any]:
    """Declares the data centre on the site that the settings name. Returns the stack's outputs."""
    match settings.site:
        case Site.LOCAL:
            root = project_directory() / settings.local.artefacts
            if trouble := place.problem(root):
                raise settings.mistake("local.artefacts", trouble)
            return LocalSite("local", root, settings.local, settings.workloads).outputs
        case Site.GOOGLE:
            assert settings.google is not None  # as the settings have checked
            return _google(settings.stack, settings.google)


def _google(stack: str, settings: GoogleSettings) -> dict[str, Any]:
    from infra.google_cloud.environment import Environment  # takes seconds to import; the local site does without
    from infra.google_cloud.site import GoogleSite

    for warning in advice.warnings(settings):
        pulumi.log.warn(warning)
    return GoogleSite("google", Environment.of(stack, settings), settings).outputs
