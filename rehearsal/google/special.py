"""Rules that take more than a line of data: machines with accelerators, maintenance, slices."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from math import prod
from typing import Any

from rehearsal.google import places
from rehearsal.google.body import Nothing
from rehearsal.values import State, is_known

Complaint = tuple[str, Any, str]

CUBE = ("2x2x1", "2x2x2", "2x2x4", "2x4x4")
MOST_UPGRADED = 20
"""Nodes that are upgraded at once (GKE, 'Node upgrade strategies')."""

MOST_COLUMNS = 48
"""Of a dashboard (Cloud Monitoring API, MosaicLayout.columns)."""

EXCLUSIVE = ("spot", "preemptible", "flexStart")
DAYS = {"NO_UPGRADES": 30, "NO_MINOR_UPGRADES": 180, "NO_MINOR_OR_NODE_UPGRADES": 180}
"""Longest exclusion by scope (GKE, 'Maintenance windows and exclusions')."""


def pool(inputs: State) -> Iterator[Complaint]:
    """A node pool: the machine and its zones, accelerators, the way capacity is bought, the slice's shape."""
    config = inputs.get("nodeConfig")
    if not isinstance(config, dict) or not is_known(config.get("machineType")):
        return
    name = config.get("machineType", "e2-medium")
    machines = places.accelerators()["machines"]
    machine = machines.get(name)
    if machine is None and not places.is_general_machine(str(name)):
        yield "nodeConfig.machineType", name, f"is no machine type{places.nearest(name, machines)}"
        return
    machine = machine or {}
    yield from _machine_zones(name, machine, inputs)
    yield from _gpus(name, machine, config)
    yield from _capacity(inputs, config)
    yield from _slice(name, machine, inputs)
    yield from _disks(name, machine, config)
    yield from _upgrades(inputs.get("upgradeSettings") or {})


def first_pool(inputs: State) -> Iterator[Complaint]:
    """The machine type of a cluster's own first pool, which is removed when it has been made."""
    config = inputs.get("nodeConfig")
    name = config.get("machineType") if isinstance(config, dict) else None
    machines = places.accelerators()["machines"]
    if isinstance(name, str) and name not in machines and not places.is_general_machine(name):
        yield "nodeConfig.machineType", name, f"is no machine type{places.nearest(name, machines)}"


def _upgrades(said: State) -> Iterator[Complaint]:
    if said.get("strategy") == "SURGE" and is_known(said):
        surge = said.get("maxSurge", 0)
        if not 1 <= surge + said.get("maxUnavailable", 0) <= MOST_UPGRADED:
            yield "upgradeSettings.maxSurge", surge, f"must be 1 to {MOST_UPGRADED} with maxUnavailable"


def _machine_zones(name: str, machine: State, inputs: State) -> Iterator[Complaint]:
    offered = machine.get("zones", ())
    for index, zone in enumerate(inputs.get("nodeLocations") or ()):
        if isinstance(zone, str) and offered and zone not in offered:
            near = [each for each in offered if places.region_of(each) == places.region_of(zone)]
            where = f"in {places.region_of(zone)}: {', '.join(near) or 'none'}"
            yield f"nodeLocations[{index}]", zone, f"does not offer {name}; {where}"


def _gpus(name: str, machine: State, config: State) -> Iterator[Complaint]:
    given = config.get("guestAccelerators") or []
    known = places.accelerators()["partitions"]
    if "accelerator" in machine and not given:
        yield (
            "nodeConfig.guestAccelerators",
            Nothing,
            f"must say the {machine['count']} {machine['accelerator']} of {name}",
        )
    for index, each in enumerate(given):
        path = f"nodeConfig.guestAccelerators[{index}]"
        if not is_known(each):
            continue
        kind, count = each.get("type"), each.get("count")
        if kind not in known:
            yield f"{path}.type", kind, f"is no accelerator{places.nearest(kind, known)}"
        elif "accelerator" in machine and kind != machine["accelerator"]:
            yield f"{path}.type", kind, f"must be {machine['accelerator']}, which {name} comes with"
        elif "accelerator" in machine and count != machine["count"]:
            yield f"{path}.count", count, f"must be {machine['count']}, which {name} comes with"
        elif "accelerator" not in machine and not str(name).startswith("n1-"):
            yield f"{path}.type", kind, f"cannot be attached to {name}"
        partition = each.get("gpuPartitionSize")
        if partition and partition not in known.get(kind, ()):
            yield f"{path}.gpuPartitionSize", partition, f"must be one of {', '.join(known.get(kind, ())) or 'none'}"
        sharing = each.get("gpuSharingConfig") or {}
        clients = sharing.get("maxSharedClientsPerGpu")
        if sharing and not (isinstance(clients, int) and 2 <= clients <= 48):
            yield f"{path}.gpuSharingConfig.maxSharedClientsPerGpu", clients, "must be 2 to 48"


def _capacity(inputs: State, config: State) -> Iterator[Complaint]:
    """Spot, flex-start, queued and reserved capacity exclude each other (GKE, 'About flex-start'; 'Spot VMs')."""
    chosen = [name for name in EXCLUSIVE if config.get(name) is True]
    if len(chosen) > 1:
        yield f"nodeConfig.{chosen[1]}", True, f"excludes {chosen[0]}"
    queued = (inputs.get("queuedProvisioning") or {}).get("enabled") is True
    if queued and chosen and chosen[0] != "flexStart":
        yield "queuedProvisioning.enabled", True, f"excludes nodeConfig.{chosen[0]}"
    affinity = config.get("reservationAffinity") or {}
    kind = affinity.get("consumeReservationType")
    if kind == "SPECIFIC_RESERVATION":
        for name in ("key", "values"):
            if not affinity.get(name):
                yield f"nodeConfig.reservationAffinity.{name}", Nothing, "is needed with SPECIFIC_RESERVATION"
        if chosen or queued:
            other = f"nodeConfig.{chosen[0]}" if chosen else "queuedProvisioning"
            yield "nodeConfig.reservationAffinity.consumeReservationType", kind, f"excludes {other}"
    waits = queued or config.get("flexStart") is True
    if waits and kind not in (None, "NO_RESERVATION"):
        yield "nodeConfig.reservationAffinity.consumeReservationType", kind, "must be NO_RESERVATION for such capacity"
    if waits and (inputs.get("management") or {}).get("autoRepair") is True:
        yield "management.autoRepair", True, "must be false: such nodes are not repaired"
    if config.get("maxRunDuration") and not waits and not chosen:
        yield "nodeConfig.maxRunDuration", config["maxRunDuration"], "needs flexStart, queuedProvisioning or spot"
    seconds = str(config.get("maxRunDuration") or "1s").removesuffix("s")
    if seconds.startswith("-") or (waits and seconds.isdigit() and not 1 <= int(seconds) <= 7 * 86400):
        yield "nodeConfig.maxRunDuration", config["maxRunDuration"], "must be 1s to 604800s, seven days"


def _slice(name: str, machine: State, inputs: State) -> Iterator[Complaint]:
    """The shape of a pool (GKE, 'Plan TPUs in GKE'): the slice is the whole pool, or each node is one."""
    placement = inputs.get("placementPolicy") or {}
    topology, config = placement.get("tpuTopology"), inputs.get("nodeConfig") or {}
    if not is_known(placement):
        return
    if "tpu" not in machine:
        if topology:
            yield "placementPolicy.tpuTopology", topology, f"is for TPUs, and {name} has none"
        return
    if config.get("guestAccelerators"):
        yield "nodeConfig.guestAccelerators", Nothing, f"{name} has TPUs, which are not named here"
    if not topology:
        return
    complaint = shape(machine["tpu"], topology)
    if complaint:
        yield "placementPolicy.tpuTopology", topology, complaint
        return
    vms, rest = divmod(prod(map(int, topology.split("x"))), machine["chips"])
    if rest or (vms > 1 and not machine["multi_host"]):
        yield "placementPolicy.tpuTopology", topology, f"cannot be made of {name}, which has {machine['chips']} chips"
        return
    scaling = inputs.get("autoscaling") or {}
    for limit in ("maxNodeCount", "totalMaxNodeCount"):
        if isinstance(scaling.get(limit), int) and vms > 1 and scaling[limit] != vms:
            yield f"autoscaling.{limit}", scaling[limit], f"must be {vms}: a slice of {topology} is {vms} nodes"
    for limit in ("minNodeCount", "totalMinNodeCount"):
        if isinstance(scaling.get(limit), int) and vms > 1 and scaling[limit] not in (0, vms):
            yield f"autoscaling.{limit}", scaling[limit], f"must be 0 or {vms}: a slice comes and goes whole"
    if vms > 1 and len(inputs.get("nodeLocations") or ()) > 1:
        yield "nodeLocations", Nothing, "must be one zone: a slice is in one"


def shape(generation: str, topology: str) -> str:
    """What is wrong with a slice's topology, "" when it exists. Source: ``accelerators.yaml``, generations."""
    known = places.accelerators()["generations"][generation]
    if not re.fullmatch(r"[1-9]\d*(x[1-9]\d*){1,2}", topology):
        return f"must be {known['dimensions']} sides in chips, such as {'4x4' if known['dimensions'] == 2 else '4x4x4'}"
    sides = [int(side) for side in topology.split("x")]
    if len(sides) != known["dimensions"]:
        return f"must have {known['dimensions']} sides, as {generation} slices have"
    if prod(sides) > known["most_chips"]:
        return f"must have at most {known['most_chips']} chips"
    if known["dimensions"] == 2:
        power = all(side & (side - 1) == 0 for side in sides)
        if not power or sides[1] not in (sides[0], 2 * sides[0]) or topology == "1x2":
            return "must be a square or a double square of powers of two, such as 4x4 or 4x8"
    elif topology not in (*CUBE, "1x1x1") and (sides != sorted(sides) or any(side % 4 for side in sides)):
        return f"must be one of {', '.join(CUBE)}, or sides that are multiples of 4, the shortest first"
    return ""


def _disks(name: str, machine: State, config: State) -> Iterator[Complaint]:
    kind = (config.get("bootDisk") or {}).get("diskType") or config.get("diskType")
    if machine.get("hyperdisk") and isinstance(kind, str) and not kind.startswith("hyperdisk"):
        yield "nodeConfig.bootDisk.diskType", kind, f"must be a hyperdisk, as {name} starts from no other"
    count = (config.get("ephemeralStorageLocalSsdConfig") or {}).get("localSsdCount")
    if isinstance(count, int) and "accelerator" in machine and "ssds" in machine and count not in (0, machine["ssds"]):
        path = "nodeConfig.ephemeralStorageLocalSsdConfig.localSsdCount"
        yield path, count, f"must be {machine['ssds']}, which {name} comes with"


def tpu_vm(inputs: State) -> Iterator[Complaint]:
    """A TPU VM: its shape, its zone, its runtime, and one way of buying it."""
    config, generations = inputs.get("acceleratorConfig"), places.accelerators()["generations"]
    by_type = {each["api"]: key for key, each in generations.items() if each["api"]}
    if config and inputs.get("acceleratorType"):
        yield "acceleratorType", inputs["acceleratorType"], "excludes acceleratorConfig"
    if isinstance(config, dict) and is_known(config) and config.get("type") in by_type:
        key = by_type[config["type"]]
        if complaint := shape(key, str(config.get("topology"))):
            yield "acceleratorConfig.topology", config.get("topology"), complaint
        offered = {
            z for each in places.accelerators()["machines"].values() if each.get("tpu") == key for z in each["zones"]
        }
        if isinstance(inputs.get("zone"), str) and offered and inputs["zone"] not in offered:
            near = [each for each in sorted(offered) if places.region_of(each) == places.region_of(inputs["zone"])]
            yield "zone", inputs["zone"], f"has no {key}; in its region: {', '.join(near) or 'none'}"
        runtime = inputs.get("runtimeVersion")
        known = generations[key]["runtimes"]
        if isinstance(runtime, str) and runtime not in known and not runtime.startswith("tpu-vm-"):
            yield "runtimeVersion", runtime, f"must be one of {', '.join(known)}{places.nearest(runtime, known)}"
    scheduling = inputs.get("schedulingConfig") or {}
    chosen = [name for name in ("preemptible", "reserved", "spot") if scheduling.get(name) is True]
    if len(chosen) > 1:
        yield f"schedulingConfig.{chosen[1]}", True, f"excludes {chosen[0]}"


def maintenance(inputs: State) -> Iterator[Complaint]:
    """Windows that end after they begin and are long enough; exclusions that are not too long."""
    policy = inputs.get("maintenancePolicy")
    if not isinstance(policy, dict) or not is_known(policy):
        return
    window = policy.get("recurringWindow") or {}
    if length := _between(window):
        path = "maintenancePolicy.recurringWindow"
        available = _most_often(str(window.get("recurrence"))) * length
        if length < timedelta(hours=4):
            yield f"{path}.endTime", window["endTime"], "must be at least 4 hours after startTime"
        elif available < timedelta(hours=48):
            yield f"{path}.recurrence", window.get("recurrence"), "must leave at least 48 hours in any 32 days"
        if not re.match(r"FREQ=(DAILY|WEEKLY|MONTHLY)(;|$)", str(window.get("recurrence"))):
            yield (
                f"{path}.recurrence",
                window.get("recurrence"),
                "must be a rule of RFC 5545, such as FREQ=WEEKLY;BYDAY=SA",
            )
        elif days := re.search(r"BYDAY=([^;]*)", window["recurrence"]):
            for day in days[1].split(","):
                if day[-2:] not in ("MO", "TU", "WE", "TH", "FR", "SA", "SU"):
                    yield f"{path}.recurrence", window["recurrence"], f"{day!r} is no day; MO, TU, WE, TH, FR, SA or SU"
    for index, each in enumerate(policy.get("maintenanceExclusions") or ()):
        length = _between(each)
        path = f"maintenancePolicy.maintenanceExclusions[{index}].endTime"
        most = DAYS.get((each.get("exclusionOptions") or {}).get("scope", "NO_UPGRADES"), 180)
        if length and length <= timedelta(0):
            yield path, each["endTime"], "must be after startTime"
        elif length and length > timedelta(days=most):
            yield path, each["endTime"], f"must be at most {most} days after startTime"


def _most_often(recurrence: str) -> int:
    """How many windows there may be in 32 days, at most."""
    days = re.search(r"BYDAY=([^;]*)", recurrence)
    if "FREQ=WEEKLY" in recurrence:
        return 5 * (days[1].count(",") + 1 if days else 1)
    return 2 if "FREQ=MONTHLY" in recurrence and not days else 32


def _between(period: State) -> timedelta | None:
    try:
        return datetime.fromisoformat(period["endTime"]) - datetime.fromisoformat(period["startTime"])
    except (KeyError, ValueError, TypeError):
        return None


def network_profile(inputs: State) -> Iterator[Complaint]:
    """``ZONE-vpc-roce`` and its like (VPC, 'Network profiles')."""
    value = inputs.get("networkProfile")
    if isinstance(value, str):
        path = r"(?:https://.+/)?projects/[^/]+/global/networkProfiles/"
        found = re.fullmatch(rf"{path}(.+?)-vpc-(roce|roce-metal|falcon)", value)
        if not found or found[1] not in places.zones():
            yield "networkProfile", value, "must be projects/P/global/networkProfiles/ZONE-vpc-roce"


def log_alert(inputs: State) -> Iterator[Complaint]:
    conditions, strategy = inputs.get("conditions"), inputs.get("alertStrategy") or {}
    if not isinstance(conditions, list) or not isinstance(strategy, dict):
        return
    is_log = any(isinstance(each, dict) and "conditionMatchedLog" in each for each in conditions)
    if is_log and "notificationRateLimit" not in strategy:
        yield "alertStrategy.notificationRateLimit", Nothing, "is missing"
    if not is_log and "notificationRateLimit" in strategy:
        yield "alertStrategy.notificationRateLimit", Nothing, "is for conditions on logs alone"


def own_pool(inputs: State) -> Iterator[Complaint]:
    """A cluster's identities are in the pool of its own project."""
    pool, project = (inputs.get("workloadIdentityConfig") or {}).get("workloadPool"), inputs.get("project")
    if isinstance(pool, str) and isinstance(project, str) and pool != f"{project}.svc.id.goog":
        yield "workloadIdentityConfig.workloadPool", pool, f"must be {project}.svc.id.goog"


def tiles(inputs: State) -> Iterator[Complaint]:
    """The tiles of a dashboard are inside of its grid."""
    text = inputs.get("dashboardJson")
    layout = json.loads(text).get("mosaicLayout", {}) if isinstance(text, str) else {}
    columns = layout.get("columns", 1)
    if not 1 <= int(columns) <= MOST_COLUMNS:
        yield "dashboardJson", columns, f"mosaicLayout.columns: must be 1 to {MOST_COLUMNS}"
        return
    for index, each in enumerate(layout.get("tiles", ())):
        if each.get("xPos", 0) + each.get("width", 1) > int(columns):
            width = each.get("width", 1)
            yield "dashboardJson", width, f"mosaicLayout.tiles[{index}].width: reaches out of {columns} columns"
            return


KINDS: dict[str, Callable[[State], Iterator[Complaint]]] = {
    "pool": pool,
    "machine": first_pool,
    "own_pool": own_pool,
    "tiles": tiles,
    "tpu_vm": tpu_vm,
    "maintenance": maintenance,
    "network_profile": network_profile,
    "log_alert": log_alert,
}
