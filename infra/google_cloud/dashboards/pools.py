"""The pools of the cluster as those who watch it know them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple


class Pool(NamedTuple):
    """A pool of nodes.

    max_nodes:  over all zones; for TPUs over all slices.
    kind:       "slices": TPU slices on several machines, that work whole or not at all.
    """

    name: str
    max_nodes: int
    kind: Literal["system", "gpu", "tpu", "slices"]


def table(pools: Sequence[Pool]) -> str:
    """The pools in Markdown."""
    rows = [f"| {pool.name} | {pool.kind} | {pool.max_nodes} |" for pool in pools]
    return "\n".join(["| pool | kind | most nodes |", "| --- | --- | --- |", *rows])
