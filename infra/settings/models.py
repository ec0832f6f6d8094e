"""What a stack file may say. ``stacks/README.md`` is the same for readers."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Self

from pydantic import BeforeValidator, Field, PrivateAttr, model_validator

from infra.kubeflow.versions import KUBERNETES, refusals
from infra.settings.errors import SettingsError
from infra.settings.google import GoogleSettings
from infra.settings.kubernetes import KubernetesSettings
from infra.settings.platform import FOR_JOBS, Platform
from workloads.mistakes import Conflict
from workloads.spec import Section, ServeSpec, WorkloadSpec


class Site(StrEnum):
    """Where the data centre is."""

    LOCAL = "local"
    KUBERNETES = "kubernetes"
    GOOGLE = "google"


SECTIONS = {
    "kubernetes": (Site.KUBERNETES,),
    "google": (Site.GOOGLE,),
    "platform": (Site.KUBERNETES, Site.GOOGLE),
}
"""Which sites a section is for: the first needs it, another may have it."""

LONGEST_NAME = 36
"""Of a workload on a cluster: its pods are called NAME-01234567-worker-0-15-abcde, in 63 characters (RFC 1035; JobSet
v0.12.0, pkg/webhooks/jobset_webhook.go)."""

TENSORBOARD = "tensorboard"
"""Name of a Service in each team's namespace, as models are."""

EXAMPLES = {Site.KUBERNETES: "cluster", Site.GOOGLE: "dev"}
"""Stacks that have the sections of a site."""


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
    kubernetes: KubernetesSettings | None = Field(
        default=None, description="A Kubernetes that is there already; needed when site is kubernetes."
    )
    google: GoogleSettings | None = Field(
        default=None, description="The Google Cloud site; needed when site is google."
    )
    platform: Platform | None = Field(
        default=None, description="What a cluster runs for all jobs and services; needed when site is kubernetes."
    )
    workloads: tuple[WorkloadSpec, ...] = Field(default=(), description="Models to train and serve.", strict=False)

    _stack: str = PrivateAttr(default="local")

    @model_validator(mode="after")
    def _the_site_has_its_sections(self) -> Self:
        for name, sites in SECTIONS.items():
            there = getattr(self, name) is not None
            if self.site is sites[0] and not there:
                example = f"stacks/Pulumi.{EXAMPLES[self.site]}.yaml"
                raise Conflict(f"the {name} section is missing; {example} has one to start from", ("site",), self.site)
            if self.site not in sites and there:
                problem = f"the {name} section is for site: {' or '.join(sites)}; set it, or leave the section out"
                raise Conflict(problem, ("site",), self.site)
        if self.site is Site.GOOGLE and self.workloads:
            names = [workload.name for workload in self.workloads]
            raise Conflict("the google site runs no workloads yet; leave them out", ("workloads",), names)
        return self

    @model_validator(mode="after")
    def _names_and_ports_are_used_once(self) -> Self:
        local = self.site is Site.LOCAL  # elsewhere each service has an address of its own
        for path in (("name",), ("serve", "port"))[: 1 + local]:
            seen: dict[Any, int] = {}
            for index, workload in enumerate(self.workloads):
                value = workload.name if path == ("name",) else workload.serve.port
                if value in seen:
                    place = ("workloads", index, *path)
                    raise Conflict(f"workloads[{seen[value]}] has it too; give each its own", place, value)
                seen[value] = index
        return self

    @model_validator(mode="after")
    def _this_machine_is_asked_for_what_it_can(self) -> Self:
        for index, workload in enumerate(self.workloads if self.site is Site.LOCAL else ()):
            for path, value in workload.on_a_cluster().items():
                problem = "only a cluster has that; leave it out, or use site: kubernetes"
                raise Conflict(problem, ("workloads", index, *path.split(".")), value)
        return self

    @model_validator(mode="after")
    def _versions_go_together(self) -> Self:
        """Google's cluster is left out: the release channel gives its version, and that changes by itself."""
        if self.platform is None:
            return self
        cluster = {KUBERNETES: self.kubernetes.version} if self.kubernetes else {}
        for refusal in refusals({**cluster, **self.platform.components}):
            problem = str(refusal).removesuffix(".")
            if self.kubernetes and refusal.names[0] == KUBERNETES:
                raise Conflict(problem, ("kubernetes", "version"), self.kubernetes.version)
            place, value = self.platform.place_of(refusal.names[0])
            raise Conflict(problem, ("platform", *place), value)
        return self

    @model_validator(mode="after")
    def _the_cluster_has_what_workloads_ask_for(self) -> Self:
        if self.kubernetes is None or self.platform is None or not self.workloads:
            return self
        if missing := [name for name in FOR_JOBS if name not in self.platform.components]:
            problem = f"no job runs without {' and '.join(missing)}; install them, or bring your own"
            raise Conflict(problem, ("platform", "install"), self.platform.install)
        teams = [team.name for team in self.platform.teams]
        for index, workload in enumerate(self.workloads):
            if len(workload.name) > LONGEST_NAME or workload.name == TENSORBOARD:
                problem = f"on a cluster a name has at most {LONGEST_NAME} characters, and is not {TENSORBOARD}"
                raise Conflict(f"{problem}; choose another", ("workloads", index, "name"), workload.name)
            if workload.serve.port != ServeSpec().port:
                problem = (
                    f"on a cluster each model has an address of its own, and port {ServeSpec().port}; leave it out"
                )
                raise Conflict(problem, ("workloads", index, "serve", "port"), workload.serve.port)
            if workload.team not in (None, *teams):
                problem = f"unknown team; allowed: {', '.join(teams)}"
                raise Conflict(problem, ("workloads", index, "team"), workload.team)
            if workload.train.gpus and not any(pool.gpus for pool in self.kubernetes.pools):
                problem = "no pool of kubernetes.pools has GPUs; add one, or leave it out"
                raise Conflict(problem, ("workloads", index, "train", "gpus"), workload.train.gpus)
        return self

    @property
    def stack(self) -> str:
        """Name of the stack, which is that of the environment."""
        return self._stack

    def mistake(self, path: str, problem: str) -> SettingsError:
        """The error for a value that is well formed but cannot be, at ``path`` such as ``workloads[0].train.cpu``."""
        value: Any = self
        for part in re.findall(r"[^.\[\]]+", path):
            value = value[int(part)] if part.isdigit() else getattr(value, part)
        return SettingsError.at(f"stacks/Pulumi.{self._stack}.yaml", path, value, problem)
