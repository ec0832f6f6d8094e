"""A resource of every type from a preview to its end, as the engine takes it there."""

from __future__ import annotations

from typing import Any

import pytest

from rehearsal.cloud.errors import ApiError
from rehearsal.cloud.store import Cloud
from rehearsal.google.table import row
from rehearsal.values import Later
from tests.rehearsal.conftest import TOKENS, Driver, sample

NETWORK = "gcp:compute/network:Network"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
BUCKET = "gcp:storage/bucket:Bucket"
CLUSTER = "gcp:container/cluster:Cluster"
POOL = "gcp:container/nodePool:NodePool"
REPOSITORY = "gcp:artifactregistry/repository:Repository"
CHANNEL = "gcp:monitoring/notificationChannel:NotificationChannel"
POLICY = "gcp:monitoring/alertPolicy:AlertPolicy"


@pytest.fixture
def made(driver: Driver) -> dict[str, tuple[str, dict[str, Any]]]:
    """All samples, as id and properties."""
    return driver.make(TOKENS[-1])


@pytest.mark.parametrize("token", TOKENS)
def test_a_sample_is_right_and_its_preview_knows_the_inputs_and_nothing_that_only_the_service_makes(token: str) -> None:
    offline = Driver(None)
    assert offline.check(token, sample(token)) == {}
    seen = offline.preview(token, sample(token))
    assert {name: seen[name] for name in sample(token)} == sample(token)
    unknown = {name for name, value in seen.items() if value is Later.VALUE}
    assert unknown == row(token).shape.outputs.keys() - sample(token).keys()


@pytest.mark.parametrize("token", TOKENS)
def test_what_was_made_is_what_was_asked_for_and_neither_up_nor_refresh_finds_a_difference(
    driver: Driver, made: dict[str, tuple[str, dict[str, Any]]], token: str
) -> None:
    identity, state = made[token]
    assert not driver.diff(token, identity, state, sample(token)).changes
    again, seen, inputs = driver.refresh(token, identity, state, sample(token))
    assert (again, seen, inputs) == (identity, state, sample(token))


@pytest.mark.parametrize("token", TOKENS)
def test_an_import_by_any_form_of_the_id_gives_inputs_that_a_program_does_not_differ_from(
    driver: Driver, cloud: Cloud, made: dict[str, tuple[str, dict[str, Any]]], token: str
) -> None:
    identity, _ = made[token]
    mapped = row(token)
    if not mapped.spellings:
        return
    found, state, inputs = driver.take_over(token, identity)
    assert found == identity
    assert inputs.items() <= state.items()
    changed = driver.diff(token, identity, state, sample(token))
    assert set(changed.diffs) <= {name.partition(".")[0] for name in mapped.provider}
    assert not changed.replaces


@pytest.mark.parametrize(
    ("token", "form"),
    [
        (NETWORK, "example-project/net"),
        (SUBNETWORK, "us-central1/nodes"),
        (POOL, "example-project/us-central1/cluster/pool"),
        (BUCKET, "example-project/example-project-models"),
        (
            "gcp:storage/bucketIAMMember:BucketIAMMember",
            "b/example-project-models roles/storage.objectViewer "
            "serviceAccount:training@example-project.iam.gserviceaccount.com",
        ),
        (
            "gcp:projects/iAMMember:IAMMember",
            "example-project roles/logging.logWriter "
            "serviceAccount:training@example-project.iam.gserviceaccount.com for now",
        ),
        (
            "gcp:kms/cryptoKeyIAMBinding:CryptoKeyIAMBinding",
            "projects/example-project/locations/us-central1/keyRings/keys/cryptoKeys/disks "
            "roles/cloudkms.cryptoKeyEncrypterDecrypter",
        ),
        (
            "gcp:servicenetworking/connection:Connection",
            "/projects/example-project/global/networks/net:servicenetworking.googleapis.com",
        ),
    ],
)
def test_an_import_takes_the_forms_that_the_provider_documents(
    driver: Driver, made: dict[str, tuple[str, dict[str, Any]]], token: str, form: str
) -> None:
    assert driver.take_over(token, form)[0] == made[token][0]


def test_an_import_of_what_is_not_there_finds_nothing_and_of_what_has_none_says_so(driver: Driver) -> None:
    assert driver.take_over(NETWORK, "projects/example-project/global/networks/other")[0] == ""
    with pytest.raises(ApiError, match="cannot be imported"):
        driver.take_over("gcp:projects/serviceIdentity:ServiceIdentity", "projects/p/services/file.googleapis.com")


def test_computed_outputs_have_the_form_of_the_service_and_are_the_same_in_every_rehearsal(
    driver: Driver, made: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    network = made[NETWORK][1]
    assert network["selfLink"] == "https://www.googleapis.com/compute/v1/projects/example-project/global/networks/net"
    assert len(network["numericId"]) == 19
    account = made["gcp:serviceaccount/account:Account"][1]
    assert account["email"] == "training@example-project.iam.gserviceaccount.com"
    assert (account["uniqueId"].isdecimal(), len(account["uniqueId"])) == (True, 21)
    assert made[SUBNETWORK][1]["gatewayAddress"] == "10.0.0.1"
    assert made[BUCKET][1]["url"] == "gs://example-project-models"
    assert made[BUCKET][1]["projectNumber"] == 100000000001
    agent = made["gcp:projects/serviceIdentity:ServiceIdentity"][1]
    assert agent["email"] == "service-100000000001@cloud-filer.iam.gserviceaccount.com"


@pytest.mark.parametrize(
    ("token", "change", "replaces"),
    [
        (NETWORK, {"name": "other"}, ["name"]),
        (NETWORK, {"mtu": 1460}, []),
        (SUBNETWORK, {"ipCidrRange": "10.0.0.0/19"}, []),
        (SUBNETWORK, {"ipCidrRange": "10.0.0.0/21"}, ["ipCidrRange"]),
        (BUCKET, {"location": "US"}, ["location"]),
        (BUCKET, {"storageClass": "NEARLINE"}, []),
        (CLUSTER, {"datapathProvider": "LEGACY_DATAPATH"}, ["datapathProvider"]),
        (POOL, {"autoscaling": {"minNodeCount": 0, "maxNodeCount": 8, "locationPolicy": "ANY"}}, []),
        (POOL, {"cluster": "another"}, ["cluster"]),
        ("gcp:compute/disk:Disk", {"size": 2000}, []),
        ("gcp:compute/disk:Disk", {"size": 500}, ["size"]),
        (REPOSITORY, {"format": "PYTHON"}, ["format"]),
    ],
)
def test_what_cannot_change_in_place_is_replaced_the_old_first_where_the_provider_sees_that_the_name_stays(
    driver: Driver,
    made: dict[str, tuple[str, dict[str, Any]]],
    token: str,
    change: dict[str, Any],
    replaces: list[str],
) -> None:
    identity, state = made[token]
    found = driver.diff(token, identity, state, sample(token, **change))
    assert found.changes
    assert found.replaces == replaces
    assert found.delete_before_replace == (bool(replaces) and "name" not in change and token != REPOSITORY)


def test_a_property_that_is_taken_out_differs_unless_the_service_chooses_it(
    driver: Driver, made: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    identity, state = made[SUBNETWORK]
    assert driver.diff(SUBNETWORK, identity, state, sample(SUBNETWORK, logConfig=None)).diffs == ["logConfig"]
    assert not driver.diff(SUBNETWORK, identity, {**state, "purpose": "PRIVATE"}, sample(SUBNETWORK)).changes


def test_an_update_is_in_the_cloud_and_shows_no_difference_afterwards(
    driver: Driver, made: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    identity, state = made[NETWORK]
    wanted = sample(NETWORK, mtu=1460)
    state = driver.update(NETWORK, identity, state, wanted)
    assert state["mtu"] == 1460
    assert not driver.diff(NETWORK, identity, state, wanted).changes
    assert driver.refresh(NETWORK, identity, state, wanted)[1]["mtu"] == 1460


def test_drift_behind_the_engines_back_is_seen_by_a_refresh(
    driver: Driver, cloud: Cloud, made: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    identity, state = made[BUCKET]
    there = cloud.get(BUCKET, identity)
    assert there
    there.body["iamConfiguration"]["publicAccessPrevention"] = "inherited"
    cloud.drift(there)
    _, seen, inputs = driver.refresh(BUCKET, identity, state, sample(BUCKET))
    assert inputs["publicAccessPrevention"] == "inherited"
    assert driver.diff(BUCKET, identity, seen, sample(BUCKET)).diffs == ["publicAccessPrevention"]
    cloud.vanish(BUCKET, identity)
    assert driver.refresh(BUCKET, identity, state, sample(BUCKET))[0] == ""


def test_making_the_same_twice_is_a_conflict_but_where_the_call_is_idempotent_or_the_service_numbers(
    driver: Driver, made: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    with pytest.raises(ApiError, match=r"Error 409 \(ALREADY_EXISTS\).*networks/net' already exists"):
        driver.create(NETWORK, sample(NETWORK))
    member = "gcp:storage/bucketIAMMember:BucketIAMMember"
    assert driver.create(member, sample(member))[0] == made[member][0]
    assert driver.create(POLICY, sample(POLICY))[0] != made[POLICY][0]


def test_the_samples_go_in_the_opposite_order_and_what_stays_says_why(
    driver: Driver, cloud: Cloud, made: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    for token in reversed(TOKENS):
        driver.delete(token, *made[token])
    left = {each.token: each.made["left"] for each in cloud.all()}
    assert left.keys() == {
        "gcp:kms/keyRing:KeyRing",
        "gcp:kms/cryptoKey:CryptoKey",
        "gcp:projects/serviceIdentity:ServiceIdentity",
    }
    assert all(left.values())


def test_a_network_does_not_go_before_what_stands_in_it(
    driver: Driver, made: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    with pytest.raises(ApiError, match=r"networks/net' is already being used by '.*/subnetworks/nodes'"):
        driver.delete(NETWORK, *made[NETWORK])


def test_a_cluster_takes_its_pools_with_it(
    driver: Driver, cloud: Cloud, made: dict[str, tuple[str, dict[str, Any]]]
) -> None:
    driver.delete(CLUSTER, *made[CLUSTER])
    assert cloud.all(POOL) == []


@pytest.mark.parametrize(
    ("token", "change", "says"),
    [
        (NETWORK, {"deletionPolicy": "PREVENT"}, "its deletionPolicy is PREVENT"),
        (CLUSTER, {"deletionProtection": True}, "its deletionProtection is true"),
        ("gcp:filestore/instance:Instance", {"deletionProtectionEnabled": True}, "has deletion protection enabled"),
    ],
)
def test_what_is_protected_is_not_deleted_until_the_rehearsal_lifts_all_protection(
    driver: Driver, cloud: Cloud, token: str, change: dict[str, Any], says: str
) -> None:
    for before in TOKENS[: TOKENS.index(token)]:
        driver.create(before, sample(before))
    identity, state = driver.create(token, sample(token, **change))
    users = [each for each in cloud.all() if identity in each.uses]
    for each in users:
        cloud.vanish(each.token, each.id)
    with pytest.raises(ApiError, match=says):
        driver.delete(token, identity, state)
    cloud.set_fact("lifted", True)
    driver.delete(token, identity, state)
    assert cloud.get(token, identity) is None


def test_a_bucket_with_objects_goes_by_force_alone(driver: Driver, cloud: Cloud) -> None:
    identity, state = driver.create(BUCKET, sample(BUCKET))
    there = cloud.get(BUCKET, identity)
    assert there
    there.made["objects"] = 3
    cloud.drift(there)
    with pytest.raises(ApiError, match="is not empty: example-project-models holds 3 objects"):
        driver.delete(BUCKET, identity, state)
    driver.delete(BUCKET, identity, {**state, "forceDestroy": True})
    assert cloud.all(BUCKET) == []


def test_a_channel_that_a_policy_tells_is_in_use(driver: Driver, cloud: Cloud) -> None:
    identity, state = driver.create(CHANNEL, sample(CHANNEL))
    driver.create(POLICY, sample(POLICY, notificationChannels=[identity]))
    with pytest.raises(ApiError, match="is already being used by 'projects/example-project/alertPolicies/"):
        driver.delete(CHANNEL, identity, state)


def test_what_is_referred_to_must_be_there(driver: Driver) -> None:
    with pytest.raises(ApiError, match=r"Error 404 \(NOT_FOUND\): network: the Network 'projects/.*' was not found"):
        driver.create(SUBNETWORK, sample(SUBNETWORK))


def test_ranges_of_one_network_do_not_overlap(driver: Driver) -> None:
    driver.make(SUBNETWORK)
    with pytest.raises(ApiError, match=r"ipCidrRange: .*overlaps 10.0.0.0/20 of nodes in the same network"):
        driver.create(SUBNETWORK, sample(SUBNETWORK, name="more", ipCidrRange="10.0.8.0/21", secondaryIpRanges=[]))


@pytest.mark.parametrize(
    ("fact", "value", "says"),
    [
        (
            "denied",
            ["compute.networks.create"],
            r"Error 403 \(PERMISSION_DENIED\): Permission 'compute.networks.create'",
        ),
        ("enabled", [], "Compute Engine API has not been used in project 100000000001 before or it is disabled"),
        ("quotas", {"NETWORKS": 0}, r"Error 403 \(RESOURCE_EXHAUSTED\): Quota 'NETWORKS' exceeded. Limit: 0.0"),
    ],
)
def test_permissions_services_and_quotas_are_the_clouds_to_refuse(
    driver: Driver, cloud: Cloud, fact: str, value: Any, says: str
) -> None:
    cloud.set_fact(fact, value)
    with pytest.raises(ApiError, match=says):
        driver.create(NETWORK, sample(NETWORK))
    assert cloud.all(NETWORK) == []


def test_an_operation_that_takes_longer_than_the_program_waits_is_told(driver: Driver) -> None:
    driver.make("gcp:artifactregistry/repositoryIamMember:RepositoryIamMember")
    with pytest.raises(ApiError, match="create takes about 9 minutes, and the program waits 5"):
        driver.create(CLUSTER, sample(CLUSTER), seconds=300)


def test_without_a_cloud_nothing_is_made() -> None:
    with pytest.raises(ApiError, match="makes nothing"):
        Driver(None).create(NETWORK, sample(NETWORK))


def test_without_a_cloud_what_is_adopted_is_taken_for_what_the_program_says() -> None:
    """A preview without credentials can show an adoption, and cannot know what it would find."""
    driver, token = Driver(None), NETWORK
    identity, state, inputs = driver.take_over(token, "projects/example/global/networks/theirs")
    assert (identity, state, inputs) == ("projects/example/global/networks/theirs", *[{"name": "theirs"}] * 2)
    assert driver.check(token, inputs) == {}
    assert not driver.diff(token, identity, state, sample(token)).changes
