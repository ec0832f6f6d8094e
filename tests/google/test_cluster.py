"""The cluster: when it is upgraded, how it is reached, what it records, and how one is taken over."""

from __future__ import annotations

import pytest

from tests.google.conftest import Site, edited, value
from tests.google.mocks import Declared


def cluster(site: Site) -> Declared:
    return site.named("cluster-gke")


@pytest.mark.parametrize(
    ("start", "hours", "end"),
    [
        ("2026-01-03T02:00:00Z", 8, "2026-01-03T10:00:00Z"),
        ("2026-01-03T22:00:00Z", 6, "2026-01-04T04:00:00Z"),
        ("2026-12-31T20:00:00Z", 24, "2027-01-01T20:00:00Z"),
        ("2028-02-28T23:00:00Z", 6, "2028-02-29T05:00:00Z"),
    ],
)
def test_a_maintenance_window_ends_so_many_hours_after_its_start_past_midnight_too(
    start: str, hours: int, end: str
) -> None:
    site = edited("dev", {"cluster.maintenance": {"start": start, "hours": hours, "days": ["MO", "SA"]}})
    window = value(cluster(site), "maintenancePolicy.recurringWindow")
    assert window == {"startTime": start, "endTime": end, "recurrence": "FREQ=WEEKLY;BYDAY=MO,SA"}


def test_times_without_maintenance_are_named_and_say_what_does_not_happen(prod: Site) -> None:
    assert value(cluster(prod), "maintenancePolicy.maintenanceExclusions") == [
        {
            "exclusionName": "year-end",
            "startTime": "2026-12-18T00:00:00Z",
            "endTime": "2027-01-04T00:00:00Z",
            "exclusionOptions": {"scope": "NO_MINOR_OR_NODE_UPGRADES"},
        }
    ]


def test_an_adopted_cluster_is_imported_under_its_name_and_protected_where_nothing_else_is() -> None:
    network = {"adopt": "vpc", "adopt_subnetwork": "subnetwork"}
    site = edited("dev", {"cluster.adopt": "theirs", "network": network})
    adopted = cluster(site)
    assert adopted.imports == "projects/example-ai-dev/locations/us-central1/clusters/theirs"
    assert (adopted.inputs["name"], adopted.protect) == ("theirs", True)
    assert adopted.ignore_changes == ("*",)
    assert site.outputs["cluster"] == "theirs"
    assert "get-credentials theirs " in site.outputs["connect"]
    pools = site.of("gcp:container/nodePool:NodePool")
    assert {each.inputs["cluster"] for each in pools} == {"theirs"}


@pytest.mark.parametrize(("protection", "kept"), [("none", False), ("data", False), ("all", True)])
def test_the_cluster_is_kept_by_engine_provider_and_service_alike(protection: str, kept: bool) -> None:
    made = cluster(edited("dev", {"protection": protection}))
    assert made.protect is kept
    assert made.inputs["deletionProtection"] is kept
    assert made.inputs["deletionPolicy"] == ("PREVENT" if kept else "DELETE")


def test_the_cluster_is_reached_by_its_name_and_by_those_whom_iam_lets(site: Site) -> None:
    assert value(cluster(site), "controlPlaneEndpointsConfig.dnsEndpointConfig.allowExternalTraffic") is True
    assert "--dns-endpoint" in site.outputs["connect"]


def test_groups_of_kubernetes_are_googles_where_the_settings_name_them(dev: Site, prod: Site) -> None:
    assert "authenticatorGroupsConfig" not in cluster(dev).inputs
    assert cluster(prod).inputs["authenticatorGroupsConfig"] == {"securityGroup": "gke-security-groups@example.com"}


def test_gpus_and_jobs_are_measured(site: Site) -> None:
    measured = value(cluster(site), "monitoringConfig")
    assert {"DCGM", "JOBSET", "SYSTEM_COMPONENTS"} <= set(measured["enableComponents"])
    assert measured["managedPrometheus"] == {"enabled": True}
    assert value(cluster(site), "costManagementConfig.enabled") is True


@pytest.mark.parametrize(
    "addon",
    [
        "gcsFuseCsiDriverConfig",
        "gcpFilestoreCsiDriverConfig",
        "lustreCsiDriverConfig",
        "gcePersistentDiskCsiDriverConfig",
    ],
)
def test_jobs_can_mount_every_kind_of_storage_that_the_settings_offer(site: Site, addon: str) -> None:
    assert value(cluster(site), f"addonsConfig.{addon}") == {"enabled": True}


def test_images_are_admitted_by_the_projects_policy(site: Site) -> None:
    policy = site.named("image-policy-policy").inputs
    assert value(cluster(site), "binaryAuthorization.evaluationMode") == "PROJECT_SINGLETON_POLICY_ENFORCE"
    assert policy["defaultAdmissionRule"]["evaluationMode"] == "ALWAYS_DENY"
    assert policy["admissionWhitelistPatterns"][0] == {"namePattern": f"{site.outputs['registry']}/**"}


def test_images_of_trusted_sources_are_admitted_besides() -> None:
    site = edited("dev", {"cluster.trusted_images": ["nvcr.io/nvidia/**"]})
    patterns = site.named("image-policy-policy").inputs["admissionWhitelistPatterns"]
    assert [each["namePattern"] for each in patterns][1:] == ["nvcr.io/nvidia/**"]


def test_the_pool_that_a_cluster_begins_with_goes_at_once_and_never_comes_up_again(site: Site) -> None:
    made = cluster(site)
    assert made.inputs["removeDefaultNodePool"] is True
    assert set(made.ignore_changes) == {"nodeConfig", "initialNodeCount"}


def test_several_networks_for_a_pod_are_offered_unless_the_settings_say_no(dev: Site) -> None:
    assert cluster(dev).inputs["enableMultiNetworking"] is True
    assert cluster(edited("dev", {"cluster.multi_networking": False})).inputs["enableMultiNetworking"] is False
