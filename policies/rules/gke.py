"""How the cluster and its nodes are set up."""

from __future__ import annotations

from collections.abc import Iterator

from policies.configuration import Configuration, Level
from policies.hardware import CLUSTER, NODE_POOL, machines_of
from policies.resource import Resource, shown
from policies.rule import Rules, Severity, expect, expect_set

RULES = Rules()
IMAGE_POLICY = "gcp:binaryauthorization/policy:Policy"
ANYBODY = ("0.0.0.0/0", "::/0")


@RULES.resource(
    "GKE-01",
    Severity.CRITICAL,
    CLUSTER,
    NODE_POOL,
    must="`privateClusterConfig.enablePrivateNodes`, and a pool's `networkConfig.enablePrivateNodes`, are true",
    why="A node with an address of its own is on the internet, with whatever listens on it.",
    fix="Set enable_private_nodes to true.",
    sources=("CIS GKE 5.6.5", "checkov CKV_GCP_64", "organisation policy"),
)
def nodes_have_no_address_of_their_own(resource: Resource, _: Configuration) -> Iterator[str]:
    """Nodes have no external address."""
    block = "privateClusterConfig" if resource.type == CLUSTER else "networkConfig"
    yield from expect(resource, f"{block}.enablePrivateNodes", True)


@RULES.resource(
    "GKE-02",
    Severity.CRITICAL,
    CLUSTER,
    must="no address range of everybody; the control plane has no public IP endpoint (`ipEndpointsConfig`)",
    why="Whoever reaches the API server can try passwords, tokens and the next flaw in it.",
    fix="Use the DNS endpoint, set ip_endpoints_config enabled=False and private endpoint, and list no 0.0.0.0/0.",
    sources=("CIS GKE 5.6.3", "CIS GKE 5.6.4", "checkov CKV_GCP_18", "checkov CKV_GCP_20"),
)
def the_control_plane_is_not_on_the_internet(cluster: Resource, _: Configuration) -> Iterator[str]:
    """The control plane cannot be reached from everywhere."""
    for each in cluster.at("masterAuthorizedNetworksConfig.cidrBlocks").items():
        if each.at("cidrBlock").text() in ANYBODY:
            yield f"{each.path}.cidrBlock is {shown(each.at('cidrBlock').raw)}"
    by_address = cluster.at("controlPlaneEndpointsConfig.ipEndpointsConfig.enabled").flag()
    private = cluster.at("privateClusterConfig.enablePrivateEndpoint").flag()
    if by_address is not False and private is not True:
        yield "the control plane has a public address (ipEndpointsConfig.enabled, enablePrivateEndpoint)"


@RULES.resource(
    "GKE-03",
    Severity.CRITICAL,
    CLUSTER,
    must="`workloadIdentityConfig.workloadPool` is set",
    why="Without it every pod acts as its node, and one that is taken over has all that the node may do.",
    fix="Set workload_identity_config to the project's pool, PROJECT.svc.id.goog.",
    sources=("CIS GKE 5.2.2", "organisation policy"),
)
def pods_have_identities_of_their_own(cluster: Resource, _: Configuration) -> Iterator[str]:
    """Pods have identities of their own."""
    if not cluster.at("workloadIdentityConfig.workloadPool").text():
        yield "workloadIdentityConfig.workloadPool is not set"


@RULES.resource(
    "GKE-04",
    Severity.CRITICAL,
    NODE_POOL,
    must="`nodeConfig.serviceAccount` is set, and not the project's default one",
    why="The default account is an editor of the project in most: a node that is taken over owns everything.",
    fix="Set node_config service_account to an account of the nodes' own.",
    sources=("CIS GKE 5.2.1", "checkov CKV2_GCP_1"),
)
def nodes_have_an_account_of_their_own(pool: Resource, _: Configuration) -> Iterator[str]:
    """Nodes act as an account of their own."""
    account = pool.at("nodeConfig.serviceAccount").text()
    if not account or account == "default" or account.endswith("-compute@developer.gserviceaccount.com"):
        yield f"nodeConfig.serviceAccount is {shown(account)}"


@RULES.resource(
    "GKE-05",
    Severity.HIGH,
    NODE_POOL,
    must="`nodeConfig.workloadMetadataConfig.mode` is `GKE_METADATA`",
    why="A pod could ask the machine's metadata server for the node's own token.",
    fix="Set workload_metadata_config mode to GKE_METADATA.",
    sources=("CIS GKE 5.4.2", "checkov CKV_GCP_69"),
)
def pods_cannot_ask_for_the_nodes_token(pool: Resource, _: Configuration) -> Iterator[str]:
    """Pods cannot get the node's token."""
    yield from expect(pool, "nodeConfig.workloadMetadataConfig.mode", "GKE_METADATA")


@RULES.resource(
    "GKE-06",
    Severity.HIGH,
    CLUSTER,
    must="`location` is a region where the configuration says `regional`",
    why="A zonal control plane is down with its zone, and at every upgrade (SLA 99.5 % against 99.95 %).",
    fix="Set location to the region.",
    sources=("organisation policy", "GKE SLA"),
)
def the_control_plane_survives_a_zone(cluster: Resource, configuration: Configuration) -> Iterator[str]:
    """The control plane survives the loss of a zone."""
    location = cluster.at("location").text()
    if configuration.regional and (not location or location.count("-") != 1):
        yield f"location is {shown(location)}"


@RULES.resource(
    "GKE-07",
    Severity.HIGH,
    CLUSTER,
    must="`releaseChannel.channel` is `REGULAR`, `STABLE` or `EXTENDED`",
    why="Without a channel nobody brings security fixes, and RAPID brings what nobody else has tried.",
    fix="Set cluster.release_channel in the stack file.",
    sources=("CIS GKE 5.5.4", "checkov CKV_GCP_70"),
)
def the_cluster_follows_a_release_channel(cluster: Resource, _: Configuration) -> Iterator[str]:
    """The cluster follows a release channel that others have tried."""
    yield from expect(cluster, "releaseChannel.channel", "REGULAR", "STABLE", "EXTENDED")


@RULES.resource(
    "GKE-08",
    Severity.HIGH,
    CLUSTER,
    must="`datapathProvider` is `ADVANCED_DATAPATH`",
    why="Without Dataplane V2 a network policy is written down and nothing enforces it.",
    fix="Set datapath_provider to ADVANCED_DATAPATH; a change replaces the cluster.",
    sources=("CIS GKE 5.6.7", "checkov CKV_GCP_12", "safer-cluster"),
)
def network_policies_are_enforced(cluster: Resource, _: Configuration) -> Iterator[str]:
    """Network policies are enforced."""
    yield from expect(cluster, "datapathProvider", "ADVANCED_DATAPATH")


@RULES.resource(
    "GKE-09",
    Severity.HIGH,
    CLUSTER,
    must="`databaseEncryption.state` is `ENCRYPTED` with a `keyName`, where the configuration says `own_keys`",
    why="Kubernetes' secrets would lie in its database without a key that can be taken away.",
    fix="Set database_encryption to ENCRYPTED with the cluster's key.",
    sources=("CIS GKE 5.3.1", "organisation policy"),
)
def secrets_are_encrypted_with_our_key(cluster: Resource, configuration: Configuration) -> Iterator[str]:
    """Kubernetes' secrets are encrypted with a key of the project."""
    if configuration.own_keys:
        yield from expect(cluster, "databaseEncryption.state", "ENCRYPTED")
        yield from expect_set(cluster, "databaseEncryption.keyName", str)


@RULES.resource(
    "GKE-10",
    Severity.HIGH,
    CLUSTER,
    IMAGE_POLICY,
    must="`binaryAuthorization.evaluationMode` is the project's policy, which denies; blocks where `images.enforced`",
    why="Otherwise the cluster runs whatever image anybody names.",
    fix="Set the cluster's evaluation_mode to PROJECT_SINGLETON_POLICY_ENFORCE; in the stack file enforce.",
    sources=("CIS GKE 5.10", "checkov CKV_GCP_66", "safer-cluster"),
)
def only_known_images_run(resource: Resource, configuration: Configuration) -> Iterator[str]:
    """Only images that the project's policy admits run."""
    if resource.type == CLUSTER:
        yield from expect(resource, "binaryAuthorization.evaluationMode", "PROJECT_SINGLETON_POLICY_ENFORCE")
        return
    yield from expect(resource, "defaultAdmissionRule.evaluationMode", "ALWAYS_DENY", "REQUIRE_ATTESTATION")
    if configuration.images.enforced:
        yield from expect(resource, "defaultAdmissionRule.enforcementMode", "ENFORCED_BLOCK_AND_AUDIT_LOG")


@RULES.resource(
    "GKE-11",
    Severity.HIGH,
    CLUSTER,
    must="`enableLegacyAbac`, `clientCertificateConfig.issueClientCertificate`, `enableKubernetesAlpha` are not true",
    why="Each is a way in that the roles do not see: old rights, a certificate for ten years, untried features.",
    fix="Set all three to false.",
    sources=("checkov CKV_GCP_7", "checkov CKV_GCP_13", "checkov CKV2_GCP_19"),
)
def there_is_one_way_to_get_rights(cluster: Resource, _: Configuration) -> Iterator[str]:
    """Rights come from roles alone, and features are tried ones."""
    for path in (
        "enableLegacyAbac",
        "masterAuth.clientCertificateConfig.issueClientCertificate",
        "enableKubernetesAlpha",
    ):
        if cluster.at(path).flag():
            yield f"{path} is true"


@RULES.resource(
    "GKE-12",
    Severity.HIGH,
    CLUSTER,
    must="`rbacBindingConfig.enableInsecureBinding*` are false; `anonymousAuthenticationConfig.mode` is `LIMITED`",
    why="A role that is bound to everybody with a Google account is bound to the world.",
    fix="Set both insecure bindings to false and anonymous authentication to LIMITED.",
    sources=("CIS GKE 4.1.9", "CIS GKE 4.1.10", "organisation policy"),
)
def nothing_is_granted_to_everybody(cluster: Resource, _: Configuration) -> Iterator[str]:
    """No role of the cluster can be bound to everybody."""
    yield from expect(cluster, "rbacBindingConfig.enableInsecureBindingSystemAuthenticated", False)
    yield from expect(cluster, "rbacBindingConfig.enableInsecureBindingSystemUnauthenticated", False)
    yield from expect(cluster, "anonymousAuthenticationConfig.mode", "LIMITED")


@RULES.resource(
    "GKE-13",
    Severity.HIGH,
    NODE_POOL,
    must="`nodeConfig.kubeletConfig.insecureKubeletReadonlyPortEnabled` is `FALSE`",
    why="The port tells every pod, without asking who it is, what runs on the node and with which settings.",
    fix="Set insecure_kubelet_readonly_port_enabled to FALSE.",
    sources=("organisation policy",),
)
def the_kubelet_answers_nobody_unknown(pool: Resource, _: Configuration) -> Iterator[str]:
    """The kubelet's port without authentication is closed."""
    yield from expect(pool, "nodeConfig.kubeletConfig.insecureKubeletReadonlyPortEnabled", "FALSE")


@RULES.resource(
    "GKE-14",
    Severity.HIGH,
    NODE_POOL,
    must="integrity monitoring, and secure boot unless the pool brings its own GPU driver",
    why="A node whose start was tampered with looks like any other.",
    fix="Set shielded_instance_config enable_integrity_monitoring and enable_secure_boot to true.",
    sources=("CIS GKE 5.5.6", "CIS GKE 5.5.7", "checkov CKV_GCP_68", "checkov CKV_GCP_72"),
)
def nodes_start_what_they_should(pool: Resource, _: Configuration) -> Iterator[str]:
    """Nodes start signed software, and tell when they did not."""
    yield from expect(pool, "nodeConfig.shieldedInstanceConfig.enableIntegrityMonitoring", True)
    drivers = [
        each.at("gpuDriverInstallationConfig.gpuDriverVersion").text()
        for each in pool.at("nodeConfig.guestAccelerators").items()
    ]
    if "INSTALLATION_DISABLED" not in drivers:
        yield from expect(pool, "nodeConfig.shieldedInstanceConfig.enableSecureBoot", True)


@RULES.resource(
    "GKE-15",
    Severity.HIGH,
    NODE_POOL,
    must="`management.autoRepair` is true, except for flex-start and queued nodes, which would lose their place",
    why="A node that is broken keeps its job waiting until somebody looks.",
    fix="Set management auto_repair to true.",
    sources=("CIS GKE 5.5.2", "checkov CKV_GCP_9"),
)
def broken_nodes_are_replaced(pool: Resource, _: Configuration) -> Iterator[str]:
    """Broken nodes are replaced."""
    if machines_of(pool).capacity not in ("flex-start", "queued"):
        yield from expect(pool, "management.autoRepair", True)


@RULES.resource(
    "GKE-16",
    Severity.MEDIUM,
    CLUSTER,
    NODE_POOL,
    must="`management.autoUpgrade`; a window in `maintenancePolicy`; no pause of more than `max_exclusion_days`",
    why="Upgrades that nobody makes are flaws that everybody knows, and those without a window come at noon.",
    fix="Set auto_upgrade to true and cluster.maintenance in the stack file; shorten the exclusion.",
    sources=("CIS GKE 5.5.3", "checkov CKV_GCP_10"),
)
def upgrades_come_when_it_suits(resource: Resource, configuration: Configuration) -> Iterator[str]:
    """Upgrades come, in a window, and are not put off for long."""
    if resource.type == NODE_POOL:
        yield from expect(resource, "management.autoUpgrade", True)
        return
    policy = resource.at("maintenancePolicy")
    if not policy.at("recurringWindow").is_set() and not policy.at("dailyMaintenanceWindow").is_set():
        yield "maintenancePolicy has no window"
    for each in policy.at("maintenanceExclusions").items():
        begins, ends = each.at("startTime").moment(), each.at("endTime").moment()
        days = (ends - begins).days if begins and ends else 0
        if days > configuration.max_exclusion_days:
            yield f"{each.path} lasts {days} days; agreed: {configuration.max_exclusion_days}"


@RULES.resource(
    "GKE-17",
    Severity.MEDIUM,
    NODE_POOL,
    must="`nodeConfig.imageType` is `COS_CONTAINERD`",
    why="Google's own image has less in it, starts signed software alone and is mended with the cluster.",
    fix="Set image_type to COS_CONTAINERD.",
    sources=("CIS GKE 5.5.1", "checkov CKV_GCP_22"),
)
def nodes_run_the_smallest_image(pool: Resource, _: Configuration) -> Iterator[str]:
    """Nodes run Container-Optimized OS."""
    yield from expect(pool, "nodeConfig.imageType", "COS_CONTAINERD")


@RULES.resource(
    "GKE-18",
    Severity.MEDIUM,
    CLUSTER,
    must="no `nodePools` in the cluster; `removeDefaultNodePool` is true",
    why="A pool inside of the cluster cannot change without the cluster, and the default one has none of our settings.",
    fix="Declare pools as resources of their own and set remove_default_node_pool to true.",
    sources=("checkov CKV_GCP_123", "safer-cluster"),
)
def pools_are_resources_of_their_own(cluster: Resource, _: Configuration) -> Iterator[str]:
    """Node pools are resources of their own."""
    if cluster.at("nodePools").items():
        yield "nodePools is set"
    yield from expect(cluster, "removeDefaultNodePool", True)


LOGS = frozenset({"SYSTEM_COMPONENTS", "WORKLOADS", "APISERVER"})
METRICS = frozenset({"SYSTEM_COMPONENTS", "DCGM"})


@RULES.resource(
    "GKE-19",
    Severity.MEDIUM,
    CLUSTER,
    must=f"logs of {', '.join(sorted(LOGS))}; metrics of {', '.join(sorted(METRICS))}; managed Prometheus",
    why="What is not recorded cannot be looked up when it is needed: who did it, what it did, what the GPU did.",
    fix="Add the missing components to logging_config and monitoring_config, and enable managed_prometheus.",
    sources=("CIS GKE 5.7.1", "checkov CKV_GCP_1", "checkov CKV_GCP_8", "CNCF AI conformance"),
)
def what_happens_is_recorded(cluster: Resource, _: Configuration) -> Iterator[str]:
    """What the cluster, its users and its accelerators do is recorded."""
    for path, wanted in (("loggingConfig", LOGS), ("monitoringConfig", METRICS)):
        missing = wanted - set(cluster.at(f"{path}.enableComponents").texts())
        if missing:
            yield f"{path}.enableComponents lacks {', '.join(sorted(missing))}"
    yield from expect(cluster, "monitoringConfig.managedPrometheus.enabled", True)


@RULES.resource(
    "GKE-20",
    Severity.MEDIUM,
    CLUSTER,
    must="`securityPostureConfig.mode` is on; `notificationConfig.pubsub` is enabled",
    why="Google tells of flaws in a cluster by these ways, and of those in the nodes' version by no other.",
    fix="Set security_posture_config mode to BASIC, and notification_config with a topic for SECURITY_BULLETIN_EVENT.",
    sources=("organisation policy", "safer-cluster"),
    level=Level.ADVISORY,
)
def somebody_hears_of_flaws(cluster: Resource, _: Configuration) -> Iterator[str]:
    """Somebody hears of flaws in the cluster."""
    yield from expect(cluster, "securityPostureConfig.mode", "BASIC", "ENTERPRISE")
    yield from expect(cluster, "notificationConfig.pubsub.enabled", True)


@RULES.resource(
    "GKE-21",
    Severity.MEDIUM,
    CLUSTER,
    must="alias addresses, visibility within nodes, cost by namespace; groups of the organisation where `groups`",
    why="Flow logs miss what stays on a node, costs cannot be told apart, and people keep rights when they leave.",
    fix="Set ip_allocation_policy, enable_intranode_visibility and cost_management_config; cluster.admins_group.",
    sources=("checkov CKV_GCP_23", "checkov CKV_GCP_61", "checkov CKV_GCP_65"),
    level=Level.ADVISORY,
)
def traffic_cost_and_people_can_be_told_apart(cluster: Resource, configuration: Configuration) -> Iterator[str]:
    """Traffic, cost and people can be told apart."""
    yield from expect_set(cluster, "ipAllocationPolicy", dict)
    yield from expect(cluster, "enableIntranodeVisibility", True)
    yield from expect(cluster, "costManagementConfig.enabled", True)
    if configuration.groups:
        yield from expect_set(cluster, "authenticatorGroupsConfig.securityGroup", str)
