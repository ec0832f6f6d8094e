"""What a release directory says about itself, without TensorFlow."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from workloads.artefacts import Artefacts, write_json
from workloads.export import release
from workloads.export.release import MANIFEST, RELEASE, Release
from workloads.spec import WorkloadSpec

FILES = {"saved_model.pb": b"graph", "variables/variables.index": b"index", "assets.extra/predict_request.json": b"{}"}


@pytest.fixture
def made(spec: WorkloadSpec, artefacts: Artefacts) -> Release:
    """Version 3 of the workload, released and whole."""
    there = Release(spec.name, spec.fingerprint, version=3, accuracy=0.98, example_label=7)
    for name, content in FILES.items():
        file = there.path(artefacts) / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
    digests = {name: hashlib.sha256(content).hexdigest() for name, content in FILES.items()}
    write_json(there.path(artefacts) / MANIFEST, {"fingerprint": spec.fingerprint, "files": digests})
    run = artefacts.run(spec.name, spec.fingerprint)
    run.mkdir(parents=True)
    write_json(run / RELEASE, asdict(there))
    write_json(run / "training.json", {"steps_per_second": 41.5})
    write_json(run / "group.json", {"restarts": 1})
    return there


def test_a_whole_release_has_no_damage(made: Release, artefacts: Artefacts) -> None:
    assert release.damage(made, artefacts) is None


@pytest.mark.parametrize("name", FILES)
def test_one_changed_byte_in_any_file_is_damage_and_names_the_file(
    made: Release, artefacts: Artefacts, name: str
) -> None:
    file = made.path(artefacts) / name
    file.write_bytes(bytes([file.read_bytes()[0] ^ 1]) + file.read_bytes()[1:])
    assert release.damage(made, artefacts) == f"{file} has changed"


@pytest.mark.parametrize("name", FILES)
def test_a_file_that_is_gone_is_damage_and_names_the_file(made: Release, artefacts: Artefacts, name: str) -> None:
    (made.path(artefacts) / name).unlink()
    assert release.damage(made, artefacts) == f"{made.path(artefacts) / name} is gone"


def test_a_version_that_is_gone_is_damage(made: Release, artefacts: Artefacts) -> None:
    made.path(artefacts).rename(made.path(artefacts).with_name("elsewhere"))
    assert release.damage(made, artefacts) == f"{made.path(artefacts)} is gone"


@pytest.mark.parametrize("content", [None, "", '{"fingerprint": ', "[]"])
def test_a_release_without_a_readable_manifest_is_damaged(
    made: Release, artefacts: Artefacts, content: str | None
) -> None:
    manifest = made.path(artefacts) / MANIFEST
    manifest.unlink()
    if content is not None:
        manifest.write_text(content)
    assert release.damage(made, artefacts) == f"{manifest} is gone or unreadable"


def test_a_version_that_holds_another_model_is_damage(made: Release, artefacts: Artefacts) -> None:
    write_json(made.path(artefacts) / MANIFEST, {"fingerprint": "another00000", "files": {"saved_model.pb": "0"}})
    assert "holds another model (another00000" in str(release.damage(made, artefacts))


def test_a_release_is_found_whole_only_while_its_files_are_as_they_were_released(
    made: Release, spec: WorkloadSpec, artefacts: Artefacts
) -> None:
    assert release.find_whole(spec, artefacts) == made
    (made.path(artefacts) / "saved_model.pb").write_bytes(b"other")
    assert release.find_whole(spec, artefacts) is None


def test_a_release_below_a_minimum_that_was_raised_since_is_refused(
    made: Release, spec: WorkloadSpec, artefacts: Artefacts
) -> None:
    with pytest.raises(release.Inaccurate, match=r"0\.98 is below minimum_accuracy 0\.99"):
        release.find_whole(spec.model_copy(update={"minimum_accuracy": 0.99}), artefacts)


def test_a_workload_that_was_never_released_is_not_trained(spec: WorkloadSpec, artefacts: Artefacts) -> None:
    assert release.find(spec, artefacts) is None
    assert release.status(spec, artefacts) == {
        "status": "not trained",
        "fingerprint": spec.fingerprint,
        "steps_per_second": None,
        "restarts": None,
    }


def test_the_status_of_a_release_is_all_that_its_user_needs(
    made: Release, spec: WorkloadSpec, artefacts: Artefacts
) -> None:
    path = made.path(artefacts)
    assert release.find(spec, artefacts) == made
    assert release.status(spec, artefacts) == {
        "status": "released",
        "fingerprint": spec.fingerprint,
        "steps_per_second": 41.5,
        "restarts": 1,
        "accuracy": 0.98,
        "version": 3,
        "model_path": str(path),
        "example_request": str(path / "assets.extra/predict_request.json"),
        "example_label": 7,
    }
    assert Path(release.status(spec, artefacts)["example_request"]).is_file()


def test_the_status_of_a_damaged_release_is_its_damage(made: Release, spec: WorkloadSpec, artefacts: Artefacts) -> None:
    (made.path(artefacts) / "saved_model.pb").unlink()
    assert release.status(spec, artefacts)["status"] == release.damage(made, artefacts)
    assert release.status(spec, artefacts)["version"] == made.version


def test_another_specification_does_not_own_the_release(made: Release, artefacts: Artefacts) -> None:
    other = WorkloadSpec.model_validate(
        {"name": made.name, "model": "digits_cnn", "dataset": "digits", "train": {"seed": 1}}
    )
    assert release.status(other, artefacts)["status"] == "not trained"


def test_versions_begin_at_one(artefacts: Artefacts) -> None:
    assert release.next_version("digits", artefacts) == 1


def test_the_next_version_is_one_more_than_the_highest_and_not_than_the_latest_by_name(artefacts: Artefacts) -> None:
    for name in ("2", "9", "10"):
        (artefacts.model("digits") / name).mkdir(parents=True)
    assert release.next_version("digits", artefacts) == 11


def test_what_is_no_version_does_not_count(artefacts: Artefacts) -> None:
    for name in ("1", ".7.damaged", ".8.partial", "tmp9"):
        (artefacts.model("digits") / name).mkdir(parents=True)
    assert release.next_version("digits", artefacts) == 2


def test_a_version_number_is_never_given_twice_even_when_its_directory_is_gone(
    made: Release, artefacts: Artefacts
) -> None:
    made.path(artefacts).rename(artefacts.root / "elsewhere")
    assert release.next_version(made.name, artefacts) == made.version + 1


def test_the_versions_of_other_models_do_not_count(made: Release, artefacts: Artefacts) -> None:
    assert release.next_version("other", artefacts) == 1


def test_looking_at_a_release_imports_no_tensorflow(made: Release, spec: WorkloadSpec, artefacts: Artefacts) -> None:
    code = f"""
import pathlib, sys
from workloads.artefacts import Artefacts
from workloads.export import release
from workloads.spec import WorkloadSpec
spec = WorkloadSpec.model_validate_json({spec.model_dump_json()!r})
print(release.status(spec, Artefacts(pathlib.Path({str(artefacts.root)!r})))["status"], *sys.modules)
"""
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert said[0] == "released"
    assert not {"tensorflow", "keras"} & set(said)
