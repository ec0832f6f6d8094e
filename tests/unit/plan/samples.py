"""Small valid stack files of Google Cloud and of a cluster, and what to put into them."""

from __future__ import annotations

from typing import Any

from infra.settings import GoogleSettings, Settings, parse

STACK = "dev"

L4 = {"name": "l4", "machine_type": "g2-standard-8", "zones": ["us-central1-a"], "max_nodes": 4}
A100 = {"name": "a100", "machine_type": "a2-highgpu-1g", "zones": ["us-central1-a"], "max_nodes": 2}
H100 = {"name": "h100", "machine_type": "a3-megagpu-8g", "zones": ["us-central1-a"], "max_nodes": 3}
T4 = {
    "name": "t4",
    "machine_type": "n1-standard-4",
    "accelerator": "nvidia-tesla-t4",
    "count": 1,
    "zones": ["us-central1-a"],
    "max_nodes": 2,
}
V5E = {"name": "v5e", "generation": "v5e", "topology": "4x4", "zone": "us-central1-a", "slices": 2}
VM = {"name": "debug", "accelerator_type": "v5litepod-8", "zone": "us-central1-a"}
QUEUE = {"name": "queue", "accelerator_type": "v5p-8", "zone": "us-central1-a", "slices": 2}
TCPXO = {"name": "tcpxo", "kind": "tcpxo", "range": "172.16.0.0/16"}

CPUS = {"name": "cpus", "nodes": 2, "cpu": 8, "memory_gib": 32, "labels": ["pool=cpus"]}
GPUS = {**CPUS, "name": "gpus", "gpus": 4, "labels": ["pool=gpus"]}
TPUS = {**CPUS, "name": "tpus", "nodes": 4, "tpus": 4, "labels": ["pool=tpus"]}

WORKLOAD = {"name": "digits", "model": "digits_cnn", "dataset": "digits"}

ON_DEMAND = {"kind": "on-demand"}
SPOT = {"kind": "spot"}
FLEX_START = {"kind": "flex-start"}
RESERVATION = {"kind": "reservation", "name": "ours"}


def section(**changes: Any) -> dict[str, Any]:
    """The section with some keys replaced or added."""
    return {
        "project": "ai-dev-1",
        "project_number": 123456789012,
        "region": "us-central1",
        "owner": "ml",
        "cost_centre": "research",
        "cluster": {"system_pool": {"zones": ["us-central1-b", "us-central1-c"]}},
        "observability": {"emails": ["ml@example.com"]},
        "budget": {"billing_account": "012345-6789AB-CDEF01", "monthly_usd": 5000},
        **changes,
    }


def settings(**changes: Any) -> GoogleSettings:
    """The section, read and checked."""
    read = parse(STACK, {"site": "google", "google": section(**changes)}).google
    assert read is not None
    return read


def with_everything() -> GoogleSettings:
    """A stack that has some of all that a stack can have."""
    return settings(
        network={"fabrics": [TCPXO], "peering": "172.30.0.0/20"},
        storage={
            "filestore": [{"name": "homes", "zone": "us-central1-a"}],
            "lustre": [{"name": "corpus", "zone": "us-central1-a"}],
            "hyperdisk_ml": [{"name": "weights", "zone": "us-central1-a"}],
        },
        gpu_pools=[
            {**L4, "capacity": ON_DEMAND, "min_nodes": 1},
            {**A100, "capacity": SPOT},
            {**H100, "capacity": RESERVATION},
            {**T4, "capacity": FLEX_START},
        ],
        tpu_slices=[{**V5E, "capacity": SPOT}],
        tpu_vms=[{**VM, "capacity": ON_DEMAND}],
        tpu_queues=[{**QUEUE, "capacity": SPOT}],
        delivery={"repository": "example/ai", "repository_id": 1},
    )


def cluster(*pools: dict[str, Any], workloads: list[dict[str, Any]] | None = None, **platform: Any) -> Settings:
    """A stack of a cluster with these pools, read and checked."""
    images = {"train": "example.com/ai/train:1", "serve": "example.com/ai/serve:1"}
    return parse(
        STACK,
        {
            "site": "kubernetes",
            "kubernetes": {"context": "example", "version": "1.34.4", "pools": list(pools)},
            "platform": {"teams": [{"name": "vision", "share": 2}, {"name": "speech"}], "images": images, **platform},
            "workloads": workloads or [],
        },
    )
