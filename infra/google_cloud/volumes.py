"""The file systems of the data centre, where a bucket is not enough."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.environment import Environment
from infra.settings import foundation

CREATION = pulumi.CustomTimeouts(create="2h", update="2h", delete="1h")  # large file systems take about an hour


class Volumes(pulumi.ComponentResource):
    """Filestore shares, Managed Lustre file systems and Hyperdisk ML volumes, encrypted with our keys.

    It does not mount them: the cluster's CSI drivers do, from the attributes ``filestore``, ``lustre`` and
    ``hyperdisk_ml`` (by name).
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: foundation.Storage,
        *,
        vpc: pulumi.Input[str],
        peering: Sequence[pulumi.Resource],
        keys: dict[str, pulumi.Output[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """vpc: id of the network. peering: what Lustre waits for. keys: by purpose, as ``Encryption`` has them."""
        super().__init__("aidc:google:Volumes", name, None, opts)
        kept = environment.deletion_policy("data")
        self.filestore = {
            share.name: gcp.filestore.Instance(
                f"{name}-{share.name}",
                name=environment.named(share.name),
                project=environment.project,
                location=share.zone or environment.region,
                tier=share.tier,
                protocol="NFS_V3",
                file_shares={"name": "share", "capacity_gb": share.capacity_gib},
                networks=[{"network": vpc, "modes": ["MODE_IPV4"], "connect_mode": "DIRECT_PEERING"}],
                kms_key_name=keys["files"],
                deletion_protection_enabled=environment.keeps("data"),
                labels=environment.labelled(share.name),
                deletion_policy=kept,
                opts=environment.options(self, "data", timeouts=CREATION),
            )
            for share in settings.filestore
        }
        self.lustre = {
            system.name: gcp.lustre.Instance(
                f"{name}-{system.name}",
                instance_id=environment.named(system.name),
                project=environment.project,
                location=system.zone,
                filesystem="lustrefs",
                capacity_gib=str(system.capacity_gib),
                per_unit_storage_throughput=str(system.throughput_per_tib),
                network=vpc,
                gke_support_enabled=False,  # the older port, which GKE before 1.33.2 used itself
                kms_key=keys["lustre"],
                labels=environment.labelled(system.name),
                deletion_policy=kept,
                opts=environment.options(self, "data", timeouts=CREATION, depends_on=peering),
            )
            for system in settings.lustre
        }
        self.hyperdisk_ml = {
            volume.name: gcp.compute.Disk(
                f"{name}-{volume.name}",
                name=environment.named(volume.name),
                project=environment.project,
                zone=volume.zone,
                type="hyperdisk-ml",
                size=volume.size_gib,
                provisioned_throughput=volume.throughput_mibps,
                access_mode="READ_WRITE_SINGLE",  # until the weights are written; then the job makes it READ_ONLY_MANY
                disk_encryption_key={"kms_key_self_link": keys["disks"]},
                labels=environment.labelled(volume.name),
                deletion_policy=kept,
                opts=environment.options(self, "data", ignore_changes=["accessMode"]),
            )
            for volume in settings.hyperdisk_ml
        }
        self.register_outputs({})
