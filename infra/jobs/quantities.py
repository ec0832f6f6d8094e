"""Resources as Kubernetes writes them itself, so that what is read back is what was declared."""

from __future__ import annotations

from infra.hardware import gke
from infra.plan.nodes import MIB_PER_GIB, Resources


def quantities(amount: Resources) -> dict[str, str]:
    """What a container asks for; nothing of what it needs none of."""
    named = {
        "cpu": f"{amount.cpu}m" if amount.cpu % 1000 else str(amount.cpu // 1000),
        "memory": _memory(amount.memory),
        gke.GPU_RESOURCE: str(amount.gpus),
        gke.TPU_RESOURCE: str(amount.tpus),
    }
    return {name: value for name, value in named.items() if value != "0"}


def _memory(mib: int) -> str:
    """In the largest unit of which it is a whole number."""
    units = ["Mi", "Gi", "Ti"]
    while mib and not mib % MIB_PER_GIB and len(units) > 1:
        mib, units = mib // MIB_PER_GIB, units[1:]
    return f"{mib}{units[0]}" if mib else "0"
