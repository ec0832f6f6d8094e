"""The Google Cloud site: the components in their order, and what the stack shows of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pulumi

from infra.google_cloud.apis import Apis
from infra.google_cloud.budget import Budget
from infra.google_cloud.cluster import Cluster
from infra.google_cloud.dashboards.pools import Pool
from infra.google_cloud.delivery import Delivery
from infra.google_cloud.encryption import Encryption
from infra.google_cloud.environment import Environment
from infra.google_cloud.fabric import Fabric
from infra.google_cloud.gpu_pool import GpuPool
from infra.google_cloud.identity import ROLES, Identity, WorkloadIdentity
from infra.google_cloud.image_policy import ImagePolicy
from infra.google_cloud.network import Network
from infra.google_cloud.node_pool import Marks, Nodes
from infra.google_cloud.observability import Observability
from infra.google_cloud.provider import google_provider, tpu_provider
from infra.google_cloud.registry import Registry
from infra.google_cloud.storage import Storage
from infra.google_cloud.system_pool import SystemPool
from infra.google_cloud.tpu_queue import TpuQueue
from infra.google_cloud.tpu_slices import TpuSlices
from infra.google_cloud.tpu_vm import TpuVm
from infra.google_cloud.volumes import Volumes
from infra.plan import cost, services
from infra.settings import GoogleSettings


class GoogleSite(pulumi.ComponentResource):
    """One environment on Google Cloud, from the network to a TPU."""

    def __init__(
        self, name: str, environment: Environment, settings: GoogleSettings, marks: Mapping[str, Marks] | None = None
    ) -> None:
        """marks: labels and taints by which the platform's queues know nodes, by entry of the stack file."""
        providers = [google_provider(environment), tpu_provider()]
        super().__init__("aidc:google:Site", name, None, pulumi.ResourceOptions(providers=providers))
        here = pulumi.ResourceOptions(parent=self)

        apis = Apis("apis", environment, services.services(settings), opts=here)
        environment = environment.after(apis.enabled)
        network = Network("network", environment, settings.network, opts=here)
        fabrics = {
            fabric.name: Fabric(f"fabric-{fabric.name}", environment, fabric, opts=here)
            for fabric in settings.network.fabrics
        }
        encryption = Encryption(
            "encryption",
            environment,
            settings.encryption,
            agents=apis.agents,
            depends_on=apis.identities,
            opts=here,
        )
        keys = encryption.keys
        storage = Storage("storage", environment, settings.storage, key=keys["storage"], opts=here)
        Volumes(
            "volumes",
            environment,
            settings.storage,
            vpc=network.vpc.id,
            peering=network.peering,
            keys=keys,
            opts=here,
        )
        registry = Registry("registry", environment, settings.registry, key=keys["registry"], opts=here)
        identity = Identity("identity", environment, buckets=storage.buckets, repository=registry.repository, opts=here)
        cluster = Cluster(
            "cluster",
            environment,
            settings.cluster,
            vpc=network.vpc.id,
            subnetwork=network.subnetwork.id,
            key=keys["cluster"],
            disk_key=keys["disks"],
            account=identity.accounts["nodes"],
            opts=here,
        )
        nodes = Nodes(cluster.cluster, identity.accounts["nodes"], keys["disks"], marks or {})
        SystemPool("system-pool", environment, settings.cluster.system_pool, nodes=nodes, opts=here)
        for pool in settings.gpu_pools:
            fabric = settings.fabric(pool.machine.fabric, pool.zones[0])
            GpuPool(
                f"gpu-pool-{pool.name}",
                environment,
                pool,
                nodes=nodes,
                fabric=fabrics[fabric] if fabric else None,
                opts=here,
            )
        for slices in settings.tpu_slices:
            TpuSlices(
                f"tpu-slices-{slices.name}",
                environment,
                slices,
                nodes=nodes,
                fabric=fabrics[slices.fabric] if slices.fabric else None,
                opts=here,
            )
        WorkloadIdentity(
            "workload-identity", environment, accounts=identity.accounts, cluster=cluster.cluster, opts=here
        )
        ImagePolicy(
            "image-policy",
            environment,
            registry_url=registry.url,
            trusted=settings.cluster.trusted_images,
            enforced=settings.cluster.binary_authorization == "enforce",
            opts=here,
        )
        for machine in settings.tpu_vms:
            TpuVm(
                f"tpu-vm-{machine.name}",
                environment,
                machine,
                vpc=network.vpc.id,
                subnetwork=network.subnetwork.id,
                account=identity.accounts["tpu-vm"],
                opts=here,
            )
        queues = {
            queue.name: TpuQueue(
                f"tpu-queue-{queue.name}",
                environment,
                queue,
                vpc=network.vpc.id,
                subnetwork=network.subnetwork.id,
                account=identity.accounts["tpu-vm"],
                opts=here,
            )
            for queue in settings.tpu_queues
        }
        readers = ("training", "serving", "pipelines", "tpu-vm")
        observability = Observability(
            "observability",
            environment,
            settings.observability,
            cluster_name=cluster.cluster_name,
            pools=_pools(settings),
            logs_bucket=storage.buckets["logs"].name,
            unlogged_readers=[identity.emails[role] for role in readers],
            depends_on=[identity.accounts[role] for role in readers],
            opts=here,
        )
        Budget("budget", environment, settings.budget, channels=list(observability.channels.values()), opts=here)
        delivery = None
        if settings.delivery:
            delivery = Delivery(
                "delivery",
                environment,
                settings.delivery,
                grants=[role for each in ROLES.values() for role in each.project],
                runs_as={role: identity.emails[role] for role in ("nodes", "tpu-vm")},
                opts=here,
            )
        self.outputs: dict[str, Any] = {
            "connect": cluster.connect,
            "cluster": cluster.cluster_name,
            "buckets": {kind: f"gs://{name}" for kind, name in storage.names.items()},
            "registry": registry.url,
            "service_accounts": identity.emails,
            "dashboards": observability.dashboards,
            "tpu_queues": {name: queue.request.state for name, queue in queues.items()},
            "estimated_cost": cost.estimate(settings).as_outputs(),
        }
        if delivery:
            self.outputs["delivery"] = {"provider": delivery.provider, "service_accounts": delivery.emails}
        self.register_outputs({})


def _pools(settings: GoogleSettings) -> list[Pool]:
    """The pools of the cluster, for those who watch it."""
    system = settings.cluster.system_pool
    return [
        Pool("system", system.max_nodes * len(system.zones), "system"),
        *(Pool(pool.name, pool.max_nodes, "gpu") for pool in settings.gpu_pools),
        *(
            Pool(each.name, each.slices * each.shape.vms, "slices" if each.shape.is_multi_host else "tpu")
            for each in settings.tpu_slices
        ),
    ]
