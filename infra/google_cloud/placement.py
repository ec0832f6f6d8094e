"""Machines that must stand together."""

from __future__ import annotations

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.environment import Environment

Placement = gcp.container.NodePoolPlacementPolicyArgsDict


def workload_placement(
    name: str, environment: Environment, parent: pulumi.Resource, pool: str, topology: str
) -> Placement:
    """Placement of a pool whose machines form one accelerator of ``topology``, through a workload policy.

    For TPU7x slices and the NVLink domains of A4X; earlier slices name their topology in the pool itself.
    Source: cluster-toolkit, modules/compute/resource-policy.
    """
    policy_name = environment.named(f"{pool}-placement")
    policy = gcp.compute.ResourcePolicy(
        f"{name}-placement",
        name=policy_name,
        project=environment.project,
        region=environment.region,
        description=f"Machines of {pool} form one accelerator of {topology}",
        workload_policy={"type": "HIGH_THROUGHPUT", "accelerator_topology": topology},
        opts=environment.options(parent),
    )
    # The type is required by the schema and empty in the service's answer; COMPACT would replace the pool each time.
    return {"type": "", "policy_name": policy.name}
