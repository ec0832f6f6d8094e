"""Keys: each is used by the service that encrypts with it, and by nobody before the grant."""

from __future__ import annotations

import pytest

from tests.google.conftest import Site, edited, value

NUMBER, MOCKED = "100000000003", "123456789012"
"""The project's number, and what stands for it where the service answers."""


@pytest.mark.parametrize(
    ("purpose", "agent"),
    [
        ("storage", f"service-{MOCKED}@gs-project-accounts"),
        ("cluster", f"service-{NUMBER}@container-engine-robot"),
        ("disks", f"service-{NUMBER}@compute-system"),
        ("registry", f"service-{NUMBER}@gcp-sa-artifactregistry"),
        ("files", f"service-{NUMBER}@cloud-filer"),
        ("lustre", f"service-{NUMBER}@gcp-sa-lustre"),
    ],
)
def test_a_key_serves_the_agent_of_its_service_alone(prod: Site, purpose: str, agent: str) -> None:
    grant = prod.named(f"encryption-{purpose}-users")
    assert grant.inputs["cryptoKeyId"] == f"projects/project/encryption-{purpose}"
    assert grant.inputs["members"] == [f"serviceAccount:{agent}.iam.gserviceaccount.com"]
    assert grant.inputs["role"] == "roles/cloudkms.cryptoKeyEncrypterDecrypter"


@pytest.mark.parametrize(
    ("name", "path", "purpose"),
    [
        ("storage-models", "encryption.defaultKmsKeyName", "storage"),
        ("cluster-gke", "databaseEncryption.keyName", "cluster"),
        ("gpu-pool-serve-pool", "nodeConfig.bootDiskKmsKey", "disks"),
        ("system-pool-pool", "nodeConfig.bootDiskKmsKey", "disks"),
        ("volumes-weights", "diskEncryptionKey.kmsKeySelfLink", "disks"),
        ("registry-images", "kmsKeyName", "registry"),
        ("volumes-homes", "kmsKeyName", "files"),
        ("volumes-corpus", "kmsKey", "lustre"),
    ],
)
def test_what_is_encrypted_has_the_key_of_its_service_and_waits_for_the_grant(
    prod: Site, name: str, path: str, purpose: str
) -> None:
    encrypted = prod.named(name)
    assert value(encrypted, path) == f"projects/project/encryption-{purpose}"
    assert prod.named(f"encryption-{purpose}-users").urn in encrypted.depends_on


def test_there_are_keys_only_for_services_that_are_used(dev: Site) -> None:
    keys = {each.inputs["name"] for each in dev.of("gcp:kms/cryptoKey:CryptoKey")}
    assert keys == {"storage", "cluster", "disks", "registry"}


def test_days_of_the_settings_are_those_of_the_keys() -> None:
    site = edited("dev", {"encryption": {"rotation_days": 7, "destroy_after_days": 31, "protection": "hsm"}})
    for key in site.of("gcp:kms/cryptoKey:CryptoKey"):
        assert key.inputs["rotationPeriod"] == "604800s"
        assert key.inputs["destroyScheduledDuration"] == "2678400s"
        assert key.inputs["versionTemplate"]["protectionLevel"] == "HSM"
