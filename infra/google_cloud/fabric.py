"""The extra networks of machines with several network interfaces: GPUDirect, RDMA, multislice."""

from __future__ import annotations

from ipaddress import IPv4Network

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.environment import Environment
from infra.google_cloud.network import MTU
from infra.hardware import gpu
from infra.plan.addresses import FABRIC_PARTS
from infra.plan.fabrics import LAYOUTS
from infra.settings import foundation


class Fabric(pulumi.ComponentResource):
    """The networks of one fabric. They have no way out, no logs and no firewall but their own inside.

    Attribute ``interfaces``: network and subnetwork of each interface after the first, in the order of the machine's.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: foundation.Fabric,
        *,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("aidc:google:Fabric", name, None, opts)
        self._name, self._environment, self._settings = name, environment, settings
        self._layout = layout = LAYOUTS[settings.kind]
        self._parts = list(IPv4Network(settings.range).subnets(prefixlen_diff=FABRIC_PARTS.bit_length() - 1))
        self.interfaces: list[tuple[pulumi.Output[str], pulumi.Output[str]]] = []
        for number in range(1, layout.host_networks + 1):
            vpc = self._vpc(f"host-{number}", None)
            self._inside(f"host-{number}", vpc)
            self._interface(f"host-{number}", vpc)
        if layout.rdma_subnetworks:
            # An RDMA network takes no firewall rules: its profile decides (VPC, 'RDMA network profiles').
            vpc = self._vpc("rdma", f"{settings.zone}-{gpu.Fabric(settings.kind).network_profile}")
            for number in range(1, layout.rdma_subnetworks + 1):
                self._interface(f"rdma-{number}", vpc)
        self.register_outputs({"interfaces": len(self.interfaces)})

    def interfaces_of(self, machine: gpu.GpuMachine) -> list[tuple[pulumi.Output[str], pulumi.Output[str]]]:
        """The interfaces of one machine: beside those of an RDMA fabric's GPUs stands one more for the host."""
        hosts = self._layout.host_networks if self._layout.rdma_subnetworks else 0
        return self.interfaces[: hosts + machine.extra_nics]

    def _named(self, part: str) -> str:
        return self._environment.named(f"{self._settings.name}-{part}")

    def _vpc(self, part: str, profile: str | None) -> gcp.compute.Network:
        return gcp.compute.Network(
            f"{self._name}-{part}",
            name=self._named(part),
            project=self._environment.project,
            auto_create_subnetworks=False,
            routing_mode="REGIONAL",
            mtu=MTU,
            network_profile=profile and f"projects/{self._environment.project}/global/networkProfiles/{profile}",
            deletion_policy=self._environment.deletion_policy("foundation"),
            opts=self._environment.options(self, "foundation"),
        )

    def _interface(self, part: str, vpc: gcp.compute.Network) -> None:
        subnetwork = gcp.compute.Subnetwork(
            f"{self._name}-{part}-nodes",
            name=self._named(part),
            project=self._environment.project,
            region=self._environment.region,
            network=vpc.id,
            ip_cidr_range=str(self._parts[len(self.interfaces)]),
            private_ip_google_access=not part.startswith("rdma"),  # an RDMA network carries nothing else
            stack_type="IPV4_ONLY",
            deletion_policy=self._environment.deletion_policy("foundation"),
            opts=self._environment.options(self, "foundation"),
        )
        self.interfaces.append((vpc.name, subnetwork.name))

    def _inside(self, part: str, vpc: gcp.compute.Network) -> None:
        gcp.compute.Firewall(
            f"{self._name}-{part}-allow-internal",
            name=self._named(f"{part}-internal"),
            project=self._environment.project,
            network=vpc.id,
            description="Machines of the fabric among themselves",
            direction="INGRESS",
            priority=1000,
            source_ranges=[self._settings.range],
            allows=[{"protocol": "all"}],
            opts=self._environment.options(self),
        )
