"""Which images the cluster may run."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.environment import Environment


class ImagePolicy(pulumi.ComponentResource):
    """The project's Binary Authorization policy: images of our registry, of Google's own and of the trusted sources.

    A project has one such policy, so this assumes that the environment has the project to itself.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        *,
        registry_url: str,
        trusted: tuple[str, ...],
        enforced: bool,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """trusted: name patterns besides our registry. enforced: whether others are refused, or logged and let in."""
        super().__init__("aidc:google:ImagePolicy", name, None, opts)
        gcp.binaryauthorization.Policy(
            f"{name}-policy",
            project=environment.project,
            description=f"Images that {environment.name} may run",
            global_policy_evaluation_mode="ENABLE",  # Google's own system images
            admission_whitelist_patterns=[{"name_pattern": pattern} for pattern in (f"{registry_url}/**", *trusted)],
            default_admission_rule={
                "evaluation_mode": "ALWAYS_DENY",
                "enforcement_mode": "ENFORCED_BLOCK_AND_AUDIT_LOG" if enforced else "DRYRUN_AUDIT_LOG_ONLY",
            },
            opts=environment.options(self),
        )
        self.register_outputs({})
