"""What runs on a cluster for every job and service: the platform's components, and the teams that share it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from infra.kubeflow.versions import COMPONENTS, DEFAULT, MATRIX, Range, choose
from workloads.mistakes import Conflict, Place
from workloads.spec import Name, Section, choice

Installable = Literal["cert-manager", "jobset", "kserve", "kueue", "lws", "trainer"]
"""Components that this program installs. The others of the matrix a stack can bring itself."""

FOR_JOBS = ("jobset", "kueue", "trainer")
"""Components without which no job runs."""

CONCURRENT = Range("0.19")
"""Versions of Kueue that can try several flavours at once (KEP 8691, alpha)."""

RESERVED_NAMESPACES = frozenset({"ai-datacenter", "default", "kube-node-lease", "kube-public", "kube-system"}) | {
    component.namespace for component in COMPONENTS.values()
}
"""What a team, whose name is that of its namespace, cannot be called."""

Image = Annotated[
    str, Field(pattern=r"^[a-z0-9][a-z0-9.-]*(:\d+)?(/[a-z0-9._-]+)+(:[\w][\w.-]*)?(@sha256:[0-9a-f]{64})?$")
]


class Adopted(Section):
    """A component that the cluster has already, and that stays somebody else's."""

    name: str = Field(description="Component.", json_schema_extra={"enum": [*COMPONENTS]})
    version: str = Field(pattern=r"^v?\d+(\.\d+)+([-+.].*)?$", description="Its version, such as 0.19.2.")

    @field_validator("name")
    @classmethod
    def _known_component(cls, value: str) -> str:
        return choice(value, dict(COMPONENTS), "component")


class Team(Section):
    """Who shares the cluster: one namespace, and a queue in it."""

    name: Name = Field(
        description="Name of the team and of its namespace: at most 40 lower-case letters, digits and dashes, a letter "
        "first, no dash last."
    )
    share: int = Field(
        default=1, ge=1, le=1000, description="Its share, relative to the others', when all want more than there is."
    )


class Images(Section):
    """Images of the workloads, by digest or tag."""

    train: Image = Field(
        description="Image that trains, with its registry and a digest or tag, such as "
        "registry.example.com/ai/train-cpu:1.4."
    )
    serve: Image = Field(
        description="Image that serves, with its registry and a digest or tag, such as "
        "registry.example.com/ai/serve:1.4."
    )

    @field_validator("train", "serve")
    @classmethod
    def _says_which(cls, value: str) -> str:
        name = value.rpartition("/")[2]
        if "@" not in name and (":" not in name or name.endswith(":latest")):
            raise ValueError("may be another image tomorrow; name one by its digest, or by a tag that is not latest")
        return value


class Platform(Section):
    """The platform of a cluster."""

    versions: str = Field(
        default=DEFAULT,
        description="Set of versions that work together, of which the components are.",
        json_schema_extra={"enum": [*MATRIX]},
    )
    install: tuple[Installable, ...] = Field(
        default=("jobset", "kueue", "trainer"), strict=False, description="Components to install."
    )
    adopt: tuple[Adopted, ...] = Field(
        default=(), strict=False, description="Components that the cluster has already, and that stay as they are."
    )
    teams: tuple[Team, ...] = Field(strict=False, min_length=1, max_length=256, description="Who shares the cluster.")
    concurrent: bool = Field(
        default=False,
        description="Whether a job waits for several kinds of nodes at once and takes the first that it gets.",
    )
    images: Images = Field(description="Images of the workloads.")

    @field_validator("versions")
    @classmethod
    def _known_set(cls, value: str) -> str:
        return choose(value).name

    @model_validator(mode="after")
    def _every_component_is_there_once(self) -> Self:
        seen: dict[str, str] = {}
        for index, name in enumerate(self.install):
            if name in seen:
                raise Conflict(f"{seen[name]} is it too; keep one", ("install", index), name)
            seen[name] = f"install[{index}]"
        for index, each in enumerate(self.adopt):
            if each.name in seen:
                problem = f"{seen[each.name]} is it too; install it or bring it, not both"
                raise Conflict(problem, ("adopt", index, "name"), each.name)
            seen[each.name] = f"adopt[{index}]"
        return self

    @model_validator(mode="after")
    def _kueue_lets_a_job_wait_in_several_places(self) -> Self:
        kueue = self.components.get("kueue")
        if self.concurrent and (kueue is None or kueue not in CONCURRENT):
            problem = f"asks for kueue {CONCURRENT}, and there is {kueue or 'none'}; leave it out, or use that"
            raise Conflict(problem, ("concurrent",), True)
        return self

    @model_validator(mode="after")
    def _every_team_has_a_namespace_of_its_own(self) -> Self:
        seen: dict[str, int] = {}
        for index, team in enumerate(self.teams):
            place = ("teams", index, "name")
            if team.name in seen:
                raise Conflict(f"teams[{seen[team.name]}] has it too; give each its own", place, team.name)
            if team.name in RESERVED_NAMESPACES or team.name.startswith("kube-"):
                problem = "names a namespace of Kubernetes or of the platform; call the team otherwise"
                raise Conflict(problem, place, team.name)
            seen[team.name] = index
        return self

    def place_of(self, name: str) -> tuple[Place, object]:
        """Where the file says of a component that it is there, or should, below ``platform``; and what it says."""
        for index, each in enumerate(self.adopt):
            if each.name == name:
                return ("adopt", index, "version"), each.version
        return (("versions",), self.versions) if name in self.install else (("install",), self.install)

    @property
    def components(self) -> Mapping[str, str]:
        """Versions of the components that are installed, and of those that are there already."""
        chosen = choose(self.versions).versions
        return {name: chosen[name] for name in self.install} | {each.name: each.version for each in self.adopt}
