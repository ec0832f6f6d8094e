"""The google section of a stack file: what is legal is accepted, and what is not is answered with the way out."""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path
from typing import Any

import hypothesis
import jsonschema
import pytest
import yaml

from infra.hardware import CapacityKind, capacity, tpu
from infra.settings import GoogleSettings, SettingsError
from infra.settings.load import parse
from infra.settings.schema import schema
from tests.legal_settings import DETERMINISTIC, FAMILIES, HARDWARE, legal_google, legal_stack_name
from tests.unit.cases import JARGON, broken, told

STACK = "dev"
ILLEGAL = yaml.safe_load((Path(__file__).parent / "illegal_settings.yaml").read_text())
BASE: dict[str, Any] = ILLEGAL["base"]
CASES: list[dict[str, Any]] = ILLEGAL["cases"]
A_DOZEN = hypothesis.settings(DETERMINISTIC, max_examples=12)
SCHEMA = jsonschema.Draft202012Validator(schema())


def section(case: dict[str, Any]) -> dict[str, Any]:
    """The base with the case's mistake."""
    return broken(BASE, case)


def first_line(case: dict[str, Any]) -> str:
    """Of the answer: the file, the key and what it holds."""
    return told(BASE, case, f"stacks/Pulumi.{STACK}.yaml: ai-datacenter:google.")


def answer(google: dict[str, Any], stack: str = STACK) -> str:
    with pytest.raises(SettingsError) as caught:
        parse(stack, {"site": "google", "google": google})
    return str(caught.value)


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_an_illegal_combination_is_answered_once_by_its_key_with_what_is_allowed_and_the_fix(
    case: dict[str, Any],
) -> None:
    first, second = answer(section(case)).split("\n")
    assert first == first_line(case)
    assert [words for words in case["says"] if words not in second] == []
    assert second.endswith((".", "?"))
    assert not re.search(JARGON + r"|\.\.|\. \.|\?\.", second)


def test_the_base_is_legal_and_every_case_breaks_it_by_its_change_alone() -> None:
    parse(STACK, {"site": "google", "google": BASE})
    assert len(CASES) >= 60
    assert len({case["name"] for case in CASES}) == len(CASES)
    assert len({json.dumps(section(case), sort_keys=True) for case in [{}, *CASES]}) == len(CASES) + 1


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_what_a_case_says_is_more_than_its_value(case: dict[str, Any]) -> None:
    value = first_line(case).partition(" = ")[2].strip('"')
    assert [words for words in case["says"] if isinstance(words, str) and words not in value]


def test_two_mistakes_in_different_sections_are_both_told() -> None:
    case = {"change": {"tpu_slices[0].topology": "8x4", "budget.monthly_usd": 0}}
    answered = [line for line in answer(section(case)).split("\n") if not line.startswith(" ")]
    assert [line.partition(" = ")[0].rpartition("google.")[2] for line in answered] == [
        "tpu_slices[0].topology",
        "budget.monthly_usd",
    ]


def test_a_network_that_is_proposed_is_free() -> None:
    """Doing what the answer says ends the mistake: it does not lead to the next."""
    lost = section({"remove": ["network.fabrics[1]", "network.peering"]})
    for _ in range(2):
        said = answer(lost)
        if proposed := re.search(r"add to google\.network\.fabrics: (\{.+\})", said):
            lost["network"]["fabrics"].append(yaml.safe_load(proposed[1]))
        elif proposed := re.search(r"such as ([\d./]+)\.", said):
            lost["network"]["peering"] = proposed[1]
    parse(STACK, {"site": "google", "google": lost})


@pytest.mark.parametrize("stack", ["Dev", "dev_1", "1dev", "dev-", "a-name-of-seventee"])
def test_a_stack_whose_name_cannot_begin_the_names_of_resources_is_refused(stack: str) -> None:
    said = answer(BASE, stack)
    assert said.startswith(f"stacks/Pulumi.{stack}.yaml: ")
    assert "at most 16 lower-case letters, digits and dashes" in said


@pytest.mark.parametrize("stack", ["google", "my-google-dev", "gcp", "gcp-dev"])
def test_a_stack_whose_name_google_keeps_for_itself_is_refused(stack: str) -> None:
    first, second = answer(BASE, stack).split("\n")
    assert first == f"stacks/Pulumi.{stack}.yaml: the stack cannot be called {stack}"
    assert second.endswith("choose another name.")


def test_a_stack_that_github_does_not_deploy_may_begin_with_gcp() -> None:
    assert parse("gcp-dev", {"site": "google", "google": section({"remove": ["delivery"]})}).stack == "gcp-dev"


def test_a_stack_of_another_site_may_have_any_name() -> None:
    assert parse("A_name-of-more-than-sixteen", {"site": "local"}).stack == "A_name-of-more-than-sixteen"


@pytest.mark.parametrize("hardware", HARDWARE)
def test_every_legal_section_is_accepted_by_the_models_and_by_the_schema(hardware: str) -> None:
    @A_DOZEN
    @hypothesis.given(google=legal_google(hardware=hardware), stack=legal_stack_name())
    def check(google: dict[str, Any], stack: str) -> None:
        settings = parse(stack, {"site": "google", "google": google})
        assert settings.google is not None
        assert [pool.name for pool in settings.google.gpu_pools] == [
            pool["name"] for pool in google.get("gpu_pools", [])
        ]
        SCHEMA.validate({"config": {"ai-datacenter:site": "google", "ai-datacenter:google": google}})

    check()


def test_the_legal_sections_show_every_kind_of_hardware_capacity_and_protection() -> None:
    """What the properties of the data centre are tested on is no small corner of it."""
    seen: dict[str, set[Any]] = defaultdict(set)

    def look(google: dict[str, Any], stack: str) -> None:
        section = GoogleSettings.model_validate(google)
        seen["protection"].add(section.protection)
        seen["longest name"].add(len(stack) == 16)
        seen["delivery"].add(section.delivery is None)
        seen["adopted"] |= {bool(section.network.adopt), bool(section.cluster.adopt)}
        seen["fabric"] |= {fabric.kind for fabric in section.network.fabrics}
        seen["volume"] |= {kind for kind in ("filestore", "lustre", "hyperdisk_ml") if getattr(section.storage, kind)}
        for pool in section.gpu_pools:
            seen["gpu capacity"].add(pool.capacity.kind)
            seen["sharing"].add(pool.sharing.kind)
            seen["family"].add(pool.machine.family)
            seen["partition"].add(pool.partition is None)
            seen["zones"].add(len(pool.zones))
        for each in section.tpu_slices:
            seen["slice capacity"].add(each.capacity.kind)
            seen["generation"].add(each.generation)
            seen["multi-host"].add(each.shape.is_multi_host)
        for kind in ("tpu_vms", "tpu_queues"):
            for machine in getattr(section, kind):
                seen[kind].add(machine.shape.generation.key)
                seen[f"capacity of {kind}"].add(machine.capacity.kind)

    for hardware in HARDWARE:
        A_DOZEN(hypothesis.given(legal_google(hardware=hardware), legal_stack_name())(look))()
    assert seen == {
        "protection": {"none", "data", "all"},
        "longest name": {True, False},
        "delivery": {True, False},
        "adopted": {True, False},
        "fabric": {"tcpx", "tcpxo", "roce", "roce-metal", "multislice"},
        "volume": {"filestore", "lustre", "hyperdisk_ml"},
        "gpu capacity": {str(kind) for kind in CapacityKind},
        "sharing": {"none", "time-sharing", "mps"},
        "family": set(FAMILIES),
        "partition": {True, False},
        "zones": {1, 2, 3},
        "slice capacity": {str(kind) for kind in capacity.TPU_SLICE_KINDS},
        "generation": set(tpu.GENERATIONS),
        "multi-host": {True, False},
        "tpu_vms": {key for key, row in tpu.GENERATIONS.items() if row.api_type},
        "tpu_queues": {key for key, row in tpu.GENERATIONS.items() if row.api_type},
        "capacity of tpu_vms": {str(kind) for kind in capacity.TPU_VM_KINDS},
        "capacity of tpu_queues": {str(kind) for kind in capacity.TPU_QUEUE_KINDS},
    }
