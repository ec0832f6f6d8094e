"""What machines a stack asks for, their addresses and their names."""

from __future__ import annotations

import pytest

from infra.google_cloud.identity import ROLES
from infra.plan.addresses import ranges
from infra.plan.fleet import fleet
from infra.plan.names import ACCOUNTS, names
from tests.unit.plan import samples


def test_every_entry_of_the_stack_file_is_a_group_of_machines() -> None:
    found = {group.setting: (group.least, group.most) for group in fleet(samples.with_everything())}
    assert found == {
        "cluster.system_pool": (2, 6),
        "gpu_pools[0]": (1, 4),
        "gpu_pools[1]": (0, 2),
        "gpu_pools[2]": (0, 3),
        "gpu_pools[3]": (0, 2),
        "tpu_slices[0]": (0, 8),
        "tpu_vms[0]": (1, 1),
        "tpu_queues[0]": (0, 2),
    }


def test_a_range_holds_what_stands_in_it_and_what_google_reserves() -> None:
    used = {use.setting: use.used for use in ranges(samples.with_everything())}
    assert used == {
        "network.nodes": 6 + 4 + 2 + 3 + 2 + 8 + 1 + 2 + 4,
        "network.pods": 6 * 256 + (4 + 2 + 3 + 2 + 8) * 64,
        "network.fabrics[0].range": 3 + 4,
    }


def test_a_fabric_offers_its_machines_one_of_sixteen_parts() -> None:
    fabric = next(use for use in ranges(samples.with_everything()) if "fabrics" in use.setting)
    assert fabric.available == 2**16 // 16


def test_the_longest_legal_stack_and_project_names_fit_every_limit() -> None:
    settings = samples.settings(
        project="p" * 30,
        network={"fabrics": [{**samples.TCPXO, "name": "f" * 16}]},
        gpu_pools=[{**samples.L4, "name": "g" * 24, "capacity": samples.SPOT}],
        tpu_slices=[{**samples.V5E, "name": "t" * 24, "slices": 64, "capacity": samples.SPOT}],
        tpu_vms=[{**samples.VM, "name": "v" * 24, "capacity": samples.SPOT}],
    )
    assert [name for name in names("s" * 16, settings) if not name.fits] == []


@pytest.mark.parametrize("stack", ["s" * 40, "Dev", "1dev"])
def test_a_stack_whose_names_google_refuses_does_not_fit(stack: str) -> None:
    assert not all(name.fits for name in names(stack, samples.settings()))


def test_adopted_things_are_not_named() -> None:
    adopted = samples.settings(
        network={"adopt": "old"}, storage={"models": {"noncurrent_days": 1, "adopt": "old-models"}}
    )
    found = {name.text for name in names("dev", adopted)}
    assert {"dev-network", "ai-dev-1-dev-models"}.isdisjoint(found)
    assert "ai-dev-1-dev-logs" in found


def test_the_accounts_are_those_of_the_roles() -> None:
    assert set(ACCOUNTS) == set(ROLES)
