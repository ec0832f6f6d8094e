"""The keys that the data centre encrypts with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.durations import duration
from infra.google_cloud.environment import Environment
from infra.settings import foundation

USE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"


class Encryption(pulumi.ComponentResource):
    """One key ring with a key for each service that keeps something; each key serves that service's agent alone.

    Google never deletes a key ring or a key, and never frees their names: a destroy destroys the keys' versions, and an
    environment that is to come back names another ring (``encryption.ring``).

    Attribute ``keys``: full resource name by purpose. It becomes known only when the service may use the key, so
    whatever takes it waits for the grant.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: foundation.Encryption,
        *,
        agents: Mapping[str, pulumi.Input[str]],
        depends_on: Sequence[pulumi.Resource],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """agents: by purpose, the e-mail address of the service agent that encrypts with its key.
        depends_on: what makes the agents.
        """
        super().__init__("aidc:google:Encryption", name, None, opts)
        self.ring = gcp.kms.KeyRing(
            f"{name}-ring",
            name=environment.named(settings.ring),
            project=environment.project,
            location=environment.region,
            opts=environment.options(self, "data"),
        )
        self.keys: dict[str, pulumi.Output[str]] = {}
        for purpose, email in agents.items():
            key = gcp.kms.CryptoKey(
                f"{name}-{purpose}",
                name=purpose,
                key_ring=self.ring.id,
                purpose="ENCRYPT_DECRYPT",
                rotation_period=duration(days=settings.rotation_days),
                destroy_scheduled_duration=duration(days=settings.destroy_after_days),
                version_template={
                    "algorithm": "GOOGLE_SYMMETRIC_ENCRYPTION",
                    "protection_level": settings.protection.upper(),
                },
                labels=environment.labelled(purpose),
                deletion_policy=environment.deletion_policy("data"),
                opts=environment.options(self, "data"),
            )
            grant = gcp.kms.CryptoKeyIAMBinding(
                f"{name}-{purpose}-users",
                crypto_key_id=key.id,
                role=USE,
                members=[pulumi.Output.concat("serviceAccount:", email)],
                opts=environment.options(self, depends_on=depends_on),
            )
            self.keys[purpose] = grant.crypto_key_id
        self.register_outputs({"ring": self.ring.id})
