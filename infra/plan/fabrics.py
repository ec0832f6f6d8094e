"""How many networks a fabric is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True)
class Layout:
    """What the machines of one kind stand in.

    host_networks:     VPCs of one subnetwork each, for ordinary (gVNIC) interfaces besides the first.
    rdma_subnetworks:  subnetworks of the one RDMA VPC, an interface each.
    """

    host_networks: int
    rdma_subnetworks: int = 0

    @property
    def networks(self) -> int:
        return self.host_networks + bool(self.rdma_subnetworks)

    @property
    def subnetworks(self) -> int:
        return self.host_networks + self.rdma_subnetworks


# GKE, 'Maximize GPU network bandwidth in Standard mode clusters'; cluster-toolkit, modules/network/gpu-rdma-vpc and
# examples/gke-a3-*; Cloud TPU, 'Multislice networking'.
LAYOUTS: Mapping[str, Layout] = MappingProxyType(
    {
        "tcpx": Layout(host_networks=4),
        "tcpxo": Layout(host_networks=8),
        "roce": Layout(host_networks=1, rdma_subnetworks=8),
        "roce-metal": Layout(host_networks=1, rdma_subnetworks=8),
        "multislice": Layout(host_networks=1),
    }
)
