"""What all node pools have in common: how nodes are made, secured, placed, scaled and upgraded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud import network, timeouts
from infra.google_cloud.durations import duration
from infra.google_cloud.environment import Environment, Holds
from infra.google_cloud.identity import SCOPES
from infra.hardware import CapacityKind, gke
from infra.settings.capacity import FlexStart, OnDemand, Queued, Reservation, Spot

Marks = tuple[dict[str, str], tuple[gke.Taint, ...]]
"""Labels and taints of nodes."""

Capacity = OnDemand | Spot | FlexStart | Queued | Reservation

SHUTDOWN_SECONDS, SHUTDOWN_SYSTEM_SECONDS = 30, 15
"""A spot node's notice, and the part of it that is the system's: a job has 15 seconds to save what it can."""


@dataclass(frozen=True)
class Nodes:
    """What every pool of the cluster is given.

    account:  the nodes' service account.
    disk_key: full resource name of the key that encrypts boot disks.
    marks:    labels and taints by which the platform's queues know nodes, by entry of the stack file.
    """

    cluster: gcp.container.Cluster
    account: gcp.serviceaccount.Account
    disk_key: pulumi.Output[str]
    marks: Mapping[str, Marks]


@dataclass(frozen=True)
class Shape:
    """What tells one pool from another.

    min_nodes, max_nodes:  over all zones.
    accelerator:           GPUs of a node.
    placement:             ``placementPolicy`` of the pool.
    interfaces:            network and subnetwork of each interface after the first.
    local_ssds:            disks that come with the machine, used for what pods write.
    even:                  whether every zone has its share, and an upgrade makes new nodes first, of which there are.
    gvnic:                 whether the machine has Google's virtual network interface.
    """

    machine_type: str
    zones: tuple[str, ...]
    capacity: Capacity
    min_nodes: int
    max_nodes: int
    pods_per_node: int
    disk_type: str
    disk_gib: int
    workload: str
    holds: Holds = "nothing"
    secure_boot: bool = True
    taint: gke.Taint | None = None
    accelerator: gcp.container.NodePoolNodeConfigGuestAcceleratorArgsDict | None = None
    placement: gcp.container.NodePoolPlacementPolicyArgsDict | None = None
    interfaces: list[tuple[pulumi.Output[str], pulumi.Output[str]]] = field(default_factory=list)
    local_ssds: int = 0
    even: bool = False
    gvnic: bool = True


def node_pool(
    resource_name: str,
    pool_name: str,
    parent: pulumi.Resource,
    environment: Environment,
    nodes: Nodes,
    shape: Shape,
) -> gcp.container.NodePool:
    """The pool ``pool_name`` of the cluster.

    Its size is the autoscaler's: ``nodeCount`` is never set, and ``initialNodeCount`` only to begin with, since both
    would undo what the autoscaler did, and a change of the second replaces the pool (pulumi-gcp issues 88 and 122).
    """
    kind = CapacityKind(shape.capacity.kind)
    return gcp.container.NodePool(
        resource_name,
        name=pool_name,
        project=environment.project,
        location=environment.region,
        cluster=nodes.cluster.name,
        node_locations=list(shape.zones),
        initial_node_count=_per_zone(shape, shape.min_nodes) if shape.min_nodes else None,
        autoscaling=_autoscaling(shape),
        ignore_node_count_changes=True,
        max_pods_per_node=shape.pods_per_node,
        # A flex-start or queued node is never repaired: it would lose its place (GKE, 'About flex-start').
        management={"auto_repair": kind not in (CapacityKind.FLEX_START, CapacityKind.QUEUED), "auto_upgrade": True},
        upgrade_settings=_upgrade(kind, spare=shape.even),
        placement_policy=shape.placement,
        queued_provisioning={"enabled": True} if kind is CapacityKind.QUEUED else None,
        network_config={
            "enable_private_nodes": True,
            "create_pod_range": False,
            "pod_range": network.PODS,
            "additional_node_network_configs": [
                {"network": vpc, "subnetwork": subnetwork} for vpc, subnetwork in shape.interfaces
            ],
        },
        node_config=_node_config(environment, nodes, shape, kind),
        opts=environment.options(
            parent,
            shape.holds,
            timeouts=timeouts.NODE_POOL[kind],
            deleted_with=nodes.cluster,
            # Its first size: the autoscaler keeps a pool at its minimum, and does not bring it there.
            ignore_changes=["initialNodeCount", *_unanswered(shape)],
            # The provider takes another topology for an update and sends none; the slice would stay as it is.
            replace_on_changes=["placementPolicy.tpuTopology"],
        ),
    )


def _node_config(
    environment: Environment, nodes: Nodes, shape: Shape, kind: CapacityKind
) -> gcp.container.NodePoolNodeConfigArgsDict:
    capacity = shape.capacity
    labels, taints = nodes.marks.get(shape.workload, ({}, ()))
    longest_run = duration(hours=capacity.max_run_hours) if isinstance(capacity, FlexStart | Queued) else None
    return {
        "machine_type": shape.machine_type,
        "image_type": gke.ImageType.COS.value,
        "boot_disk": {"disk_type": shape.disk_type, "size_gb": shape.disk_gib},
        "boot_disk_kms_key": nodes.disk_key,
        "ephemeral_storage_local_ssd_config": {"local_ssd_count": shape.local_ssds} if shape.local_ssds else None,
        "service_account": nodes.account.email,
        "oauth_scopes": SCOPES,
        "metadata": {"disable-legacy-endpoints": "true"},
        "workload_metadata_config": {"mode": "GKE_METADATA"},
        "shielded_instance_config": {
            "enable_secure_boot": shape.secure_boot,
            "enable_integrity_monitoring": True,
        },
        "kubelet_config": _kubelet(kind),
        "logging_variant": "DEFAULT",
        "gcfs_config": {"enabled": True},  # a container starts while its image is still being read
        "gvnic": {"enabled": shape.gvnic},
        "labels": labels,
        "resource_labels": environment.labelled(shape.workload),
        "tags": [],
        "taints": _taints(*([shape.taint] if shape.taint else []), *taints),
        "guest_accelerators": [shape.accelerator] if shape.accelerator else [],
        "spot": kind is CapacityKind.SPOT,
        "flex_start": kind is CapacityKind.FLEX_START,
        "preemptible": False,
        "max_run_duration": longest_run,
        "reservation_affinity": _affinity(capacity),
    }


def _kubelet(kind: CapacityKind) -> gcp.container.NodePoolNodeConfigKubeletConfigArgsDict:
    spot = kind is CapacityKind.SPOT
    return {
        "insecure_kubelet_readonly_port_enabled": "FALSE",
        "cpu_manager_policy": "none",
        "shutdown_grace_period_seconds": SHUTDOWN_SECONDS if spot else None,
        "shutdown_grace_period_critical_pods_seconds": SHUTDOWN_SYSTEM_SECONDS if spot else None,
    }


def _autoscaling(shape: Shape) -> gcp.container.NodePoolAutoscalingArgsDict:
    """Limits in each zone for a pool that is spread evenly; else over all zones, whichever has capacity.

    Where there is one zone its own limits are used: the provider mishandles totals of flex-start TPUs.
    """
    if shape.even or len(shape.zones) == 1:
        return {
            "min_node_count": _per_zone(shape, shape.min_nodes),
            "max_node_count": _per_zone(shape, shape.max_nodes),
            "location_policy": "BALANCED" if shape.even else "ANY",
        }
    return {
        "total_min_node_count": shape.min_nodes,
        "total_max_node_count": shape.max_nodes,
        "location_policy": "ANY",
    }


def _per_zone(shape: Shape, nodes: int) -> int:
    return -(-nodes // len(shape.zones))


def _unanswered(shape: Shape) -> list[str]:
    """The type of a placement by policy is required by the schema, and nobody says what the service answers."""
    return ["placementPolicy.type"] if shape.placement and "policy_name" in shape.placement else []


def _upgrade(kind: CapacityKind, *, spare: bool) -> gcp.container.NodePoolUpgradeSettingsArgsDict | None:
    if kind in (CapacityKind.FLEX_START, CapacityKind.QUEUED):
        # The service's own, SHORT_LIVED, which the provider does not take (resource_container_node_pool.go).
        return None
    # Of accelerators there is no spare machine to surge to: one node after another makes way.
    surge, unavailable = (1, 0) if spare else (0, 1)
    return {"strategy": "SURGE", "max_surge": surge, "max_unavailable": unavailable}


def _taints(*taints: gke.Taint) -> list[gcp.container.NodePoolNodeConfigTaintArgsDict]:
    return [{"key": taint.key, "value": taint.value, "effect": "NO_SCHEDULE"} for taint in taints]


def _affinity(capacity: Capacity) -> gcp.container.NodePoolNodeConfigReservationAffinityArgsDict:
    if isinstance(capacity, Reservation):
        return {
            "consume_reservation_type": "SPECIFIC_RESERVATION",
            "key": gke.RESERVATION_AFFINITY_KEY,
            "values": [capacity.affinity],
        }
    # Reserved machines are kept for those who name them.
    return {"consume_reservation_type": "NO_RESERVATION"}
