"""The settings of a stack, read once and typed. Nothing else in the program reads ``pulumi.Config``.

models:        a whole stack file.
kubernetes:    a Kubernetes that is there already, and platform: what runs on it for every job and service.
google:        the Google Cloud site, from ``foundation``, ``accelerators``, ``capacity`` and ``operations``.
load:          from the engine or from a file.
reference, schema:  the page and the JSON schema in stacks/, made from the models.
"""

from infra.settings.errors import SettingsError
from infra.settings.google import GoogleSettings
from infra.settings.kubernetes import ArtefactVolume, KubernetesSettings, NodePool
from infra.settings.load import load, parse, project_directory, read
from infra.settings.models import LocalSettings, Settings, Site
from infra.settings.platform import Images, Platform, Team

__all__ = [
    "ArtefactVolume",
    "GoogleSettings",
    "Images",
    "KubernetesSettings",
    "LocalSettings",
    "NodePool",
    "Platform",
    "Settings",
    "SettingsError",
    "Site",
    "Team",
    "load",
    "parse",
    "project_directory",
    "read",
]
