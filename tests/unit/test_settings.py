"""A mistake in a stack file is answered once, by its place, with what is allowed and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

from infra.settings import Settings, SettingsError, Site
from infra.settings.load import parse, read
from tests.unit.plan import samples
from toolchain import cache
from workloads.mistakes import sections_in

STACK = "dev"
FILE = f"stacks/Pulumi.{STACK}.yaml"
WORKLOAD = {"name": "digits", "model": "digits_cnn", "dataset": "digits"}
WORKLOAD_KEYS = "name, model, dataset, minimum_accuracy, team, priority, train, serve"
TRAIN_KEYS = (
    "workers, global_batch, steps, learning_rate, seed, checkpoint_every, max_restarts, max_hours, cpu, memory_gib, "
    "gpus"
)


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without stacks, in which a test then is."""
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "stacks").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def workload(**changes: Any) -> dict[str, Any]:
    return {"workloads": [{**WORKLOAD, **changes}]}


def train(**values: Any) -> dict[str, Any]:
    return workload(train=values)


def without(key: str) -> dict[str, Any]:
    return {"workloads": [{name: value for name, value in WORKLOAD.items() if name != key}]}


def two(**second: Any) -> dict[str, Any]:
    return {"workloads": [WORKLOAD, {**WORKLOAD, "name": "other", "serve": {"port": 9000}, **second}]}


MISTAKES = [
    # unknown keys
    ({"colour": 1}, "colour = 1", "unknown key. Allowed: site, local, kubernetes, google, platform, workloads."),
    ({"local": {"disk": "/x"}}, 'local.disk = "/x"', "unknown key. Allowed: artefacts, tensorboard_port."),
    (workload(gpu=1), "workloads[0].gpu = 1", f"unknown key. Allowed: {WORKLOAD_KEYS}."),
    (train(epochs=3), "workloads[0].train.epochs = 3", f"unknown key. Allowed: {TRAIN_KEYS}."),
    # slips of the pen
    ({"wrokloads": []}, "wrokloads = []", "Did you mean workloads?"),
    ({"local": {"artefact": "x"}}, 'local.artefact = "x"', "Did you mean artefacts?"),
    (train(step=3), "workloads[0].train.step = 3", "Did you mean steps?"),
    (workload(serve={"prot": 9000}), "workloads[0].serve.prot = 9000", "Did you mean port?"),
    (
        {"workloads": [{**without("name")["workloads"][0], "nmae": "a"}]},
        'workloads[0].nmae = "a"',
        "Did you mean name?",
    ),
    # another type
    (train(steps="many"), 'workloads[0].train.steps = "many"', "must be a whole number. Optimiser steps in all."),
    (train(steps="7"), 'workloads[0].train.steps = "7"', "must be a whole number. Write it without quotes."),
    (train(steps=1.5), "workloads[0].train.steps = 1.5", "must be a whole number."),
    (train(steps=True), "workloads[0].train.steps = true", "must be a whole number."),
    (train(steps=None), "workloads[0].train.steps = null", "must be a whole number."),
    (train(learning_rate="fast"), 'workloads[0].train.learning_rate = "fast"', "must be a number."),
    (workload(name=5), "workloads[0].name = 5", "must be text."),
    ({"local": {"artefacts": 5}}, "local.artefacts = 5", "must be text. Directory of data sets"),
    # a section or a list that is something else
    ({"local": "here"}, 'local = "here"', "must be a section with the keys artefacts, tensorboard_port."),
    ({"local": None}, "local = null", "It is empty: fill it in, or leave it out."),
    (workload(train=7), "workloads[0].train = 7", f"must be a section with the keys {TRAIN_KEYS}."),
    ({"workloads": "digits"}, 'workloads = "digits"', f"must be a list of sections with the keys {WORKLOAD_KEYS}."),
    ({"workloads": None}, "workloads = null", "It is empty: fill it in, or leave it out."),
    ({"workloads": WORKLOAD}, "workloads = {", "must be a list of sections"),
    ({"workloads": ["digits"]}, 'workloads[0] = "digits"', f"must be a section with the keys {WORKLOAD_KEYS}."),
    # out of range
    (train(steps=0), "workloads[0].train.steps = 0", "Allowed: 1 to 10000000. Default: 1200."),
    (train(learning_rate=0), "workloads[0].train.learning_rate = 0", "Allowed: more than 0 to 10. Default: 0.002."),
    (train(checkpoint_every=0), "workloads[0].train.checkpoint_every = 0", "Allowed: at least 1. Default: 100."),
    (train(max_restarts=-1), "workloads[0].train.max_restarts = -1", "Allowed: 0 to 100. Default: 3."),
    (workload(minimum_accuracy=97), "workloads[0].minimum_accuracy = 97", "Allowed: 0 to 1. Default: 0.97."),
    (workload(serve={"port": 80}), "workloads[0].serve.port = 80", "Allowed: 1024 to 65535. Default: 8501."),
    ({"local": {"tensorboard_port": 99999}}, "local.tensorboard_port = 99999", "Allowed: 1024 to 65535."),
    ({"local": {"artefacts": ""}}, 'local.artefacts = ""', "must not be empty."),
    (workload(name="My_Model"), 'workloads[0].name = "My_Model"', "lower-case letters, digits and dashes"),
    # what does not exist
    ({"site": "mars"}, 'site = "mars"', "Allowed: local, kubernetes, google."),
    ({"site": "lokal"}, 'site = "lokal"', "Allowed: local, kubernetes, google. Did you mean local?"),
    ({"site": 5}, "site = 5", "Allowed: local, kubernetes, google."),
    (workload(model="vit"), 'workloads[0].model = "vit"', "unknown model; allowed: digits_cnn, dense_784."),
    (workload(model="digits_cn"), 'workloads[0].model = "digits_cn"', "Did you mean digits_cnn?"),
    (workload(dataset="digit"), 'workloads[0].dataset = "digit"', "unknown data set; allowed: digits, digits_28."),
    # what is not there
    (without("name"), "workloads[0].name is missing", "lower-case letters, digits and dashes"),
    (without("model"), "workloads[0].model is missing", "Model of the catalogue. Allowed: digits_cnn, dense_784."),
    (without("dataset"), "workloads[0].dataset is missing", "Allowed: digits, digits_28."),
    # what only a cluster can do
    (workload(team="research"), 'workloads[0].team = "research"', "only a cluster has that; leave it out"),
    (workload(priority="high"), 'workloads[0].priority = "high"', "only a cluster has that"),
    (train(cpu=2.0), "workloads[0].train.cpu = 2.0", "only a cluster has that"),
    (train(memory_gib=4.0), "workloads[0].train.memory_gib = 4.0", "only a cluster has that"),
    (train(gpus=1), "workloads[0].train.gpus = 1", "or use site: kubernetes"),
    (train(max_hours=3), "workloads[0].train.max_hours = 3", "only a cluster has that"),
    (workload(serve={"replicas": 2}), "workloads[0].serve.replicas = 2", "only a cluster has that"),
    (workload(serve={"max_replicas": 2}), "workloads[0].serve.max_replicas = 2", "only a cluster has that"),
    (workload(serve={"cpu": 2.0}), "workloads[0].serve.cpu = 2.0", "only a cluster has that"),
    (workload(serve={"memory_gib": 2.0}), "workloads[0].serve.memory_gib = 2.0", "only a cluster has that"),
    (workload(serve={"version": 2}), "workloads[0].serve.version = 2", "only a cluster has that"),
    (
        workload(serve={"canary": {"version": 2, "percent": 9}}),
        'workloads[0].serve.canary = {"version": 2, "percent": 9}',
        "only a cluster has that",
    ),
    # right alone and wrong together
    (workload(dataset="digits_28"), 'workloads[0].dataset = "digits_28"', "does not take data set digits_28; allowed:"),
    (train(workers=3), "workloads[0].train.global_batch = 64", "does not divide over 3 workers; use 63 or 66."),
    (two(name="digits"), 'workloads[1].name = "digits"', "workloads[0] has it too; give each its own."),
    (two(serve={"port": 8501}), "workloads[1].serve.port = 8501", "workloads[0] has it too; give each its own."),
    (two(serve={}), "workloads[1].serve.port = 8501", "workloads[0] has it too; give each its own."),
]


@pytest.mark.parametrize(("values", "place", "advice"), MISTAKES, ids=[place for _, place, _ in MISTAKES])
def test_one_mistake_is_answered_by_one_message_with_place_value_and_what_is_allowed(
    values: dict[str, Any], place: str, advice: str
) -> None:
    (message,) = messages(values)
    first, second = message.split("\n")
    assert first.startswith(f"{FILE}: ai-datacenter:{place}")
    assert second.startswith("  ")
    assert advice in second


@pytest.mark.parametrize(("values", "place", "advice"), MISTAKES, ids=[place for _, place, _ in MISTAKES])
def test_no_message_speaks_of_the_library_or_of_python(values: dict[str, Any], place: str, advice: str) -> None:
    (message,) = messages(values)
    jargon = r"Input should|String should|Value error|valid (tuple|dictionary|string|integer)|pattern|instance|pydantic"
    assert not re.search(rf"{jargon}|Traceback|Spec\b|Settings\b|\bNone\b|\bTrue\b|\(\?", message)
    assert ". ." not in message
    assert ".." not in message


@pytest.mark.parametrize(
    ("values", "places"),
    [
        ({"colour": 1, "site": "mars"}, ["site = ", "colour = "]),
        (workload(model="vit", train={"steps": 0}), ["workloads[0].model = ", "workloads[0].train.steps = "]),
        (train(steps=0, step=3), ["workloads[0].train.steps = ", "workloads[0].train.step = "]),
        (
            {"workloads": [{"name": "digits", "dataset": "digits", "colour": 1}]},
            ["workloads[0].model is missing", "workloads[0].colour = "],
        ),
        (two(name=5, model="vit"), ["workloads[1].name = ", "workloads[1].model = "]),
    ],
)
def test_two_mistakes_are_answered_by_two_messages(values: dict[str, Any], places: list[str]) -> None:
    found = messages(values)
    assert len(found) == len(places)
    for message, place in zip(found, places, strict=True):
        assert message.startswith(f"{FILE}: ai-datacenter:{place}")


def test_an_empty_stack_file_is_the_local_site_with_nothing_to_run() -> None:
    settings = parse(STACK, {})
    assert (settings.site, settings.workloads) == (Site.LOCAL, ())


def test_a_stack_file_is_read_as_it_is_written() -> None:
    settings = parse(STACK, {"site": "local", "local": {"tensorboard_port": 7000}, **two(train={"steps": 7})})
    assert settings.local.tensorboard_port == 7000
    assert [each.name for each in settings.workloads] == ["digits", "other"]
    assert settings.workloads[1].train.steps == 7


def test_a_google_stack_with_workloads_is_told_that_they_do_not_run_there_yet() -> None:
    shipped = yaml.safe_load((cache.PROJECT / "stacks" / "Pulumi.dev.yaml").read_text())["config"][
        "ai-datacenter:google"
    ]
    with pytest.raises(SettingsError) as caught:
        parse(STACK, {"site": "google", "google": shipped, **workload()})
    assert str(caught.value).split("\n") == [
        f'{FILE}: ai-datacenter:workloads = ["digits"]',
        "  the google site runs no workloads yet; leave them out.",
    ]


@pytest.mark.parametrize(
    ("pool", "place", "advice"),
    [
        ({"capacity": {"kind": "preemptible"}}, 'capacity.kind = "preemptible"', "Did you mean spot?"),
        ({"capacity": {"kind": "ondemand"}}, 'capacity.kind = "ondemand"', "Did you mean on-demand?"),
        ({"capacity": {"kind": "DWS"}}, 'capacity.kind = "DWS"', "Did you mean flex-start?"),
        ({"capacity": "preemptible"}, 'capacity = "preemptible"', "Write {kind: spot}."),
        ({"sharing": {"kind": "mig"}}, 'sharing.kind = "mig"', "A MIG partition is set by partition."),
        ({"zones": "us-central1-a"}, 'zones = "us-central1-a"', "must be a list. Write [us-central1-a]."),
    ],
)
def test_a_word_of_another_tool_is_answered_by_the_word_of_this_one(
    pool: dict[str, Any], place: str, advice: str
) -> None:
    wanted = samples.section(gpu_pools=[{**samples.L4, "capacity": samples.SPOT, **pool}])
    (message,) = messages({"site": "google", "google": wanted})
    assert message.startswith(f"{FILE}: ai-datacenter:google.gpu_pools[0].{place}")
    assert advice in message


def test_a_zone_in_place_of_the_region_is_told_its_region() -> None:
    (message,) = messages({"site": "google", "google": samples.section(region="us-central1-a")})
    assert "that is a zone; its region is us-central1." in message


# The file itself


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "config:\n  ai-datacenter:site: local\n  ai-datacenter:site: google\n",
            "ai-datacenter:site is there twice, in line 2 and line 3; keep one",
        ),
        (
            "config:\n  ai-datacenter:local:\n    tensorboard_port: 1\n    artefacts: x\n    tensorboard_port: 2\n",
            "tensorboard_port is there twice, in line 3 and line 5; keep one",
        ),
        ("config:\n\tai-datacenter:site: local\n", "not YAML in line 2, column 1: a tab; indent with spaces"),
        ("config:\n  one: two: three\n", "not YAML in line 2, column 11: a colon where none can be"),
        ("config: [\n", "not YAML in line 2, column 1: the file ends before a value does"),
        ("config:\n    a: 1\n  b: 2\n", "not YAML in line 3, column 3: indented otherwise"),
        ("config:\n  a: 2026-13-45\n", "not YAML: month must be in 1..12; put what is no date in quotes"),
        ("config:\n  a: \x07\n", "not YAML in line 2: a character that no text may have"),
        ("config:\n  site: local\n", "site lacks its project; write ai-datacenter:site"),
        ("config:\n  google: {}\n", "google lacks its project; write ai-datacenter:google"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_by_its_name_and_line_in_plain_words(
    project: Path, text: str, said: str
) -> None:
    (project / FILE).write_text(text)
    with pytest.raises(SettingsError) as caught:
        read(STACK)
    assert str(caught.value).startswith(f"{FILE}: {said}")
    assert not re.search("unicode string|yaml\\.|<[a-z ]+>", str(caught.value))


def test_a_key_that_overrides_what_it_merges_is_not_there_twice(project: Path) -> None:
    shared = "one: &one {tensorboard_port: 1}\ntwo: &two {<<: *one, tensorboard_port: 2}\n"
    (project / FILE).write_text(f"{shared}config:\n  ai-datacenter:local: {{<<: *two, tensorboard_port: 7000}}\n")
    assert read(STACK).local.tensorboard_port == 7000


def test_a_mistake_found_later_is_told_in_the_same_form() -> None:
    settings = parse(STACK, {"local": {"artefacts": "/nowhere"}, **train(steps=7)})
    assert str(settings.mistake("local.artefacts", "cannot be written")) == (
        f'{FILE}: ai-datacenter:local.artefacts = "/nowhere"\n  cannot be written'
    )
    assert str(settings.mistake("workloads[0].train.steps", "too few")) == (
        f"{FILE}: ai-datacenter:workloads[0].train.steps = 7\n  too few"
    )


def sections(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
    """The model and every section below it."""
    yield model
    for key in model.model_fields.values():
        for inner in sections_in(key.annotation).values():
            yield from sections(inner)


@pytest.mark.parametrize("section", dict.fromkeys(sections(Settings)), ids=lambda section: section.__name__)
def test_every_key_is_explained_in_one_sentence_or_more(section: type[BaseModel]) -> None:
    assert [name for name, key in section.model_fields.items() if not str(key.description).endswith(".")] == []


def messages(values: dict[str, Any]) -> list[str]:
    """What ``parse`` answers, one text a mistake."""
    with pytest.raises(SettingsError) as caught:
        parse(STACK, values)
    return re.split(rf"\n(?={re.escape(FILE)})", str(caught.value))
