"""What is wrong with a resource beside others that are in the cloud already.

``against`` may be asked of a preview too, in which nothing is there yet and so nothing is wrong. ``absent`` is for the
moment when a resource is made, as what it needs must be there by then.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator
from typing import Any

from rehearsal.cloud.store import Cloud, Resource
from rehearsal.google import body, places
from rehearsal.google.body import Fault
from rehearsal.google.table import Row, row
from rehearsal.values import State, is_known

NETWORK = "gcp:compute/network:Network"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
ADDRESS = "gcp:compute/globalAddress:GlobalAddress"
CLUSTER = "gcp:container/cluster:Cluster"
ACCOUNT = "gcp:serviceaccount/account:Account"
ROLE = "gcp:projects/iAMCustomRole:IAMCustomRole"

HOLDERS = ("", "networkConfig", "networkConfig.additionalNodeNetworkConfigs[]")
"""Where a network stands beside a subnetwork."""

RANGES = {
    CLUSTER: ("ipAllocationPolicy.clusterSecondaryRangeName", "ipAllocationPolicy.servicesSecondaryRangeName"),
    "gcp:container/nodePool:NodePool": ("networkConfig.podRange",),
}
"""Properties that name a secondary range of the cluster's subnetwork."""

MEMBER = re.compile(r"serviceAccount:([^@]+@([^.]+)\.iam\.gserviceaccount\.com)")


def against(kind: Row, inputs: State, cloud: Cloud) -> Iterator[Fault]:
    """Ranges of one network that overlap, subnetworks of another network, secondary ranges that are not there."""
    if not is_known(inputs):
        return
    yield from _overlaps(kind, inputs, cloud)
    for holder in HOLDERS:
        for place, each in body.find(inputs, holder):
            yield from _strangers(place, each, cloud)
    yield from _secondary_ranges(kind, inputs, cloud)


def absent(kind: Row, inputs: State, cloud: Cloud) -> Iterator[Fault]:
    """Accounts and roles that are granted or granted to and are not there, and what is there in another place."""
    for path in ("member", "members[]"):
        for where, value in body.find(inputs, path):
            found = MEMBER.fullmatch(str(value))
            if found and found[2] in cloud.fact("numbers") and cloud.find(ACCOUNT, found[1]) is None:
                yield Fault(where, value, "the service account does not exist", "IAM, setIamPolicy")
    named = str(inputs.get("role", ""))
    if named.startswith("projects/") and cloud.find(ROLE, named) is None:
        yield Fault("role", named, "the custom role does not exist", "IAM, setIamPolicy")
    for path, token in {**(kind["parent"] or {}), **kind.refers}.items():
        for where, value in body.find(inputs, path):
            there = cloud.find(token, str(value))
            if there and (place := _elsewhere(there, inputs)):
                yield Fault(where, value, f"is in {place}, and this is not", "Compute Engine, 'Regions and zones'")


def _elsewhere(there: Resource, inputs: State) -> str:
    """The place of what is referred to where it is in another region; "" where it is not, or is in none or in all."""
    for name in ("region", "location"):
        place = there.address.get(name)
        mine = inputs.get("region") or inputs.get("location") or inputs.get("zone")
        if place in places.regions() and mine and places.region_of(str(mine)).lower() != place:
            return str(place)
    return ""


def _overlaps(kind: Row, inputs: State, cloud: Cloud) -> Iterator[Fault]:
    if kind.token not in (SUBNETWORK, ADDRESS):
        return
    network = cloud.find(NETWORK, str(inputs.get("network", "")))
    for other in (*cloud.all(SUBNETWORK), *cloud.all(ADDRESS)):
        is_this = (other.token, other.address["name"]) == (kind.token, inputs.get("name"))
        if network is None or network.id not in other.uses or is_this:
            continue
        for _, theirs in _ranges(body.decode(row(other.token), other.body)):
            for path, mine in _ranges(inputs):
                if mine.overlaps(theirs):
                    allowed = f"overlaps {theirs} of {other.address['name']} in the same network"
                    yield Fault(path, str(mine), allowed, "VPC, 'Subnets', 'a range must not overlap'")


def _ranges(inputs: State) -> Iterator[tuple[str, Any]]:
    """Paths and ranges of a subnetwork, or of addresses that are set aside."""
    if inputs.get("prefixLength") and inputs.get("address"):
        yield "address", ipaddress.ip_network(f"{inputs['address']}/{inputs['prefixLength']}", strict=False)
    for path in ("ipCidrRange", "secondaryIpRanges[].ipCidrRange"):
        for where, value in body.find(inputs, path):
            yield where, ipaddress.ip_network(value)


def _strangers(place: str, holder: State, cloud: Cloud) -> Iterator[Fault]:
    if not (isinstance(holder.get("network"), str) and isinstance(holder.get("subnetwork"), str)):
        return
    network, subnetwork = cloud.find(NETWORK, holder["network"]), cloud.find(SUBNETWORK, holder["subnetwork"])
    if network and subnetwork and network.id not in subnetwork.uses:
        where = f"{place}.network" if place else "network"
        allowed = f"is not the network of {holder['subnetwork']}"
        yield Fault(where, holder["network"], allowed, "Compute Engine API, Subnetwork.network")


def _secondary_ranges(kind: Row, inputs: State, cloud: Cloud) -> Iterator[Fault]:
    paths = RANGES.get(kind.token, ())
    named = str(inputs.get("subnetwork", ""))
    if "cluster" in inputs and (cluster := cloud.find(CLUSTER, str(inputs["cluster"]))):
        named = str(cluster.body.get("subnetwork", ""))
    subnetwork = cloud.find(SUBNETWORK, named) if paths and named else None
    if subnetwork is None:
        return
    known = [each["rangeName"] for each in subnetwork.body.get("secondaryIpRanges", ())]
    for path in paths:
        for where, value in body.find(inputs, path):
            if value not in known:
                allowed = (
                    f"is no secondary range of {subnetwork.address['name']}, which has {', '.join(known) or 'none'}"
                )
                yield Fault(where, value, allowed, "GKE, 'VPC-native clusters'")
