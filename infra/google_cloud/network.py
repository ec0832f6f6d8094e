"""The network: one VPC with a subnetwork for the nodes, the way out, and what may come in."""

from __future__ import annotations

from ipaddress import IPv4Network

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.environment import Environment
from infra.settings import foundation

PODS, SERVICES = "pods", "services"
"""Names of the secondary ranges; the cluster refers to them."""

MTU = 8896
"""Largest frame of a VPC, which collective operations between hosts want (VPC, 'Maximum transmission unit')."""

ALLOWS, LAST = 1000, 65534
"""Priorities of firewall rules; 65535 is the VPC's own, which cannot be logged."""

HEALTH_CHECKS = ("35.191.0.0/16", "130.211.0.0/22")
"""Where Google's load balancers probe from (Cloud Load Balancing, 'Firewall rules')."""


class Network(pulumi.ComponentResource):
    """The VPC that everything stands in.

    Nothing has an external address: packages and images come through Google's private access and, from elsewhere,
    through a NAT whose errors are logged. Every rule is written down, the closing one too, so that a reviewer reads the
    whole of it here. Managed Lustre reaches the VPC by peering, when the settings give that a range. The extra networks
    of GPUDirect and RDMA are in ``Fabric``.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: foundation.Network,
        *,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("aidc:google:Network", name, None, opts)
        self._name, self._environment = name, environment
        project, region = environment.project, environment.region
        vpc_name = settings.adopt or environment.named("network")
        self.vpc = gcp.compute.Network(
            f"{name}-vpc",
            name=vpc_name,
            project=project,
            auto_create_subnetworks=False,
            routing_mode="REGIONAL",
            mtu=MTU,
            deletion_policy=environment.deletion_policy("foundation"),
            opts=environment.options(
                self, "foundation", adopt=settings.adopt and f"projects/{project}/global/networks/{vpc_name}"
            ),
        )
        subnetwork_name = settings.adopt_subnetwork or environment.named("nodes")
        self.subnetwork = gcp.compute.Subnetwork(
            f"{name}-nodes",
            name=subnetwork_name,
            project=project,
            region=region,
            network=self.vpc.id,
            ip_cidr_range=settings.nodes,
            secondary_ip_ranges=[
                {"range_name": PODS, "ip_cidr_range": settings.pods},
                {"range_name": SERVICES, "ip_cidr_range": settings.services},
            ],
            private_ip_google_access=True,
            private_ipv6_google_access="DISABLE_GOOGLE_ACCESS",
            purpose="PRIVATE",
            stack_type="IPV4_ONLY",
            log_config={
                "aggregation_interval": "INTERVAL_10_MIN",
                "flow_sampling": 0.1,
                "metadata": "INCLUDE_ALL_METADATA",
            },
            deletion_policy=environment.deletion_policy("foundation"),
            opts=environment.options(
                self,
                "foundation",
                adopt=settings.adopt_subnetwork
                and f"projects/{project}/regions/{region}/subnetworks/{subnetwork_name}",
            ),
        )
        self._way_out()
        self._rules(settings)
        self.peering = [self._peering(settings.peering)] if settings.peering else []
        self.register_outputs({"vpc": self.vpc.id, "subnetwork": self.subnetwork.id})

    def _way_out(self) -> None:
        """For what is not Google's own: package registries, data set hosts."""
        environment = self._environment
        router = gcp.compute.Router(
            f"{self._name}-router",
            name=environment.named("router"),
            project=environment.project,
            region=environment.region,
            network=self.vpc.id,
            opts=environment.options(self),
        )
        gcp.compute.RouterNat(
            f"{self._name}-nat",
            name=environment.named("nat"),
            project=environment.project,
            region=environment.region,
            router=router.name,
            nat_ip_allocate_option="AUTO_ONLY",
            source_subnetwork_ip_ranges_to_nat="LIST_OF_SUBNETWORKS",  # fabrics never reach outside
            subnetworks=[{"name": self.subnetwork.id, "source_ip_ranges_to_nats": ["ALL_IP_RANGES"]}],
            # A node that pulls data with many connections needs more than the 64 ports that are the default.
            enable_dynamic_port_allocation=True,
            enable_endpoint_independent_mapping=False,
            min_ports_per_vm=128,
            max_ports_per_vm=8192,
            log_config={"enable": True, "filter": "ERRORS_ONLY"},
            opts=environment.options(self),
        )

    def _peering(self, text: str) -> gcp.servicenetworking.Connection:
        """Where managed services stand that come by VPC peering (Managed Lustre, 'Configure a VPC network')."""
        environment, peers = self._environment, IPv4Network(text)
        addresses = gcp.compute.GlobalAddress(
            f"{self._name}-peering-range",
            name=environment.named("peering"),
            project=environment.project,
            purpose="VPC_PEERING",
            address_type="INTERNAL",
            address=str(peers.network_address),
            prefix_length=peers.prefixlen,
            network=self.vpc.id,
            opts=environment.options(self, "foundation"),
        )
        return gcp.servicenetworking.Connection(
            f"{self._name}-peering",
            network=self.vpc.id,
            service="servicenetworking.googleapis.com",
            reserved_peering_ranges=[addresses.name],
            deletion_policy="ABANDON",  # the peering goes with the VPC; the service is slow to let it go by itself
            opts=environment.options(self, "foundation"),
        )

    def _rules(self, settings: foundation.Network) -> None:
        self._rule("allow-internal", "Nodes, pods and TPU VMs among themselves", [settings.nodes, settings.pods])
        self._rule(
            "allow-health-checks", "Google's load balancers probe services inside", list(HEALTH_CHECKS), protocol="tcp"
        )
        if settings.peering:
            self._rule("allow-lustre", "Managed Lustre calls its clients back", [settings.peering], protocol="tcp")
        self._rule("deny-ingress", "Whatever no other rule allows", ["0.0.0.0/0"], allows=False)

    def _rule(
        self, rule: str, description: str, sources: list[str], *, protocol: str = "all", allows: bool = True
    ) -> None:
        """A rule for what comes in. What is refused is logged with all that is known of it."""
        gcp.compute.Firewall(
            f"{self._name}-{rule}",
            name=self._environment.named(rule),
            project=self._environment.project,
            network=self.vpc.id,
            description=description,
            direction="INGRESS",
            priority=ALLOWS if allows else LAST,
            source_ranges=sources,
            allows=[{"protocol": protocol}] if allows else None,
            denies=None if allows else [{"protocol": protocol}],
            log_config={"metadata": "EXCLUDE_ALL_METADATA" if allows else "INCLUDE_ALL_METADATA"},
            opts=self._environment.options(self),
        )
