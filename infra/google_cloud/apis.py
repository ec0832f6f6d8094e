"""The Google APIs that the environment uses."""

from __future__ import annotations

from collections.abc import Iterable

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.environment import Environment

AGENTS = {
    "artifactregistry.googleapis.com": ("registry", "gcp-sa-artifactregistry"),
    "container.googleapis.com": ("cluster", "container-engine-robot"),
    "file.googleapis.com": ("files", "cloud-filer"),
    "lustre.googleapis.com": ("lustre", "gcp-sa-lustre"),
}
"""Services whose agent is made when it is asked for, and must be there before a key is granted to it: what the key is
for, and the agent's domain (IAM, 'Service agents'). Compute Engine's is there with its API."""


class Apis(pulumi.ComponentResource):
    """Enables the services that the other components need, and leaves them enabled: others may use them too.

    Somebody enables ``serviceusage`` and ``cloudresourcemanager`` beforehand, through which the others are enabled.

    Attributes: ``enabled``, what every other component waits for; ``agents``, the e-mail address of the service agent
    that encrypts with a key, by what the key is for; ``identities``, what makes them.
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
        buckets = gcp.storage.get_project_service_account_output(  # asking for it makes it
            project=environment.project, opts=pulumi.InvokeOutputOptions(parent=self, depends_on=self.enabled)
        )
        self.agents: dict[str, pulumi.Input[str]] = {
            "storage": buckets.email_address,
            "disks": _agent(environment, "compute-system"),
        }
        self.identities: list[pulumi.Resource] = []
        for service in services:
            if service not in AGENTS:
                continue
            purpose, domain = AGENTS[service]
            self.agents[purpose] = _agent(environment, domain)
            self.identities.append(
                gcp.projects.ServiceIdentity(
                    f"{name}-{service.partition('.')[0]}-agent",
                    project=environment.project,
                    service=service,
                    opts=environment.options(self, depends_on=self.enabled),
                )
            )
        self.register_outputs({"services": list(services)})


def _agent(environment: Environment, domain: str) -> str:
    return f"service-{environment.project_number}@{domain}.iam.gserviceaccount.com"
