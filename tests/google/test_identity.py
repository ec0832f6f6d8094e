"""Who may do what: no role can do more than its work needs, and none has a key."""

from __future__ import annotations

import pytest

from infra.google_cloud.apis import Apis
from tests.google.conftest import Site
from tests.google.mocks import Declared

READ, WRITE, ADD = (f"roles/storage.object{may}" for may in ("Viewer", "User", "Creator"))
BUCKETS = {
    "nodes": {},
    "training": {"datasets": READ, "checkpoints": WRITE, "models": ADD, "logs": ADD},
    "serving": {"models": READ},
    "pipelines": {"datasets": WRITE, "models": WRITE, "pipelines": WRITE},
    "tpu-vm": {"datasets": READ, "checkpoints": WRITE, "models": ADD, "logs": ADD},
}
"""Training can add a model and cannot delete or replace one; a server reads models and nothing else."""

PROJECT = {
    "nodes": {"roles/container.defaultNodeServiceAccount", "roles/serviceusage.serviceUsageConsumer"},
    "training": set(),
    "serving": set(),
    "pipelines": set(),
    "tpu-vm": {"roles/logging.logWriter", "roles/monitoring.metricWriter"},
}


def member(role: str) -> str:
    return f"serviceAccount:prod-{role}@example-ai-prod.iam.gserviceaccount.com"


def granted(site: Site, type_: str, role: str) -> list[Declared]:
    return [each for each in site.declared if each.type == type_ and each.inputs["member"] == member(role)]


@pytest.mark.parametrize("role", BUCKETS)
def test_a_role_reaches_the_buckets_of_its_work_and_no_others(prod: Site, role: str) -> None:
    found = granted(prod, "gcp:storage/bucketIAMMember:BucketIAMMember", role)
    assert {
        each.inputs["bucket"].removeprefix("example-ai-prod-prod-"): each.inputs["role"] for each in found
    } == BUCKETS[role]


@pytest.mark.parametrize("role", PROJECT)
def test_a_role_has_in_the_project_only_what_exists_on_no_smaller_thing(prod: Site, role: str) -> None:
    found = granted(prod, "gcp:projects/iAMMember:IAMMember", role)
    assert {each.inputs["role"] for each in found} == PROJECT[role]


@pytest.mark.parametrize("role", BUCKETS)
def test_a_role_may_pull_images_and_not_push_them(prod: Site, role: str) -> None:
    found = granted(prod, "gcp:artifactregistry/repositoryIamMember:RepositoryIamMember", role)
    assert [each.inputs["role"] for each in found] == ["roles/artifactregistry.reader"]


def test_a_grant_waits_for_the_account_that_it_names_in_plain_text(prod: Site) -> None:
    for role in BUCKETS:
        account = prod.named(f"identity-{role}")
        for each in prod.declared:
            if each.inputs.get("member") == member(role) and each.name.startswith("identity-"):
                assert account.urn in each.depends_on, each.name


@pytest.mark.parametrize("role", ["training", "serving", "pipelines"])
def test_pods_act_as_the_account_of_their_namespace_once_there_is_a_cluster(prod: Site, role: str) -> None:
    binding = prod.named(f"workload-identity-{role}")
    assert binding.inputs["member"] == f"serviceAccount:example-ai-prod.svc.id.goog[{role}/{role}]"
    assert binding.inputs["role"] == "roles/iam.workloadIdentityUser"
    assert binding.inputs["serviceAccountId"].endswith(
        f"/serviceAccounts/{member(role).removeprefix('serviceAccount:')}"
    )
    assert prod.named("cluster-gke").urn in binding.depends_on


def test_machines_act_as_no_account_of_pods(prod: Site) -> None:
    bound = {each.name for each in prod.declared if each.name.startswith("workload-identity-")}
    assert bound == {"workload-identity-training", "workload-identity-serving", "workload-identity-pipelines"}


def test_everything_waits_for_the_services_that_it_is_made_with(site: Site) -> None:
    services = {each.urn for each in site.of("gcp:projects/service:Service")}
    below = f"{Apis.__name__}$gcp:"
    for each in site.declared:
        if each.type.startswith(("gcp:", "aidc-tpu:")) and below not in each.urn:
            assert services <= set(each.depends_on), each.urn


def test_services_stay_enabled_when_the_stack_goes(site: Site) -> None:
    for each in site.of("gcp:projects/service:Service"):
        assert each.inputs["disableOnDestroy"] is False
        assert each.inputs["disableDependentServices"] is False
