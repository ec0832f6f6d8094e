"""What a stack file may say. ``stacks/README.md`` is the same for readers."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from infra.settings.errors import SettingsError
from infra.settings.google import GoogleSettings
from workloads.mistakes import Conflict
from workloads.spec import Section, WorkloadSpec


class Site(StrEnum):
    """Where the data centre is."""

    LOCAL = "local"
    GOOGLE = "google"


def _site(value: Any) -> Any:
    """The enum from its word: a stack file holds strings, and validation is strict."""
    return Site(value) if value in list(Site) else value


class LocalSettings(Section):
    """This machine as a site."""

    artefacts: str = Field(
        default=".local/artefacts",
        min_length=1,
        description="Directory of data sets, checkpoints, models and logs, relative to the project.",
    )
    tensorboard_port: int = Field(
        default=6006, ge=1024, le=65535, description="Wanted port of TensorBoard; the next free one when it is busy."
    )


class Settings(Section):
    """A whole stack file."""

    site: Annotated[Site, BeforeValidator(_site)] = Field(default=Site.LOCAL, description="Where the data centre is.")
    local: LocalSettings = Field(default=LocalSettings(), description="The local site.")
    google: GoogleSettings | None = Field(
        default=None, description="The Google Cloud site; needed when site is google."
    )
    workloads: tuple[WorkloadSpec, ...] = Field(default=(), description="Models to train and serve.", strict=False)

    _stack: str = PrivateAttr(default="local")

    @model_validator(mode="after")
    def _the_site_has_its_section(self) -> Self:
        if self.site is Site.GOOGLE and self.google is None:
            raise Conflict(
                "the google section is missing; stacks/Pulumi.dev.yaml has one to start from", ("site",), "google"
            )
        if self.site is not Site.GOOGLE and self.google is not None:
            raise Conflict(
                "the google section is for site: google; set it, or leave the section out", ("site",), self.site
            )
        if self.site is Site.GOOGLE and self.workloads:
            names = [workload.name for workload in self.workloads]
            raise Conflict("the google site runs no workloads yet; leave them out", ("workloads",), names)
        return self

    @model_validator(mode="after")
    def _names_and_ports_are_used_once(self) -> Self:
        for path in (("name",), ("serve", "port")):
            seen: dict[Any, int] = {}
            for index, workload in enumerate(self.workloads):
                value = workload.name if path == ("name",) else workload.serve.port
                if value in seen:
                    place = ("workloads", index, *path)
                    raise Conflict(f"workloads[{seen[value]}] has it too; give each its own", place, value)
                seen[value] = index
        return self

    @property
    def stack(self) -> str:
        """Name of the stack, which is that of the environment."""
        return self._stack

    def mistake(self, path: str, problem: str) -> SettingsError:
        """The error for a value that is well formed but cannot be, at ``path`` such as ``local.artefacts``."""
        value: Any = self
        for part in path.split("."):
            value = getattr(value, part)
        return SettingsError.at(f"stacks/Pulumi.{self._stack}.yaml", path, value, problem)
