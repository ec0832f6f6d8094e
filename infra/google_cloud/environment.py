"""The environment that components stand in: where they are, what they are called, and what may not be deleted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import pulumi

from infra.settings import GoogleSettings

Holds = Literal["nothing", "data", "foundation"]
"""What would be lost with a resource: nothing, data that cannot be made again, or what everything else stands on."""


@dataclass(frozen=True)
class Environment:
    """One stack on Google Cloud.

    labels:    on every resource that takes labels; nodes and pods carry them too, for the cost report.
    requires:  what everything in it waits for: a component's own ``depends_on`` does not reach its children.
    """

    name: str
    project: str
    project_number: int
    region: str
    labels: dict[str, str]
    protection: Literal["none", "data", "all"]
    requires: tuple[pulumi.Resource, ...] = ()

    @classmethod
    def of(cls, name: str, settings: GoogleSettings) -> Environment:
        """The environment called ``name``, the stack's name."""
        labels = {"env": name, "owner": settings.owner, "cost-centre": settings.cost_centre, "managed-by": "pulumi"}
        return cls(name, settings.project, settings.project_number, settings.region, labels, settings.protection)

    def after(self, resources: Sequence[pulumi.Resource]) -> Environment:
        """The same environment, in which everything waits for ``resources``."""
        return replace(self, requires=tuple(resources))

    def named(self, thing: str) -> str:
        """What ``thing`` is called in the project. No random part: what is named again is the same thing."""
        return f"{self.name}-{thing}"

    def bucket_named(self, thing: str) -> str:
        """What a bucket is called. Bucket names are global, so the project's, which is global too, comes first."""
        return f"{self.project}-{self.name}-{thing}"

    def labelled(self, workload: str) -> dict[str, str]:
        """The labels of something that serves ``workload``."""
        return {**self.labels, "workload": workload}

    def keeps(self, holds: Holds) -> bool:
        """Whether this environment refuses to delete what ``holds`` that."""
        return {"nothing": False, "data": self.protection != "none", "foundation": self.protection == "all"}[holds]

    def deletion_policy(self, holds: Holds) -> str:
        """The provider's own refusal, which holds against a program that forgot ``protect`` (pulumi-gcp 10)."""
        return "PREVENT" if self.keeps(holds) else "DELETE"

    def options(
        self,
        parent: pulumi.Resource,
        holds: Holds = "nothing",
        *,
        adopt: str | None = None,
        depends_on: Sequence[pulumi.Resource] = (),
        timeouts: pulumi.CustomTimeouts | None = None,
        ignore_changes: list[str] | None = None,
        replace_on_changes: list[str] | None = None,
        deleted_with: pulumi.Resource | None = None,
    ) -> pulumi.ResourceOptions:
        """The options of a child of ``parent``.

        adopt:         import id of an existing resource to take over, as it is: it was somebody's before, so it is
                       protected, and nothing that the program says of it changes it.
        replace_on_changes:  properties that cannot change in place though the provider thinks so. The old resource
                             goes first, since the new one has its name.
        deleted_with:  what takes it along when it goes, so that a destroy need not wait for both.
        """
        return pulumi.ResourceOptions(
            parent=parent,
            protect=self.keeps(holds) or adopt is not None,
            import_=adopt,
            depends_on=[*self.requires, *depends_on],
            custom_timeouts=timeouts,
            ignore_changes=["*"] if adopt else ignore_changes,
            replace_on_changes=replace_on_changes,
            delete_before_replace=True if replace_on_changes else None,
            deleted_with=deleted_with,
        )
