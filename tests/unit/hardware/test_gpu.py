"""GPU machine types, partitions and sharing."""

from __future__ import annotations

import re
from fractions import Fraction

import pytest

from infra.hardware import Impossible, gpu
from infra.hardware.gpu import ACCELERATORS, ATTACHABLE, MACHINES, DriverMode, Fabric, Sharing


@pytest.mark.parametrize("row", MACHINES.values(), ids=MACHINES)
def test_every_machine_has_a_known_gpu_a_quota_and_a_source(row: gpu.GpuMachine) -> None:
    assert row.accelerator in ACCELERATORS
    assert row.quota.on_demand
    assert row.quota.spot
    assert row.source
    assert row.vcpus > 0
    assert row.memory_gb > 0


def test_the_number_of_gpus_in_the_name_of_a_machine_is_how_many_it_has() -> None:
    named = {name: int(found[1]) for name in MACHINES if (found := re.search(r"-(\d+)g\b", name))}
    assert len(named) > 10
    assert {name: MACHINES[name].gpus for name in named} == named


def test_the_number_in_the_name_of_a_standard_machine_is_its_vcpus() -> None:
    named = {name: int(name.rpartition("-")[2]) for name in MACHINES if "-standard-" in name}
    assert {name: MACHINES[name].vcpus for name in named} == named


def test_vgpu_machines_have_a_part_of_one_gpu_and_cannot_be_divided_again() -> None:
    parts = {name: row.fraction for name, row in MACHINES.items() if row.fraction != 1}
    assert parts == {
        "g4-standard-6": Fraction(1, 8),
        "g4-standard-12": Fraction(1, 4),
        "g4-standard-24": Fraction(1, 2),
    }
    with pytest.raises(Impossible, match="part of a GPU already"):
        gpu.check_partition(gpu.machine("g4-standard-24"), "1g.24gb")


@pytest.mark.parametrize(
    ("name", "accelerator"),
    [
        ("a2-highgpu-8g", "nvidia-tesla-a100"),
        ("a2-megagpu-16g", "nvidia-tesla-a100"),
        ("a2-ultragpu-1g", "nvidia-a100-80gb"),
        ("a3-highgpu-8g", "nvidia-h100-80gb"),
        ("a3-megagpu-8g", "nvidia-h100-mega-80gb"),
        ("a3-ultragpu-8g", "nvidia-h200-141gb"),
        ("a4-highgpu-8g", "nvidia-b200"),
        ("a4x-highgpu-4g", "nvidia-gb200"),
        ("a4x-maxgpu-4g-metal", "nvidia-gb300"),
        ("g2-standard-4", "nvidia-l4"),
        ("g4-standard-48", "nvidia-rtx-pro-6000"),
    ],
)
def test_a_machine_has_the_accelerator_that_gke_calls_it_by(name: str, accelerator: str) -> None:
    assert gpu.machine(name).accelerator == accelerator


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a2-ultragpu-16g", "did you mean a2-ultragpu-"),
        ("a3-highgpu-3g", "did you mean a3-highgpu-"),
        ("n1-standard-8", "accelerator (nvidia-tesla-t4"),
        ("e2-standard-4", "allowed: g2-standard-4"),
    ],
)
def test_a_machine_without_gpus_or_that_does_not_exist_is_refused(name: str, said: str) -> None:
    with pytest.raises(Impossible) as caught:
        gpu.machine(name)
    assert said in str(caught.value)
    assert "allowed: " in str(caught.value)
    assert caught.value.argument == "machine_type"


@pytest.mark.parametrize(
    ("name", "fabric", "nics", "profile"),
    [
        ("a3-highgpu-4g", Fabric.NONE, 0, None),
        ("a3-highgpu-8g", Fabric.TCPX, 4, None),
        ("a3-megagpu-8g", Fabric.TCPXO, 8, None),
        ("a3-ultragpu-8g", Fabric.ROCE, 8, "vpc-roce"),
        ("a4-highgpu-8g", Fabric.ROCE, 8, "vpc-roce"),
        ("a4x-highgpu-4g", Fabric.ROCE, 4, "vpc-roce"),
        ("a4x-maxgpu-4g-metal", Fabric.ROCE_METAL, 8, "vpc-roce-metal"),
    ],
)
def test_machines_have_the_fabric_that_joins_their_gpus(
    name: str, fabric: Fabric, nics: int, profile: str | None
) -> None:
    row = gpu.machine(name)
    assert (row.fabric, row.extra_nics, row.fabric.network_profile) == (fabric, nics, profile)


def test_only_a_machine_with_a_fabric_has_interfaces_for_it() -> None:
    assert {name for name, row in MACHINES.items() if (row.fabric is Fabric.NONE) != (row.extra_nics == 0)} == set()


def test_grace_machines_are_arm_and_form_racks_of_72_gpus() -> None:
    arm = {name for name, row in MACHINES.items() if row.arm}
    assert arm == {name for name, row in MACHINES.items() if row.topology == "1x72"}
    assert arm == {"a4x-highgpu-4g", "a4x-highgpu-4g-nolssd", "a4x-maxgpu-4g-metal"}


@pytest.mark.parametrize(
    ("name", "disk"),
    [
        ("g2-standard-4", "pd-balanced"),
        ("a3-megagpu-8g", "pd-balanced"),
        ("a3-ultragpu-8g", "hyperdisk-balanced"),
        ("a4-highgpu-8g", "hyperdisk-balanced"),
    ],
)
def test_a_machine_starts_from_a_disk_that_its_family_takes(name: str, disk: str) -> None:
    assert gpu.machine(name).boot_disk == disk


@pytest.mark.parametrize(
    ("name", "accelerator", "count", "memory_gb"),
    [
        ("n1-standard-8", "nvidia-tesla-t4", 1, 30),
        ("n1-highmem-96", "nvidia-tesla-v100", 8, 624),
        ("n1-highcpu-16", "nvidia-tesla-p4", 2, 14.4),
    ],
)
def test_n1_machines_take_gpus(name: str, accelerator: str, count: int, memory_gb: float) -> None:
    made = gpu.attached(name, accelerator, count)
    assert (made.gpus, made.accelerator, made.memory_gb) == (count, accelerator, pytest.approx(memory_gb))
    assert made.quota == ACCELERATORS[accelerator].quota


@pytest.mark.parametrize(
    ("name", "accelerator", "count", "argument", "said"),
    [
        ("n1-standard-8", "nvidia-tesla-t4", 3, "count", "allowed: 1, 2, 4"),
        ("n1-standard-16", "nvidia-tesla-v100", 1, "count", "allowed: 2, 4, 8"),
        ("n1-standard-96", "nvidia-tesla-p100", 4, "count", "allowed: none"),
        ("n1-standard-8", "nvidia-l4", 1, "accelerator", "comes with g2-standard-4"),
        ("n1-standard-8", "nvidia-tesla-t5", 1, "accelerator", "did you mean nvidia-tesla-t4?"),
        ("n2-standard-8", "nvidia-tesla-t4", 1, "machine_type", "allowed: n1-standard-1"),
        ("n1-standard-12", "nvidia-tesla-t4", 1, "machine_type", "allowed: n1-standard-1"),
        ("n1-highmem-1", "nvidia-tesla-t4", 1, "machine_type", "allowed: n1-highmem-2"),
        ("g2-standard-4", "nvidia-l4", 1, "machine_type", "comes with its GPUs"),
    ],
)
def test_what_cannot_be_attached_is_refused_at_the_setting_at_fault(
    name: str, accelerator: str, count: int, argument: str, said: str
) -> None:
    with pytest.raises(Impossible) as caught:
        gpu.attached(name, accelerator, count)
    assert caught.value.argument == argument
    assert said in str(caught.value)
    assert "allowed: " in str(caught.value)


def test_more_gpus_never_allow_fewer_vcpus() -> None:
    for row in ATTACHABLE.values():
        limits = list(row.max_vcpus.values())
        assert limits == sorted(limits)


def test_a_partition_fits_into_its_gpu() -> None:
    for row in ACCELERATORS.values():
        for profile in row.mig_profiles:
            parts, memory = re.fullmatch(r"(\d)g\.(\d+)gb", profile).groups()  # type: ignore[union-attr]
            assert 1 <= int(parts) <= 7
            assert int(memory) <= row.memory_gb
        if row.mig_profiles:
            assert row.mig_profiles[-1].endswith(f".{row.memory_gb}gb"), f"{row.name}: the largest is the whole GPU"


@pytest.mark.parametrize(
    ("name", "partition", "said"),
    [
        ("a2-highgpu-1g", "1g.10gb", "allowed: 1g.5gb, 2g.10gb, 3g.20gb, 7g.40gb"),
        ("g2-standard-4", "1g.5gb", "leave partition out"),
    ],
)
def test_a_partition_that_the_gpu_has_not_is_refused(name: str, partition: str, said: str) -> None:
    with pytest.raises(Impossible) as caught:
        gpu.check_partition(gpu.machine(name), partition)
    assert said in str(caught.value)
    assert caught.value.argument == "partition"


def test_a_partition_of_the_gpu_is_accepted() -> None:
    gpu.check_partition(gpu.machine("a2-ultragpu-1g"), "1g.10gb")


@pytest.mark.parametrize("accelerator", ["nvidia-tesla-p100", "nvidia-tesla-p4"])
def test_a_gpu_before_volta_is_shared_by_turns_alone(accelerator: str) -> None:
    machine = gpu.attached("n1-standard-8", accelerator, 1)
    gpu.check_sharing(machine, Sharing.TIME_SHARING)
    gpu.check_sharing(gpu.attached("n1-standard-8", "nvidia-tesla-t4", 1), Sharing.MPS)
    with pytest.raises(Impossible, match=f"{accelerator} is older; allowed: time-sharing") as caught:
        gpu.check_sharing(machine, Sharing.MPS)
    assert caught.value.argument == "sharing"


def test_a_partition_is_shared_by_turns_alone() -> None:
    machine = gpu.machine("a2-highgpu-1g")
    gpu.check_sharing(machine, Sharing.MPS)
    gpu.check_sharing(machine, Sharing.TIME_SHARING, "3g.20gb")
    with pytest.raises(Impossible, match=r"a MIG partition such as 3g\.20gb; allowed: time-sharing") as caught:
        gpu.check_sharing(machine, Sharing.MPS, "3g.20gb")
    assert caught.value.argument == "sharing"


def test_modes_have_the_spelling_of_the_command_line_and_of_the_api() -> None:
    assert {mode.value: mode.api_value for mode in DriverMode} == {
        "default": "DEFAULT",
        "latest": "LATEST",
        "disabled": "INSTALLATION_DISABLED",
    }
    assert {mode.value: mode.api_value for mode in Sharing} == {"time-sharing": "TIME_SHARING", "mps": "MPS"}
