"""What the preflight makes of Google's answers."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from google.auth import exceptions as auth_errors

from infra.preflight import online
from infra.preflight.api import ATTEMPTS, Google
from infra.preflight.checks import Check, Verdict
from infra.settings import GoogleSettings
from tests.unit.plan import samples
from tests.unit.preflight.fake_google import FakeGoogle, error

OK, WARN, FAIL, SKIPPED = Verdict
PROJECT = "cloudresourcemanager/v3/projects/ai-dev-1"
HERE = "compute/compute/v1/projects/ai-dev-1"
REGION = f"{HERE}/regions/us-central1"
ZONE = f"{HERE}/zones/us-central1-a"
SERVICES = "serviceusage/v1/projects/123456789012/services:batchGet"
QUOTAS = "cloudquotas/v1/projects/ai-dev-1/locations/global/services"
RESERVED = {"network": {"fabrics": [samples.TCPXO]}, "gpu_pools": [{**samples.H100, "capacity": samples.RESERVATION}]}


def looked(google: Google, settings: GoogleSettings, name: str, subject: str = "") -> Check:
    """The one check of a name and a subject."""
    found = [each for each in online.check(google, settings) if each.name == name and subject in each.subject]
    assert len(found) == 1, found
    return found[0]


def test_a_project_that_is_ready_passes_every_check_that_can_be_made(fake: FakeGoogle, google: Google) -> None:
    settings = samples.with_everything()
    fake.provide(settings)
    fake.reserve(settings, "ours")
    found = online.check(google, settings)
    assert {each.verdict for each in found} == {OK, SKIPPED}
    # Only what has no public name cannot be asked for.
    assert {each.subject for each in found if each.verdict is SKIPPED} == {
        "GB of Hyperdisk ML, us-central1",
        "GiB of Managed Lustre, us-central1",
    }


# Project and APIs


def test_another_project_number_fails_and_the_right_one_is_told(fake: FakeGoogle, google: Google) -> None:
    settings = samples.settings()
    fake.provide(settings)
    fake.answers[PROJECT] = {"name": "projects/42", "state": "ACTIVE"}
    check = looked(google, settings, "project")
    assert (check.verdict, check.fix) == (FAIL, "set google.project_number to 42")


def test_a_project_that_is_being_deleted_fails(fake: FakeGoogle, google: Google) -> None:
    settings = samples.settings()
    fake.provide(settings)
    fake.answers[PROJECT] = {"name": "projects/123456789012", "state": "DELETE_REQUESTED"}
    assert looked(google, settings, "project").verdict is FAIL


@pytest.mark.parametrize(
    ("service", "verdict"), [("serviceusage", FAIL), ("cloudresourcemanager", FAIL), ("container", WARN)]
)
def test_an_api_that_is_off_fails_only_where_up_cannot_turn_it_on(
    fake: FakeGoogle, google: Google, service: str, verdict: Verdict
) -> None:
    settings = samples.settings()
    fake.provide(settings)
    answer: Any = fake.answers[SERVICES]
    for each in answer["services"]:
        each["state"] = "DISABLED" if each["name"].endswith(f"/{service}.googleapis.com") else "ENABLED"
    check = looked(google, settings, "APIs")
    assert check.verdict is verdict
    assert f"{service}.googleapis.com" in check.detail


# Quota


def limited(fake: FakeGoogle, limit: float, usage: float = 0, metric: str = "NVIDIA_L4_GPUS") -> GoogleSettings:
    """A stack of at most four L4 machines, and a project with a limit."""
    settings = samples.settings(gpu_pools=[{**samples.L4, "capacity": samples.ON_DEMAND}])
    fake.provide(settings)
    region: Any = fake.answers[REGION]
    entry = next((each for each in region["quotas"] if each["metric"] == metric), None)
    if entry is None:
        region["quotas"].append(entry := {"metric": metric})
    entry |= {"limit": limit, "usage": usage}
    return settings


@pytest.mark.parametrize(
    ("limit", "usage", "verdict"),
    [(4, 0, OK), (10, 6, OK), (4, 1, WARN), (3, 0, FAIL), (0, 0, FAIL), (-1, 0, OK), (float(2**63), 0, OK)],
)
def test_quota_must_hold_what_is_needed_at_most_beside_what_is_used(
    fake: FakeGoogle, google: Google, limit: float, usage: float, verdict: Verdict
) -> None:
    settings = limited(fake, limit, usage)
    assert looked(google, settings, "quota", "nvidia-l4").verdict is verdict


def test_a_quota_that_is_too_small_says_how_much_of_what_to_ask_for_and_where(fake: FakeGoogle, google: Google) -> None:
    check = looked(google, limited(fake, 2, 1), "quota", "nvidia-l4")
    assert check.fix == (
        "ask for 5 of NVIDIA_L4_GPUS in us-central1 at "
        "https://console.cloud.google.com/iam-admin/quotas?project=ai-dev-1"
    )


@pytest.mark.parametrize(("ordinary", "verdict"), [(4, OK), (3, FAIL)])
def test_spot_draws_on_the_ordinary_quota_where_there_is_no_preemptible_one(
    fake: FakeGoogle, google: Google, ordinary: int, verdict: Verdict
) -> None:
    settings = samples.settings(gpu_pools=[{**samples.L4, "capacity": samples.SPOT}])
    fake.provide(settings)
    region: Any = fake.answers[REGION]
    region["quotas"] = [each for each in region["quotas"] if each["metric"] != "PREEMPTIBLE_NVIDIA_L4_GPUS"]
    region["quotas"] += [
        {"metric": "PREEMPTIBLE_NVIDIA_L4_GPUS", "limit": 0.0, "usage": 0.0},
        {"metric": "NVIDIA_L4_GPUS", "limit": float(ordinary), "usage": 0.0},
    ]
    check = looked(google, settings, "quota", "nvidia-l4")
    assert check.verdict is verdict


@pytest.mark.parametrize(
    ("entries", "verdict"),
    [
        ([({"region": "us-central1", "gpu_family": "NVIDIA_H100_MEGA"}, "24"), ({}, "0")], OK),
        ([({"region": "us-central1", "gpu_family": "NVIDIA_H100_MEGA"}, "23"), ({}, "999")], FAIL),
        ([({"region": "europe-west4", "gpu_family": "NVIDIA_H100_MEGA"}, "99")], FAIL),
        ([({"region": "us-central1", "gpu_family": "NVIDIA_H200"}, "99")], FAIL),
        ([({"gpu_family": "NVIDIA_H100_MEGA"}, "24")], OK),
        ([({"region": "us-central1"}, None)], FAIL),
        ([], FAIL),
    ],
)
def test_of_a_shared_quota_the_entry_that_says_most_about_place_and_family_counts(
    fake: FakeGoogle, google: Google, entries: list[tuple[dict[str, str], str | None]], verdict: Verdict
) -> None:
    settings = samples.settings(
        network={"fabrics": [samples.TCPXO]}, gpu_pools=[{**samples.H100, "capacity": samples.ON_DEMAND}]
    )
    fake.provide(settings)
    fake.answers[f"{QUOTAS}/compute.googleapis.com/quotaInfos/GPUS-PER-GPU-FAMILY-per-project-region"] = {
        "dimensionsInfos": [
            {"dimensions": dimensions, "details": {"value": value} if value else {}} for dimensions, value in entries
        ]
    }
    assert looked(google, settings, "quota", "nvidia-h100").verdict is verdict


def test_a_quota_that_cannot_be_read_hides_no_other(fake: FakeGoogle, google: Google) -> None:
    settings = samples.with_everything()
    fake.provide(settings)
    path = f"{QUOTAS}/tpu.googleapis.com/quotaInfos/TPUV5sLitepodPerProjectPerZoneForTPUAPI"
    fake.refuse(path, 403, error(403, "Cloud Quotas API has not been used", "SERVICE_DISABLED"))
    found = [each for each in online.check(google, settings) if each.name == "quota"]
    refused = next(each for each in found if "TensorCores, us" in each.subject)
    assert (refused.verdict, refused.fix) == (SKIPPED, "run `gcloud services enable cloudquotas.googleapis.com`")
    assert any(each.verdict is OK for each in found)


# Zones


def test_lists_are_read_to_their_last_page(fake: FakeGoogle, google: Google) -> None:
    settings = samples.settings(gpu_pools=[{**samples.L4, "capacity": samples.SPOT}])
    fake.provide(settings)
    others = [{"name": f"n1-standard-{size}"} for size in range(5)]
    fake.answers[f"{ZONE}/machineTypes"] = ("items", [*others, {"name": "g2-standard-8"}])
    assert looked(google, settings, "zones", "g2-standard-8").verdict is OK
    assert fake.asked[f"{ZONE}/machineTypes"] == 3


def test_a_machine_that_the_zone_does_not_offer_fails(fake: FakeGoogle, google: Google) -> None:
    settings = samples.settings(gpu_pools=[{**samples.T4, "capacity": samples.SPOT}])
    fake.provide(settings)
    fake.answers[f"{ZONE}/acceleratorTypes"] = ("items", [{"name": "nvidia-l4"}])
    assert looked(google, settings, "zones", "n1-standard-4").verdict is OK
    assert looked(google, settings, "zones", "nvidia-tesla-t4").verdict is FAIL


@pytest.mark.parametrize(
    ("kind", "key", "subject"),
    [("acceleratorTypes", "type", "v5litepod-8"), ("runtimeVersions", "version", "runtime v2-alpha-tpuv5-lite")],
)
def test_what_the_tpu_api_does_not_offer_fails(
    fake: FakeGoogle, google: Google, kind: str, key: str, subject: str
) -> None:
    settings = samples.settings(tpu_vms=[{**samples.VM, "capacity": samples.ON_DEMAND}])
    fake.provide(settings)
    assert looked(google, settings, "zones", subject).verdict is OK
    fake.answers[f"tpu/v2/projects/ai-dev-1/locations/us-central1-a/{kind}"] = (kind, [{key: "another"}])
    assert looked(google, settings, "zones", subject).verdict is FAIL


# Reservations


def machines(count: int, used: int = 0, machine_type: str = "a3-megagpu-8g") -> dict[str, Any]:
    return {
        "specificReservation": {
            "count": str(count),
            "inUseCount": str(used),
            "instanceProperties": {"machineType": machine_type},
        }
    }


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        (machines(3), OK, "3 machines needed, 3 reserved, 0 in use"),
        (machines(4, 2), WARN, "2 in use"),
        (machines(2), FAIL, "2 reserved"),
        (machines(8, 0, "a3-highgpu-8g"), FAIL, "it holds a3-highgpu-8g"),
        ({"specificReservationRequired": False}, FAIL, "cannot be asked for by name"),
        ({"status": "CREATING"}, FAIL, "its status is CREATING"),
    ],
)
def test_a_reservation_must_hold_enough_of_the_machine(
    fake: FakeGoogle, google: Google, changes: dict[str, Any], verdict: Verdict, said: str
) -> None:
    settings = samples.settings(**RESERVED)
    fake.provide(settings)
    fake.reserve(settings, "ours", **changes)
    check = looked(google, settings, "reservations")
    assert check.verdict is verdict
    assert said in check.detail


def test_pools_that_share_a_reservation_need_it_together(fake: FakeGoogle, google: Google) -> None:
    pools = [{**samples.H100, "name": name, "capacity": samples.RESERVATION} for name in ("one", "two")]
    settings = samples.settings(network={"fabrics": [samples.TCPXO]}, gpu_pools=pools)
    fake.provide(settings)
    fake.reserve(settings, "ours", **machines(5))
    check = looked(google, settings, "reservations")
    assert (check.verdict, "6 machines needed" in check.detail) == (FAIL, True)


@pytest.mark.parametrize(
    ("family", "chips", "verdict"),
    [("LITE_POD_SLICE_CT5LP", 32, OK), ("LITE_POD_SLICE_CT5LP", 31, FAIL), ("LITE_POD_SLICE_CT6E", 64, FAIL)],
)
def test_a_reservation_of_tpus_is_counted_in_chips(
    fake: FakeGoogle, google: Google, family: str, chips: int, verdict: Verdict
) -> None:
    settings = samples.settings(tpu_slices=[{**samples.V5E, "capacity": samples.RESERVATION}])
    fake.provide(settings)
    fake.answers[f"{ZONE}/reservations/ours"] = {
        "name": "ours",
        "status": "READY",
        "aggregateReservation": {
            "vmFamily": f"VM_FAMILY_CLOUD_TPU_{family}",
            "reservedResources": [{"accelerator": {"acceleratorCount": chips}}],
        },
    }
    assert looked(google, settings, "reservations").verdict is verdict


def test_a_queue_that_shares_a_reservation_with_slices_does_not_hide_their_check(
    fake: FakeGoogle, google: Google
) -> None:
    settings = samples.settings(
        tpu_slices=[{**samples.V5E, "capacity": samples.RESERVATION}],
        tpu_queues=[{**samples.QUEUE, "accelerator_type": "v5litepod-16", "capacity": samples.RESERVATION}],
    )
    fake.provide(settings)
    found = [each for each in online.check(google, settings) if each.name == "reservations"]
    assert [(each.verdict, each.detail.partition("(")[2]) for each in found] == [
        (FAIL, "tpu_slices[0])"),
        (SKIPPED, "tpu_queues[0])"),
    ]


def test_what_only_google_knows_is_told_when_it_is_not_asked(adopting: GoogleSettings) -> None:
    assert [each.name for each in online.not_asked(samples.settings())] == ["quota"]
    reserved = {"name": "reservations", "subject": "ours", "verdict": "skipped"}
    assert reserved.items() <= online.not_asked(samples.settings(**RESERVED))[1].as_dict().items()
    adopted = online.not_asked(adopting)[-1]
    assert (adopted.name, adopted.verdict) == ("adopt", SKIPPED)
    assert all(each.fix.startswith("run with credentials, or ") for each in online.not_asked(adopting))


def test_a_reservation_that_is_not_there_fails(fake: FakeGoogle, google: Google) -> None:
    settings = samples.settings(**RESERVED)
    fake.provide(settings)
    check = looked(google, settings, "reservations")
    assert (check.verdict, "no such reservation in us-central1-a" in check.detail) == (FAIL, True)


def test_a_shared_reservation_is_looked_for_in_its_owner_and_a_refusal_names_the_role_there(
    fake: FakeGoogle, google: Google
) -> None:
    shared = {**samples.RESERVATION, "project": "capacity-owner"}
    settings = samples.settings(network={"fabrics": [samples.TCPXO]}, gpu_pools=[{**samples.H100, "capacity": shared}])
    fake.provide(settings)
    fake.reserve(settings, "ours", project="capacity-owner")
    assert looked(google, settings, "reservations").verdict is OK
    path = "compute/compute/v1/projects/capacity-owner/zones/us-central1-a/reservations/ours"
    fake.refuse(path, 403, error(403, "Required 'compute.reservations.get' permission"))
    check = looked(google, settings, "reservations")
    assert check.verdict is SKIPPED
    assert check.fix == "ask for roles/compute.viewer in the project capacity-owner"


# Resources that are taken over

ADOPTED = {
    "network": {"adopt": "old", "adopt_subnetwork": "old-nodes"},
    "cluster": {"adopt": "old-cluster", "system_pool": {"zones": ["us-central1-b"]}},
    "storage": {"models": {"noncurrent_days": 30, "adopt": "old-models"}},
}
FOUND: dict[str, dict[str, Any]] = {
    f"{HERE}/global/networks/old": {"name": "old", "autoCreateSubnetworks": False},
    f"{REGION}/subnetworks/old-nodes": {
        "name": "old-nodes",
        "ipCidrRange": "10.0.0.0/20",
        "network": "https://www.googleapis.com/compute/v1/projects/ai-dev-1/global/networks/old",
    },
    "container/v1/projects/ai-dev-1/locations/us-central1/clusters/old-cluster": {"name": "old-cluster"},
    "storage/storage/v1/b/old-models": {"name": "old-models", "location": "US-CENTRAL1"},
}


@pytest.fixture
def adopting(fake: FakeGoogle) -> GoogleSettings:
    settings = samples.settings(**ADOPTED)
    fake.provide(settings)
    fake.answers |= FOUND
    return settings


def test_what_is_adopted_and_fits_passes(google: Google, adopting: GoogleSettings) -> None:
    found = [each for each in online.check(google, adopting) if each.name == "adopt"]
    assert len(found) == 4
    assert {each.verdict for each in found} == {OK}


@pytest.mark.parametrize("path", FOUND)
def test_what_is_adopted_must_be_there(fake: FakeGoogle, google: Google, adopting: GoogleSettings, path: str) -> None:
    del fake.answers[path]
    found = [each for each in online.check(google, adopting) if each.verdict is FAIL]
    assert [each.name for each in found] == ["adopt"]
    assert path.rpartition("/")[2] in found[0].subject


@pytest.mark.parametrize(
    ("path", "changes", "said"),
    [
        (f"{HERE}/global/networks/old", {"autoCreateSubnetworks": True}, "makes its subnetworks itself"),
        (f"{REGION}/subnetworks/old-nodes", {"ipCidrRange": "10.1.0.0/20"}, "its range is 10.1.0.0/20"),
        (f"{REGION}/subnetworks/old-nodes", {"network": "global/networks/x"}, "of the network x"),
        ("storage/storage/v1/b/old-models", {"location": "EU"}, "it is in eu"),
    ],
)
def test_what_is_adopted_must_be_what_the_stack_file_says(
    fake: FakeGoogle, google: Google, adopting: GoogleSettings, path: str, changes: dict[str, Any], said: str
) -> None:
    answer: Any = fake.answers[path]
    fake.answers[path] = {**answer, **changes}
    found = [each for each in online.check(google, adopting) if each.verdict is FAIL]
    assert len(found) == 1
    assert said in found[0].detail
    assert found[0].fix


# Refusals


@pytest.mark.parametrize(
    ("status", "body", "said", "fix"),
    [
        (403, error(403, "The caller\ndoes not"), "no permission: The caller does not", "ask for roles/browser"),
        (403, error(403, "x", "SERVICE_DISABLED"), "is not enabled", "run `gcloud services enable"),
        (
            403,
            {"error": {"code": 403, "errors": [{"reason": "accessNotConfigured"}]}},
            "is not enabled",
            "run `gcloud services enable",
        ),
        (401, error(401, "x"), "have expired or were revoked", "run `gcloud auth application-default login`"),
        (503, error(503, "x"), "answers 503 again and again", "try again later"),
        (418, {"error": "teapot"}, "answers 418: teapot", ""),
        (418, {}, "answers 418: without a reason", ""),
    ],
)
def test_a_refusal_is_a_sentence_and_hides_no_other_check(
    fake: FakeGoogle, google: Google, status: int, body: dict[str, Any], said: str, fix: str
) -> None:
    settings = samples.settings()
    fake.provide(settings)
    fake.refuse(PROJECT, status, body)
    check = looked(google, settings, "project")
    assert check.verdict is SKIPPED
    assert said in check.detail
    assert check.fix.startswith(fix)
    assert looked(google, settings, "APIs").verdict is OK


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_request_too_many_is_repeated(fake: FakeGoogle, google: Google, status: int) -> None:
    settings = samples.settings()
    fake.provide(settings)
    fake.refuse(PROJECT, status, times=ATTEMPTS - 1)
    assert looked(google, settings, "project").verdict is OK
    assert fake.asked[PROJECT] == ATTEMPTS


def test_a_refusal_for_good_is_not_repeated(fake: FakeGoogle, google: Google) -> None:
    settings = samples.settings()
    fake.provide(settings)
    fake.refuse(PROJECT, 403)
    assert looked(google, settings, "project").verdict is SKIPPED
    assert fake.asked[PROJECT] == 1


@pytest.mark.parametrize(
    ("problem", "said"),
    [
        (requests.ConnectionError("no route"), "cannot be reached"),
        (requests.ReadTimeout("slow"), "does not answer"),
        (auth_errors.TransportError("no route"), "cannot be reached"),
        (auth_errors.RefreshError("invalid_grant"), "have expired or were revoked"),
    ],
)
def test_without_network_or_with_expired_credentials_every_check_is_skipped(problem: Exception, said: str) -> None:
    class Broken:
        def request(self, *_: Any, **__: Any) -> requests.Response:
            raise problem

    found = online.check(Google(Broken()), samples.with_everything())
    assert {each.verdict for each in found} == {SKIPPED}
    assert all(said in each.detail and each.fix for each in found)
