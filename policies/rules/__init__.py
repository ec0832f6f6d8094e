"""The rules, a family a module. ``RULES`` has them all, by id."""

from policies.rule import Rules
from policies.rules import (
    accelerators,
    cost,
    data,
    encryption,
    gke,
    identity,
    images,
    kubernetes,
    labels,
    network,
    organisation,
    program,
    reliability,
)

FAMILIES = (
    cost,
    reliability,
    gke,
    identity,
    network,
    data,
    encryption,
    kubernetes,
    images,
    accelerators,
    labels,
    program,
    organisation,
)

RULES = Rules()
for _family in FAMILIES:
    for _rule in _family.RULES.values():
        RULES.add(_rule)
