"""A TPU VM outside the cluster."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud import timeouts
from infra.google_cloud.environment import Environment
from infra.google_cloud.identity import SCOPES
from infra.hardware import CapacityKind, tpu
from infra.settings import accelerators

METADATA = {"enable-oslogin": "TRUE", "block-project-ssh-keys": "TRUE", "serial-port-enable": "FALSE"}
"""Of every TPU machine: people come in by IAM, and by nothing that stands on the machine."""


class TpuVm(pulumi.ComponentResource):
    """A machine, or several that are one slice, for interactive work; created at once or refused.

    What has to wait for capacity is a ``TpuQueue``. The shape is given as type and topology, since a size alone stands
    for several shapes. Attribute ``machine``.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: accelerators.TpuVm,
        *,
        vpc: pulumi.Input[str],
        subnetwork: pulumi.Input[str],
        account: gcp.serviceaccount.Account,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("aidc:google:TpuVm", name, None, opts)
        shape, kind = settings.shape, CapacityKind(settings.capacity.kind)
        self.machine = gcp.tpu.V2Vm(
            f"{name}-vm",
            name=environment.named(settings.name),
            project=environment.project,
            zone=settings.zone,
            description=f"TPU VM {settings.name} of {environment.name}",
            accelerator_config=gcp.tpu.V2VmAcceleratorConfigArgs(**shape.api_config) if shape.api_config else None,
            runtime_version=tpu.runtime_of(shape, settings.runtime),
            scheduling_config={
                "spot": kind is CapacityKind.SPOT,
                "reserved": False,
                "preemptible": False,
            },
            network_config={
                "network": vpc,
                "subnetwork": subnetwork,
                "enable_external_ips": False,
                "can_ip_forward": False,
            },
            service_account={
                "email": account.email,
                "scopes": SCOPES,
            },
            shielded_instance_config={"enable_secure_boot": True},
            metadata=METADATA,
            labels=environment.labelled(settings.name),
            tags=[],
            opts=environment.options(self, timeouts=timeouts.TPU_VM),
        )
        self.register_outputs({"name": environment.named(settings.name)})
