"""How long the engine waits, by how capacity is bought.

The provider's own waits (20 minutes for a TPU VM, 2 hours for a node pool) are too short for capacity that has to be
found and too long for an answer that nobody has any.
"""

from __future__ import annotations

import pulumi

from infra.hardware import CapacityKind

CLUSTER = pulumi.CustomTimeouts(create="1h", update="2h", delete="1h")  # an upgrade of the control plane is an update

NODE_POOL = {
    CapacityKind.ON_DEMAND: pulumi.CustomTimeouts(create="45m", update="3h", delete="1h"),
    CapacityKind.SPOT: pulumi.CustomTimeouts(create="45m", update="3h", delete="1h"),
    # These begin without a node, so only the pool itself is waited for.
    CapacityKind.FLEX_START: pulumi.CustomTimeouts(create="30m", update="2h", delete="1h"),
    CapacityKind.QUEUED: pulumi.CustomTimeouts(create="30m", update="2h", delete="1h"),
    CapacityKind.RESERVATION: pulumi.CustomTimeouts(create="2h", update="4h", delete="1h"),  # whole blocks boot at once
}

TPU_VM = pulumi.CustomTimeouts(create="1h", update="1h", delete="1h")

TPU_QUEUE = pulumi.CustomTimeouts(create="30m", update="30m", delete="1h")
TPU_QUEUE_UNTIL_GRANTED = pulumi.CustomTimeouts(create="24h", update="24h", delete="1h")
