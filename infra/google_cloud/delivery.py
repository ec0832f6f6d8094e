"""Who deploys: the workflows of one GitHub repository, without a key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.environment import Environment
from infra.settings import operations

ISSUER = "https://token.actions.githubusercontent.com"

EVENTS = ("merge_group", "pull_request", "push", "schedule", "workflow_dispatch")
"""What a workflow may have been started by. GitHub gives pull requests from forks no token, except in workflows on
``pull_request_target``, which run with the rights of the branch and may check out the fork's code; ``workflow_run`` and
comments can be brought about by a fork too. (GitHub, 'Security hardening with OpenID Connect'.)"""

DEPLOYING_EVENTS = ("push", "workflow_dispatch")
"""Of those, what may deploy, and from the branch alone."""

ATTRIBUTES = {
    "google.subject": "'repository/' + assertion.repository_id + '/run/' + assertion.run_id",
    "attribute.repository_id": "assertion.repository_id",
    "attribute.trigger": "assertion.event_name + ':' + assertion.ref",
}
"""The subject is what the audit log shows: the run that did it. GitHub's own can be longer than the 127 bytes allowed
(IAM API, WorkloadIdentityPoolProvider)."""

CUSTOM_ROLE_OF_PREVIEW = (
    "artifactregistry.repositories.get",
    "artifactregistry.repositories.getIamPolicy",
    "artifactregistry.repositories.list",
    "billing.resourcebudgets.read",
    "cloudkms.cryptoKeys.getIamPolicy",
    "cloudkms.keyRings.getIamPolicy",
    "logging.sinks.get",
    "resourcemanager.projects.get",
    "resourcemanager.projects.getIamPolicy",
    "servicenetworking.services.get",
    "storage.buckets.getIamPolicy",
)
"""What a refresh reads beyond the viewer roles. The predefined ones for it (securityReviewer, logging.viewer,
artifactregistry.reader) also read log entries, names of objects or images, which a pull request need not."""

CUSTOM_ROLE_OF_DEPLOY = (
    "billing.resourceCosts.get",
    "billing.resourcebudgets.read",
    "billing.resourcebudgets.write",
    "resourcemanager.projects.get",
)
"""The budget of the project: only basic roles have it otherwise."""


IMPERSONATE = "roles/iam.workloadIdentityUser"
ACT_AS = "roles/iam.serviceAccountUser"


@dataclass(frozen=True)
class Account:
    """A service account that workflows act as.

    roles:       in the project.
    own_role:    permissions of a role made for it.
    granting:    those of ``roles`` with which it could give itself any right, and what they may grant besides what the
                 program grants in the project. On a service account's own policy the limit is Google's word alone:
                 the attribute is documented for projects.
    """

    purpose: str
    roles: tuple[str, ...]
    own_role: tuple[str, ...]
    granting: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


ACCOUNTS = {
    "preview": Account(
        purpose="Previews changes from any branch of the repository; reads configuration, changes nothing",
        roles=(
            "roles/binaryauthorization.policyViewer",
            "roles/cloudkms.viewer",
            "roles/compute.viewer",
            "roles/container.clusterViewer",
            "roles/file.viewer",
            "roles/iam.roleViewer",
            "roles/iam.serviceAccountViewer",
            "roles/iam.workloadIdentityPoolViewer",
            "roles/lustre.viewer",
            "roles/monitoring.viewer",
            "roles/serviceusage.serviceUsageConsumer",  # the provider charges its quota to the project
            "roles/storage.bucketViewer",
            "roles/tpu.viewer",
        ),
        own_role=CUSTOM_ROLE_OF_PREVIEW,
    ),
    "deploy": Account(
        purpose="Deploys from one branch of the repository",
        roles=(
            "roles/artifactregistry.admin",
            "roles/binaryauthorization.policyEditor",
            "roles/cloudkms.admin",  # administers keys, and could give itself their use
            "roles/compute.networkAdmin",
            "roles/compute.securityAdmin",  # firewalls
            "roles/compute.storageAdmin",  # disks, and policies of placement
            "roles/container.clusterAdmin",  # clusters and pools, and nothing inside a cluster
            "roles/file.editor",
            "roles/iam.roleViewer",
            "roles/iam.serviceAccountAdmin",
            "roles/iam.workloadIdentityPoolViewer",
            "roles/logging.configWriter",
            "roles/lustre.admin",
            "roles/monitoring.alertPolicyEditor",
            "roles/monitoring.dashboardEditor",
            "roles/monitoring.notificationChannelEditor",
            "roles/resourcemanager.projectIamAdmin",
            "roles/servicenetworking.networksAdmin",
            "roles/serviceusage.serviceUsageAdmin",
            "roles/storage.admin",  # whoever administers a bucket could give itself the objects too
            "roles/tpu.admin",
        ),
        own_role=CUSTOM_ROLE_OF_DEPLOY,
        granting={"roles/iam.serviceAccountAdmin": (IMPERSONATE, ACT_AS), "roles/resourcemanager.projectIamAdmin": ()},
    ),
}
"""By the name of the account. Names and contents of roles: IAM, 'Roles and permissions', 2026-08."""


class Delivery(pulumi.ComponentResource):
    """Federation with GitHub, and two service accounts: ``preview`` reads, ``deploy`` changes.

    A person makes and changes what is here, with an `up` from their own machine: ``deploy`` may read it, and cannot
    widen its own rights. The stack's state and its key lie outside the stack, and so do the grants on them.

    The id of a deleted pool or provider stays taken for 30 days, that of a deleted role for 37. Names have no random
    part, so that one brought back by `undelete` fits; ``protection: all`` keeps them from being deleted at all.

    Attributes: ``provider``, the provider's full name; ``emails``, by account. A workflow needs both; both are plain.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: operations.Delivery,
        *,
        grants: Sequence[str],
        runs_as: Mapping[str, str],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """grants: roles that the program gives to its service accounts in the project; ``deploy`` may give no others.
        runs_as: by key, e-mail addresses of the service accounts that nodes and TPU VMs run as.
        """
        super().__init__("aidc:google:Delivery", name, None, opts)
        self._name, self._environment = name, environment
        pool_id = environment.named("github")
        self._pool = f"projects/{environment.project_number}/locations/global/workloadIdentityPools/{pool_id}"
        provider_id = "github"
        self.provider = f"{self._pool}/providers/{provider_id}"
        pool = gcp.iam.WorkloadIdentityPool(
            f"{name}-pool",
            project=environment.project,
            workload_identity_pool_id=pool_id,
            display_name=pool_id,
            description=f"Workflows of {settings.repository}",
            mode="FEDERATION_ONLY",
            disabled=False,
            deletion_policy=environment.deletion_policy("foundation"),
            opts=environment.options(self, "foundation"),
        )
        gcp.iam.WorkloadIdentityPoolProvider(
            f"{name}-github",
            project=environment.project,
            workload_identity_pool_id=pool_id,
            workload_identity_pool_provider_id=provider_id,
            display_name="GitHub Actions",
            description=f"Workflows of {settings.repository}",
            attribute_mapping=ATTRIBUTES,
            attribute_condition=_condition(settings),
            oidc={"issuer_uri": ISSUER},  # no audience: the provider's own name, which a token for others lacks
            disabled=False,
            deletion_policy=environment.deletion_policy("foundation"),
            opts=environment.options(self, "foundation", depends_on=[pool]),
        )
        self.emails: dict[str, str] = {}
        accounts: dict[str, list[pulumi.Resource]] = {}
        for key, account in ACCOUNTS.items():
            accounts[key] = [self._account(key, account), pool]
            self._grant(key, account, grants, accounts[key])
        repository = f"principalSet://iam.googleapis.com/{self._pool}/attribute.repository_id/{settings.repository_id}"
        self._impersonation("preview", "repository", repository, accounts["preview"])
        for event in DEPLOYING_EVENTS:
            trigger = f"attribute.trigger/{event}:refs/heads/{settings.branch}"
            member = f"principalSet://iam.googleapis.com/{self._pool}/{trigger}"
            self._impersonation("deploy", event, member, accounts["deploy"])
        for key, email in runs_as.items():
            gcp.serviceaccount.IAMMember(
                f"{name}-deploy-as-{key}",
                service_account_id=f"projects/{environment.project}/serviceAccounts/{email}",
                role=ACT_AS,
                member=f"serviceAccount:{self.emails['deploy']}",
                opts=environment.options(self, depends_on=accounts["deploy"]),
            )
        self.register_outputs({"provider": self.provider, "emails": self.emails})

    def _account(self, key: str, account: Account) -> gcp.serviceaccount.Account:
        account_id = self._environment.named(key)
        self.emails[key] = f"{account_id}@{self._environment.project}.iam.gserviceaccount.com"
        return gcp.serviceaccount.Account(
            f"{self._name}-{key}",
            project=self._environment.project,
            account_id=account_id,
            display_name=f"{self._environment.name}: {key}",
            description=account.purpose,
            disabled=False,
            deletion_policy=self._environment.deletion_policy("foundation"),
            opts=self._environment.options(self, "foundation"),
        )

    def _grant(self, key: str, account: Account, grants: Sequence[str], made: list[pulumi.Resource]) -> None:
        """What ``account`` may do in the project."""
        environment = self._environment
        role_id = environment.named(key).replace("-", "_")
        role = gcp.projects.IAMCustomRole(
            f"{self._name}-{key}-role",
            project=environment.project,
            role_id=role_id,
            title=environment.named(key),
            description=account.purpose,
            permissions=list(account.own_role),
            stage="GA",
            deletion_policy=environment.deletion_policy("foundation"),
            opts=environment.options(self, "foundation"),
        )
        own = {"own": f"projects/{environment.project}/roles/{role_id}"}
        for short, granted in {**{each.removeprefix("roles/"): each for each in account.roles}, **own}.items():
            gcp.projects.IAMMember(
                f"{self._name}-{key}-{short}",
                project=environment.project,
                role=granted,
                member=f"serviceAccount:{self.emails[key]}",
                condition=_only_granting(account.granting.get(granted, ()), grants)
                if granted in account.granting
                else None,
                opts=environment.options(self, depends_on=[*made, role]),
            )

    def _impersonation(self, key: str, whom: str, member: str, made: list[pulumi.Resource]) -> None:
        gcp.serviceaccount.IAMMember(
            f"{self._name}-{key}-for-{whom}",
            service_account_id=f"projects/{self._environment.project}/serviceAccounts/{self.emails[key]}",
            role=IMPERSONATE,
            member=member,
            opts=self._environment.options(self, depends_on=made),
        )


def _condition(settings: operations.Delivery) -> str:
    """What a token must say to be taken at all (CEL). A repository's id is its own for ever; a name changes hands."""
    return (
        f"assertion.repository_id == '{settings.repository_id}' && "
        f"assertion.repository == '{settings.repository}' && "
        f"assertion.event_name in [{', '.join(map(repr, EVENTS))}]"
    )


def _only_granting(roles: Sequence[str], grants: Sequence[str]) -> gcp.projects.IAMMemberConditionArgs:
    """Lets a role hold only where none but these are granted or taken back (IAM, 'Set limits on granting roles')."""
    listed = ", ".join(f"'{role}'" for role in sorted({*roles, *(() if roles else grants)}))
    return gcp.projects.IAMMemberConditionArgs(
        title="Grants what the program grants",
        description="Cannot be used to gain rights",
        expression=f"api.getAttribute('iam.googleapis.com/modifiedGrantsByRole', []).hasOnly([{listed}])",
    )
