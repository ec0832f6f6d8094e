"""What the data centre stands on: network, encryption, storage, registry and the cluster."""

from __future__ import annotations

from datetime import datetime, timedelta
from ipaddress import IPv4Network
from itertools import combinations
from math import ceil
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from infra.hardware import general
from workloads import mistakes
from workloads.mistakes import Conflict
from workloads.spec import Name, Section

ComputeName = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,61}[a-z0-9])?$")]  # RFC 1035, as Compute Engine asks
ClusterName = Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,38}[a-z0-9])?$")]
BucketName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]{1,61}[a-z0-9]$")]
Zone = Annotated[str, Field(pattern=r"^[a-z]+-[a-z]+\d+-(ai\d+)?[a-z]$")]

FILESTORE_HIGH_CAPACITY_GIB = 10_240
"""From here a share grows in steps of 2560 GiB (Filestore, 'Service tiers')."""

LUSTRE_STEP_GIB = 9_000
"""Step of the 1000 MB/s tier; a slower tier's is larger in proportion (Managed Lustre, 'Performance tiers')."""

LUSTRE_MOST_GIB = 1_530_000
"""Largest size of the 1000 MB/s tier; a slower tier's is larger in proportion (Managed Lustre, 'Performance tiers')."""

EXCLUSION_DAYS = {"NO_UPGRADES": 30, "NO_MINOR_UPGRADES": 180, "NO_MINOR_OR_NODE_UPGRADES": 180}
"""Longest that GKE advises. It refuses later: at 30 or, on newer pages, 90 days without upgrades, else at the version's
end of support (GKE, 'Maintenance windows and exclusions')."""

MAINTENANCE_HOURS = 48
"""Least in any 32 days, of blocks of 4 hours or more (GKE, 'Configure maintenance windows and exclusions'; newer pages
say 92 days, which this satisfies too)."""

DOCKER = IPv4Network("172.17.0.0/16")
"""The Docker bridge inside of nodes, which hides a network of the same range (VPC, 'Subnets', 'Additional
considerations')."""

PRIVATE = tuple(map(IPv4Network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "100.64.0.0/10", "240.0.0.0/4")))
"""RFC 1918, RFC 6598 and RFC 5735 class E: what a VPC subnet may use without becoming somebody else's addresses."""


def _private(text: str) -> str:
    try:
        network = IPv4Network(text, strict=False)
    except ValueError as error:
        raise ValueError("not an IPv4 range such as 10.0.0.0/20") from error
    if str(network) != text:  # host bits, a mask, or a lone address
        near = f"; did you mean {network}?" if "/" in text else ""
        raise ValueError(f"not an IPv4 range such as 10.0.0.0/20{near}")
    if not any(network.subnet_of(block) for block in PRIVATE):
        raise ValueError(f"not a private range; use a part of {', '.join(map(str, PRIVATE))}")
    return text


INSTANT = "%Y-%m-%dT%H:%M:%SZ"


def _instant(text: str) -> str:
    try:
        datetime.strptime(text, INSTANT)
    except ValueError as error:
        raise ValueError("not a time in UTC such as 2026-12-20T00:00:00Z") from error
    return text


def none_twice(values: tuple[str, ...]) -> tuple[str, ...]:
    """The values, if none is listed twice. Raises ValueError."""
    if twice := next((each for each in values if values.count(each) > 1), None):
        raise ValueError(f"lists {twice} twice; name it once")
    return values


Instant = Annotated[str, AfterValidator(_instant)]
"""A time in UTC, kept as the text that the stack file has; texts of this form sort by time."""

Range = Annotated[str, AfterValidator(_private)]
"""A private IPv4 range in CIDR notation, kept as the text that the stack file has."""


class Fabric(Section):
    """The extra networks of one kind of machine.

    They are named here and not derived from the pools, so that a pool that comes or goes moves no other's addresses.
    """

    name: Annotated[str, Field(pattern=r"^[a-z]([a-z0-9-]{0,14}[a-z0-9])?$")] = Field(
        description="Name of the fabric: at most 16 lower-case letters, digits and dashes."
    )
    kind: Literal["tcpx", "tcpxo", "roce", "roce-metal", "multislice"] = Field(
        description="GPUDirect-TCPX (a3-highgpu-8g), GPUDirect-TCPXO (a3-megagpu-8g), RDMA (a3-ultragpu and later), or "
        "the second network of TPU slices that work together."
    )
    zone: Zone | None = Field(
        default=None,
        description="Zone of an RDMA fabric, such as us-central1-b: its network profile belongs to one; none for the "
        "others.",
    )
    range: Range = Field(description="Range that its networks share in equal parts; /14 to /20.")

    @model_validator(mode="after")
    def _is_in_the_place_of_its_kind(self) -> Self:
        rdma = self.kind.startswith("roce")
        if rdma and not self.zone:
            raise Conflict("an RDMA fabric needs the zone of its machines, such as us-central1-b", ("zone",), self.zone)
        if self.zone and not rdma:
            raise Conflict(f"a {self.kind} fabric serves the whole region; leave it out", ("zone",), self.zone)
        start, _, length = self.range.partition("/")
        if not 14 <= int(length) <= 20:
            near = IPv4Network((start, 14 if int(length) < 14 else 20), strict=False)
            raise Conflict(f"must be from /14 to /20; use {near}", ("range",), self.range)
        return self


class Network(Section):
    """The VPC and the networks beside it. No two ranges overlap."""

    nodes: Range = Field(default="10.0.0.0/20", description="Range of nodes, TPU VMs and internal load balancers.")
    pods: Range = Field(default="10.64.0.0/14", description="Range of pods; each node takes a part of it.")
    services: Range = Field(default="10.8.0.0/20", description="Range of the cluster's Services; /16 to /28.")
    fabrics: tuple[Fabric, ...] = Field(
        default=(), strict=False, description="Extra networks that machines of several network interfaces stand in."
    )
    used_elsewhere: tuple[Range, ...] = Field(
        default=(), strict=False, description="Ranges of peered networks and offices, kept free of ours."
    )
    peering: Range | None = Field(
        default=None, description="Range of managed services that come by peering (Lustre); /20 or larger."
    )
    adopt: ComputeName | None = Field(
        default=None,
        description="Existing VPC of the project to take over (imported and protected), not made anew: at most 63 "
        "lower-case letters, digits and dashes.",
    )
    adopt_subnetwork: ComputeName | None = Field(
        default=None,
        description="Existing subnetwork of the adopted VPC to take over for the nodes: at most 63 lower-case letters, "
        "digits and dashes.",
    )

    @model_validator(mode="after")
    def _ranges_are_apart(self) -> Self:
        for (other, taken), (place, text) in combinations(self._ranges.items(), 2):
            if place[0] != "used_elsewhere" and IPv4Network(text).overlaps(IPv4Network(taken)):
                raise Conflict(f"overlaps {taken} of {mistakes.path(other)}; move or shrink one of them", place, text)
        for place, text in self._ranges.items():
            if place[0] != "used_elsewhere" and IPv4Network(text).overlaps(DOCKER):
                free = self.free(IPv4Network(text).prefixlen)
                raise Conflict(f"overlaps {DOCKER}, the Docker bridge inside of nodes; use {free}", place, text)
        return self

    @model_validator(mode="after")
    def _services_are_of_a_size_that_a_cluster_takes(self) -> Self:
        """Source: GKE, 'VPC-native clusters', 'Cluster secondary range for Services'."""
        start, _, length = self.services.partition("/")
        if not 16 <= int(length) <= 28:
            near = IPv4Network((start, 16 if int(length) < 16 else 28), strict=False)
            raise Conflict(f"must be from /16 to /28; use {near}", ("services",), self.services)
        return self

    @model_validator(mode="after")
    def _a_subnetwork_is_in_its_network(self) -> Self:
        if self.adopt_subnetwork and not self.adopt:
            raise Conflict("its VPC is not adopted; set adopt too", ("adopt_subnetwork",), self.adopt_subnetwork)
        return self

    def free(self, prefix: int) -> str:
        """A range of that prefix length that nothing here uses, to propose. 10.0.0.0/8 is left to nodes and pods."""
        taken = [DOCKER, *(IPv4Network(text) for text in self._ranges.values())]
        choices = (
            choice for block in PRIVATE[1:] if block.prefixlen <= prefix for choice in block.subnets(new_prefix=prefix)
        )
        return next((str(choice) for choice in choices if not any(map(choice.overlaps, taken))), f"a free /{prefix}")

    @property
    def _ranges(self) -> dict[mistakes.Place, str]:
        """Every range and its place. Those of others come first: ours is the one to move."""
        ranges: dict[mistakes.Place, str] = {
            ("used_elsewhere", index): text for index, text in enumerate(self.used_elsewhere)
        }
        ranges |= {(name,): getattr(self, name) for name in ("nodes", "pods", "services")}
        ranges |= {("peering",): self.peering} if self.peering else {}
        return ranges | {("fabrics", index, "range"): fabric.range for index, fabric in enumerate(self.fabrics)}


class Encryption(Section):
    """Keys that the data centre encrypts with (CMEK)."""

    ring: Name = Field(
        default="keys",
        description="Name of the key ring, after the environment's: at most 40 lower-case letters, digits and dashes. "
        "Google never frees the name of a key ring: choose another to bring a destroyed environment back.",
    )
    rotation_days: int = Field(default=90, ge=1, le=90, description="Days between versions of a key (CIS: at most 90).")
    destroy_after_days: int = Field(
        default=30, ge=30, le=120, description="Days that a destroyed version can still be brought back."
    )
    protection: Literal["software", "hsm"] = Field(default="software", description="What holds the keys.")


def _noncurrent(days: int) -> Any:
    return Field(default=days, ge=1, le=3650, description="Days that a replaced or deleted version is kept.")


def _soft_delete(days: int) -> Any:
    return Field(default=days, ge=7, le=90, description="Days that everything deleted can be brought back.")


def _delete_after(days: int | None) -> Any:
    return Field(default=days, ge=1, le=3650, description="Age in days at which an object is deleted; never if none.")


class Bucket(Section):
    """One bucket. The kinds below differ in their defaults, which follow from what can be made again."""

    noncurrent_days: int = _noncurrent(30)
    soft_delete_days: int = _soft_delete(7)
    delete_after_days: int | None = _delete_after(None)
    adopt: BucketName | None = Field(
        default=None,
        description="Existing bucket to take over (imported and protected), not made anew: lower-case letters, digits, "
        "dots, _ and -.",
    )


class Datasets(Bucket):
    """What is learned from."""

    noncurrent_days: int = _noncurrent(90)


class Checkpoints(Bucket):
    """Training in progress; the next checkpoint is never far."""

    noncurrent_days: int = _noncurrent(7)


class Models(Bucket):
    """Released models."""

    noncurrent_days: int = _noncurrent(365)
    soft_delete_days: int = _soft_delete(30)


class Pipelines(Bucket):
    """Artefacts of pipeline runs."""

    delete_after_days: int | None = _delete_after(180)


class Logs(Bucket):
    """Audit logs and TensorBoard's."""

    delete_after_days: int | None = _delete_after(400)


class Filestore(Section):
    """A file share over NFS, for home directories and notebooks."""

    name: Name = Field(description="Name of the share: at most 40 lower-case letters, digits and dashes.")
    tier: Literal["ZONAL", "REGIONAL"] = Field(default="ZONAL", description="Service tier (both take CMEK).")
    capacity_gib: int = Field(default=1024, ge=1024, le=102_400, description="Size in GiB; a multiple of 256.")
    zone: Zone | None = Field(
        default=None, description="Zone of a ZONAL share, such as us-central1-a; none for REGIONAL."
    )

    @model_validator(mode="after")
    def _is_what_the_tier_offers(self) -> Self:
        if (self.tier == "ZONAL") != bool(self.zone):
            fix = "needs one, such as us-central1-a" if self.tier == "ZONAL" else "has none; leave it out"
            raise Conflict(f"a {self.tier} share {fix}", ("zone",), self.zone)
        step = 256 if self.capacity_gib < FILESTORE_HIGH_CAPACITY_GIB else 2560
        if self.capacity_gib % step:
            lower = self.capacity_gib - self.capacity_gib % step
            problem = f"not a multiple of {step}; use {lower} or {lower + step}"
            raise Conflict(problem, ("capacity_gib",), self.capacity_gib)
        return self


class Lustre(Section):
    """Managed Lustre, for data sets that many nodes read at once."""

    name: Name = Field(description="Name of the file system: at most 40 lower-case letters, digits and dashes.")
    capacity_gib: int = Field(
        default=18_000,
        ge=9_000,
        le=12_240_000,
        description="Size in GiB; a multiple of 9000 at 1000 MB/s, 18000 at 500, 36000 at 250, 72000 at 125.",
    )
    throughput_per_tib: Literal[125, 250, 500, 1000] = Field(default=500, description="MB/s for each TiB.")
    zone: Zone = Field(description="Zone, that of the accelerators, such as us-central1-a.")

    @model_validator(mode="after")
    def _is_a_step_of_its_tier(self) -> Self:
        step = LUSTRE_STEP_GIB * 1000 // self.throughput_per_tib
        if self.capacity_gib % step:
            lower = self.capacity_gib - self.capacity_gib % step
            near = " or ".join(str(size) for size in (lower, lower + step) if size)
            raise Conflict(
                f"at {self.throughput_per_tib} MB/s for each TiB the size is a multiple of {step} GiB; use {near}",
                ("capacity_gib",),
                self.capacity_gib,
            )
        most = LUSTRE_MOST_GIB * 1000 // self.throughput_per_tib
        if self.capacity_gib > most:
            problem = f"at {self.throughput_per_tib} MB/s for each TiB the size is at most {most} GiB; use {most}"
            raise Conflict(problem, ("capacity_gib",), self.capacity_gib)
        return self


class HyperdiskMl(Section):
    """A read-only volume with model weights, attached to many nodes at once."""

    name: Name = Field(description="Name of the volume: at most 40 lower-case letters, digits and dashes.")
    size_gib: int = Field(default=300, ge=4, le=65_536, description="Size in GiB.")
    throughput_mibps: int = Field(
        default=2_400, ge=400, le=1_200_000, description="Provisioned MiB/s; at most 1600 for each GiB."
    )
    zone: Zone = Field(description="Zone, that of the nodes, such as us-central1-a.")

    @model_validator(mode="after")
    def _throughput_is_in_its_band(self) -> Self:
        low, high = max(400, ceil(self.size_gib * 12 / 100)), 1600 * self.size_gib
        if not low <= self.throughput_mibps <= high:
            problem = f"{self.size_gib} GiB take {low} to {high} MiB/s; change throughput_mibps or size_gib"
            raise Conflict(problem, ("throughput_mibps",), self.throughput_mibps)
        return self


class Storage(Section):
    """Where artefacts are kept."""

    datasets: Datasets = Field(default=Datasets(), description="Data to learn from.")
    checkpoints: Checkpoints = Field(default=Checkpoints(), description="Training in progress.")
    models: Models = Field(default=Models(), description="Released models.")
    pipelines: Pipelines = Field(default=Pipelines(), description="Artefacts of pipeline runs.")
    logs: Logs = Field(default=Logs(), description="Audit logs and TensorBoard's.")
    filestore: tuple[Filestore, ...] = Field(default=(), strict=False, description="NFS shares.")
    lustre: tuple[Lustre, ...] = Field(default=(), strict=False, description="Managed Lustre file systems.")
    hyperdisk_ml: tuple[HyperdiskMl, ...] = Field(default=(), strict=False, description="Volumes of model weights.")

    @property
    def buckets(self) -> dict[str, Bucket]:
        """The buckets by kind."""
        return {
            "datasets": self.datasets,
            "checkpoints": self.checkpoints,
            "models": self.models,
            "pipelines": self.pipelines,
            "logs": self.logs,
        }


class Registry(Section):
    """The image registry."""

    keep_versions: int = Field(default=20, ge=1, le=1000, description="Newest versions of an image that stay.")
    delete_untagged_days: int = Field(default=14, ge=1, le=365, description="Age at which untagged images go.")


class SystemPool(Section):
    """The nodes of the cluster's own services. They stand outside the zones that have only accelerators."""

    machine_type: str = Field(default="e2-standard-8", description="Machine type of a node.")
    zones: tuple[Zone, ...] = Field(
        strict=False, min_length=1, description="Zones of the nodes, such as us-central1-a."
    )
    min_nodes: int = Field(default=1, ge=1, le=100, description="Least nodes in each zone.")
    max_nodes: int = Field(default=3, ge=1, le=100, description="Most nodes in each zone.")

    _each_zone_once = field_validator("zones")(none_twice)

    @field_validator("machine_type")
    @classmethod
    def _a_general_purpose_machine(cls, value: str) -> str:
        general.boot_disk(value)
        return value

    @model_validator(mode="after")
    def _least_is_not_above_most(self) -> Self:
        if self.min_nodes > self.max_nodes:
            problem = f"more than max_nodes, {self.max_nodes}; lower it, or raise max_nodes"
            raise Conflict(problem, ("min_nodes",), self.min_nodes)
        return self


class Exclusion(Section):
    """A time without maintenance."""

    name: Name = Field(description="Name of the exclusion: at most 40 lower-case letters, digits and dashes.")
    start: Instant = Field(description="UTC, such as 2026-12-20T00:00:00Z.")
    end: Instant = Field(description="UTC, such as 2027-01-05T00:00:00Z.")
    scope: Literal["NO_UPGRADES", "NO_MINOR_UPGRADES", "NO_MINOR_OR_NODE_UPGRADES"] = Field(
        default="NO_MINOR_OR_NODE_UPGRADES", description="What does not happen."
    )

    @model_validator(mode="after")
    def _is_of_a_length_that_its_scope_may_have(self) -> Self:
        if self.end <= self.start:  # text in this form sorts by time
            raise Conflict(f"must be later than start, {self.start}", ("end",), self.end)
        days = EXCLUSION_DAYS[self.scope]
        latest = datetime.strptime(self.start, INSTANT) + timedelta(days=days)
        if datetime.strptime(self.end, INSTANT) > latest:
            problem = f"{self.scope} is for at most {days} days; use {latest:{INSTANT}} or earlier"
            wider = "" if days == max(EXCLUSION_DAYS.values()) else ", or scope: NO_MINOR_OR_NODE_UPGRADES"
            raise Conflict(problem + wider, ("end",), self.end)
        return self


class Maintenance(Section):
    """When GKE may upgrade."""

    start: Instant = Field(default="2026-01-03T02:00:00Z", description="Start of the first window, UTC.")
    hours: int = Field(default=8, ge=4, le=24, description="Length of a window; 48 in any 32 days.")
    days: tuple[Literal["MO", "TU", "WE", "TH", "FR", "SA", "SU"], ...] = Field(
        default=("SA", "SU"), strict=False, min_length=1, description="Days of the week that have a window."
    )
    exclusions: tuple[Exclusion, ...] = Field(default=(), strict=False, description="Times without maintenance.")

    _each_day_once = field_validator("days")(none_twice)

    @model_validator(mode="after")
    def _windows_are_enough(self) -> Self:
        hours = 4 * len(self.days) * self.hours  # any 32 days hold four whole weeks
        if hours < MAINTENANCE_HOURS:
            enough = ceil(MAINTENANCE_HOURS / 4 / len(self.days))
            raise Conflict(
                f"four weeks hold {hours} hours of maintenance, and GKE asks for {MAINTENANCE_HOURS} in any 32 days; "
                f"use {enough} hours, or more days",
                ("hours",),
                self.hours,
            )
        return self


class Cluster(Section):
    """The GKE cluster: regional, private, reached through its DNS endpoint."""

    system_pool: SystemPool = Field(description="Nodes of the cluster's own services.")
    release_channel: Literal["RAPID", "REGULAR", "STABLE", "EXTENDED"] = Field(
        default="REGULAR", description="How soon Kubernetes versions arrive."
    )
    binary_authorization: Literal["audit", "enforce"] = Field(
        default="enforce", description="Whether an image that breaks the project's policy is logged or refused."
    )
    trusted_images: tuple[str, ...] = Field(
        default=(),
        strict=False,
        description="Patterns of images, besides those of the environment's registry and Google's own, that may run.",
    )
    multi_networking: bool = Field(
        default=True,
        description="Pods may have several networks (GPUDirect, RDMA, multislice); decided when the cluster is made.",
    )
    admins_group: str | None = Field(
        default=None,
        pattern=r"^gke-security-groups@[a-z0-9.-]+\.[a-z]{2,}$",
        description="Google Group whose nested groups get Kubernetes roles: gke-security-groups@ and your "
        "domain, the only name that GKE takes.",
    )
    maintenance: Maintenance = Field(default=Maintenance(), description="When GKE may upgrade.")
    adopt: ClusterName | None = Field(
        default=None,
        description="Existing cluster of the region to take over (imported and protected), in the subnetwork that "
        "network.adopt_subnetwork takes over: at most 40 lower-case letters, digits and dashes.",
    )

    @field_validator("trusted_images")
    @classmethod
    def _not_every_image_is_trusted(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if any(not pattern.strip("*/") for pattern in value):
            raise ValueError("trusts every image; name a registry, such as docker.io/library/*")
        return value
