"""What reaches what."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from policies.configuration import Configuration, Level
from policies.hardware import INSTANCE, TPU_QUEUE, TPU_VM
from policies.resource import Resource, shown
from policies.rule import Problem, Rules, Severity, each_of, expect, expect_set

RULES = Rules()

FIREWALL = "gcp:compute/firewall:Firewall"
NETWORK = "gcp:compute/network:Network"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
NAT = "gcp:compute/routerNat:RouterNat"
ANYBODY = ("0.0.0.0/0", "::/0")


@RULES.resource(
    "NET-01",
    Severity.CRITICAL,
    FIREWALL,
    must="no rule with `allows` for what comes in has 0.0.0.0/0 or ::/0 in `sourceRanges`, or no source at all",
    why="The whole internet could reach the machines behind the rule, and it tries within minutes.",
    fix="List the ranges that need it in source_ranges, or reach machines through Identity-Aware Proxy.",
    sources=("CIS Google Cloud 3.6", "CIS Google Cloud 3.7", "checkov CKV_GCP_2", "checkov CKV_GCP_3"),
)
def nothing_is_open_to_everybody(rule: Resource, _: Configuration) -> Iterator[str]:
    """No firewall rule lets everybody in."""
    if (rule.at("direction").text() or "INGRESS") != "INGRESS" or not rule.at("allows").items():
        return
    ranges = rule.at("sourceRanges").texts()
    by_name = rule.at("sourceTags").is_set() or rule.at("sourceServiceAccounts").is_set()
    if any(each in ANYBODY for each in ranges) or not (ranges or by_name):
        yield f"sourceRanges is {shown(ranges or None)}"


@RULES.resource(
    "NET-02",
    Severity.CRITICAL,
    INSTANCE,
    TPU_VM,
    TPU_QUEUE,
    must="no `networkInterfaces[].accessConfigs`; external addresses of TPU machines off",
    why="A machine with an address of its own is on the internet, with whatever listens on it.",
    fix="Remove access_configs, or set enable_external_ips to false; the NAT is the way out.",
    sources=("CIS Google Cloud 4.9", "checkov CKV_GCP_40", "checkov CKV2_GCP_32"),
)
def machines_have_no_address_of_their_own(machine: Resource, _: Configuration) -> Iterator[str]:
    """Machines have no external address."""
    if machine.type == INSTANCE:
        for each in machine.at("networkInterfaces").items():
            if each.at("accessConfigs").items():
                yield f"{each.path}.accessConfigs is set"
        return
    path = "enable_external_ips" if machine.type == TPU_QUEUE else "networkConfig.enableExternalIps"
    if machine.at(path).flag() is True:
        yield f"{path} is true"


@RULES.resource(
    "NET-03",
    Severity.HIGH,
    NETWORK,
    must="`autoCreateSubnetworks` is false; the network is not called `default`",
    why="A network in automatic mode has a subnetwork in every region, and ranges that collide with those of others.",
    fix="Set auto_create_subnetworks to false and declare the subnetworks.",
    sources=("CIS Google Cloud 3.1", "checkov CKV_GCP_27", "organisation policy"),
)
def subnetworks_are_declared(network: Resource, _: Configuration) -> Iterator[str]:
    """Every subnetwork is declared."""
    yield from expect(network, "autoCreateSubnetworks", False)
    if network.at("name").text() == "default":
        yield "name is 'default'"


@RULES.stack(
    "NET-04",
    Severity.HIGH,
    SUBNETWORK,
    must="`privateIpGoogleAccess` is true, except in a network with a profile, such as RDMA, that carries nothing else",
    why="Machines without an external address would reach Cloud Storage by the NAT, which is slow and paid for.",
    fix="Set private_ip_google_access to true.",
    sources=("checkov CKV_GCP_74", "organisation policy"),
)
def google_is_reached_privately(resources: Sequence[Resource], _: Configuration) -> Iterator[Problem]:
    """Google's services are reached without the internet."""
    special = {each.at("name").raw for each in resources if each.type == NETWORK and each.at("networkProfile").is_set()}

    def check(subnetwork: Resource) -> Iterator[str]:
        if subnetwork.at("privateIpGoogleAccess").flag() is True:
            return
        if not special or (subnetwork.at("network").text() or "").rpartition("/")[2] not in special:
            yield from expect(subnetwork, "privateIpGoogleAccess", True)

    yield from each_of((each for each in resources if each.type == SUBNETWORK), check)


@RULES.resource(
    "NET-05",
    Severity.MEDIUM,
    SUBNETWORK,
    FIREWALL,
    must="`logConfig` on subnetworks and firewall rules; a `description` on rules",
    why="After an incident the first question is who talked to whom.",
    fix="Set log_config; of a network between accelerators a small flow_sampling will do.",
    sources=("CIS Google Cloud 3.8", "checkov CKV_GCP_26", "organisation policy"),
    level=Level.ADVISORY,
)
def traffic_is_logged(resource: Resource, _: Configuration) -> Iterator[str]:
    """Who talked to whom is logged."""
    yield from expect_set(resource, "logConfig", dict)
    if resource.type == FIREWALL and not resource.at("description").text():
        yield "description is not set"


@RULES.resource(
    "NET-06",
    Severity.MEDIUM,
    NAT,
    must="`RouterNat` logs and lists its subnetworks",
    why="What leaves through the NAT is the only traffic to the internet; networks of accelerators need none.",
    fix="Set log_config enable to true and source_subnetwork_ip_ranges_to_nat to LIST_OF_SUBNETWORKS.",
    sources=("own",),
    level=Level.ADVISORY,
)
def the_way_out_is_narrow_and_watched(nat: Resource, _: Configuration) -> Iterator[str]:
    """What leaves to the internet goes through a NAT that is logged, from named subnetworks."""
    yield from expect(nat, "logConfig.enable", True)
    yield from expect(nat, "sourceSubnetworkIpRangesToNat", "LIST_OF_SUBNETWORKS")
