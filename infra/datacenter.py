"""The whole plan on one page: settings in, a site built from top to bottom, outputs out."""

from __future__ import annotations

from typing import Any

from infra.local import place
from infra.local.site import LocalSite
from infra.settings import Settings, Site, project_directory


def build(settings: Settings) -> dict[str, Any]:
    """Declares the data centre on the site that the settings name. Returns the stack's outputs."""
    match settings.site:
        case Site.LOCAL:
            root = project_directory() / settings.local.artefacts
            if trouble := place.problem(root):
                raise settings.mistake("local.artefacts", trouble)
            return LocalSite("local", root, settings.local, settings.workloads).outputs
        case Site.KUBERNETES | Site.GOOGLE:
            raise settings.mistake("site", f"the {settings.site} site is not available yet; use: local")
