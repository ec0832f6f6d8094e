"""The GKE cluster."""

from __future__ import annotations

from datetime import datetime, timedelta

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud import network, timeouts
from infra.google_cloud.environment import Environment
from infra.google_cloud.identity import SCOPES
from infra.settings import foundation

LOGS = ("SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER")

METRICS = (
    *("SYSTEM_COMPONENTS", "APISERVER", "CONTROLLER_MANAGER", "SCHEDULER", "STORAGE", "HPA", "POD", "DAEMONSET"),
    *("DEPLOYMENT", "STATEFULSET", "KUBELET", "CADVISOR", "DCGM", "JOBSET"),
)
"""DCGM: what each GPU does. JOBSET: training jobs, their restarts and how long they were up."""


class Cluster(pulumi.ComponentResource):
    """A regional cluster without a public address, reached by name through Google's front end and IAM.

    It has no nodes of its own: ``SystemPool``, ``GpuPool`` and ``TpuSlices`` bring them. Everything that the service
    fills in by itself is written down, since a field that only the service knows shows as a change at every preview.

    Attributes: ``cluster``; ``cluster_name``, plain; ``connect``, the command that makes a kubeconfig.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: foundation.Cluster,
        *,
        vpc: pulumi.Input[str],
        subnetwork: pulumi.Input[str],
        key: pulumi.Input[str],
        disk_key: pulumi.Input[str],
        account: gcp.serviceaccount.Account,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """key, disk_key: full resource names of the keys that encrypt Kubernetes' secrets and the first nodes' disks.
        account: service account of the first nodes, which the service makes and this removes at once.
        """
        super().__init__("aidc:google:Cluster", name, None, opts)
        self.cluster_name = settings.adopt or environment.named("cluster")
        kept = environment.keeps("foundation")
        location = f"projects/{environment.project}/locations/{environment.region}"
        self.cluster = gcp.container.Cluster(
            f"{name}-gke",
            name=self.cluster_name,
            project=environment.project,
            location=environment.region,
            description=f"AI data centre, {environment.name}",
            node_locations=list(settings.system_pool.zones),
            # Nodes
            initial_node_count=1,
            remove_default_node_pool=True,
            node_config={
                "machine_type": settings.system_pool.machine_type,
                "service_account": account.email,
                "boot_disk_kms_key": disk_key,
                "oauth_scopes": SCOPES,
                "shielded_instance_config": {"enable_secure_boot": True, "enable_integrity_monitoring": True},
                "workload_metadata_config": {"mode": "GKE_METADATA"},
            },
            default_max_pods_per_node=110,
            enable_shielded_nodes=True,
            cluster_autoscaling={"enabled": False, "autoscaling_profile": "OPTIMIZE_UTILIZATION"},
            vertical_pod_autoscaling={"enabled": True},
            # Network
            network=vpc,
            subnetwork=subnetwork,
            networking_mode="VPC_NATIVE",
            datapath_provider="ADVANCED_DATAPATH",  # Dataplane V2: network policies, and what multi-networking needs
            ip_allocation_policy={
                "cluster_secondary_range_name": network.PODS,
                "services_secondary_range_name": network.SERVICES,
                "stack_type": "IPV4",
            },
            enable_multi_networking=settings.multi_networking,
            enable_intranode_visibility=True,
            enable_l4_ilb_subsetting=True,
            dns_config={
                "cluster_dns": "CLOUD_DNS",
                "cluster_dns_scope": "CLUSTER_SCOPE",
                "cluster_dns_domain": "cluster.local",
            },
            gateway_api_config={"channel": "CHANNEL_STANDARD"},
            private_cluster_config={
                "enable_private_nodes": True,
                "enable_private_endpoint": True,
                "master_global_access_config": {"enabled": False},
            },
            control_plane_endpoints_config={
                "dns_endpoint_config": {"allow_external_traffic": True},  # to those whom IAM lets
                "ip_endpoints_config": {"enabled": False},
            },
            # Security
            workload_identity_config={"workload_pool": f"{environment.project}.svc.id.goog"},
            database_encryption={"state": "ENCRYPTED", "key_name": key},
            binary_authorization={"evaluation_mode": "PROJECT_SINGLETON_POLICY_ENFORCE"},
            security_posture_config={"mode": "BASIC", "vulnerability_mode": "VULNERABILITY_DISABLED"},
            authenticator_groups_config={"security_group": settings.admins_group} if settings.admins_group else None,
            anonymous_authentication_config={"mode": "LIMITED"},
            rbac_binding_config={
                "enable_insecure_binding_system_authenticated": False,
                "enable_insecure_binding_system_unauthenticated": False,
            },
            master_auth={"client_certificate_config": {"issue_client_certificate": False}},
            enable_legacy_abac=False,
            enable_kubernetes_alpha=False,
            secret_manager_config={"enabled": True},
            # Storage and what else the service runs for us
            addons_config={
                "gcs_fuse_csi_driver_config": {"enabled": True},
                "gce_persistent_disk_csi_driver_config": {"enabled": True},
                "gcp_filestore_csi_driver_config": {"enabled": True},
                "lustre_csi_driver_config": {"enabled": True},
                "high_scale_checkpointing_config": {"enabled": True},
                "dns_cache_config": {"enabled": True},
                "horizontal_pod_autoscaling": {"disabled": False},
                "http_load_balancing": {"disabled": False},
                "network_policy_config": {"disabled": True},  # Dataplane V2 enforces them itself
                "config_connector_config": {"enabled": False},
                "gke_backup_agent_config": {"enabled": True},
            },
            # Operations
            logging_config={"enable_components": list(LOGS)},
            monitoring_config={
                "enable_components": list(METRICS),
                "managed_prometheus": {"enabled": True},
                "advanced_datapath_observability_config": {"enable_metrics": True, "enable_relay": False},
            },
            cost_management_config={"enabled": True},
            release_channel={"channel": settings.release_channel},
            maintenance_policy=_maintenance(settings.maintenance),
            resource_labels=environment.labelled("cluster"),
            skip_node_pool_refresh=True,  # pools are resources of their own
            deletion_protection=kept,
            deletion_policy=environment.deletion_policy("foundation"),
            opts=environment.options(
                self,
                "foundation",
                adopt=settings.adopt and f"{location}/clusters/{settings.adopt}",
                timeouts=timeouts.CLUSTER,
                # Both serve the first moment only: the pool that they describe is removed as soon as it is there.
                ignore_changes=["nodeConfig", "initialNodeCount"],
            ),
        )
        self.connect = (
            f"gcloud container clusters get-credentials {self.cluster_name} --dns-endpoint "
            f"--location {environment.region} --project {environment.project}"
        )
        self.register_outputs({"connect": self.connect})


def _maintenance(settings: foundation.Maintenance) -> gcp.container.ClusterMaintenancePolicyArgsDict:
    end = datetime.fromisoformat(settings.start) + timedelta(hours=settings.hours)
    return {
        "recurring_window": {
            "start_time": settings.start,
            "end_time": f"{end:%Y-%m-%dT%H:%M:%SZ}",
            "recurrence": f"FREQ=WEEKLY;BYDAY={','.join(settings.days)}",
        },
        "maintenance_exclusions": [
            {
                "exclusion_name": exclusion.name,
                "start_time": exclusion.start,
                "end_time": exclusion.end,
                "exclusion_options": {"scope": exclusion.scope},
            }
            for exclusion in settings.exclusions
        ],
    }
