"""A request to the queue of the TPU API as the program declares it. The plugin beside this module makes it real.

Facts are from the discovery document of tpu v2, revision 20261001. That version has no ``runDuration`` and no
best-effort tier, which v2alpha1 has; both are left out here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any

import pulumi


@dataclass(frozen=True)
class AcceleratorConfig:
    """A slice by its shape.

    type:      V2, V3, V4, V5LITE_POD, V5P or V6E.
    topology:  in chips, such as ``4x4`` or ``2x2x4``.
    """

    type: pulumi.Input[str]
    topology: pulumi.Input[str]


@dataclass(frozen=True)
class Multislice:
    """Several equal slices that are granted together.

    node_count:      slices, at least 2.
    node_id_prefix:  nodes are called ``PREFIX-0``, ``PREFIX-1``, ...; the request's id when left out.
    """

    node_count: pulumi.Input[int]
    node_id_prefix: pulumi.Input[str] | None = None


@dataclass(frozen=True)
class ServiceAccount:
    """Who the nodes are.

    email:   the project's default Compute Engine account when left out.
    scopes:  URLs; all of Google Cloud when left out, so that IAM alone decides.
    """

    email: pulumi.Input[str] | None = None
    scopes: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None


@dataclass(frozen=True)
class DataDisk:
    """An existing disk, attached to every node.

    source_disk:  ``projects/P/zones/Z/disks/NAME``.
    mode:         READ_WRITE, which one node at a time can have, or READ_ONLY.
    """

    source_disk: pulumi.Input[str]
    mode: pulumi.Input[str] = "READ_WRITE"


@dataclass(frozen=True)
class Interval:
    """From ``start_time`` to before ``end_time``, each as RFC 3339, such as ``2026-12-01T06:00:00Z``."""

    start_time: pulumi.Input[str]
    end_time: pulumi.Input[str]


@dataclass(frozen=True)
class Queueing:
    """When nodes may be made; exactly one is given. Durations are seconds, such as ``"21600s"``; times are RFC 3339.

    A request that was not granted when its time is up becomes FAILED.
    """

    valid_until_duration: pulumi.Input[str] | None = None
    valid_until_time: pulumi.Input[str] | None = None
    valid_after_duration: pulumi.Input[str] | None = None
    valid_after_time: pulumi.Input[str] | None = None
    valid_interval: Interval | None = None


@dataclass(frozen=True)
class QueuedResourceArgs:
    """A request for one TPU node, or with ``multislice`` for several.

    queued_resource_id:   the request's name in its project and zone.
    runtime_version:      such as ``v2-alpha-tpuv5-lite``.
    accelerator_type:     such as ``v5litepod-16``; or ``accelerator_config``, not both.
    node_id:              of the one node; ``queued_resource_id`` when left out. Not with ``multislice``.
    network, subnetwork:  the network ``default`` when left out.
    enable_external_ips:  without, the subnetwork needs Private Google Access.
    secure_boot:          boot signed software only.
    capacity:             ``on-demand``; ``spot``, which is cheaper and taken back at any time; ``guaranteed``, with
                          ``min_duration`` if given; or ``reservation``, which needs ``reservation``.
    min_duration:         seconds the nodes must be free for, such as ``"86400s"``.
    reservation:          ``projects/P/locations/ZONE/reservations/NAME``; the NAME ``-`` is any of that project.
    wait_for:             ``accepted``: `up` goes on when the request is in the queue, where it may stay for days.
                          ``active``: `up` waits for the nodes, as long as ``custom_timeouts`` says, else a day.
    force_delete:         a delete removes the nodes too. Without, the API refuses to delete what has nodes, and
                          somebody deletes them first.

    Only ``wait_for`` and ``force_delete`` change in place, and without a request; the API cannot change a request, so
    all else replaces it. An import takes their defaults.
    """

    project: pulumi.Input[str]
    zone: pulumi.Input[str]
    queued_resource_id: pulumi.Input[str]
    runtime_version: pulumi.Input[str]
    accelerator_type: pulumi.Input[str] | None = None
    accelerator_config: AcceleratorConfig | None = None
    node_id: pulumi.Input[str] | None = None
    multislice: Multislice | None = None
    network: pulumi.Input[str] | None = None
    subnetwork: pulumi.Input[str] | None = None
    enable_external_ips: pulumi.Input[bool] = False
    service_account: ServiceAccount | None = None
    labels: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    tags: pulumi.Input[Sequence[pulumi.Input[str]]] | None = None
    metadata: pulumi.Input[Mapping[str, pulumi.Input[str]]] | None = None
    description: pulumi.Input[str] | None = None
    secure_boot: pulumi.Input[bool] = False
    data_disks: Sequence[DataDisk] | None = None
    capacity: pulumi.Input[str] = "on-demand"
    min_duration: pulumi.Input[str] | None = None
    reservation: pulumi.Input[str] | None = None
    queueing: Queueing | None = None
    wait_for: pulumi.Input[str] = "accepted"
    force_delete: pulumi.Input[bool] = True


class QueuedResource(pulumi.CustomResource):
    """A request that waits in the TPU API's queue until there is capacity, and the nodes that it is then given.

    A request that became FAILED or SUSPENDED stays as it is and shows it: it is requested again only by
    ``pulumi up --replace URN``. Imported by ``projects/P/locations/ZONE/queuedResources/ID``.

    name:          the full resource name.
    state:         CREATING, ACCEPTED, WAITING_FOR_RESOURCES, PROVISIONING, ACTIVE, FAILED, SUSPENDING, SUSPENDED or
                   DELETING, as of the last `up` or `refresh`.
    state_detail:  why, and whether the user or the service brought it about; empty when there is nothing to say.
    nodes:         full resource names, there or to come.
    endpoints:     by node id, the internal addresses of its workers; empty unless ACTIVE.
    accelerator:   the slice as the API describes it: ``accelerator_type`` and ``accelerator_config``.
    """

    TYPE = "aidc-tpu:index:QueuedResource"
    OUTPUTS = ("name", "create_time", "state", "state_detail", "nodes", "endpoints", "accelerator")

    name: pulumi.Output[str]
    create_time: pulumi.Output[str]
    state: pulumi.Output[str]
    state_detail: pulumi.Output[str]
    nodes: pulumi.Output[list[str]]
    endpoints: pulumi.Output[dict[str, list[str]]]
    accelerator: pulumi.Output[dict[str, Any]]

    def __init__(self, name: str, args: QueuedResourceArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        # the plugin says so too, but the engine does not ask it in a replacement that `--replace` forces
        in_turn = pulumi.ResourceOptions.merge(opts, pulumi.ResourceOptions(delete_before_replace=True))
        super().__init__(self.TYPE, name, _plain(args) | dict.fromkeys(self.OUTPUTS), in_turn)


def _plain(value: Any) -> Any:
    """Dataclasses as mappings, without what was left out; outputs as they are."""
    if is_dataclass(value):
        given = {field.name: getattr(value, field.name) for field in fields(value)}
        return {key: _plain(each) for key, each in given.items() if each is not None}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    return value
