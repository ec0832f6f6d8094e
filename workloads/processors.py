"""How many processors this process may use, which in a container is fewer than the machine has.

TensorFlow starts as many threads as the machine has processors; under a container's limit they take each other's time,
and the kernel then stops them all for the rest of every tenth of a second.

Sources: Linux, Documentation/admin-guide/cgroup-v2.rst (cpu.max) and scheduler/sched-bwc.rst (cpu.cfs_quota_us).
"""

from __future__ import annotations

import math
import os
from pathlib import Path

CGROUPS = Path("/sys/fs/cgroup")
"""A container sees its own group here: its runtime makes that the root."""


def processors(cgroups: Path = CGROUPS) -> int:
    """Whole processors: the least of those that the scheduler grants and of the limit, rounded up."""
    granted = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    limit = _limit(cgroups)
    return granted if limit is None else max(1, min(granted, math.ceil(limit)))


def _limit(cgroups: Path) -> float | None:
    """Processor time of the control group per time that passes; None without a limit."""
    try:
        if (file := cgroups / "cpu.max").exists():
            quota, period = file.read_text().split()
        else:
            quota, period = ((cgroups / "cpu" / f"cpu.cfs_{each}_us").read_text() for each in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else None
    except (OSError, ValueError):  # no control groups, as on macOS; or "max"
        return None
