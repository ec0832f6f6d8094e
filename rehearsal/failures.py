"""What Google says when something goes wrong, at which moment, and what a person then does.

Each text is as an API or the vendor's provider gives it, with its source beside it. ``provider`` is
hashicorp/terraform-provider-google-beta at commit 93c65b2d60fe.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from rehearsal.cloud.errors import not_enabled
from rehearsal.cloud.moments import Plan
from rehearsal.cloud.store import Resource
from rehearsal.google import discovery
from rehearsal.google.patience import ATTEMPTS
from rehearsal.google.table import row

POOL = "gcp:container/nodePool:NodePool"
TPU_VM = "gcp:tpu/v2Vm:V2Vm"

GONE = (
    "gcp:compute/firewall:Firewall",
    "gcp:compute/routerNat:RouterNat",
    "gcp:container/nodePool:NodePool",
    "gcp:monitoring/alertPolicy:AlertPolicy",
    "gcp:monitoring/dashboard:Dashboard",
    "gcp:projects/iAMMember:IAMMember",
    "gcp:storage/bucketIAMMember:BucketIAMMember",
)
"""What is the same again when it is made again; a service account of the same name, say, is another one."""


@dataclass(frozen=True)
class Strike:
    """What is struck, and how. ``number``: of the project; ``nth``, ``times``: as of ``faults.Fault``."""

    resource: Resource
    number: str
    nth: int
    times: int


@dataclass(frozen=True)
class Kind:
    """A way in which something goes wrong.

    about:   what it is, in a line.
    where:   resource types that can have it, where a person names none, and allowed at all.
    plan:    what happens; None for what happens between two runs.
    advice:  what to do about it.
    """

    about: str
    where: tuple[str, ...]
    plan: Callable[[Strike], Plan] | None
    advice: str


def _stockout(strike: Strike) -> Plan:
    resource = strike.resource
    if resource.token == TPU_VM:
        # of the operation, code 8: magic-modules#7297
        text = (
            f'There is no more capacity in the zone "{resource.address["zone"]}"; you can try in another zone where '
            "Cloud TPU Nodes are offered (see https://cloud.google.com/tpu/docs/regions)"
        )
        return _refusal(resource, "RESOURCE_EXHAUSTED", text, code=8)
    # provider, resource_container_node_pool.go: the pool is made, waits for its nodes, and stays in the state;
    # text: cluster-toolkit#6278, terraform-provider-google#10121
    zone = (resource.body.get("locations") or [f"{resource.address['location']}-a"])[0]
    text = (
        "Error waiting for creating GKE NodePool: Google Compute Engine: Not all instances running in IGM after "
        "35m4.033429035s. Expected 1, running 0, transitioning 1. Current errors: [GCE_STOCKOUT]: Instance "
        f"'gke-{resource.address['name']}-97da88a9-8gmv' creation failed: The zone "
        f"'projects/{resource.address['project']}/zones/{zone}' does not have enough resources available to fulfill "
        "the request. '(resource type:compute)'"
    )
    return _unfinished(resource, "RESOURCE_EXHAUSTED", text)


def _quota(strike: Strike) -> Plan:
    resource = strike.resource
    if resource.token != POOL:
        # Compute Engine, 'Allocation quotas'; fastai/course-v3#165
        text = f"Quota '{row(resource.token)['quota']}' exceeded. Limit: 0.0"
        return _refusal(resource, "RESOURCE_EXHAUSTED", text, code=403)
    # kaiwaehner/hivemq-mqtt-tensorflow-kafka-...#48, m-lab/etl#798; its status is PERMISSION_DENIED (kubeflow#842)
    text = (
        f'Insufficient regional quota to satisfy request: resource "{_metric(resource.body.get("config", {}))}": '
        "request requires '8.0' and is short '8.0'. project has a quota of '0.0' with '0.0' available. View and manage "
        f"quotas at https://console.cloud.google.com/iam-admin/quotas?usage=USED&project={resource.address['project']}."
    )
    return _refusal(resource, "PERMISSION_DENIED", text)


def _denied(strike: Strike) -> Plan:
    resource = strike.resource
    kind = row(resource.token)
    permission = f"{kind['permission']}.{(kind['verbs'] or {}).get('create', 'create')}"
    if kind["service"] == "compute.googleapis.com":  # Compute Engine, 'Troubleshoot access'
        text = f"Required '{permission}' permission for '{resource.id}'"
    else:  # IAM, 'Troubleshoot permission error messages'
        text = f"Permission '{permission}' denied on resource '{resource.id}' (or it may not exist)."
    return _refusal(resource, "PERMISSION_DENIED", text)


def _disabled(strike: Strike) -> Plan:
    resource = strike.resource
    kind = row(resource.token)
    error = not_enabled(discovery.title(kind["document"]), kind["service"], strike.number)
    return _refusal(resource, error.status, error.message)


def _timeout(strike: Strike) -> Plan:
    resource = strike.resource
    # provider, resource_container_node_pool.go; text: terraform-google-kubernetes-engine#939
    text = (
        "Error waiting for creating GKE NodePool: timeout while waiting for state to become 'DONE' "
        "(last state: 'RUNNING', timeout: 30m0s)"
    )
    return _unfinished(resource, "DEADLINE_EXCEEDED", text)


def _too_many(strike: Strike) -> Plan:
    resource = strike.resource
    # marketing-analytics-jumpstart#163; python-docs-samples#3482
    text = (
        "Quota exceeded for quota metric 'Write requests' and limit 'Write requests per minute' of service "
        f"'{row(resource.token)['service']}' for consumer 'project_number:{strike.number}'."
    )
    return _refusal(resource, "RESOURCE_EXHAUSTED", text, times=strike.times)


def _unavailable(strike: Strike) -> Plan:
    return _refusal(strike.resource, "UNAVAILABLE", "The service is currently unavailable.", times=strike.times)


def _kill(strike: Strike) -> Plan:
    return Plan("kill", "gcp:*", phase="after", nth=strike.nth)


def _refusal(resource: Resource, status: str, text: str, *, times: int = 1, code: int | None = None) -> Plan:
    return Plan("error", resource.token, "create", resource.id, times=times, status=status, message=text, code=code)


def _unfinished(resource: Resource, status: str, text: str) -> Plan:
    """An operation that was begun and failed: its error has a code of RPC and none of HTTP (google.rpc.Code)."""
    code = {"RESOURCE_EXHAUSTED": 8, "DEADLINE_EXCEEDED": 4}[status]
    plan = Plan("error", resource.token, "create", resource.id, "after", status=status, code=code, message=text)
    return replace(plan, partial=True)


def _metric(config: dict[str, Any]) -> str:
    """The quota that a pool's machines take first (Compute Engine, 'Allocation quotas', GPUs; 'TPU quotas')."""
    spot = "PREEMPTIBLE_" if config.get("spot") else ""
    accelerators = config.get("accelerators") or []
    if accelerators:
        return f"{spot}{str(accelerators[0]['acceleratorType']).upper().replace('-', '_')}_GPUS"
    return f"{spot}CPUS"


KINDS = {
    "stockout": Kind(
        "Google has no such machines in the zone",
        (POOL, TPU_VM),
        _stockout,
        "there is no capacity: name another zone, or buy it otherwise (spot, flex-start, reservation). A pool is in "
        "the state already and gets its nodes when there are some; `make up` again looks after it",
    ),
    "quota": Kind(
        "the project may have no more of it",
        (POOL, "*"),
        _quota,
        "the quota is too small: `make preflight` lists what the stack needs; ask for more in the console under "
        "IAM & Admin, Quotas, or make it smaller. Then `make up`",
    ),
    "denied": Kind(
        "the caller lacks the permission",
        ("*",),
        _denied,
        "ask who administers the project for a role that has the permission, then `make up`",
    ),
    "disabled": Kind(
        "the service is off in the project",
        ("*",),
        _disabled,
        "enable the service with `gcloud services enable`, wait some minutes, then `make up`",
    ),
    "429": Kind(
        "there are too many requests a minute",
        ("*",),
        _too_many,
        f"the provider asks {ATTEMPTS} times in 90 s; after that, wait a minute and `make up`",
    ),
    "503": Kind(
        "the service does not answer for a while",
        ("*",),
        _unavailable,
        f"the provider asks {ATTEMPTS} times in 90 s; after that, look at https://status.cloud.google.com, and "
        "`make up` later",
    ),
    "timeout": Kind(
        "Google takes longer than the provider waits",
        (POOL,),
        _timeout,
        "it goes on in the background, and the pool is in the state: `make up` later looks after it",
    ),
    "kill": Kind(
        "the engine and its plugins end at once, as with kill -9",
        ("*",),
        _kill,
        "`make up` finds what was made meanwhile and goes on",
    ),
    "drift": Kind(
        "somebody changes it behind Pulumi's back",
        ("gcp:storage/bucket:Bucket", "gcp:compute/network:Network", "gcp:compute/firewall:Firewall"),
        None,
        "`make preview` shows it; `make up` puts it back",
    ),
    "gone": Kind(
        "somebody deletes it behind Pulumi's back",
        GONE,
        None,
        "`make preview` shows it; `make up` makes it again",
    ),
}

DRIFTS: dict[str, Callable[[dict[str, Any]], None]] = {
    "gcp:storage/bucket:Bucket": lambda found: found["iamConfiguration"].update(publicAccessPrevention="inherited"),
    "gcp:compute/network:Network": lambda found: found["routingConfig"].update(routingMode="GLOBAL"),
    "gcp:compute/firewall:Firewall": lambda found: found.update(priority=int(found.get("priority", 1000)) + 1),
}
"""What somebody changes, by resource type."""
