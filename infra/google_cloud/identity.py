"""Who may do what: one service account for each role, with grants on the very things that the role touches."""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.environment import Environment


@dataclass(frozen=True)
class Role:
    """What a service account is for.

    buckets:   role on a bucket by kind; nothing on the others.
    project:   roles that exist on no smaller thing.
    kubernetes: namespace and service account of the pods that act in it; None for machines.
    """

    purpose: str
    buckets: dict[str, str]
    project: tuple[str, ...] = ()
    kubernetes: tuple[str, str] | None = None


SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
"""Of every machine. Grants decide what it may do; scopes are the older fence, left open as Google recommends."""

READ, WRITE, ADD = "roles/storage.objectViewer", "roles/storage.objectUser", "roles/storage.objectCreator"

ROLES = {
    "nodes": Role(
        purpose="Nodes of the cluster: logs, metrics, images",
        buckets={},
        project=(
            "roles/container.defaultNodeServiceAccount",
            "roles/serviceusage.serviceUsageConsumer",  # image streaming (GKE, 'Use Image streaming')
        ),
    ),
    "training": Role(
        purpose="Training jobs",
        buckets={"datasets": READ, "checkpoints": WRITE, "models": ADD, "logs": ADD},
        kubernetes=("training", "training"),
    ),
    "serving": Role(
        purpose="Model servers",
        buckets={"models": READ},
        kubernetes=("serving", "serving"),
    ),
    "pipelines": Role(
        purpose="Pipelines that prepare data, compare and release models",
        buckets={"datasets": WRITE, "models": WRITE, "pipelines": WRITE},
        kubernetes=("pipelines", "pipelines"),
    ),
    "tpu-vm": Role(
        purpose="TPU VMs and queued resources outside the cluster",
        buckets={"datasets": READ, "checkpoints": WRITE, "models": ADD, "logs": ADD},
        project=("roles/logging.logWriter", "roles/monitoring.metricWriter"),
    ),
}
"""By the name of the account. Names of namespaces are those of the platform layer."""


class Identity(pulumi.ComponentResource):
    """The service accounts of the environment and what each may do. None has a key, and none a basic role.

    What pods act as which account is in ``WorkloadIdentity``, as it takes a cluster; who deploys is in ``Delivery``.

    Attribute ``emails``: by role; plain text, known before the accounts exist. ``accounts``: the resources.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        *,
        buckets: dict[str, gcp.storage.Bucket],
        repository: gcp.artifactregistry.Repository,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """buckets: by kind. repository: of the images, which every role may pull."""
        super().__init__("aidc:google:Identity", name, None, opts)
        self.accounts: dict[str, gcp.serviceaccount.Account] = {}
        self.emails: dict[str, str] = {}
        for key, role in ROLES.items():
            account_id = environment.named(key)
            account = gcp.serviceaccount.Account(
                f"{name}-{key}",
                account_id=account_id,
                project=environment.project,
                display_name=f"{environment.name}: {key}",
                description=role.purpose,
                disabled=False,
                opts=environment.options(self),
            )
            self.accounts[key] = account
            self.emails[key] = f"{account_id}@{environment.project}.iam.gserviceaccount.com"
            member, waits = f"serviceAccount:{self.emails[key]}", [account]
            for bucket, granted in role.buckets.items():
                gcp.storage.BucketIAMMember(
                    f"{name}-{key}-{bucket}",
                    bucket=buckets[bucket].name,
                    role=granted,
                    member=member,
                    opts=environment.options(self, depends_on=waits),
                )
            for granted in role.project:
                gcp.projects.IAMMember(
                    f"{name}-{key}-{granted.rpartition('.')[2]}",
                    project=environment.project,
                    role=granted,
                    member=member,
                    opts=environment.options(self, depends_on=waits),
                )
            gcp.artifactregistry.RepositoryIamMember(
                f"{name}-{key}-images",
                project=environment.project,
                location=environment.region,
                repository=repository.name,
                role="roles/artifactregistry.reader",
                member=member,
                opts=environment.options(self, depends_on=waits),
            )
        self.register_outputs({"emails": self.emails})


class WorkloadIdentity(pulumi.ComponentResource):
    """Lets the pods of a Kubernetes service account act as a service account of Google, without a key.

    Comes after the cluster: the project's identity pool is made with its first cluster, and a binding to a pool that
    does not exist is refused.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        *,
        accounts: dict[str, gcp.serviceaccount.Account],
        cluster: pulumi.Resource,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """accounts: as ``Identity`` has them. cluster: what the bindings wait for."""
        super().__init__("aidc:google:WorkloadIdentity", name, None, opts)
        for key, role in ROLES.items():
            if role.kubernetes is None:
                continue
            namespace, account = role.kubernetes
            gcp.serviceaccount.IAMMember(
                f"{name}-{key}",
                service_account_id=accounts[key].name,
                role="roles/iam.workloadIdentityUser",
                member=f"serviceAccount:{environment.project}.svc.id.goog[{namespace}/{account}]",
                opts=environment.options(self, depends_on=[cluster]),
            )
        self.register_outputs({})
