"""What the resources of a state are, as a person thinks of them.

A resource type that has no place here is counted under ``others``; none is left out. All is read from the state of
the engine; nothing is known here of the program that declared it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import groupby
from math import prod
from typing import Any

from rehearsal.report.document import (
    Account,
    Cluster,
    Network,
    Picture,
    Pool,
    Range,
    Slice,
    Store,
    Tally,
    Workload,
)

State = dict[str, Any]

NETWORK = "gcp:compute/network:Network"
SUBNETWORK = "gcp:compute/subnetwork:Subnetwork"
ADDRESS = "gcp:compute/globalAddress:GlobalAddress"
CLUSTER = "gcp:container/cluster:Cluster"
POOL = "gcp:container/nodePool:NodePool"
TPU_VM = "gcp:tpu/v2Vm:V2Vm"
QUEUED = "aidc-tpu:index:QueuedResource"
ACCOUNT = "gcp:serviceaccount/account:Account"
KEY = "gcp:kms/cryptoKey:CryptoKey"
STORES = {
    "gcp:storage/bucket:Bucket": "bucket",
    "gcp:filestore/instance:Instance": "Filestore",
    "gcp:lustre/instance:Instance": "Managed Lustre",
    "gcp:compute/disk:Disk": "disk",
    "gcp:artifactregistry/repository:Repository": "image registry",
}
WORKLOADS = re.compile(
    r"^kubernetes:.*:(CronJob|Job|JobSet|Deployment|StatefulSet|DaemonSet|InferenceService|RayCluster|RayJob)$"
)
TPU_MACHINE = re.compile(r"^(ct\d\w*)-\w+-(\d+)t$")
"""GKE's machine types of TPUs end in the number of their chips (GKE, 'Plan TPUs')."""


def of(resources: Iterable[State]) -> Picture:
    """The picture of a state, as ``Cycle.resources`` has it."""
    real = [each for each in resources if each.get("custom") and not each["type"].startswith("pulumi:providers:")]
    kinds: dict[str, list[State]] = {}
    for each in real:
        kinds.setdefault(each["type"], []).append(each)

    def every(token: str) -> list[State]:
        return kinds.pop(token, [])

    clusters, pools = every(CLUSTER), every(POOL)
    networks, subnetworks, addresses = every(NETWORK), every(SUBNETWORK), every(ADDRESS)
    stores = [_store(kind, each) for token, kind in STORES.items() for each in every(token)]
    slices = [*map(_tpu_vm, every(TPU_VM)), *map(_queued, every(QUEUED))]
    workloads = [_workload(each) for token in list(kinds) if WORKLOADS.search(token) for each in every(token)]
    accounts = every(ACCOUNT)
    keys = sorted(_name(each) for each in every(KEY))
    members = Counter(str(each["inputs"].get("member")) for each in real if "member" in each["inputs"])
    settings = [each["inputs"] for each in [*clusters, *networks]]
    return Picture(
        project=next((str(each["project"]) for each in settings if "project" in each), ""),
        region=next((str(each["location"]) for each in settings if "location" in each), ""),
        networks=[_network(each, subnetworks, addresses) for each in sorted(networks, key=_order)],
        clusters=[_cluster(each, pools) for each in clusters],
        slices=sorted(slices, key=lambda each: each.name),
        stores=stores,
        accounts=[_account(each, members) for each in sorted(accounts, key=_order)],
        keys=keys,
        workloads=sorted(workloads, key=lambda each: (each.where, each.name)),
        others=[Tally(what=token, number=len(kinds[token])) for token in sorted(kinds)],
    )


def chips(picture: Picture) -> tuple[int, int]:
    """GPUs and TPU chips at the most."""
    pools = [pool for cluster in picture.clusters for pool in cluster.pools]
    tpus = sum(pool.chips for pool in pools if _is_tpu(pool)) + sum(each.chips for each in picture.slices)
    return sum(pool.chips for pool in pools if not _is_tpu(pool)), tpus


def _is_tpu(pool: Pool) -> bool:
    return bool(TPU_MACHINE.match(pool.machine))


def _network(network: State, subnetworks: list[State], addresses: list[State]) -> Network:
    ranges = []
    for each in sorted((each for each in subnetworks if _is_of(each, network)), key=_order):
        ranges.append(Range(what=_name(each), cidr=str(each["inputs"].get("ipCidrRange", ""))))
        for second in each["inputs"].get("secondaryIpRanges") or []:
            ranges.append(Range(what=str(second["rangeName"]), cidr=str(second["ipCidrRange"])))
    for each in (each for each in addresses if _is_of(each, network)):
        inputs = each["inputs"]
        ranges.append(Range(what=_name(each), cidr=f"{inputs.get('address', '')}/{inputs.get('prefixLength', '')}"))
    return Network(name=_name(network), component=str(network.get("parent", "")).rpartition("::")[2], ranges=ranges)


def _is_of(resource: State, network: State) -> bool:
    return str(resource["inputs"].get("network", "")).rpartition("/")[2] == _name(network)


def _cluster(cluster: State, pools: list[State]) -> Cluster:
    mine = [each for each in pools if str(each["inputs"].get("cluster", "")).rpartition("/")[2] == _name(cluster)]
    mine.sort(key=lambda each: (str(each.get("parent", "")), _order(each)))
    groups = [list(group) for _, group in groupby(mine, key=lambda each: str(each.get("parent", "")))]
    return Cluster(
        name=_name(cluster),
        location=str(cluster["inputs"].get("location", "")),
        protected=bool(cluster.get("protect")),
        pools=sorted(map(_pool, groups), key=lambda pool: (-pool.chips, pool.names)),
    )


def _pool(alike: list[State]) -> Pool:
    """Pools that one component made, which differ in nothing but their names."""
    inputs = alike[0]["inputs"]
    node, scaling = inputs.get("nodeConfig") or {}, inputs.get("autoscaling") or {}
    machine, zones = str(node.get("machineType", "")), list(inputs.get("nodeLocations") or [])
    accelerators = node.get("guestAccelerators") or []
    attached = (inputs.get("networkConfig") or {}).get("additionalNodeNetworkConfigs") or []
    tpu = TPU_MACHINE.match(machine)
    chips = int(tpu.group(2)) if tpu else sum(int(each.get("count") or 0) for each in accelerators)
    most = _machines(inputs, scaling, "max", len(zones)) * len(alike)
    return Pool(
        names=[_name(each) for each in alike],
        machine=machine,
        accelerator=tpu.group(1) if tpu else ", ".join(str(each.get("type")) for each in accelerators),
        chips_per_machine=chips,
        least=_machines(inputs, scaling, "min", len(zones)) * len(alike),
        most=most,
        chips=chips * most,
        topology=str((inputs.get("placementPolicy") or {}).get("tpuTopology") or ""),
        capacity=_capacity(inputs, node),
        zones=zones,
        networks=list(dict.fromkeys(str(each["network"]) for each in attached)),
        protected=any(each.get("protect") for each in alike),
    )


def _machines(inputs: State, scaling: State, bound: str, zones: int) -> int:
    """Machines of one pool. The autoscaler counts them in each zone, or in all with the bounds called total."""
    if not scaling:
        return int(inputs.get("nodeCount") or 0) * max(zones, 1)
    total = scaling.get(f"total{bound.capitalize()}NodeCount")
    return int(total) if total is not None else int(scaling.get(f"{bound}NodeCount") or 0) * max(zones, 1)


def _capacity(inputs: State, node: State) -> str:
    reservation = node.get("reservationAffinity") or {}
    if reservation.get("consumeReservationType") == "SPECIFIC_RESERVATION":
        named = str((reservation.get("values") or ["?"])[0])  # its name, or a path to it and to a block of it
        return f"reservation {named.rpartition('reservations/')[2].partition('/')[0]}"
    if (inputs.get("queuedProvisioning") or {}).get("enabled"):
        return "queued"
    if node.get("flexStart"):
        return "flex start"
    return "spot" if node.get("spot") or node.get("preemptible") else "on demand"


def _tpu_vm(resource: State) -> Slice:
    inputs = resource["inputs"]
    scheduling = inputs.get("schedulingConfig") or {}
    chosen = [kind for kind in ("reserved", "spot", "preemptible") if scheduling.get(kind)]
    accelerator = inputs.get("acceleratorConfig") or {}
    return _slice(resource, "TPU VM", accelerator, 1, chosen[0] if chosen else "on demand")


def _queued(resource: State) -> Slice:
    inputs = resource["inputs"]
    count = int((inputs.get("multislice") or {}).get("node_count") or 1)
    capacity = str(inputs.get("capacity", "on demand"))
    if reservation := str(inputs.get("reservation") or ""):
        capacity += f" {reservation.rpartition('/')[2]}"
    return _slice(resource, "queued resource", inputs.get("accelerator_config") or {}, count, capacity)


def _slice(resource: State, kind: str, accelerator: State, count: int, capacity: str) -> Slice:
    topology = str(accelerator.get("topology") or "")
    return Slice(
        name=_name(resource),
        kind=kind,
        accelerator=str(accelerator.get("type") or resource["inputs"].get("acceleratorType") or ""),
        topology=topology,
        count=count,
        chips=count * prod(int(side) for side in topology.split("x")) if topology else 0,
        capacity=capacity,
        zone=str(resource["inputs"].get("zone", "")),
    )


def _store(kind: str, resource: State) -> Store:
    inputs = resource["inputs"]
    share = inputs.get("fileShares") or {}
    sizes = [share.get("capacityGb"), inputs.get("capacityGib"), inputs.get("size")]
    size = next((f"{int(each):,} GiB" for each in sizes if each), "")
    return Store(
        kind=str(inputs["type"]) if kind == "disk" and "type" in inputs else kind,
        name=_name(resource),
        size=size,
        where=str(inputs.get("location") or inputs.get("zone") or "").lower(),
        protected=bool(resource.get("protect")),
    )


def _account(resource: State, members: Counter[str]) -> Account:
    email = str((resource.get("outputs") or {}).get("email") or "")
    return Account(name=_name(resource), email=email, grants=members[f"serviceAccount:{email}"])


def _workload(resource: State) -> Workload:
    metadata = resource["inputs"].get("metadata") or {}
    where = str(metadata.get("namespace") or "default")
    return Workload(kind=_kind(resource["type"]), name=str(metadata.get("name") or _order(resource)), where=where)


def _name(resource: State) -> str:
    """As the cloud calls it."""
    inputs = resource["inputs"]
    names = ("name", "accountId", "repositoryId", "instanceId", "queued_resource_id")
    return next((str(inputs[key]) for key in names if inputs.get(key)), _order(resource))


def _order(resource: State) -> str:
    """As the program calls it."""
    return str(resource["urn"]).rpartition("::")[2]


def _kind(token: str) -> str:
    return token.rpartition(":")[2]
