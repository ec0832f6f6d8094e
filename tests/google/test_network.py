"""The network: what is taken over, what leads outside, and the extra networks of machines with several interfaces."""

from __future__ import annotations

from ipaddress import IPv4Network
from typing import Any

import pulumi
import pytest

from infra.google_cloud.environment import Environment
from infra.google_cloud.fabric import Fabric
from infra.google_cloud.network import Network
from infra.hardware import gpu
from infra.settings import foundation
from tests.google.conftest import Site, value
from tests.google.mocks import Declared, declare, of_type

ENVIRONMENT = Environment("dev", "acme-ai-dev", 123456789012, "us-central1", {"env": "dev"}, "none")
VPC, SUBNETWORK = "gcp:compute/network:Network", "gcp:compute/subnetwork:Subnetwork"


def network(**settings: Any) -> list[Declared]:
    return declare(lambda: Network("network", ENVIRONMENT, foundation.Network(**settings)))


def fabric(kind: str, machine_type: str | None = None) -> tuple[list[Declared], list[str]]:
    """What a fabric of ``kind`` declares, and the subnetworks of a machine's interfaces, in their order."""
    zone = "us-central1-b" if kind.startswith("roce") else None
    settings = foundation.Fabric(name="fast", kind=kind, zone=zone, range="172.16.0.0/16")  # type: ignore[arg-type]
    interfaces: list[str] = []

    def build() -> None:
        made = Fabric("fabric-fast", ENVIRONMENT, settings)
        taken = made.interfaces_of(gpu.machine(machine_type)) if machine_type else made.interfaces
        pulumi.Output.all(*(subnetwork for _, subnetwork in taken)).apply(interfaces.extend)

    return declare(build), interfaces


def test_an_adopted_vpc_and_subnetwork_are_imported_by_their_full_names_and_stay_when_the_stack_goes() -> None:
    declared = network(adopt="theirs", adopt_subnetwork="their-nodes")
    (vpc,), (subnetwork,) = of_type(declared, VPC), of_type(declared, SUBNETWORK)
    assert vpc.imports == "projects/acme-ai-dev/global/networks/theirs"
    assert subnetwork.imports == "projects/acme-ai-dev/regions/us-central1/subnetworks/their-nodes"
    assert vpc.protect
    assert subnetwork.protect


def test_what_stands_beside_an_adopted_vpc_is_ours() -> None:
    declared = network(adopt="theirs")
    assert [each.name for each in declared if each.imports] == ["network-vpc"]
    (subnetwork,) = of_type(declared, SUBNETWORK)
    assert (subnetwork.inputs["name"], subnetwork.protect) == ("dev-nodes", False)


def test_nodes_reach_google_inside_and_the_rest_through_a_nat_that_logs_its_errors() -> None:
    declared = network()
    (subnetwork,), (nat,) = of_type(declared, SUBNETWORK), of_type(declared, "gcp:compute/routerNat:RouterNat")
    assert subnetwork.inputs["privateIpGoogleAccess"] is True
    assert nat.inputs["logConfig"] == {"enable": True, "filter": "ERRORS_ONLY"}
    assert nat.inputs["natIpAllocateOption"] == "AUTO_ONLY"
    assert [each["name"] for each in nat.inputs["subnetworks"]] == ["projects/acme-ai-dev/network-nodes"]


def test_no_fabric_has_a_way_out(prod: Site) -> None:
    routers = prod.of("gcp:compute/router:Router")
    assert [each.inputs["network"] for each in routers] == ["projects/example-ai-prod/network-vpc"]


def test_managed_services_get_the_range_that_they_are_given() -> None:
    declared = network(peering="172.30.0.0/20")
    (range_,) = of_type(declared, "gcp:compute/globalAddress:GlobalAddress")
    (peering,) = of_type(declared, "gcp:servicenetworking/connection:Connection")
    assert (range_.inputs["address"], range_.inputs["prefixLength"]) == ("172.30.0.0", 20)
    assert range_.inputs["purpose"] == "VPC_PEERING"
    assert peering.inputs["reservedPeeringRanges"] == [range_.inputs["name"]]


def test_the_cluster_takes_pods_and_services_from_ranges_that_its_subnetwork_has(site: Site) -> None:
    (cluster,) = site.of("gcp:container/cluster:Cluster")
    ranges = {each["rangeName"] for each in site.named("network-nodes").inputs["secondaryIpRanges"]}
    taken = value(cluster, "ipAllocationPolicy")
    assert {taken["clusterSecondaryRangeName"], taken["servicesSecondaryRangeName"]} == ranges
    pools = site.of("gcp:container/nodePool:NodePool")
    assert {value(each, "networkConfig.podRange") for each in pools} == {taken["clusterSecondaryRangeName"]}


@pytest.mark.parametrize(
    ("kind", "machine_type", "hosts", "rdma"),
    [
        ("tcpx", "a3-highgpu-8g", 4, 0),
        ("tcpxo", "a3-megagpu-8g", 8, 0),
        ("roce", "a3-ultragpu-8g", 1, 8),
        ("roce", "a4-highgpu-8g", 1, 8),
        ("roce", "a4x-highgpu-4g", 1, 4),
        ("roce-metal", "a4x-maxgpu-4g-metal", 1, 8),
    ],
)
def test_the_interfaces_of_a_machine_are_those_of_the_host_and_then_those_of_its_gpus(
    kind: str, machine_type: str, hosts: int, rdma: int
) -> None:
    _, interfaces = fabric(kind, machine_type)
    wanted = [f"dev-fast-host-{number}" for number in range(1, hosts + 1)]
    assert interfaces == wanted + [f"dev-fast-rdma-{number}" for number in range(1, rdma + 1)]


@pytest.mark.parametrize(("kind", "machine_type"), [("tcpxo", "a3-megagpu-8g"), ("roce", "a3-ultragpu-8g")])
def test_every_interface_has_a_sixteenth_of_the_fabrics_range(kind: str, machine_type: str) -> None:
    declared, _ = fabric(kind, machine_type)
    parts = {each.inputs["ipCidrRange"] for each in of_type(declared, SUBNETWORK)}
    assert parts <= {str(part) for part in IPv4Network("172.16.0.0/16").subnets(new_prefix=20)}
    assert len(parts) == len(of_type(declared, SUBNETWORK))


def test_gpu_interfaces_share_one_network_of_the_zones_profile_which_takes_no_firewall() -> None:
    declared, _ = fabric("roce")
    profiles = {each.inputs["name"]: each.inputs.get("networkProfile") for each in of_type(declared, VPC)}
    profile = "projects/acme-ai-dev/global/networkProfiles/us-central1-b-vpc-roce"
    assert profiles == {"dev-fast-host-1": None, "dev-fast-rdma": profile}
    walls = of_type(declared, "gcp:compute/firewall:Firewall")
    assert [each.inputs["network"] for each in walls] == ["projects/acme-ai-dev/fabric-fast-host-1"]


def test_bare_metal_machines_have_a_profile_of_their_own() -> None:
    declared, _ = fabric("roce-metal")
    (rdma,) = (each for each in of_type(declared, VPC) if each.name == "fabric-fast-rdma")
    assert rdma.inputs["networkProfile"].endswith("/us-central1-b-vpc-roce-metal")


def test_every_network_carries_the_largest_frames(prod: Site) -> None:
    assert {each.inputs["mtu"] for each in prod.of(VPC)} == {8896}
