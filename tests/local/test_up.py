"""The main job: one `pulumi up` trains and serves a real model, and what is declared stays true."""

from __future__ import annotations

import json
import re
import subprocess
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from tests.project import WORKLOAD, Project, get

ALL_UNCHANGED = "6 unchanged"  # the stack, the site, its directories, the job, the server, TensorBoard


def test_up_makes_the_artefact_directories(site: Project) -> None:
    assert {path.name for path in site.root.iterdir()} >= {"datasets", "checkpoints", "models", "logs"}


def test_up_trains_to_the_promised_accuracy_with_two_workers(site: Project) -> None:
    job = site.resources()["digits"]
    training = json.loads((site.root / "checkpoints" / "digits" / job["fingerprint"] / "training.json").read_text())
    assert job["accuracy"] >= 0.97
    assert training["replicas"] == 2
    assert training["strategy"] == "CollectiveAllReduceStrategy"  # what MultiWorkerMirroredStrategy calls itself
    assert site.trained_steps() == 600
    assert list(site.root.glob("logs/digits/*/events.out.tfevents.*"))


def test_the_server_answers_the_tensorflow_serving_rest_api(site: Project) -> None:
    endpoint = site.model()["endpoint"]
    assert get(endpoint)["model_version_status"][0]["state"] == "AVAILABLE"
    signature = get(f"{endpoint}/metadata")["metadata"]["signature_def"]["signature_def"]["serving_default"]
    assert signature["inputs"]["image"]["dtype"] == "DT_FLOAT"
    assert [size["size"] for size in signature["outputs"]["scores"]["tensor_shape"]["dim"]] == ["-1", "10"]


def test_the_printed_curl_line_works_as_pasted_and_is_right(site: Project) -> None:
    model = site.model()
    printed = re.search(r'curl +: "(.+)"', site.up("--show-full-output"))
    assert printed
    said = subprocess.run(printed[1], shell=True, capture_output=True, text=True, check=True)  # noqa: S602
    scores = json.loads(said.stdout)["predictions"][0]
    assert len(scores) == 10
    assert abs(sum(scores) - 1) < 1e-5
    assert scores.index(max(scores)) == model["curl_sends_a"]


def test_tensorboard_shows_the_run(site: Project) -> None:
    tags = get(f"{site.outputs()['tensorboard']}/data/plugin/scalars/tags")
    assert {tag for run in tags.values() for tag in run} >= {"train/loss", "test/accuracy"}


def test_the_outputs_tell_speed_and_accuracy(site: Project) -> None:
    model = site.model()
    assert model["steps_per_second"] > 0
    assert 0.97 <= model["accuracy"] <= 1
    assert model["version"] == 1


def test_a_second_up_changes_nothing(site: Project) -> None:
    before = site.resources()
    assert ALL_UNCHANGED in site.up("--refresh", "--expect-no-changes")
    assert site.resources() == before


def test_a_killed_server_is_noticed_by_refresh_and_up_mends_only_the_server(site: Project) -> None:
    tensorboard, server = site.pid("local-tensorboard"), site.pid("digits-server")
    next(process for process in site.processes("workloads serve") if process.pid == server).kill()
    refreshed = site.run("refresh", "--yes", "--diff", "--skip-preview")
    assert '"running" => "stopped"' in refreshed
    said = site.up()
    assert "1 updated" in said
    assert "5 unchanged" in said
    assert site.pid("local-tensorboard") == tensorboard
    assert site.pid("digits-server") != server
    assert get(site.model()["endpoint"])


def test_a_deleted_model_is_released_again_and_nothing_else_is_touched(site: Project) -> None:
    server, before = site.pid("digits-server"), site.model()
    model = site.root / "models" / "digits" / "1"
    for path in sorted(model.rglob("*"), reverse=True):
        path.unlink() if path.is_file() else path.rmdir()
    model.rmdir()
    assert "is gone" in site.run("refresh", "--yes", "--diff", "--skip-preview")
    said = site.up()
    assert "1 updated" in said
    assert "5 unchanged" in said
    assert (model / "saved_model.pb").is_file()
    assert site.pid("digits-server") == server
    assert site.model() == before


def test_a_model_whose_files_were_changed_is_noticed(site: Project) -> None:
    variables = site.root / "models" / "digits" / "1" / "variables" / "variables.data-00000-of-00001"
    content = variables.read_bytes()
    variables.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
    try:
        assert "has changed" in site.run("refresh", "--yes", "--diff", "--skip-preview")
    finally:
        variables.write_bytes(content)
        site.run("refresh", "--yes", "--skip-preview")


def test_changing_what_is_learned_previews_the_replacement_and_retrains_and_going_back_reuses(site: Project) -> None:
    changed = WORKLOAD | {"train": WORKLOAD["train"] | {"learning_rate": 0.003}}
    site.write(changed)
    try:
        preview = site.run("preview", "--diff")
        assert "learning_rate: 0.002 => 0.003" in preview
        assert "+-1 to replace" in preview
        assert "~ 1 to update" in preview  # the server, to the new version
        assert "4 unchanged" in preview
        site.up()
        assert site.model()["version"] == 2
        assert get(site.model()["endpoint"])["model_version_status"][0]["version"] == "2"
    finally:
        site.write(WORKLOAD)
        said = site.up()
    assert "nothing to train" in said
    assert site.model()["version"] == 1
    assert get(site.model()["endpoint"])["model_version_status"][0]["version"] == "1"


def test_changing_how_it_is_run_does_not_train_again(site: Project) -> None:
    site.write(WORKLOAD | {"train": WORKLOAD["train"] | {"max_restarts": 5, "checkpoint_every": 50}})
    try:
        assert "nothing to train" in site.up()
        assert site.model()["version"] == 1
    finally:
        site.write(WORKLOAD)
        site.up()


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ({"site": "mars"}, "Allowed: local, kubernetes, google."),
        ({"site": "lokal"}, "Did you mean local?"),
        ({"wrokloads": []}, "Did you mean workloads?"),
        ({"local": {"artefacts": 5}}, "ai-datacenter:local.artefacts = 5"),
        ({"workloads": [WORKLOAD | {"model": "digit_cnn"}]}, "Did you mean digits_cnn?"),
        ({"workloads": [WORKLOAD | {"train": {"steps": "many"}}]}, 'ai-datacenter:workloads[0].train.steps = "many"'),
    ],
    ids=["unknown-site", "misspelt-site", "misspelt-key", "wrong-type", "unknown-model", "wrong-type-deep"],
)
def test_a_mistake_in_the_stack_file_is_one_clear_error_and_loses_nothing(
    site: Project, settings: dict[str, Any], expected: str
) -> None:
    before = site.resources()
    workloads = settings.pop("workloads", [WORKLOAD])
    site.write(*workloads, **settings)
    try:
        said = site.up(fails=True)
    finally:
        site.write(WORKLOAD)
    assert expected in said
    assert len(re.findall("^ +error: ", said, re.MULTILINE)) == 1
    assert "Traceback" not in said
    assert site.resources() == before
    assert get(site.model()["endpoint"])


def test_a_target_that_was_not_reached_stops_the_release_and_the_old_model_stays_in_service(site: Project) -> None:
    site.write(WORKLOAD | {"minimum_accuracy": 1.0})
    try:
        said = site.up(fails=True)
    finally:
        site.write(WORKLOAD)
    assert "is below minimum_accuracy 1.0" in said
    assert get(site.model()["endpoint"])
    site.up()


def test_nothing_is_written_outside_the_project_and_its_state(site: Project) -> None:
    assert list(site.home.iterdir()) == []
    assert {path.name for path in site.folder.iterdir()} == {"home", "project", "state"}


def test_down_stops_the_servers_and_leaves_models_and_data_unless_asked(project: Project) -> None:
    project.up()
    endpoint = project.model()["endpoint"]
    project.run("destroy", "--yes", "--skip-preview")
    assert project.processes() == []
    with pytest.raises(urllib.error.URLError):
        urllib.request.urlopen(endpoint, timeout=2)  # noqa: S310 - http on loopback
    assert (project.root / "models" / "digits" / "1" / "saved_model.pb").is_file()
    assert "nothing to train" in project.up()
    project.run("destroy", "--yes", "--skip-preview", AIDC_PURGE="1")
    assert not [path for path in Path(project.root).rglob("*") if path.is_file()]
