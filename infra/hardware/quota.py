"""Names of the quotas that accelerators draw on.

Compute Engine counts older models with a metric each, and newer ones with one metric for all that a dimension tells
apart. GKE draws on Compute Engine's quotas; TPU VMs have quotas of their own in the Cloud TPU API, which have no public
table of names and are not here. Reservations need no quota.

Sources: Compute Engine API v1, ``Quota.metric`` (revision 2026-11-06), for every metric that is listed there; Cloud
Quotas API, ids ``GPUS-PER-GPU-FAMILY-per-project-region``, ``TPUS-PER-TPU-FAMILY-per-project-region`` and
``PREEMPTIBLE-TPU-V6E-per-project-region``, as public users quote them in 2026, for the others. The names for v5p are
quoted by one user, and those for GB200, GB300 and RTX PRO 6000 as spot follow the pattern of the others.
"""

from __future__ import annotations

from dataclasses import dataclass

GPU_FAMILY_METRIC = "GPUS_PER_GPU_FAMILY"
TPU_FAMILY_METRIC = "TPUS_PER_TPU_FAMILY"


@dataclass(frozen=True)
class Quota:
    """What limits the GPUs or the TPU chips of a model in a region; None where no public source names it.

    on_demand:  metric of on-demand capacity.
    spot:       metric of spot and flex-start capacity (flex-start falls back on ``on_demand``).
    family:     value of the dimension ``gpu_family`` or ``tpu_family`` within ``on_demand``; None for a metric alone,
                and where no source names the value.
    """

    on_demand: str | None
    spot: str | None
    family: str | None = None

    @classmethod
    def gpu(cls, model: str) -> Quota:
        """A GPU model with metrics of its own."""
        return cls(f"{model}_GPUS", f"PREEMPTIBLE_{model}_GPUS")

    @classmethod
    def gpu_family(cls, model: str) -> Quota:
        """A GPU model that is a value of the shared metric."""
        return cls(GPU_FAMILY_METRIC, f"PREEMPTIBLE_{model}_GPUS", model)


def quota_id(metric: str) -> str:
    """The id that the Cloud Quotas API gives to a regional metric of Compute Engine."""
    return f"{metric.replace('_', '-')}-per-project-region"
