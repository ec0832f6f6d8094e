"""TPU generations, their topologies and slices."""

from __future__ import annotations

from math import prod

import pytest

from infra.hardware import Impossible, frameworks, tpu
from infra.hardware.tpu import GENERATIONS, Placement, TpuSlice


def every_slice() -> list[TpuSlice]:
    return [
        tpu.slice_of(row.key, topology, machine.name)
        for row in GENERATIONS.values()
        for machine in row.machines
        for topology in tpu.topologies(row, machine)
    ]


EVERY_SLICE = every_slice()
OF_TPU_VMS = [key for key, row in GENERATIONS.items() if row.api_type]


def sides(topology: str) -> list[int]:
    return [int(side) for side in topology.split("x")]


def refusal(generation: str, topology: str, machine_type: str | None = None) -> Impossible:
    with pytest.raises(Impossible) as caught:
        tpu.slice_of(generation, topology, machine_type)
    return caught.value


def test_the_chips_of_a_slice_are_those_of_its_topology_and_of_its_vms() -> None:
    for each in EVERY_SLICE:
        assert each.chips == prod(sides(each.topology)) == each.vms * each.machine.chips, each


def test_a_slice_is_multi_host_when_it_takes_more_than_one_vm() -> None:
    assert {each.is_multi_host == (each.vms > 1) for each in EVERY_SLICE} == {True}
    assert {each.machine.multi_host for each in EVERY_SLICE if each.is_multi_host} == {True}


def test_no_slice_is_larger_than_its_generation_allows() -> None:
    largest = {key: max(each.chips for each in EVERY_SLICE if each.generation.key == key) for key in GENERATIONS}
    assert largest == {"v4": 4096, "v5e": 256, "v5p": 6144, "v6e": 256, "tpu7x": 9216}


def test_the_sides_of_a_topology_are_ordered_and_large_ones_are_whole_cubes() -> None:
    for each in EVERY_SLICE:
        lengths = sides(each.topology)
        assert len(lengths) == each.generation.dimensions
        if each.topology != "2x2x1":
            assert lengths == sorted(lengths), each.topology
        if len(lengths) == 3 and each.chips >= 64:
            assert all(length % 4 == 0 for length in lengths), each.topology


def test_two_dimensional_topologies_are_the_published_ones() -> None:
    published = ("1x1", "2x2", "2x4", "4x4", "4x8", "8x8", "8x16", "16x16")
    assert tpu.topologies(GENERATIONS["v5e"]) == tpu.topologies(GENERATIONS["v6e"]) == published


@pytest.mark.parametrize(
    ("generation", "topology", "there"),
    [
        ("v4", "16x16x16", True),
        ("v4", "16x16x20", False),
        ("v5p", "16x16x24", True),
        ("v5p", "4x4x244", True),
        ("v5p", "16x20x20", False),
        ("tpu7x", "16x24x24", True),
        ("tpu7x", "1x1x1", True),
        ("v4", "1x1x1", False),
        ("v5p", "4x4x260", False),
        ("v5p", "4x4x6", False),
    ],
)
def test_three_dimensional_topologies_follow_the_rule_of_cubes(generation: str, topology: str, there: bool) -> None:
    assert (topology in tpu.topologies(GENERATIONS[generation])) is there


def test_placement_is_none_for_one_vm_and_else_the_generation_s() -> None:
    for each in EVERY_SLICE:
        if not each.is_multi_host:
            assert each.placement is Placement.NONE
        elif each.generation.key == "tpu7x":
            assert each.placement is Placement.WORKLOAD_POLICY
        else:
            assert each.placement is Placement.COMPACT


@pytest.mark.parametrize(
    ("generation", "topology", "machine_type", "accelerator_type", "vms"),
    [
        ("v4", "2x2x1", None, "v4-8", 1),
        ("v5p", "2x2x1", None, "v5p-8", 1),
        ("v5p", "2x2x2", None, "v5p-16", 2),
        ("v5e", "4x4", None, "v5litepod-16", 4),
        ("v5e", "2x4", "ct5lp-hightpu-4t", "v5litepod-8", 2),
        ("v5e", "2x4", "ct5lp-hightpu-8t", "v5litepod-8", 1),
        ("v6e", "1x1", None, "v6e-1", 1),
        ("v6e", "16x16", None, "v6e-256", 64),
        ("tpu7x", "2x2x1", None, "tpu7x-8", 1),
    ],
)
def test_a_slice_has_google_s_name_and_its_number_of_vms(
    generation: str, topology: str, machine_type: str | None, accelerator_type: str, vms: int
) -> None:
    made = tpu.slice_of(generation, topology, machine_type)
    assert (made.accelerator_type, made.vms) == (accelerator_type, vms)


def test_names_count_tensorcores_for_three_dimensional_generations_and_chips_for_the_others() -> None:
    for each in EVERY_SLICE:
        number = int(each.accelerator_type.rpartition("-")[2])
        assert number == (each.cores if each.generation.dimensions == 3 else each.chips)


@pytest.mark.parametrize("key", OF_TPU_VMS)
def test_an_accelerator_type_names_a_slice_of_its_own_name_and_size(key: str) -> None:
    for each in EVERY_SLICE:
        if each.generation.key == key:
            named = tpu.slice_of_accelerator_type(each.accelerator_type)
            assert named.accelerator_type == each.accelerator_type
            assert (named.generation, named.chips) == (each.generation, each.chips)
            assert named.vms <= each.vms


@pytest.mark.parametrize("key", OF_TPU_VMS)
def test_every_accelerator_type_leads_to_one_slice_and_back(key: str) -> None:
    names = {each.accelerator_type for each in EVERY_SLICE if each.generation.key == key}
    named = {tpu.slice_of_accelerator_type(name) for name in names}
    assert {each.accelerator_type for each in named} == names
    assert len(named) == len(names)


@pytest.mark.parametrize(
    ("accelerator_type", "topology", "machine_type"),
    [
        ("v4-1024", "8x8x8", "ct4p-hightpu-4t"),
        ("v5p-768", "4x8x12", "ct5p-hightpu-4t"),
        ("v5p-1152", "4x12x12", "ct5p-hightpu-4t"),
        ("v5p-1536", "8x8x12", "ct5p-hightpu-4t"),
        ("v5p-9216", "12x16x24", "ct5p-hightpu-4t"),
        ("v5p-11648", "4x28x52", "ct5p-hightpu-4t"),
        ("v5p-12288", "16x16x24", "ct5p-hightpu-4t"),
        ("v5litepod-8", "2x4", "ct5lp-hightpu-8t"),
        ("v6e-8", "2x4", "ct6e-standard-8t"),
        ("v6e-16", "4x4", "ct6e-standard-4t"),
    ],
)
def test_an_accelerator_type_means_the_most_cubic_shape(
    accelerator_type: str, topology: str, machine_type: str
) -> None:
    """The shapes are those that xpk and MaxText list for these names."""
    named = tpu.slice_of_accelerator_type(accelerator_type)
    assert (named.topology, named.machine.name) == (topology, machine_type)


@pytest.mark.parametrize(
    ("accelerator_type", "said"),
    [
        ("v5p-6", "v5p names count TensorCores, 2 a chip"),
        ("v5p-6", "did you mean v5p-8?"),
        ("v5p-4", "did you mean v5p-8?"),
        ("v5e-16", "did you mean v5litepod-16?"),
        ("v6e-12", "did you mean v6e-16?"),
        ("tpu7x-8", "allowed: v4, v5e, v5p, v6e"),
        ("v9-8", "allowed: a prefix and a size, such as v4-8, v5litepod-1"),
        ("v5p", "allowed: a prefix and a size"),
    ],
)
def test_a_wrong_accelerator_type_is_refused_with_what_was_meant(accelerator_type: str, said: str) -> None:
    with pytest.raises(Impossible) as caught:
        tpu.slice_of_accelerator_type(accelerator_type)
    assert said in str(caught.value)
    assert caught.value.argument == "accelerator_type"


def test_a_topology_that_several_machine_types_make_asks_which_and_says_what_each_means() -> None:
    said = refusal("v5e", "2x4")
    assert said.argument == "machine_type"
    assert "ct5lp-hightpu-4t (2 VMs" in str(said)
    assert "ct5lp-hightpu-8t (one VM)" in str(said)


@pytest.mark.parametrize(
    ("generation", "topology", "machine_type", "argument", "said"),
    [
        ("v5", "2x2", None, "generation", "allowed: v4, v5e, v5p, v6e, tpu7x"),
        ("v5e", "2x2x2", None, "topology", "did you mean generation v4 or v5p or tpu7x"),
        ("v5p", "2x4", None, "topology", "did you mean generation v5e or v6e"),
        ("v5e", "2x2x2", "ct5lp-hightpu-4t", "topology", "allowed: 2x2, 2x4, 4x4, 4x8, 8x8, 8x16, 16x16 with ct5lp"),
        ("v5e", "4x2", None, "topology", "did you mean 2x4?"),
        ("v5p", "8x4x4", None, "topology", "did you mean 4x4x8?"),
        ("v6e", "32x32", None, "topology", "at most 256 chips"),
        ("v6e", "4x4", "ct6e-standard-8t", "topology", "ct6e-standard-4t can make it"),
        ("v6e", "", None, "topology", "allowed: 1x1, 2x2"),
        ("v6e", "4-4", None, "topology", "allowed: 1x1, 2x2"),
        ("v6e", "4x4", "ct6e-standard-16t", "machine_type", "allowed: ct6e-standard-1t"),
        ("v6e", "4x4", "ct5lp-hightpu-4t", "machine_type", "is of generation v5e"),
        ("tpu7x", "2x2x1", "tpu7x-ultranet-4t", "machine_type", "allowed: tpu7x-standard-1t, tpu7x-standard-4t"),
        ("tpu7", "2x2x1", None, "generation", "did you mean tpu7x?"),
    ],
)
def test_what_is_no_slice_is_refused_with_what_is_allowed(
    generation: str, topology: str, machine_type: str | None, argument: str, said: str
) -> None:
    caught = refusal(generation, topology, machine_type)
    assert caught.argument == argument
    assert said in str(caught)
    assert "allowed: " in str(caught)


def test_a_long_list_of_what_is_allowed_is_cut_and_counted() -> None:
    assert "and 254 more" in str(refusal("v5p", "3x3x3"))


@pytest.mark.parametrize(
    ("key", "label", "config"),
    [
        ("v4", "tpu-v4-podslice", {"type": "V4", "topology": "2x2x1"}),
        ("v5e", "tpu-v5-lite-podslice", {"type": "V5LITE_POD", "topology": "2x2"}),
        ("v5p", "tpu-v5p-slice", {"type": "V5P", "topology": "2x2x1"}),
        ("v6e", "tpu-v6e-slice", {"type": "V6E", "topology": "2x2"}),
        ("tpu7x", "tpu7x", None),
    ],
)
def test_labels_and_api_names_are_google_s(key: str, label: str, config: dict[str, str] | None) -> None:
    topology = "2x2" if GENERATIONS[key].dimensions == 2 else "2x2x1"
    made = tpu.slice_of(key, topology)
    assert made.node_labels == {
        "cloud.google.com/gke-tpu-accelerator": label,
        "cloud.google.com/gke-tpu-topology": topology,
    }
    assert made.api_config == config


def test_a_tpu_vm_starts_with_the_default_runtime_of_its_generation() -> None:
    defaults = {key: tpu.runtime_of(tpu.slice_of_accelerator_type(name)) for key, name in ONE_VM.items()}
    assert defaults == {
        "v4": "tpu-ubuntu2204-base",
        "v5e": "v2-alpha-tpuv5-lite",
        "v5p": "v2-alpha-tpuv5",
        "v6e": "v2-alpha-tpuv6e",
    }


ONE_VM = {"v4": "v4-8", "v5e": "v5litepod-4", "v5p": "v5p-8", "v6e": "v6e-4"}


def test_a_slice_of_several_vms_has_a_tensorflow_image_of_its_own() -> None:
    one, several = (tpu.slice_of_accelerator_type(name) for name in ("v5litepod-8", "v5litepod-16"))
    assert tpu.runtime_of(one, "tpu-vm-tf-2.18.0-pjrt-v5e-and-v6") == "tpu-vm-tf-2.18.0-pjrt-v5e-and-v6"
    with pytest.raises(Impossible, match=r"allowed: .*tpu-vm-tf-2\.18\.0-pod-pjrt-v5e-and-v6") as caught:
        tpu.runtime_of(several, "tpu-vm-tf-2.18.0-pjrt-v5e-and-v6")
    assert caught.value.argument == "runtime"


def test_tpu7x_has_no_tpu_vm_runtime() -> None:
    with pytest.raises(Impossible, match="allowed: v4, v5e, v5p, v6e") as caught:
        tpu.runtime_of(tpu.slice_of("tpu7x", "2x2x1"))
    assert caught.value.argument == "runtime"


def test_only_what_google_refuses_is_refused_to_tensorflow_and_only_what_it_supports_is_promised() -> None:
    answers = {key: row.tensorflow for key, row in GENERATIONS.items()}
    assert [key for key, answer in answers.items() if answer is frameworks.Support.REFUSED] == ["tpu7x"]
    assert [key for key, answer in answers.items() if answer is frameworks.Support.SUPPORTED] == ["v4", "v5e"]


@pytest.mark.parametrize("row", GENERATIONS.values(), ids=GENERATIONS)
def test_every_generation_says_where_its_facts_are_from_and_counts_chips_against_a_quota(
    row: tpu.TpuGeneration,
) -> None:
    assert row.source
    assert row.tensorflow_note
    assert row.quota.on_demand
    assert all(machine.name.endswith(f"-{machine.chips}t") for machine in row.machines)


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(TypeError):
        GENERATIONS["v9"] = GENERATIONS["v4"]  # type: ignore[index]
