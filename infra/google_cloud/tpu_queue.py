"""A request to the queue of the TPU API."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud import timeouts
from infra.google_cloud.durations import duration
from infra.google_cloud.environment import Environment
from infra.google_cloud.identity import SCOPES
from infra.google_cloud.tpu_vm import METADATA
from infra.hardware import CapacityKind, tpu
from infra.settings import accelerators
from infra.settings.capacity import Reservation
from infra.tpu_queue import resource as queued_resource


class TpuQueue(pulumi.ComponentResource):
    """TPU slices that are granted when there is capacity, all of them at once.

    ``up`` goes on as soon as the request is in the queue, unless the settings say to wait. Attribute ``request``, whose
    ``state`` a refresh brings up to date.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: accelerators.TpuQueue,
        *,
        vpc: pulumi.Input[str],
        subnetwork: pulumi.Input[str],
        account: gcp.serviceaccount.Account,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("aidc:google:TpuQueue", name, None, opts)
        shape, kind = settings.shape, CapacityKind(settings.capacity.kind)
        request = environment.named(settings.name)
        self.request = queued_resource.QueuedResource(
            f"{name}-request",
            queued_resource.QueuedResourceArgs(
                project=environment.project,
                zone=settings.zone,
                queued_resource_id=request,
                accelerator_config=queued_resource.AcceleratorConfig(**shape.api_config) if shape.api_config else None,
                runtime_version=tpu.runtime_of(shape, settings.runtime),
                node_id=None if settings.slices > 1 else request,
                multislice=queued_resource.Multislice(settings.slices, request) if settings.slices > 1 else None,
                network=vpc,
                subnetwork=subnetwork,
                enable_external_ips=False,
                service_account=queued_resource.ServiceAccount(account.email, SCOPES),
                labels=environment.labelled(settings.name),
                metadata=METADATA,
                description=f"TPU slices {settings.name} of {environment.name}",
                secure_boot=True,
                capacity="guaranteed" if settings.guaranteed_hours else kind.value,
                min_duration=duration(hours=settings.guaranteed_hours) if settings.guaranteed_hours else None,
                reservation=_reservation(environment, settings),
                queueing=_queueing(settings),
                wait_for="active" if settings.wait else "accepted",
                force_delete=True,
            ),
            opts=environment.options(
                self,
                timeouts=timeouts.TPU_QUEUE_UNTIL_GRANTED if settings.wait else timeouts.TPU_QUEUE,
                ignore_changes=["labels"],  # the API cannot change them, and another owner is no reason to queue again
            ),
        )
        self.register_outputs({"request": request})


def _reservation(environment: Environment, settings: accelerators.TpuQueue) -> str | None:
    if not isinstance(settings.capacity, Reservation):
        return None
    project = settings.capacity.project or environment.project
    return f"projects/{project}/locations/{settings.zone}/reservations/{settings.capacity.name}"


def _queueing(settings: accelerators.TpuQueue) -> queued_resource.Queueing | None:
    """When the request may be granted; the API takes one of five forms."""
    if settings.valid_hours:
        return queued_resource.Queueing(valid_until_duration=duration(hours=settings.valid_hours))
    if settings.not_before and settings.not_after:
        interval = queued_resource.Interval(settings.not_before, settings.not_after)
        return queued_resource.Queueing(valid_interval=interval)
    if settings.not_before:
        return queued_resource.Queueing(valid_after_time=settings.not_before)
    return queued_resource.Queueing(valid_until_time=settings.not_after) if settings.not_after else None
