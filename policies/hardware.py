"""What a resource asks for in machines: which, how many at least and at most, bought how, for how much.

Facts about the hardware and its prices are those of ``infra.hardware``; this only reads them off resources.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from infra.hardware import Impossible, gpu, prices, tpu, zones
from policies.configuration import Capacity, Configuration, Gpu, Tpu
from policies.resource import Resource

CLUSTER = "gcp:container/cluster:Cluster"
NODE_POOL = "gcp:container/nodePool:NodePool"
TPU_VM = "gcp:tpu/v2Vm:V2Vm"
TPU_QUEUE = "aidc-tpu:index:QueuedResource"
TPU_QUEUE_OF_VENDOR = "gcp:tpu/v2QueuedResource:V2QueuedResource"
INSTANCE = "gcp:compute/instance:Instance"
MACHINES = (NODE_POOL, TPU_VM, TPU_QUEUE, TPU_QUEUE_OF_VENDOR, INSTANCE)
"""Types of what is paid for by the hour of a machine."""

TPU_MACHINES = {machine.name: (row, machine) for row in tpu.GENERATIONS.values() for machine in row.machines}

ZONES_OF_A_REGION = 3
"""That GKE spreads a pool over when it is not told where (GKE, 'Regional clusters')."""


@dataclass(frozen=True)
class Machines:
    """What one resource asks for.

    what:     GPU machine type, TPU generation or other machine type.
    machine:  machine type; of the TPU API, the accelerator type.
    chips:    of one TPU slice; 0 where there are none.
    least, most:  machines, or chips where they are bought by the chip; None where nothing says the most.
    """

    what: str
    machine: str
    chips: int
    least: int
    most: int | None
    capacity: Capacity
    zone: str
    by_chip: bool = False

    @property
    def is_accelerator(self) -> bool:
        return bool(self.chips) or self.machine in gpu.MACHINES or self.what.startswith("nvidia-")

    def allowed_by(self, configuration: Configuration) -> Iterator[Gpu | Tpu]:
        """The entries of the allow-list that it falls under, by kind and size."""
        for entry in configuration.accelerators.allowed:
            if isinstance(entry, Gpu):
                agreed = entry.gpu == self.machine
            else:
                agreed = entry.tpu == self.what and self.chips <= entry.max_chips
            if agreed:
                yield entry

    def hourly_usd(self, configuration: Configuration) -> float | None:
        """List price of one; on demand where there is no spot price, as an upper bound. None where none is known."""
        assumed = configuration.cost.assumed_hourly_usd.get(self.machine)
        if assumed is not None:
            return assumed
        region = zones.region_of(self.zone) if self.zone.count("-") == 2 else self.zone
        row = (
            prices.hourly_of_chip(self.what, region) if self.by_chip else prices.hourly_of_machine(self.machine, region)
        )
        if row is None:
            return None
        return row.spot if self.capacity == "spot" and row.spot is not None else row.on_demand


def machines_of(resource: Resource) -> Machines:
    """What the resource, of a type of ``MACHINES``, asks for. Raises NotKnown, WrongType."""
    match resource.type:
        case "gcp:container/nodePool:NodePool":
            return _of_pool(resource)
        case "gcp:compute/instance:Instance":
            return _of_instance(resource)
        case "gcp:tpu/v2QueuedResource:V2QueuedResource":
            return _of_vendors_queue(resource)
        case _:
            return _of_tpu(resource)


def accelerators_of(resource: Resource) -> Machines | None:
    """The same, and None where there are no accelerators."""
    machines = machines_of(resource)
    return machines if machines.is_accelerator else None


def _of_pool(pool: Resource) -> Machines:
    machine = pool.at("nodeConfig.machineType").text() or "e2-medium"  # the service's own default
    location = pool.at("location").text() or ""
    places = pool.at("nodeLocations").texts()
    spread = len(places) or (1 if location.count("-") == 2 else ZONES_OF_A_REGION)
    scaling = pool.at("autoscaling")
    least = scaling.at("totalMinNodeCount").number() or (scaling.at("minNodeCount").number() or 0) * spread
    total, each = scaling.at("totalMaxNodeCount").number(), scaling.at("maxNodeCount").number()
    most: float | None = total or (each * spread if each else None)
    fixed = pool.at("nodeCount").number()
    if fixed is not None and most is None:
        least = most = fixed * spread
    attached = [each.at("type").text() or "" for each in pool.at("nodeConfig.guestAccelerators").items()]
    generation, chips = "", 0
    if machine in TPU_MACHINES:
        row, single = TPU_MACHINES[machine]
        generation, chips = row.key, _chips(pool.at("placementPolicy.tpuTopology").text()) or single.chips
    return Machines(
        what=generation or (attached[0] if attached and machine not in gpu.MACHINES else machine),
        machine=machine,
        chips=chips,
        least=int(least),
        most=None if most is None else int(most),
        capacity=_capacity_of_pool(pool),
        zone=(places or [location])[0],
    )


def _capacity_of_pool(pool: Resource) -> Capacity:
    if pool.at("queuedProvisioning.enabled").flag():
        return "queued"
    if pool.at("nodeConfig.flexStart").flag():
        return "flex-start"
    if pool.at("nodeConfig.spot").flag() or pool.at("nodeConfig.preemptible").flag():
        return "spot"
    specific = pool.at("nodeConfig.reservationAffinity.consumeReservationType").text() == "SPECIFIC_RESERVATION"
    return "reservation" if specific else "on-demand"


def _of_instance(instance: Resource) -> Machines:
    machine = instance.at("machineType").text() or ""
    attached = [each.at("type").text() or "" for each in instance.at("guestAccelerators").items()]
    spot = instance.at("scheduling.provisioningModel").text() == "SPOT"
    return Machines(
        what=attached[0] if attached else machine,
        machine=machine.rpartition("/")[2],
        chips=0,
        least=1,
        most=1,
        capacity="spot" if spot else "on-demand",
        zone=instance.at("zone").text() or "",
    )


def _of_tpu(node: Resource) -> Machines:
    """Of a TPU VM, or of our own queue, which spells the same in its own way."""
    queue = node.type == TPU_QUEUE
    name, config = ("accelerator_type", "accelerator_config") if queue else ("acceleratorType", "acceleratorConfig")
    generation, chips = _slice(
        node.at(name).text(), node.at(config).at("type").text(), node.at(config).at("topology").text()
    )
    capacity: Capacity = "on-demand"
    if queue:
        bought = node.at("capacity").text() or "on-demand"
        capacity = "reservation" if bought == "reservation" else "spot" if bought == "spot" else "on-demand"
        slices = node.at("multislice.node_count").number() or 1
        zone = node.at("zone").text() or ""
    else:
        scheduling = node.at("schedulingConfig")
        if scheduling.at("reserved").flag():
            capacity = "reservation"
        elif scheduling.at("spot").flag() or scheduling.at("preemptible").flag():
            capacity = "spot"
        slices, zone = 1, node.at("zone").text() or ""
    total = int(chips * slices)
    return Machines(generation, generation, chips, total, total, capacity, zone, by_chip=True)


def _of_vendors_queue(queue: Resource) -> Machines:
    generation, chips, total = "", 0, 0
    for spec in queue.at("tpu.nodeSpecs").items():
        node = spec.at("node")
        config = node.at("acceleratorConfig")
        generation, chips = _slice(
            node.at("acceleratorType").text(), config.at("type").text(), config.at("topology").text()
        )
        total += chips
    zone = queue.at("zone").text() or ""
    return Machines(generation, generation, chips, total, total, "on-demand", zone, by_chip=True)


def _slice(name: str | None, kind: str | None, topology: str | None) -> tuple[str, int]:
    """Generation and chips of a slice. A name that there is not is its own generation, which nothing allows."""
    if name:
        try:
            found = tpu.slice_of_accelerator_type(name)
        except Impossible:
            return name, 1
        return found.generation.key, found.chips
    key = next((row.key for row in tpu.GENERATIONS.values() if row.api_type == kind), kind or "v2-8")
    return key, _chips(topology) or 1


def _chips(topology: str | None) -> int:
    """Of a topology such as ``4x4``; 0 where there is none."""
    sides = (topology or "").split("x")
    if not all(side.isdecimal() for side in sides):
        return 0
    chips = 1
    for side in sides:
        chips *= int(side)
    return chips
