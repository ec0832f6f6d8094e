"""Keys, and what is encrypted with them."""

from __future__ import annotations

from collections.abc import Iterator

from policies.configuration import Configuration, Level
from policies.hardware import NODE_POOL
from policies.resource import Resource, shown
from policies.rule import Rules, Severity, expect_set
from policies.rules.reliability import BUCKET, CRYPTO_KEY, DISK, FILESTORE, LUSTRE, REPOSITORY

RULES = Rules()

ROTATION_DAYS, DESTROY_DAYS, DAY_SECONDS = 90, 30, 86400

KEY_OF = {
    BUCKET: "encryption.defaultKmsKeyName",
    NODE_POOL: "nodeConfig.bootDiskKmsKey",
    REPOSITORY: "kmsKeyName",
    FILESTORE: "kmsKeyName",
    LUSTRE: "kmsKey",
    DISK: "diskEncryptionKey.kmsKeySelfLink",
}
"""Where each type names the key that encrypts it."""


@RULES.resource(
    "KMS-01",
    Severity.HIGH,
    CRYPTO_KEY,
    must=f"`rotationPeriod` ≤ {ROTATION_DAYS} days; `destroyScheduledDuration` ≥ {DESTROY_DAYS} days",
    why="A key that leaks is worth less the sooner it is replaced; one destroyed by mistake must be there for a while.",
    fix="Set encryption.rotation_days to 90 or less and encryption.destroy_after_days to 30 or more in the stack file.",
    sources=("CIS Google Cloud 1.10", "checkov CKV_GCP_43", "organisation policy"),
)
def keys_change_soon_and_go_late(key: Resource, _: Configuration) -> Iterator[str]:
    """Keys are replaced soon and destroyed late."""
    rotation, destroy = _seconds(key, "rotationPeriod"), _seconds(key, "destroyScheduledDuration")
    if not rotation or rotation > ROTATION_DAYS * DAY_SECONDS:
        yield f"rotationPeriod is {shown(key.at('rotationPeriod').raw)}; at most {ROTATION_DAYS * DAY_SECONDS}s"
    if destroy < DESTROY_DAYS * DAY_SECONDS:
        yield (
            f"destroyScheduledDuration is {shown(key.at('destroyScheduledDuration').raw)}; "
            f"at least {DESTROY_DAYS * DAY_SECONDS}s"
        )


def _seconds(resource: Resource, path: str) -> float:
    """Of a duration such as ``7776000s``; 0 where there is none."""
    text = (resource.at(path).text() or "").removesuffix("s")
    return float(text) if text.replace(".", "", 1).isdecimal() else 0.0


@RULES.resource(
    "KMS-02",
    Severity.MEDIUM,
    *KEY_OF,
    must="the property that names the key is set, where the configuration says `own_keys`",
    why="With a key of one's own, access to everything that it encrypts can be ended in one place.",
    fix="Name the key of the service: Encryption.keys has one for each.",
    sources=("CIS GKE 5.9.1", "checkov CKV_GCP_84", "organisation policy"),
    level=Level.ADVISORY,
)
def everything_is_encrypted_with_our_keys(resource: Resource, configuration: Configuration) -> Iterator[str]:
    """Everything that is kept is encrypted with a key of the project."""
    if configuration.own_keys:
        yield from expect_set(resource, KEY_OF[resource.type], str)
