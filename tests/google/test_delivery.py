"""Who may deploy: workflows of one repository from one branch, with no more rights than the program needs."""

from __future__ import annotations

import re
from types import SimpleNamespace
from typing import Any

import pytest

from infra.google_cloud.delivery import ACCOUNTS, Delivery
from infra.google_cloud.environment import Environment
from infra.google_cloud.identity import ROLES
from infra.settings import operations
from tests.google.mocks import Declared, declare, of_type

ENVIRONMENT = Environment("prod", "acme-ai-prod", 123456789012, "us-central1", {"env": "prod"}, "all")
SETTINGS = operations.Delivery(repository="acme/ai-datacenter", repository_id=4711, branch="release/2026")
GRANTS = sorted({role for each in ROLES.values() for role in each.project})

MEMBER = "gcp:projects/iAMMember:IAMMember"
IMPERSONATION = "gcp:serviceaccount/iAMMember:IAMMember"
POOL = "principalSet://iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/prod-github"

OURS = {
    "repository": "acme/ai-datacenter",
    "repository_id": "4711",
    "event_name": "push",
    "ref": "refs/heads/release/2026",
    "run_id": "17",
}
"""Claims of GitHub's token for a push to the branch (GitHub, 'OpenID Connect reference'); all of them are text."""


def delivered(settings: operations.Delivery = SETTINGS, environment: Environment = ENVIRONMENT) -> list[Declared]:
    """What is declared for an environment."""
    return declare(
        lambda: Delivery(
            "delivery",
            environment,
            settings,
            grants=GRANTS,
            runs_as={"nodes": "prod-nodes@acme-ai-prod.iam.gserviceaccount.com"},
        )
    )


@pytest.fixture(scope="module")
def declared() -> list[Declared]:
    """An environment that is protected."""
    return delivered()


def roles_of(declared: list[Declared], account: str) -> list[str]:
    """The roles of an account in the project."""
    member = f"serviceAccount:prod-{account}@acme-ai-prod.iam.gserviceaccount.com"
    return [each.inputs["role"] for each in of_type(declared, MEMBER) if each.inputs["member"] == member]


def accounts_of(declared: list[Declared], claims: dict[str, str]) -> set[str]:
    """The accounts that a workflow with these claims may act as.

    The expressions of the provider are of the part of CEL that is Python too, but for ``&&``.
    """
    (provider,) = of_type(declared, "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider")
    assertion = SimpleNamespace(**claims)

    def evaluate(expression: str) -> Any:
        return eval(expression.replace("&&", "and"), {"__builtins__": {}}, {"assertion": assertion})  # noqa: S307

    if not evaluate(provider.inputs["attributeCondition"]):
        return set()
    values = {key: evaluate(expression) for key, expression in provider.inputs["attributeMapping"].items()}
    assert len(values["google.subject"].encode()) <= 127
    sets = {f"{POOL}/{key}/{value}" for key, value in values.items()}
    return {
        re.sub(r".*/serviceAccounts/prod-([a-z]+)@.*", r"\1", each.inputs["serviceAccountId"])
        for each in of_type(declared, IMPERSONATION)
        if each.inputs["role"] == "roles/iam.workloadIdentityUser" and each.inputs["member"] in sets
    }


@pytest.mark.parametrize("event", ["push", "workflow_dispatch"])
def test_a_workflow_of_the_branch_may_deploy(declared: list[Declared], event: str) -> None:
    assert accounts_of(declared, {**OURS, "event_name": event}) == {"preview", "deploy"}


@pytest.mark.parametrize(
    "claims",
    [
        {"event_name": "pull_request", "ref": "refs/pull/7/merge"},
        {"event_name": "merge_group", "ref": "refs/heads/gh-readonly-queue/release/2026/pr-7-0123456"},
        {"ref": "refs/heads/main"},
        {"ref": "refs/heads/release/2026-wip"},
        {"ref": "refs/tags/release/2026"},
        {"event_name": "schedule"},
    ],
)
def test_everything_else_of_the_repository_may_preview_and_not_deploy(
    declared: list[Declared], claims: dict[str, str]
) -> None:
    assert accounts_of(declared, {**OURS, **claims}) == {"preview"}


@pytest.mark.parametrize(
    "claims",
    [
        pytest.param({"repository": "mallory/ai-datacenter", "repository_id": "666"}, id="a fork"),
        pytest.param({"repository_id": "666"}, id="another repository that took over the name"),
        pytest.param({"repository": "mallory/ai-datacenter"}, id="a repository that was given away"),
        pytest.param({"repository": "acme/ai-datacenter-2"}, id="a longer name"),
        pytest.param({"repository_id": "47110"}, id="a longer number"),
        pytest.param({"event_name": "pull_request_target"}, id="a pull request of a fork with the branch's rights"),
        pytest.param({"event_name": "workflow_run"}, id="a workflow that another one starts"),
        pytest.param({"event_name": "issue_comment"}, id="a workflow that a comment starts"),
    ],
)
def test_nobody_else_may_do_anything(declared: list[Declared], claims: dict[str, str]) -> None:
    assert accounts_of(declared, {**OURS, **claims}) == set()


def test_tokens_come_from_github_alone(declared: list[Declared]) -> None:
    (provider,) = of_type(declared, "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider")
    assert provider.inputs["oidc"]["issuerUri"] == "https://token.actions.githubusercontent.com"


def test_every_impersonation_is_of_one_attribute_and_never_of_the_whole_pool(declared: list[Declared]) -> None:
    for each in of_type(declared, IMPERSONATION):
        if each.inputs["role"] == "roles/iam.workloadIdentityUser":
            assert each.inputs["member"].startswith(f"{POOL}/attribute.")


@pytest.mark.parametrize("account", [*ACCOUNTS])
def test_no_account_has_a_basic_role(declared: list[Declared], account: str) -> None:
    assert {"roles/owner", "roles/editor", "roles/viewer"}.isdisjoint(roles_of(declared, account))


@pytest.mark.parametrize("account", [*ACCOUNTS])
def test_no_account_may_act_as_every_service_account(declared: list[Declared], account: str) -> None:
    everywhere = {"roles/iam.serviceAccountUser", "roles/iam.serviceAccountTokenCreator"}
    assert everywhere.isdisjoint(roles_of(declared, account))


def test_the_preview_can_change_nothing(declared: list[Declared]) -> None:
    using = {"projects/acme-ai-prod/roles/prod_preview", "roles/serviceusage.serviceUsageConsumer"}
    assert {role for role in roles_of(declared, "preview") if not re.search("[vV]iewer$", role)} == using
    (role,) = (
        each
        for each in of_type(declared, "gcp:projects/iAMCustomRole:IAMCustomRole")
        if each.inputs["roleId"] == "prod_preview"
    )
    reading = {"get", "list", "read", "getIamPolicy"}
    assert {permission.rpartition(".")[2] for permission in role.inputs["permissions"]} <= reading


def test_the_preview_reads_no_objects_images_or_log_entries(declared: list[Declared]) -> None:
    reading_contents = {
        "roles/artifactregistry.reader",
        "roles/container.viewer",
        "roles/iam.securityReviewer",
        "roles/logging.viewer",
        "roles/storage.objectViewer",
    }
    assert reading_contents.isdisjoint(roles_of(declared, "preview"))


def test_who_may_grant_may_grant_only_what_the_program_grants(declared: list[Declared]) -> None:
    granting = {
        each.inputs["role"]: each.inputs["condition"]["expression"]
        for each in of_type(declared, MEMBER)
        if "condition" in each.inputs
    }
    assert granting.keys() == {"roles/resourcemanager.projectIamAdmin", "roles/iam.serviceAccountAdmin"}
    listed = {}
    for role, expression in granting.items():
        limit = re.fullmatch(
            r"api\.getAttribute\('iam\.googleapis\.com/modifiedGrantsByRole', \[\]\)\.hasOnly\(\[(.*)\]\)", expression
        )
        assert limit
        listed[role] = {each.strip("' ") for each in limit[1].split(",")}
    assert listed == {
        "roles/resourcemanager.projectIamAdmin": set(GRANTS),
        "roles/iam.serviceAccountAdmin": {"roles/iam.workloadIdentityUser", "roles/iam.serviceAccountUser"},
    }


def test_who_deploys_may_start_machines_as_the_nodes_and_as_nobody_else(declared: list[Declared]) -> None:
    acting = [
        each for each in of_type(declared, IMPERSONATION) if each.inputs["role"] == "roles/iam.serviceAccountUser"
    ]
    assert [(each.name, each.inputs["serviceAccountId"], each.inputs["member"]) for each in acting] == [
        (
            "delivery-deploy-as-nodes",
            "projects/acme-ai-prod/serviceAccounts/prod-nodes@acme-ai-prod.iam.gserviceaccount.com",
            "serviceAccount:prod-deploy@acme-ai-prod.iam.gserviceaccount.com",
        )
    ]


def test_a_grant_is_named_by_its_role(declared: list[Declared]) -> None:
    for each in of_type(declared, MEMBER):
        assert each.name.endswith((each.inputs["role"].removeprefix("roles/"), "-own"))


def test_what_keeps_its_id_after_deletion_is_not_deleted_in_a_protected_environment(declared: list[Declared]) -> None:
    kept = [each for each in declared if each.inputs.get("deletionPolicy") == "PREVENT" and each.protect]
    assert {each.type.rpartition(":")[2] for each in kept} == {
        "WorkloadIdentityPool",
        "WorkloadIdentityPoolProvider",
        "Account",
        "IAMCustomRole",
    }


def test_another_branch_changes_only_who_may_deploy(declared: list[Declared]) -> None:
    before = {each.urn: each for each in declared}
    changed = delivered(SETTINGS.model_copy(update={"branch": "main"}))
    assert {each.name for each in changed if each != before[each.urn]} == {
        "delivery-deploy-for-push",
        "delivery-deploy-for-workflow_dispatch",
    }


def test_what_a_workflow_needs_is_known_before_anything_exists() -> None:
    shown: dict[str, Any] = {}

    def build() -> None:
        made = Delivery("delivery", ENVIRONMENT, SETTINGS, grants=GRANTS, runs_as={})
        shown.update(provider=made.provider, **made.emails)

    declare(build, preview=True)
    assert shown == {
        "provider": "projects/123456789012/locations/global/workloadIdentityPools/prod-github/providers/github",
        "preview": "prod-preview@acme-ai-prod.iam.gserviceaccount.com",
        "deploy": "prod-deploy@acme-ai-prod.iam.gserviceaccount.com",
    }
