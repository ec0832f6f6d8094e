"""The keys that the data centre encrypts with."""

from __future__ import annotations

from collections.abc import Mapping

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.environment import Environment
from infra.settings import foundation

DAY_SECONDS = 86_400
USE = "roles/cloudkms.cryptoKeyEncrypterDecrypter"


class Encryption(pulumi.ComponentResource):
    """One key ring with a key for each service that keeps something; each key serves that service's agent alone.

    Key rings can never be deleted and a name can never be used again, so a destroyed environment leaves an empty ring
    behind, and comes back with it.

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
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """agents: by purpose, the e-mail address of the service agent that encrypts with its key."""
        super().__init__("aidc:google:Encryption", name, None, opts)
        self.ring = gcp.kms.KeyRing(
            f"{name}-ring",
            name=environment.named("keys"),
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
                rotation_period=f"{settings.rotation_days * DAY_SECONDS}s",
                destroy_scheduled_duration=f"{settings.destroy_after_days * DAY_SECONDS}s",
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
                opts=environment.options(self),
            )
            self.keys[purpose] = grant.crypto_key_id
        self.register_outputs({"ring": self.ring.id})
