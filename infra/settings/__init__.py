"""The settings of a stack, read once and typed. Nothing else in the program reads ``pulumi.Config``."""

from infra.settings.errors import SettingsError
from infra.settings.load import load, project_directory
from infra.settings.models import LocalSettings, Settings, Site

__all__ = ["LocalSettings", "Settings", "SettingsError", "Site", "load", "project_directory"]
