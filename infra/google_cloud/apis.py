"""The Google APIs that the environment uses."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.environment import Environment

ON_DEMAND_AGENTS = {
    "artifactregistry.googleapis.com": "registry",
    "file.googleapis.com": "files",
    "lustre.googleapis.com": "lustre",
}
"""Services whose agent does not exist until it is asked for, and must before a key can be granted to it; and what the
key is for. The other agents come with their API."""


class Apis(pulumi.ComponentResource):
    """Enables the services that the other components need, and leaves them enabled: others may use them too.

    Somebody enables ``serviceusage`` and ``cloudresourcemanager`` beforehand, through which the others are enabled.

    Attributes: ``enabled``, what every other component waits for; ``agents``, the e-mail address of the service agent
    that encrypts with a key, by what the key is for.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        services: Iterable[str],
        *,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """services: full names, such as ``compute.googleapis.com``."""
        super().__init__("aidc:google:Apis", name, None, opts)
        self.enabled: list[pulumi.Resource] = [
            gcp.projects.Service(
                f"{name}-{service.partition('.')[0]}",
                project=environment.project,
                service=service,
                disable_on_destroy=False,
                disable_dependent_services=False,
                opts=environment.options(self),
            )
            for service in services
        ]
        number = environment.project_number
        buckets = gcp.storage.get_project_service_account_output(  # asking for it makes it
            project=environment.project, opts=pulumi.InvokeOutputOptions(parent=self, depends_on=self.enabled)
        )
        self.agents: dict[str, pulumi.Input[str]] = {
            "storage": buckets.email_address,
            "cluster": f"service-{number}@container-engine-robot.iam.gserviceaccount.com",
            "disks": f"service-{number}@compute-system.iam.gserviceaccount.com",
        }
        for service in services:
            if service in ON_DEMAND_AGENTS:
                identity = gcp.projects.ServiceIdentity(
                    f"{name}-{service.partition('.')[0]}-agent",
                    project=environment.project,
                    service=service,
                    opts=environment.options(self, depends_on=self.enabled),
                )
                self.agents[ON_DEMAND_AGENTS[service]] = identity.email
        self.register_outputs({"services": list(services)})
