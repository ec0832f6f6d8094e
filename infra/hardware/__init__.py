"""What accelerator hardware Google Cloud offers, and which combinations of it are possible.

Tables with their sources and rules as functions; no network, and nothing but the standard library.

tpu:         generations, topologies by rule, slices.
general:     machines without accelerators.
gpu:         machine types, partitions, drivers, fabrics.
capacity:    the ways to obtain capacity, and what each excludes.
frameworks:  whether TensorFlow runs on it.
quota:       names of the quotas that it draws on.
gke:         labels, taints, resource names and versions of Google Kubernetes Engine.
zones:       where a machine type is offered.
prices:      dated list prices.
errors:      the one error, ``Impossible``.
"""

from infra.hardware.capacity import CapacityKind
from infra.hardware.errors import Impossible

__all__ = ["CapacityKind", "Impossible"]
