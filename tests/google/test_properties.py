"""What holds of every environment: the three of this project and sixty random ones.

Each is declared once, and every promise is then looked for in all of them.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from ipaddress import IPv4Network
from itertools import combinations
from typing import Any

import hypothesis
import pulumi_gcp as gcp
import pytest

from infra.hardware import tpu
from infra.plan.fabrics import LAYOUTS
from infra.settings import parse
from tests.google.conftest import STACKS, Site, declare_site, stack_site, value, values
from tests.google.mocks import Declared
from tests.legal_settings import DETERMINISTIC, Json, legal_google, legal_stack_name

RANDOM = 60

NODE_POOL, CLUSTER = "gcp:container/nodePool:NodePool", "gcp:container/cluster:Cluster"
BUCKET, REPOSITORY = "gcp:storage/bucket:Bucket", "gcp:artifactregistry/repository:Repository"
KEY, KEY_RING = "gcp:kms/cryptoKey:CryptoKey", "gcp:kms/keyRing:KeyRing"
FILESTORE, LUSTRE, DISK = "gcp:filestore/instance:Instance", "gcp:lustre/instance:Instance", "gcp:compute/disk:Disk"
VPC, SUBNETWORK = "gcp:compute/network:Network", "gcp:compute/subnetwork:Subnetwork"
ADDRESS, PEERING = "gcp:compute/globalAddress:GlobalAddress", "gcp:servicenetworking/connection:Connection"
FIREWALL, NAT = "gcp:compute/firewall:Firewall", "gcp:compute/routerNat:RouterNat"
ROUTER, POLICY = "gcp:compute/router:Router", "gcp:compute/resourcePolicy:ResourcePolicy"
TPU_VM, TPU_REQUEST = "gcp:tpu/v2Vm:V2Vm", "aidc-tpu:index:QueuedResource"
ACCOUNT, CUSTOM_ROLE = "gcp:serviceaccount/account:Account", "gcp:projects/iAMCustomRole:IAMCustomRole"
FEDERATION = "gcp:iam/workloadIdentityPool:WorkloadIdentityPool"
FEDERATED = "gcp:iam/workloadIdentityPoolProvider:WorkloadIdentityPoolProvider"
CHANNEL = "gcp:monitoring/notificationChannel:NotificationChannel"
SINK, BUDGET = "gcp:logging/projectSink:ProjectSink", "gcp:billing/budget:Budget"

DATA = (BUCKET, REPOSITORY, KEY, KEY_RING, FILESTORE, LUSTRE, DISK)
"""What ``protection: data`` keeps."""

FOUNDATION = (CLUSTER, VPC, SUBNETWORK, ADDRESS, PEERING, FEDERATION, FEDERATED, CUSTOM_ROLE)
"""What ``protection: all`` keeps besides; and pools of the system and of reservations, and who deploys."""

RFC_1035 = "[a-z]([-a-z0-9]{0,61}[a-z0-9])?"

NAMES = {
    # Discovery documents: compute v1 (pattern of each resource's name), container v1, cloudkms v1, tpu v2.
    **dict.fromkeys((VPC, SUBNETWORK, ADDRESS, FIREWALL, ROUTER, NAT, POLICY, DISK), ("name", RFC_1035)),
    CLUSTER: ("name", "[a-z]([-a-z0-9]{0,38}[a-z0-9])?"),
    NODE_POOL: ("name", "[a-z]([-a-z0-9]{0,38}[a-z0-9])?"),
    KEY_RING: ("name", "[a-zA-Z0-9_-]{1,63}"),
    KEY: ("name", "[a-zA-Z0-9_-]{1,63}"),
    TPU_REQUEST: ("queued_resource_id", RFC_1035),
    # 'Create a TPU VM': 1 to 63 characters; 'Instance naming': as Compute Engine's, 63 characters at most.
    TPU_VM: ("name", RFC_1035),
    FILESTORE: ("name", RFC_1035),
    LUSTRE: ("instanceId", RFC_1035),
    # 'Create standard repositories': letters, digits and dashes, a letter first.
    REPOSITORY: ("repositoryId", "[a-z]([-a-z0-9]{0,61}[a-z0-9])?"),
    # 'About Cloud Storage buckets': 3 to 63; without dots, which would make it a domain to prove.
    BUCKET: ("name", "[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]"),
    # IAM API v1: ServiceAccount.accountId, WorkloadIdentityPool, Role.
    ACCOUNT: ("accountId", "[a-z]([-a-z0-9]{4,28}[a-z0-9])"),
    FEDERATION: ("workloadIdentityPoolId", "(?!gcp-)[a-z0-9-]{4,32}"),
    FEDERATED: ("workloadIdentityPoolProviderId", "(?!gcp-)[a-z0-9-]{4,32}"),
    CUSTOM_ROLE: ("roleId", "[a-zA-Z0-9_.]{3,64}"),
    SINK: ("name", "[a-zA-Z0-9_.-]{1,100}"),  # Logging API v2, LogSink
    BUDGET: ("displayName", ".{1,60}"),  # Cloud Billing Budget API v1
}
"""By type, the property that is the name in the cloud, and what Google takes for one."""

SCOPES = ("project", "region", "location", "zone", "cluster", "keyRing", "workloadIdentityPoolId")

KEYS = {
    BUCKET: "encryption.defaultKmsKeyName",
    REPOSITORY: "kmsKeyName",
    FILESTORE: "kmsKeyName",
    LUSTRE: "kmsKey",
    DISK: "diskEncryptionKey.kmsKeySelfLink",
    CLUSTER: "databaseEncryption.keyName",
    NODE_POOL: "nodeConfig.bootDiskKmsKey",
}
"""What encrypts with a key of ours. TPU VMs cannot: the provider has no key for their disks."""

UNLABELLED = (CHANNEL, ADDRESS, FEDERATED)
"""A channel's labels are its address; those of a range that is peered away are not billed."""

WAITING = (CLUSTER, NODE_POOL, FILESTORE, LUSTRE, TPU_VM, TPU_REQUEST)

CAPACITY = {
    "spot": "nodeConfig.spot",
    "flex-start": "nodeConfig.flexStart",
    "queued": "queuedProvisioning.enabled",
    "reservation": "nodeConfig.reservationAffinity.values",
}


@pytest.fixture(scope="module")
def sites() -> list[Site]:
    """What the stacks declare, and what random legal settings declare."""
    found = [stack_site(stack) for stack in STACKS]

    @hypothesis.settings(DETERMINISTIC, max_examples=RANDOM)
    @hypothesis.given(legal_stack_name(), legal_google())
    def any_legal_settings_declare(stack: str, google: Json) -> None:
        found.append(declare_site(parse(stack, {"site": "google", "google": google})))

    any_legal_settings_declare()
    return found


def every(sites: list[Site], *types: str) -> Iterator[tuple[Site, Declared]]:
    """Every resource of some types, with the site that it is of; at least one."""
    found = [(site, each) for site in sites for each in site.declared if each.type in types]
    assert found, f"no environment has any of {types}"
    return iter(found)


def pools(site: Site) -> Iterator[tuple[Declared, Any]]:
    """The node pools that have accelerators, each with its settings."""
    for declared in site.declared:
        if declared.type == NODE_POOL and declared.name != "system-pool-pool":
            component = declared.parent.rpartition("::")[2]
            kind, name = re.fullmatch("(gpu-pool|tpu-slices)-(.*)", component).groups()  # type: ignore[union-attr]
            settings = site.google.gpu_pools if kind == "gpu-pool" else site.google.tpu_slices
            yield declared, next(each for each in settings if each.name == name)


def leaves(value: Any) -> Iterator[Any]:
    """All text and numbers inside ``value``."""
    if isinstance(value, dict):
        for part in value.values():
            yield from leaves(part)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part)
    else:
        yield value


# Where things stand


def test_any_legal_settings_declare(sites: list[Site]) -> None:
    assert len(sites) >= RANDOM // 2 + len(STACKS)


def test_every_cloud_resource_has_an_explicit_provider_and_a_component_above_it(sites: list[Site]) -> None:
    for site in sites:
        for each in site.declared:
            package = each.type.partition(":")[0]
            if package in ("gcp", "aidc-tpu"):
                assert f"::pulumi:providers:{package}::" in each.provider, each.urn
                assert each.parent.split("::")[2].split("$")[-1].startswith("aidc:google:"), each.urn
                assert each.name.startswith(each.parent.rpartition("::")[2]), f"{each.name} below {each.parent}"


def test_the_project_and_the_region_are_written_down_and_are_those_of_the_environment(sites: list[Site]) -> None:
    for site in sites:
        for each in site.declared:
            if "project" in each.inputs and not each.type.startswith("pulumi:"):
                assert each.inputs["project"] == site.google.project, each.urn
            for where in ("region", "location", "zone"):
                place = str(each.inputs.get(where, site.google.region)).lower()
                assert place == site.google.region or place.startswith(f"{site.google.region}-"), each.urn


def test_names_are_as_google_takes_them(sites: list[Site]) -> None:
    for _, each in every(sites, *NAMES):
        path, pattern = NAMES[each.type]
        assert re.fullmatch(pattern, each.inputs[path]), f"{each.urn}: {each.inputs[path]}"


def test_no_two_things_that_the_program_names_have_one_name(sites: list[Site]) -> None:
    for site in sites:
        names = Counter(
            (each.type, each.inputs[NAMES[each.type][0]], *(each.inputs.get(scope) for scope in SCOPES))
            for each in site.declared
            if each.type in NAMES and not each.imports
        )
        assert [name for name, times in names.items() if times > 1] == []
        urns = Counter(each.urn for each in site.declared)
        assert [urn for urn, times in urns.items() if times > 1] == []


def test_no_two_tpu_nodes_have_one_name(sites: list[Site]) -> None:
    for site in sites:
        nodes = [(each.inputs["zone"], each.inputs["name"]) for each in site.declared if each.type == TPU_VM]
        for each in site.declared:
            if each.type == TPU_REQUEST:
                slices = each.inputs.get("multislice")
                names = (
                    [f"{slices['node_id_prefix']}-{number}" for number in range(int(slices["node_count"]))]
                    if slices
                    else []
                )
                nodes += [(each.inputs["zone"], name) for name in names or [each.inputs["node_id"]]]
        assert len(nodes) == len(set(nodes))


# Who gets in


def test_nothing_is_open_to_the_world(sites: list[Site]) -> None:
    for site in sites:
        for each in site.declared:
            told = {str(leaf) for leaf in leaves(each.inputs)}
            assert told.isdisjoint({"allUsers", "allAuthenticatedUsers"}), each.urn
            assert not value(each, "networkConfig.enableExternalIps"), each.urn
            assert not each.inputs.get("enable_external_ips"), each.urn
            assert "accessConfigs" not in each.inputs, each.urn


def test_every_bucket_refuses_to_be_public_and_knows_no_lists_of_its_own(sites: list[Site]) -> None:
    for _, each in every(sites, BUCKET):
        assert each.inputs["publicAccessPrevention"] == "enforced"
        assert each.inputs["uniformBucketLevelAccess"] is True
        assert each.inputs["versioning"] == {"enabled": True}


def test_no_basic_role_is_granted_and_no_key_of_an_account_is_made(sites: list[Site]) -> None:
    for site in sites:
        assert not [each.urn for each in site.declared if each.type.endswith(("accountKey:Key", "key:Key"))]
        granted = {
            each.inputs["role"]
            for each in site.declared
            if "IAM" in each.type or "Iam" in each.type
            if "role" in each.inputs
        }
        assert granted.isdisjoint({"roles/owner", "roles/editor", "roles/viewer"})


def test_the_cluster_and_its_nodes_have_no_public_address(sites: list[Site]) -> None:
    for _, each in every(sites, CLUSTER):
        assert value(each, "privateClusterConfig.enablePrivateNodes") is True
        assert value(each, "privateClusterConfig.enablePrivateEndpoint") is True
        assert value(each, "controlPlaneEndpointsConfig.ipEndpointsConfig.enabled") is False
        assert value(each, "masterAuth.clientCertificateConfig.issueClientCertificate") is False
    for _, each in every(sites, NODE_POOL):
        assert value(each, "networkConfig.enablePrivateNodes") is True


def test_what_comes_in_is_refused_but_from_where_it_is_expected(sites: list[Site]) -> None:
    probes = [IPv4Network("35.191.0.0/16"), IPv4Network("130.211.0.0/22")]
    for site in sites:
        network = site.google.network
        peered = [network.peering] if network.peering else []
        fabrics = [each.range for each in network.fabrics]
        ours = [IPv4Network(text) for text in (network.nodes, network.pods, *fabrics, *peered)]
        rules = [each.inputs for each in site.declared if each.type == FIREWALL]
        for rule in rules:
            sources = [IPv4Network(text) for text in rule["sourceRanges"]]
            assert rule["direction"] == "INGRESS"
            assert ("allows" in rule) != ("denies" in rule)
            if "allows" in rule:
                assert all(any(source.subnet_of(known) for known in ours + probes) for source in sources), rule["name"]
        last = max(rules, key=lambda rule: rule["priority"])
        assert (last["sourceRanges"], last["denies"]) == (["0.0.0.0/0"], [{"protocol": "all"}])
        assert last["logConfig"] == {"metadata": "INCLUDE_ALL_METADATA"}


def test_ranges_are_apart_and_a_fabrics_are_inside_its_own(sites: list[Site]) -> None:
    for site in sites:
        network = site.google.network
        subnetworks = [each for each in site.declared if each.type == SUBNETWORK]
        taken = [IPv4Network(text) for each in subnetworks for text in values(each, "ipCidrRange")]
        taken += [IPv4Network(text) for each in subnetworks for text in values(each, "secondaryIpRanges[].ipCidrRange")]
        taken += [
            IPv4Network(f"{each.inputs['address']}/{int(each.inputs['prefixLength'])}")
            for each in site.declared
            if each.type == ADDRESS
        ]
        assert not [(one, other) for one, other in combinations(taken, 2) if one.overlaps(other)]
        elsewhere = [IPv4Network(text) for text in network.used_elsewhere]
        assert not [(one, other) for one in taken for other in elsewhere if one.overlaps(other)]
        for fabric in network.fabrics:
            parts = [each for each in subnetworks if each.parent.endswith(f"::fabric-{fabric.name}")]
            assert len(parts) == LAYOUTS[fabric.kind].subnetworks
            for each in parts:
                assert IPv4Network(each.inputs["ipCidrRange"]).subnet_of(IPv4Network(fabric.range))


# What may not be lost


def test_what_is_protected_is_what_the_settings_say(sites: list[Site]) -> None:
    for site in sites:
        kept = {"none": (), "data": DATA, "all": (*DATA, *FOUNDATION)}[site.google.protection]
        everything = site.google.protection == "all"
        reserved = {declared.urn for declared, settings in pools(site) if settings.capacity.kind == "reservation"}
        for each in site.declared:
            of_foundation = each.name == "system-pool-pool" or each.urn in reserved
            of_foundation |= each.type == ACCOUNT and each.name.startswith("delivery-")
            wanted = each.type in kept or (everything and of_foundation) or bool(each.imports)
            assert each.protect == wanted, each.urn


def test_the_provider_refuses_to_delete_what_the_environment_keeps(sites: list[Site]) -> None:
    for site in sites:
        kept = {"none": (), "data": DATA, "all": (*DATA, *FOUNDATION)}[site.google.protection]
        for each in site.declared:
            if each.type in (*DATA, *FOUNDATION) and each.type not in (ADDRESS, PEERING, KEY_RING):
                wanted = "PREVENT" if each.type in kept else "DELETE"
                assert each.inputs["deletionPolicy"] == wanted, each.urn
            if each.type == BUCKET:
                assert each.inputs["forceDestroy"] == (not each.protect), each.urn


def test_what_is_adopted_is_imported_by_its_name_and_protected(sites: list[Site]) -> None:
    adopted = Counter[str]()
    for site in sites:
        network, storage = site.google.network, site.google.storage
        wanted = {VPC: network.adopt, SUBNETWORK: network.adopt_subnetwork, CLUSTER: site.google.cluster.adopt}
        names = {(type_, name) for type_, name in wanted.items() if name}
        names |= {(BUCKET, bucket.adopt) for _, bucket in storage if hasattr(bucket, "adopt") and bucket.adopt}
        imported = [each for each in site.declared if each.imports]
        assert {(each.type, each.inputs["name"]) for each in imported} == names
        assert all(each.protect and each.imports.endswith(f"/{each.inputs['name']}") for each in imported)
        adopted.update(each.type for each in imported)
    assert adopted.keys() == {VPC, SUBNETWORK, CLUSTER, BUCKET}, "the random settings adopt too little to tell"


def test_everything_that_can_be_encrypted_with_our_key_is(sites: list[Site]) -> None:
    for site, each in every(sites, *KEYS):
        key = value(each, KEYS[each.type])
        assert key in [f"projects/project/{one.name}" for one in site.declared if one.type == KEY], each.urn
    for _, each in every(sites, CLUSTER):
        assert value(each, "databaseEncryption.state") == "ENCRYPTED"


def test_every_key_rotates_and_serves_one_service_alone(sites: list[Site]) -> None:
    for site in sites:
        keys = [each for each in site.declared if each.type == KEY]
        grants = [each for each in site.declared if each.type == "gcp:kms/cryptoKeyIAMBinding:CryptoKeyIAMBinding"]
        assert all(int(each.inputs["rotationPeriod"].removesuffix("s")) <= 90 * 86_400 for each in keys)
        assert len(grants) == len(keys) == len({each.inputs["cryptoKeyId"] for each in grants})
        members = [member for each in grants for member in each.inputs["members"]]
        assert len(members) == len(set(members)) == len(keys)
        assert all(
            re.fullmatch(r"serviceAccount:service-\d+@[a-z-]+\.iam\.gserviceaccount\.com", each) for each in members
        )


def test_everything_that_takes_labels_says_whose_it_is(sites: list[Site]) -> None:
    for site in sites:
        ours = {"env": site.settings.stack, "owner": site.google.owner, "cost-centre": site.google.cost_centre}
        ours["managed-by"] = "pulumi"
        for each in site.declared:
            for path in labels(each.type):
                found = value(each, path) or {}
                assert ours.items() <= found.items(), f"{each.urn}: {path} {found}"
                assert all(re.fullmatch("[a-z][a-z0-9_-]{0,62}", key) for key in found)
                assert all(re.fullmatch("[a-z0-9_-]{0,63}", text) for text in found.values())


def labels(type_: str) -> list[str]:
    """Where a type takes the labels of the cost report, as the SDK knows it."""
    if type_ == NODE_POOL:
        return ["nodeConfig.resourceLabels"]
    if type_ == TPU_REQUEST:
        return ["labels"]
    if not type_.startswith("gcp:") or type_ in UNLABELLED:
        return []
    module, class_ = re.fullmatch(r"gcp:(\w+)/\w+:(\w+)", type_).groups()  # type: ignore[union-attr]
    known = dir(getattr(getattr(gcp, module), class_))
    return [
        path for attribute, path in (("labels", "labels"), ("resource_labels", "resourceLabels")) if attribute in known
    ]


def test_what_takes_long_has_time(sites: list[Site]) -> None:
    for _, each in every(sites, *WAITING):
        assert each.timeouts.keys() == {"create", "update", "delete"}, each.urn


# Nodes


def test_the_autoscaler_alone_sizes_a_pool_and_every_pool_has_a_ceiling(sites: list[Site]) -> None:
    for _, each in every(sites, NODE_POOL):
        assert "nodeCount" not in each.inputs, each.urn
        assert "initialNodeCount" in each.ignore_changes, each.urn
        limits = each.inputs["autoscaling"]
        per_zone, total = limits.get("maxNodeCount"), limits.get("totalMaxNodeCount")
        assert (per_zone is None) != (total is None), each.urn
        assert (per_zone or total) >= 1
        assert per_zone is None or len(each.inputs["nodeLocations"]) == 1 or each.inputs["name"] == "system", each.urn


def test_a_pool_holds_between_the_least_and_the_most_of_its_settings(sites: list[Site]) -> None:
    for site in sites:
        least: dict[str, float] = defaultdict(float)
        most: dict[str, float] = defaultdict(float)
        for declared, settings in pools(site):
            limits = declared.inputs["autoscaling"]
            least[settings.name] += limits.get("minNodeCount", limits.get("totalMinNodeCount"))
            most[settings.name] += limits.get("maxNodeCount", limits.get("totalMaxNodeCount"))
        for pool in site.google.gpu_pools:
            assert (least[pool.name], most[pool.name]) == (pool.min_nodes, pool.max_nodes)
        for each in site.google.tpu_slices:
            vms = each.shape.vms
            assert (least[each.name], most[each.name]) == (each.min_slices * vms, each.slices * vms)


def test_a_pool_is_bought_in_one_way_and_in_the_one_that_its_settings_name(sites: list[Site]) -> None:
    for site in sites:
        for declared, settings in pools(site):
            kinds = [kind for kind, path in CAPACITY.items() if value(declared, path)]
            assert kinds == ([] if settings.capacity.kind == "on-demand" else [settings.capacity.kind]), declared.urn
            assert value(declared, "nodeConfig.preemptible") is False


def test_reserved_nodes_are_in_one_zone_and_others_leave_reservations_alone(sites: list[Site]) -> None:
    for _, each in every(sites, NODE_POOL):
        affinity = value(each, "nodeConfig.reservationAffinity")
        if affinity["consumeReservationType"] == "SPECIFIC_RESERVATION":
            assert affinity["key"] == "compute.googleapis.com/reservation-name"
            assert len(each.inputs["nodeLocations"]) == len(affinity["values"]) == 1
        else:
            assert affinity == {"consumeReservationType": "NO_RESERVATION"}


def test_nodes_that_live_for_a_job_are_not_repaired_and_end(sites: list[Site]) -> None:
    for site in sites:
        for declared, settings in pools(site):
            for_a_job = settings.capacity.kind in ("flex-start", "queued")
            assert value(declared, "management.autoRepair") is not for_a_job
            assert ("upgradeSettings" not in declared.inputs) is for_a_job  # its one strategy is the service's own
            hours = {f"{settings.capacity.max_run_hours * 3600}s"} if for_a_job else set()
            assert set(values(declared, "nodeConfig.maxRunDuration")) == hours


def test_accelerators_are_for_those_who_ask_and_the_system_pool_is_for_all(sites: list[Site]) -> None:
    for site in sites:
        accelerated = {declared.urn: settings for declared, settings in pools(site)}
        for each in site.declared:
            if each.type == NODE_POOL:
                key = "google.com/tpu" if hasattr(accelerated.get(each.urn), "slices") else "nvidia.com/gpu"
                taint = {"key": key, "value": "present", "effect": "NO_SCHEDULE"}
                assert value(each, "nodeConfig.taints") == ([taint] if each.urn in accelerated else []), each.urn


def test_a_gpu_always_has_its_driver_named_and_a_tpu_slice_has_no_gpu(sites: list[Site]) -> None:
    modes = {"default": "DEFAULT", "latest": "LATEST", "disabled": "INSTALLATION_DISABLED"}
    for site in sites:
        for declared, settings in pools(site):
            found = value(declared, "nodeConfig.guestAccelerators")
            if hasattr(settings, "slices"):
                assert found == []
                continue
            (gpu,) = found
            assert gpu["gpuDriverInstallationConfig"] == {"gpuDriverVersion": modes[settings.driver]}
            assert (gpu["type"], gpu["count"]) == (settings.machine.accelerator, settings.machine.gpus)
            assert gpu.get("gpuPartitionSize") == settings.partition
            assert gpu.get("gpuSharingConfig", {}).get("maxSharedClientsPerGpu") == getattr(
                settings.sharing, "clients", None
            )


def test_nodes_boot_safely_and_act_as_their_own_account(sites: list[Site]) -> None:
    for site, each in every(sites, NODE_POOL):
        assert value(each, "nodeConfig.workloadMetadataConfig.mode") == "GKE_METADATA"
        assert value(each, "nodeConfig.metadata") == {"disable-legacy-endpoints": "true"}
        assert value(each, "nodeConfig.shieldedInstanceConfig.enableIntegrityMonitoring") is True
        account = f"{site.settings.stack}-nodes@{site.google.project}.iam.gserviceaccount.com"
        assert value(each, "nodeConfig.serviceAccount") == account
        drivers = set(values(each, "nodeConfig.guestAccelerators[].gpuDriverInstallationConfig.gpuDriverVersion"))
        signed = "INSTALLATION_DISABLED" not in drivers
        assert value(each, "nodeConfig.shieldedInstanceConfig.enableSecureBoot") is signed


def test_a_pool_goes_with_its_cluster(sites: list[Site]) -> None:
    for site, each in every(sites, NODE_POOL):
        (cluster,) = site.of(CLUSTER)
        assert each.deleted_with == cluster.urn
        assert each.inputs["cluster"] == cluster.inputs["name"]


def test_a_slice_of_several_machines_is_a_pool_that_comes_whole(sites: list[Site]) -> None:
    for site in sites:
        for settings in site.google.tpu_slices:
            shape = settings.shape
            own = [declared for declared, found in pools(site) if found is settings]
            assert len(own) == (settings.slices if shape.is_multi_host else 1)
            for each in own:
                assert value(each, "nodeConfig.machineType") == shape.machine.name
                if shape.is_multi_host:
                    assert value(each, "autoscaling.maxNodeCount") == shape.vms
                    assert value(each, "autoscaling.minNodeCount") in (0, shape.vms)


def test_machines_that_form_one_accelerator_are_placed_by_its_topology(sites: list[Site]) -> None:
    for site in sites:
        topologies = {
            each.inputs["name"]: value(each, "workloadPolicy") for each in site.declared if each.type == POLICY
        }
        for declared, settings in pools(site):
            placement = declared.inputs.get("placementPolicy")
            if hasattr(settings, "slices"):
                kind, topology = settings.shape.placement, settings.shape.topology
            else:
                kind = tpu.Placement.WORKLOAD_POLICY if settings.machine.topology else tpu.Placement.NONE
                topology = settings.machine.topology
            if kind is tpu.Placement.WORKLOAD_POLICY:
                assert placement is not None
                assert placement.keys() == {"type", "policyName"}
                assert placement["type"] == ""
                wanted = {"type": "HIGH_THROUGHPUT", "acceleratorTopology": topology}
                assert topologies.pop(placement["policyName"]) == wanted
            elif kind is tpu.Placement.COMPACT:
                assert placement == {"type": "COMPACT", "tpuTopology": topology}
            else:
                assert placement == ({"type": "COMPACT"} if getattr(settings, "compact", False) else None)
        assert not topologies, "a policy that no pool names"


def test_a_machine_has_an_interface_for_each_of_its_networks(sites: list[Site]) -> None:
    for site in sites:
        subnetworks = {each.inputs["name"] for each in site.declared if each.type == SUBNETWORK}
        networks = {each.inputs["name"] for each in site.declared if each.type == VPC}
        for declared, settings in pools(site):
            found = value(declared, "networkConfig.additionalNodeNetworkConfigs")
            own = [each["subnetwork"] for each in found]
            assert len(own) == len(set(own))
            assert subnetworks.issuperset(own)
            assert networks.issuperset(each["network"] for each in found)
            if hasattr(settings, "slices"):
                assert len(own) == bool(settings.fabric)
            else:
                rdma = settings.machine.fabric.value.startswith("roce")
                assert len(own) == settings.machine.extra_nics + rdma, settings.machine_type
