"""Which APIs a stack needs."""

from __future__ import annotations

from typing import Any

import pytest

from infra.plan.services import NEEDED_BEFOREHAND, reasons, services
from tests.unit.plan import samples

LUSTRE = {"lustre": [{"name": "corpus", "zone": "us-central1-a"}]}


def test_they_are_full_names_sorted_each_once_and_each_for_a_reason() -> None:
    needed = services(samples.with_everything())
    assert list(needed) == sorted(set(needed))
    assert all(name.endswith(".googleapis.com") for name in needed)
    assert all(reasons(samples.with_everything()).values())
    assert set(NEEDED_BEFOREHAND) <= set(needed)


@pytest.mark.parametrize(
    ("service", "changes"),
    [
        ("tpu", {"tpu_vms": [{**samples.VM, "capacity": samples.ON_DEMAND}]}),
        ("tpu", {"tpu_queues": [{**samples.QUEUE, "capacity": samples.SPOT}]}),
        ("file", {"storage": {"filestore": [{"name": "homes", "zone": "us-central1-a"}]}}),
        ("lustre", {"storage": LUSTRE, "network": {"peering": "172.30.0.0/20"}}),
        ("servicenetworking", {"network": {"peering": "172.30.0.0/20"}}),
        ("sts", {"delivery": {"repository": "example/ai", "repository_id": 1}}),
    ],
)
def test_an_api_is_needed_by_what_uses_it_and_not_without(service: str, changes: dict[str, Any]) -> None:
    name = f"{service}.googleapis.com"
    assert name not in services(samples.settings())
    assert name in services(samples.settings(**changes))


def test_tpu_slices_of_the_cluster_do_not_need_the_tpu_api() -> None:
    slices = samples.settings(tpu_slices=[{**samples.V5E, "capacity": samples.SPOT}])
    assert "tpu.googleapis.com" not in services(slices)


@pytest.mark.parametrize("service", ["containerfilesystem", "cloudquotas"])
def test_what_every_stack_uses_is_always_needed(service: str) -> None:
    assert f"{service}.googleapis.com" in services(samples.settings())
