"""Workload specifications: what they refuse, and which of them share their checkpoints."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest
from pydantic import ValidationError

from workloads.spec import ON_A_CLUSTER, OPERATIONAL, TrainSpec, WorkloadSpec

LEAST = {"name": "digits", "model": "digits_cnn", "dataset": "digits"}

CHANGED: dict[str, dict[str, Any]] = {
    "name": {"name": "other"},
    "model, dataset": {"model": "dense_784", "dataset": "digits_28"},
    "minimum_accuracy": {"minimum_accuracy": 0.5},
    "team": {"team": "research"},
    "priority": {"priority": "high"},
    "serve.port": {"serve": {"port": 9000}},
    "serve.replicas": {"serve": {"replicas": 2}},
    "serve.max_replicas": {"serve": {"max_replicas": 3}},
    "serve.cpu": {"serve": {"cpu": 2}},
    "serve.memory_gib": {"serve": {"memory_gib": 4}},
    "serve.version": {"serve": {"version": 1}},
    "serve.canary": {"serve": {"canary": {"version": 2, "percent": 10}}},
    "train.workers": {"train": {"workers": 4}},
    "train.global_batch": {"train": {"global_batch": 32}},
    "train.steps": {"train": {"steps": 7}},
    "train.learning_rate": {"train": {"learning_rate": 0.1}},
    "train.seed": {"train": {"seed": 1}},
    "train.checkpoint_every": {"train": {"checkpoint_every": 7}},
    "train.max_restarts": {"train": {"max_restarts": 0}},
    "train.max_hours": {"train": {"max_hours": 24}},
    "train.cpu": {"train": {"cpu": 8}},
    "train.memory_gib": {"train": {"memory_gib": 0.5}},
    "train.gpus": {"train": {"gpus": 1}},
}
"""Every value of a specification, and the specification with only that one changed."""

NOT_LEARNED = OPERATIONAL | {"name"} | {path for path in CHANGED if path.startswith("serve.")}


def made(**changes: Any) -> WorkloadSpec:
    return WorkloadSpec.model_validate({**LEAST, **changes})


def leaves(values: dict[str, Any], path: str = "") -> set[str]:
    """Dotted paths of everything that is no section."""
    found = set()
    for key, value in values.items():
        found |= leaves(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}"}
    return found


def test_the_table_of_changes_covers_every_value_of_a_specification() -> None:
    covered = {path for paths in CHANGED for path in paths.split(", ")}
    assert covered == leaves(made().model_dump())


@pytest.mark.parametrize("path", sorted(CHANGED.keys() - NOT_LEARNED))
def test_a_change_of_what_is_learned_changes_the_fingerprint(path: str) -> None:
    assert made(**CHANGED[path]).fingerprint != made().fingerprint


@pytest.mark.parametrize("path", sorted(NOT_LEARNED))
def test_a_change_of_operation_or_serving_keeps_the_fingerprint(path: str) -> None:
    assert made(**CHANGED[path]).fingerprint == made().fingerprint


def test_a_run_goes_on_from_its_checkpoints_with_another_number_of_workers() -> None:
    assert made(train={"workers": 1}).fingerprint == made(train={"workers": 2}).fingerprint


@pytest.mark.parametrize("path", sorted(CHANGED))
def test_what_only_a_cluster_can_do_is_told_by_its_path_when_it_is_asked_for(path: str) -> None:
    assert list(made(**CHANGED[path]).on_a_cluster()) == ([path] if path in ON_A_CLUSTER else [])


def test_a_default_that_is_written_out_is_the_same_specification() -> None:
    written_out = made(train=TrainSpec().model_dump())
    assert written_out == made()
    assert written_out.fingerprint == made().fingerprint


def test_a_whole_number_and_the_same_number_with_a_point_have_one_fingerprint() -> None:
    assert made(train={"learning_rate": 1}).fingerprint == made(train={"learning_rate": 1.0}).fingerprint


def test_a_fingerprint_is_the_same_in_every_process_and_can_name_a_directory() -> None:
    code = f"from workloads.spec import WorkloadSpec; print(WorkloadSpec(**{LEAST}).fingerprint)"
    elsewhere = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    assert elsewhere == made().fingerprint
    assert len(elsewhere) == 12
    assert set(elsewhere) <= set("0123456789abcdef")


def test_a_specification_survives_the_way_through_json() -> None:
    spec = made(train={"steps": 7}, serve={"port": 9000})
    assert WorkloadSpec.model_validate_json(spec.model_dump_json()) == spec


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"colour": "red"}, "colour"),
        ({"train": {"step": 7}}, "train.step"),
        ({"serve": {"host": "0.0.0.0"}}, "serve.host"),  # noqa: S104 - refused
    ],
)
def test_an_unknown_key_is_refused(changes: dict[str, Any], place: str) -> None:
    assert refused(changes) == (place, "extra_forbidden")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"name": 5}, "name"),
        ({"minimum_accuracy": "high"}, "minimum_accuracy"),
        ({"minimum_accuracy": True}, "minimum_accuracy"),
        ({"train": {"steps": "7"}}, "train.steps"),
        ({"train": {"steps": 7.5}}, "train.steps"),
        ({"train": {"workers": True}}, "train.workers"),
        ({"train": 7}, "train"),
        ({"serve": None}, "serve"),
    ],
)
def test_a_value_of_another_type_is_refused_and_not_converted(changes: dict[str, Any], place: str) -> None:
    where, kind = refused(changes)
    assert where == place
    assert kind.endswith("_type")


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"minimum_accuracy": 97}, "minimum_accuracy"),
        ({"train": {"workers": 0}}, "train.workers"),
        ({"train": {"steps": 0}}, "train.steps"),
        ({"train": {"learning_rate": 0}}, "train.learning_rate"),
        ({"train": {"learning_rate": float("nan")}}, "train.learning_rate"),
        ({"train": {"seed": 2**31}}, "train.seed"),
        ({"train": {"max_restarts": -1}}, "train.max_restarts"),
        ({"serve": {"port": 80}}, "serve.port"),
        ({"serve": {"port": 65536}}, "serve.port"),
        ({"serve": {"replicas": 0}}, "serve.replicas"),
        ({"serve": {"canary": {"version": 2, "percent": 51}}}, "serve.canary.percent"),
        ({"train": {"cpu": 0}}, "train.cpu"),
        ({"train": {"gpus": -1}}, "train.gpus"),
        ({"train": {"max_hours": 0}}, "train.max_hours"),
    ],
)
def test_a_value_out_of_range_is_refused(changes: dict[str, Any], place: str) -> None:
    where, kind = refused(changes)
    assert where == place
    assert kind.startswith(("greater_than", "less_than"))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "digits_cn"}, "unknown model; allowed: digits_cnn, dense_784"),
        ({"dataset": "digit"}, "unknown data set; allowed: digits, digits_28"),
        ({"dataset": "digits_28"}, "model digits_cnn does not take data set digits_28; allowed: digits"),
        (
            {"train": {"workers": 3, "global_batch": 64}},
            "global_batch 64 does not divide over 3 workers; use 63 or 66",
        ),
        ({"train": {"workers": 8, "global_batch": 4}}, "global_batch 4 does not divide over 8 workers; use 8"),
        ({"serve": {"replicas": 3, "max_replicas": 2}}, "fewer than replicas, 3; raise it, or lower replicas"),
        (
            {"serve": {"version": 2, "canary": {"version": 2, "percent": 10}}},
            "is served already; try another version, or leave canary out",
        ),
    ],
)
def test_what_does_not_exist_or_does_not_fit_is_refused_with_what_does(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        made(**changes)
    assert [str(error["ctx"]["error"]) for error in caught.value.errors()] == [message]


@pytest.mark.parametrize(
    ("replicas", "percent", "servers"), [(1, 10, 1), (9, 10, 1), (10, 10, 1), (20, 10, 2), (3, 50, 3), (6, 25, 2)]
)
def test_a_canary_has_servers_for_its_share_of_all_and_one_at_least(replicas: int, percent: int, servers: int) -> None:
    spec = made(serve={"replicas": replicas, "canary": {"version": 2, "percent": percent}})
    assert spec.serve.canaries == servers
    assert made(serve={"replicas": replicas}).serve.canaries == 0


@pytest.mark.parametrize("name", ["a", "digits", "a-1", "digits-cnn-2", "a" * 40])
def test_a_dns_label_is_a_name(name: str) -> None:
    assert made(name=name).name == name


@pytest.mark.parametrize(
    "name", ["", "Digits", "1digits", "-a", "a-", "a_b", "a.b", "a/b", "../a", "a b", "a\n", "\u00e4", "a" * 41]
)
def test_a_name_that_is_no_dns_label_is_refused(name: str) -> None:
    assert refused({"name": name}) == ("name", "string_pattern_mismatch")


def test_a_specification_cannot_be_changed_once_made(spec: WorkloadSpec) -> None:
    with pytest.raises(ValidationError):
        spec.name = "other"  # type: ignore[misc]


def test_importing_the_specification_imports_neither_tensorflow_nor_pulumi() -> None:
    code = "import sys, workloads.spec; print(*sys.modules)"
    imported = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert "workloads.spec" in imported
    assert {name.partition(".")[0] for name in imported} & {"tensorflow", "keras", "numpy", "pulumi", "infra"} == set()


def refused(changes: dict[str, Any]) -> tuple[str, str]:
    """Where and why a changed specification is refused; there must be one reason."""
    with pytest.raises(ValidationError) as caught:
        made(**changes)
    (error,) = caught.value.errors()
    return ".".join(map(str, error["loc"])), error["type"]
