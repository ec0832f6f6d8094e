"""Random google sections, and stack files of clusters, that are legal: plain dictionaries, lists, text and numbers.

They are legal by construction: what belongs together is drawn together, and next to nothing is drawn to be thrown away.
What a machine can do is asked of ``infra.hardware``; what the sections ask of each other (fabrics of machines, ranges
that hold the nodes, peering for Lustre) is arranged here.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from math import ceil
from string import ascii_lowercase
from typing import Any

import hypothesis
from hypothesis import strategies as st

from infra.hardware import CapacityKind, capacity, frameworks, gpu, tpu, zones

DETERMINISTIC = hypothesis.settings(
    derandomize=True,
    database=None,
    deadline=None,
    max_examples=200,
    phases=set(hypothesis.Phase) - {hypothesis.Phase.explain},  # of sections this large it takes minutes
    suppress_health_check=[hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large],
)
"""For tests over many sections: the same ones in every run. It decorates a test; for fewer sections there is
``hypothesis.settings(DETERMINISTIC, max_examples=...)``."""

Json = dict[str, Any]

FAMILIES = {**{machine.family: machine.name for machine in gpu.MACHINES.values()}, "n1": "n1-standard-8"}
GENERATIONS = {key: row.machines[0].name for key, row in tpu.GENERATIONS.items()}
HARDWARE = {**FAMILIES, **GENERATIONS, "none": "e2-standard-8"}
"""By GPU family or TPU generation, a machine type that stands where the others of its kind do."""

REGIONS = sorted({zones.region_of(zone) for offered in zones.OFFERED.values() for zone in offered})

KINDS_OF_BUCKETS = ("datasets", "checkpoints", "models", "pipelines", "logs")

FEW_VMS, MANY_VMS = 64, 4096
"""Of one slice. With few, the whole fleet fits the default ranges; with many, it needs wide ones."""


def legal_stack_name() -> st.SearchStrategy[str]:
    """Names of environments, the longest among them."""
    return _names(16)


@st.composite
def legal_google(draw: st.DrawFn, *, hardware: str | None = None) -> Json:
    """A google section. Every zone that it names is of one region and offers what stands there.

    hardware: a key of HARDWARE that is in it for certain. Draws are far from even, so a test that has to meet all of
    them is run for each.
    """
    first = hardware or draw(st.sampled_from([*HARDWARE]))
    region = draw(st.sampled_from(_regions(first)))
    beside = st.sampled_from([kind for kind in HARDWARE if region in _regions(kind)])
    kinds = [first, *draw(st.lists(beside, max_size=4))]
    generations = [kind for kind in kinds if kind in GENERATIONS]
    offered = [key for key in generations if tpu.GENERATIONS[key].api_type]
    wide, multislice = draw(st.booleans()), draw(st.booleans())
    vms = MANY_VMS if wide else FEW_VMS
    names = (draw(_names(24, letter)) for letter in ascii_lowercase)
    gpu_pools = [draw(_gpu_pool(next(names), region, kind)) for kind in kinds if kind in FAMILIES]
    tpu_slices = [draw(_tpu_slice(next(names), region, key, vms, multislice)) for key in generations]
    tpu_vms = [draw(_of_tpu_api(next(names), region, key, vms)) for key in offered if draw(st.booleans())]
    tpu_queues = [draw(_tpu_queue(next(names), region, key, vms)) for key in offered if draw(st.booleans())]
    storage = draw(_storage(region))
    fabrics = _fabrics(gpu_pools, multislice)
    network = draw(_network(fabrics, wide=wide, peering=bool(storage.get("lustre"))))
    section: Json = {
        "project": "example-" + draw(_names(22)),
        "project_number": draw(st.integers(1, 999_999_999_999)),
        "region": region,
        "owner": draw(_names(63)),
        "cost_centre": draw(_names(63)),
        "network": network,
        "storage": storage,
        "cluster": draw(_cluster(region, several_networks=bool(fabrics), adopts="adopt_subnetwork" in network)),
        "gpu_pools": gpu_pools,
        "tpu_slices": tpu_slices,
        "tpu_vms": tpu_vms,
        "tpu_queues": tpu_queues,
        "observability": draw(_observability()),
        "budget": draw(_budget()),
    }
    more = _some(
        protection=st.sampled_from(["none", "data", "all"]),
        encryption=_some(
            ring=_names(40),
            rotation_days=st.integers(1, 90),
            destroy_after_days=st.integers(30, 120),
            protection=st.sampled_from(["software", "hsm"]),
        ),
        registry=_some(keep_versions=st.integers(1, 1000), delete_untagged_days=st.integers(1, 365)),
        delivery=_delivery(),
    )
    return {key: value for key, value in section.items() if value not in ({}, [])} | draw(more)


def _some(**optional: st.SearchStrategy[Any]) -> st.SearchStrategy[Json]:
    """Some of these keys."""
    return st.fixed_dictionaries({}, optional=optional)


def _names(longest: int, first: str = "a") -> st.SearchStrategy[str]:
    """Names of lower-case letters, digits and dashes, the longest among them. ``first`` keeps those of a list apart."""
    rest = st.text("az09-", max_size=longest - 1) | st.just("z" * (longest - 1))
    return rest.map(lambda text: (first + text).rstrip("-"))


@cache
def _regions(kind: str) -> list[str]:
    """The regions that have the hardware; every one where its zones are not known."""
    return sorted({zones.region_of(zone) for zone in zones.offered(HARDWARE[kind])}) or REGIONS


@cache
def _zones(region: str) -> list[str]:
    """The zones of the region that offer some accelerator."""
    known = {zone for offered in zones.OFFERED.values() for zone in offered}
    return sorted(zone for zone in known if zones.region_of(zone) == region)


@cache
def _offering(machine_type: str, region: str) -> list[str]:
    """The zones of the region in which the machine type may stand: any where its zones are not known."""
    offered = zones.offered(machine_type)
    return [zone for zone in _zones(region) if not offered or zone in offered]


# Capacity


@st.composite
def _capacity(draw: st.DrawFn, kinds: tuple[CapacityKind, ...], *, blocks: bool = True) -> Json:
    kind = draw(st.sampled_from(kinds))
    if kind in (CapacityKind.FLEX_START, CapacityKind.QUEUED):
        return {"kind": str(kind), **draw(_some(max_run_hours=st.integers(1, 168)))}
    if kind is not CapacityKind.RESERVATION:
        return {"kind": str(kind)}
    places: list[Json] = [{}]
    if blocks:
        places += [{"block": "block-0001"}, {"block": "block-0001", "sub_block": "sub-block-0001"}]
    shared = draw(_some(project=st.just("example-capacity")))
    return {"kind": str(kind), "name": draw(_names(63)), **shared, **draw(st.sampled_from(places))}


# Accelerators


@st.composite
def _gpu_pool(draw: st.DrawFn, name: str, region: str, family: str) -> Json:
    machine, asked = draw(_gpu_machine(region, family))
    bought = draw(_capacity(capacity.gpu_kinds(machine)))
    waits = bought["kind"] in (CapacityKind.FLEX_START, CapacityKind.QUEUED)
    near = {
        CapacityKind.RESERVATION: (),
        CapacityKind.FLEX_START: capacity.FLEX_START_COMPACT_FAMILIES,
    }.get(bought["kind"], capacity.COMPACT_FAMILIES)
    compact = machine.family in near and draw(st.booleans())
    in_one_zone = compact or bought["kind"] == CapacityKind.RESERVATION or machine.fabric.network_profile
    most = draw(st.integers(1, 40))
    divided = draw(_some(partition=st.sampled_from(machine.mig_profiles))) if machine.mig_profiles else {}
    by_mps = not divided and machine.accelerator not in gpu.BEFORE_VOLTA
    more = _some(
        driver=st.sampled_from([str(mode) for mode in gpu.DriverMode]),
        sharing=_sharing(by_mps=by_mps),
        disk_gib=st.integers(50, 65_536),
    )
    places = st.sampled_from(_offering(machine.name, region))
    return {
        "name": name,
        **asked,
        "zones": draw(st.lists(places, min_size=1, max_size=1 if in_one_zone else 3, unique=True)),
        "capacity": bought,
        "min_nodes": 0 if waits else draw(st.integers(0, most)),
        "max_nodes": most,
        "compact": compact,
        **divided,
        **draw(more),
    }


@st.composite
def _gpu_machine(draw: st.DrawFn, region: str, family: str) -> tuple[gpu.GpuMachine, Json]:
    """A machine of the family, and the keys that ask for it. Those with a fabric come up as often as those without."""
    if family != "n1":
        own = [each for each in gpu.MACHINES.values() if each.family == family and _offering(each.name, region)]
        fabric = draw(st.sampled_from(sorted({machine.fabric for machine in own})))
        machine = draw(st.sampled_from([each for each in own if each.fabric is fabric]))
        return machine, {"machine_type": machine.name}
    row = draw(st.sampled_from([*gpu.ATTACHABLE.values()]))
    count = draw(st.sampled_from([*row.max_vcpus]))
    vcpus = draw(st.sampled_from([each for each in gpu.N1_VCPUS if 2 <= each <= row.max_vcpus[count]]))
    name = f"n1-{draw(st.sampled_from([*gpu.N1_GB_PER_VCPU]))}-{vcpus}"
    asked = {"machine_type": name, "accelerator": row.accelerator, "count": count}
    return gpu.attached(name, row.accelerator, count), asked


def _sharing(*, by_mps: bool) -> st.SearchStrategy[Json]:
    kinds = st.sampled_from([str(sharing) for sharing in gpu.Sharing if by_mps or sharing is not gpu.Sharing.MPS])
    clients = st.integers(2, gpu.MAX_SHARED_CLIENTS)
    return st.just({"kind": "none"}) | st.fixed_dictionaries({"kind": kinds, "clients": clients})


@st.composite
def _tpu_slice(draw: st.DrawFn, name: str, region: str, generation: str, most_vms: int, multislice: bool) -> Json:
    multi_host = draw(st.booleans())
    shapes = [each for each in _slices(generation) if each.is_multi_host == multi_host and each.vms <= most_vms]
    shape = draw(st.sampled_from(shapes))
    alone = sum(each.topology == shape.topology for each in _slices(generation)) == 1
    refused = CapacityKind.FLEX_START if generation in capacity.NO_FLEX_START_GENERATIONS else None
    bought = draw(_capacity(tuple(kind for kind in capacity.TPU_SLICE_KINDS if kind is not refused)))
    most = draw(st.integers(1, 3))
    return {
        "name": name,
        "generation": generation,
        "topology": shape.topology,
        **({} if alone and draw(st.booleans()) else {"machine_type": shape.machine.name}),
        "zone": draw(st.sampled_from(_offering(shape.machine.name, region))),
        "capacity": bought,
        "slices": most,
        "min_slices": 0 if bought["kind"] == CapacityKind.FLEX_START else draw(st.integers(0, most)),
        **({"fabric": "multislice"} if multislice and draw(st.booleans()) else {}),
        "framework": draw(_framework(shape.generation)),
    }


@cache
def _slices(generation: str) -> list[tpu.TpuSlice]:
    """Every slice of the generation, on every machine that can make it."""
    row = tpu.GENERATIONS[generation]
    pairs = [(machine, topology) for machine in row.machines for topology in tpu.topologies(row, machine)]
    return [tpu.slice_of(generation, topology, machine.name) for machine, topology in pairs]


@cache
def _of_types(generation: str) -> list[tpu.TpuSlice]:
    """The slice of every accelerator type that the TPU API offers of the generation."""
    return [
        tpu.slice_of_accelerator_type(name)
        for name in dict.fromkeys(each.accelerator_type for each in _slices(generation))
    ]


@st.composite
def _of_tpu_api(
    draw: st.DrawFn,
    name: str,
    region: str,
    generation: str,
    most_vms: int,
    kinds: tuple[CapacityKind, ...] = capacity.TPU_VM_KINDS,
) -> Json:
    """What a TPU VM and a request have in common."""
    shape = draw(st.sampled_from([each for each in _of_types(generation) if each.vms <= most_vms]))
    return {
        "name": name,
        "accelerator_type": shape.accelerator_type,
        "zone": draw(st.sampled_from(_offering(shape.machine.name, region))),
        "capacity": draw(_capacity(kinds, blocks=False)),
        "framework": draw(_framework(shape.generation)),
        **draw(_some(runtime=st.sampled_from(tpu.runtimes_of(shape)))),
    }


@st.composite
def _tpu_queue(draw: st.DrawFn, name: str, region: str, generation: str, most_vms: int) -> Json:
    request = draw(_of_tpu_api(name, region, generation, most_vms, capacity.TPU_QUEUE_KINDS)) | draw(
        _some(slices=st.integers(1, 3), wait=st.booleans())
    )
    hours, before, after = st.integers(1, 8760), st.just("2026-12-01T06:00:00Z"), st.just("2026-12-20T00:00:00Z")
    window = st.one_of(_some(valid_hours=hours), _some(not_before=before, not_after=after))
    promise = _some(guaranteed_hours=hours) if request["capacity"]["kind"] == "on-demand" else st.just({})
    return request | draw(window) | draw(promise)


def _framework(row: tpu.TpuGeneration) -> st.SearchStrategy[str]:
    runs = ["jax", "pytorch"] if row.tensorflow is frameworks.Support.REFUSED else ["tensorflow", "jax", "pytorch"]
    return st.sampled_from(runs)


# Network


def _fabrics(gpu_pools: list[Json], multislice: bool) -> list[Json]:
    """What the machines stand in: one fabric of each kind, and of an RDMA kind one for each zone."""
    needed: dict[tuple[gpu.Fabric, str | None], None] = {}
    for pool in gpu_pools:
        kind = gpu.MACHINES[pool["machine_type"]].fabric if "accelerator" not in pool else gpu.Fabric.NONE
        if kind is not gpu.Fabric.NONE:
            needed |= {(kind, zone if kind.network_profile else None): None for zone in pool["zones"]}
    fabrics = [
        {"name": f"{kind.value}-{index}", "kind": kind.value, **({"zone": zone} if zone else {})}
        for index, (kind, zone) in enumerate(needed)
    ]
    fabrics += [{"name": "multislice", "kind": "multislice"}] if multislice else []
    return [fabric | {"range": f"172.{18 + index}.0.0/16"} for index, fabric in enumerate(fabrics)]


@st.composite
def _network(draw: st.DrawFn, fabrics: list[Json], *, wide: bool, peering: bool) -> Json:
    ranges = {"nodes": "10.0.0.0/16", "pods": "10.64.0.0/10", "services": "10.8.0.0/20"} if wide else {}
    adopt = draw(st.sampled_from([(), ("adopt",), ("adopt", "adopt_subnetwork")]))
    elsewhere = st.lists(st.sampled_from(["192.168.0.0/16", "192.168.7.0/24", "100.64.0.0/10"]), unique=True)
    return {
        **ranges,
        **({"fabrics": fabrics} if fabrics else {}),
        **({"peering": draw(st.sampled_from(["172.30.0.0/20", "240.0.0.0/16"]))} if peering else {}),
        **draw(_some(used_elsewhere=elsewhere)),
        **{key: draw(_names(63)) for key in adopt},
    }


# Storage


@st.composite
def _storage(draw: st.DrawFn, region: str) -> Json:
    """Buckets, and volumes of names that are unlike within a kind."""

    def bucket(kind: str) -> st.SearchStrategy[Json]:
        return _some(
            noncurrent_days=st.integers(1, 3650),
            soft_delete_days=st.integers(7, 90),
            delete_after_days=st.none() | st.integers(1, 3650),
            adopt=_names(50).map(f"{kind}._".__add__),  # a bucket is adopted once
        )

    volumes = {"filestore": _filestore(region), "lustre": _lustre(region), "hyperdisk_ml": _hyperdisk_ml(region)}
    unlike = {
        kind: st.lists(volume, min_size=1, max_size=2, unique_by=lambda each: each["name"])
        for kind, volume in volumes.items()
    }
    return draw(_some(**{kind: bucket(kind) for kind in KINDS_OF_BUCKETS}, **unlike))


@st.composite
def _filestore(draw: st.DrawFn, region: str) -> Json:
    size = draw(st.integers(4, 39).map(lambda step: 256 * step) | st.integers(4, 40).map(lambda step: 2560 * step))
    where = draw(st.sampled_from([{"tier": "REGIONAL"}, *({"zone": zone} for zone in _zones(region))]))
    return {"name": draw(_names(40)), "capacity_gib": size, **where}


@st.composite
def _lustre(draw: st.DrawFn, region: str) -> Json:
    throughput = draw(st.sampled_from([125, 250, 500, 1000]))
    size = draw(st.integers(1, 170)) * 9_000_000 // throughput
    zone = draw(st.sampled_from(_zones(region)))
    return {"name": draw(_names(40)), "capacity_gib": size, "throughput_per_tib": throughput, "zone": zone}


@st.composite
def _hyperdisk_ml(draw: st.DrawFn, region: str) -> Json:
    size = draw(st.integers(4, 65_536))
    throughput = draw(st.integers(max(400, ceil(size * 12 / 100)), min(1_200_000, 1600 * size)))
    zone = draw(st.sampled_from(_zones(region)))
    return {"name": draw(_names(40)), "size_gib": size, "throughput_mibps": throughput, "zone": zone}


# The rest


@st.composite
def _cluster(draw: st.DrawFn, region: str, *, several_networks: bool, adopts: bool) -> Json:
    least = draw(st.integers(1, 5))
    machine = draw(st.sampled_from(["n2-standard-16", "e2-standard-8"]))
    places = st.sampled_from(
        [zone for zone in _zones(region) if zone not in zones.LACKING or machine[:2] == "n2"] or [f"{region}-a"]
    )
    pool = {
        "machine_type": machine,
        "zones": draw(st.lists(places, min_size=1, max_size=3, unique=True)),
        "min_nodes": least,
        "max_nodes": draw(st.integers(least, 8)),
    }
    more = _some(
        release_channel=st.sampled_from(["RAPID", "REGULAR", "STABLE", "EXTENDED"]),
        binary_authorization=st.sampled_from(["audit", "enforce"]),
        trusted_images=st.lists(st.just("docker.io/library/*"), max_size=1),
        admins_group=st.just("gke-security-groups@example.com"),
        maintenance=_maintenance(),
        **({"adopt": _names(40)} if adopts else {}),
        **({} if several_networks else {"multi_networking": st.booleans()}),
    )
    return {"system_pool": pool, **draw(more)}


@st.composite
def _maintenance(draw: st.DrawFn) -> Json:
    week = ["MO", "TU", "WE", "TH", "FR", "SA", "SU"]
    days = draw(st.lists(st.sampled_from(week), min_size=1, unique=True))
    hours = draw(st.integers(max(4, ceil(12 / len(days))), 24))
    exclusions = st.lists(_exclusion(), max_size=2, unique_by=lambda each: each["name"])
    return {"days": days, "hours": hours, **draw(_some(start=_instants().map(_text), exclusions=exclusions))}


@st.composite
def _exclusion(draw: st.DrawFn) -> Json:
    start = draw(_instants())
    scope = draw(st.sampled_from(["NO_UPGRADES", "NO_MINOR_UPGRADES", "NO_MINOR_OR_NODE_UPGRADES"]))
    end = start + timedelta(days=draw(st.integers(1, 30 if scope == "NO_UPGRADES" else 180)))
    return {"name": draw(_names(40)), "start": _text(start), "end": _text(end), "scope": scope}


def _instants() -> st.SearchStrategy[datetime]:
    return st.datetimes(datetime(2026, 1, 1), datetime(2030, 1, 1))


def _text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%dT%H:%M:%SZ}"


@st.composite
def _observability(draw: st.DrawFn) -> Json:
    people = st.sampled_from([f"team-{letter}@example.com" for letter in "abcdefg"])
    more = _some(
        pool_short_minutes=st.integers(5, 1440),
        job_stalled_minutes=st.integers(1, 1440),
        checkpoint_minutes=st.integers(5, 1440),
        queue_minutes=st.integers(5, 10_080),
        error_rate=st.floats(0.0001, 0.9999),
        p99_ms=st.integers(1, 60_000),
    )
    return {"emails": draw(st.lists(people, min_size=1, max_size=5, unique=True)), **draw(more)}


@st.composite
def _budget(draw: st.DrawFn) -> Json:
    shares = st.integers(1, 1000).map(lambda percent: percent / 100)
    more = _some(thresholds=st.lists(shares, min_size=1, max_size=5, unique=True).map(sorted), forecast=shares)
    account = draw(st.sampled_from(["012345-6789AB-CDEF01", "FFFFFF-000000-A1B2C3"]))
    return {"billing_account": account, "monthly_usd": draw(st.integers(1, 1_000_000_000)), **draw(more)}


def _delivery() -> st.SearchStrategy[Json]:
    needed = {"repository": st.just("example/ai-datacenter"), "repository_id": st.integers(1, 10**12)}
    return st.fixed_dictionaries(needed, optional={"branch": st.sampled_from(["main", "release/1.0"])})


# Clusters


@st.composite
def legal_cluster(draw: st.DrawFn) -> Json:
    """The stack file of a cluster, whose first pool holds the platform and every job but those for GPUs."""
    kinds = ["cpus", *draw(st.lists(st.sampled_from(["cpus", "gpus", "tpus"]), max_size=5))]
    pools = [draw(_node_pool(f"{kind}-{index}", kind, bare=index == 0)) for index, kind in enumerate(kinds)]
    teams = draw(st.lists(_names(40, "t"), min_size=1, max_size=4, unique=True))
    roomy = next((pool for pool in pools if "gpus" in pool), None)
    names = draw(st.lists(_names(36), max_size=3, unique=True))
    workloads = [draw(_workload(name, teams, roomy)) for name in names]
    platform = {
        "install": ["jobset", "kueue", "trainer", *draw(st.sampled_from([[], ["lws"], ["cert-manager", "kserve"]]))],
        "teams": [{"name": name, **draw(_some(share=st.integers(1, 1000)))} for name in teams],
        "images": {"train": "example.com/ai/train:1", "serve": "example.com/ai/serve@sha256:" + "0" * 64},
        **draw(_some(concurrent=st.booleans())),
    }
    artefacts = st.sampled_from([{}, {"storage_class": "shared"}, {"host_path": "/srv/artefacts", "size_gib": 1}])
    cluster = {
        "context": draw(st.sampled_from(["example", "gke_project_zone_name"])),
        "version": draw(st.sampled_from(["1.34.4", "v1.35.0", "1.36.3-gke.100"])),
        "pools": pools,
        "artefacts": draw(artefacts),
    }
    return {"site": "kubernetes", "kubernetes": cluster, "platform": platform, "workloads": workloads}


@st.composite
def _node_pool(draw: st.DrawFn, name: str, kind: str, *, bare: bool) -> Json:
    """bare: without accelerators or taints, and large."""
    size = {
        "nodes": draw(st.integers(1, 15_000)),
        "cpu": draw(st.floats(1, 192)),
        "memory_gib": draw(st.floats(1, 4096)),
    }
    pool: Json = {"name": name, "labels": [f"example.com/pool={name}"], **size}
    if bare:
        return {**pool, "nodes": max(4, size["nodes"]), "cpu": 64 + size["cpu"], "memory_gib": 256 + size["memory_gib"]}
    taints = {
        "cpus": ["dedicated=batch:NoSchedule", "dedicated=:NoExecute"],
        "gpus": ["nvidia.com/gpu=present:NoSchedule"],
        "tpus": ["google.com/tpu=present:NoSchedule"],
    }
    pool |= draw(_some(taints=st.lists(st.sampled_from(taints[kind]), max_size=1)))
    if kind == "gpus":
        pool["gpus"] = draw(st.integers(1, 64))
    if kind == "tpus":
        pool |= {"tpus": draw(st.sampled_from([1, 4, 8])), **draw(_some(slice_label=st.just("example.com/slice")))}
    return pool


@st.composite
def _workload(draw: st.DrawFn, name: str, teams: list[str], with_gpus: Json | None) -> Json:
    """with_gpus: a pool that one worker fits for certain."""
    train = draw(_some(cpu=st.floats(0.1, 8), memory_gib=st.floats(0.1, 32), max_hours=st.integers(1, 8760)))
    if with_gpus and draw(st.booleans()):
        train |= {"gpus": 1, "workers": 1, "cpu": with_gpus["cpu"] / 2, "memory_gib": with_gpus["memory_gib"] / 2}
    most = draw(st.integers(1, 4))
    serve = _some(
        replicas=st.integers(1, most),
        max_replicas=st.just(most),
        cpu=st.floats(0.1, 2),
        memory_gib=st.floats(0.1, 4),
        version=st.just(2),
        canary=st.fixed_dictionaries({"version": st.just(1), "percent": st.integers(1, 50)}),
    )
    more = _some(team=st.sampled_from(teams), priority=st.sampled_from(["low", "normal", "high"]))
    spec = {"name": name, "model": "digits_cnn", "dataset": "digits", "train": train, "serve": draw(serve)}
    return {**spec, **draw(more)}
