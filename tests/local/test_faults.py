"""What the local site does when something is killed, taken away or full."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.project import WORKLOAD, Project, get, wait_for


@pytest.fixture(scope="module")
def undisturbed_accuracy(site: Project) -> float:
    accuracy: float = site.model()["accuracy"]
    return accuracy


def test_a_worker_killed_in_training_is_replaced_and_the_same_accuracy_reached(
    project: Project, undisturbed_accuracy: float
) -> None:
    engine = project.start("up", "--yes", "--skip-preview")
    wait_for(lambda: project.trained_steps() >= 200, "the second checkpoint")
    project.workers()[-1].kill()
    said, _ = engine.communicate(timeout=300)
    assert engine.returncode == 0, said
    assert "ended with signal 9; restart 1 of 3 from the last checkpoint" in said
    assert "resuming from the checkpoint of step" in said
    assert project.resources()["digits"]["restarts"] == 1
    assert project.model()["accuracy"] == undisturbed_accuracy


def test_a_killed_engine_leaves_no_orphan_and_the_next_up_resumes_and_converges(
    project: Project, undisturbed_accuracy: float
) -> None:
    engine = project.start("up", "--yes", "--skip-preview")
    wait_for(lambda: project.trained_steps() >= 200, "the second checkpoint")
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    wait_for(lambda: not project.processes("workloads train"), "the end of the training group", seconds=15)
    assert list(project.root.glob("models/digits/*")) == []
    said = project.up("--refresh")
    assert "was killed while it held the stack; going on" in said
    assert "resuming from the checkpoint of step" in said
    assert project.model()["accuracy"] == undisturbed_accuracy
    assert len(project.processes("workloads serve")) == 1
    assert len(project.processes("tensorboard.main")) == 1
    assert "6 unchanged" in project.up("--refresh", "--expect-no-changes")


def test_ctrl_c_ends_the_group_and_the_next_up_resumes(project: Project) -> None:
    engine = project.start("up", "--yes", "--skip-preview")
    wait_for(lambda: project.trained_steps() >= 100, "the first checkpoint")
    engine.send_signal(signal.SIGINT)
    said, _ = engine.communicate(timeout=60)
    assert engine.returncode != 0
    assert "train was interrupted; the next up goes on from the last checkpoint" in said
    assert project.processes("workloads train") == []
    assert list(project.root.glob("models/digits/*")) == []
    assert "resuming from the checkpoint of step" in project.up()


def test_a_killed_engine_while_a_server_starts_leaves_one_server(project: Project) -> None:
    project.write(WORKLOAD | {"train": {"workers": 1, "steps": 600}})
    engine = project.start("up", "--yes", "--skip-preview")
    wait_for(lambda: project.processes("workloads serve"), "the start of the server")
    engine.send_signal(signal.SIGKILL)
    engine.wait()
    project.up("--refresh")
    assert [process.pid for process in project.processes("workloads serve")] == [project.pid("digits-server")]


def test_a_busy_port_is_named_and_the_next_free_one_taken(project: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        port = holder.getsockname()[1]
        project.write(WORKLOAD | {"train": {"workers": 1, "steps": 600}, "serve": {"port": port}})
        said = project.up()
        assert f"port {port} is busy (pid {os.getpid()}" in said
        assert f":{port}/" not in project.model()["endpoint"]
        assert get(project.model()["endpoint"])


def test_a_job_that_keeps_dying_fails_with_its_last_lines_and_keeps_its_logs(project: Project) -> None:
    project.write(WORKLOAD | {"train": WORKLOAD["train"] | {"max_restarts": 0}})
    engine = project.start("up", "--yes", "--skip-preview")
    wait_for(lambda: project.trained_steps() >= 100, "the first checkpoint")
    project.workers()[0].kill()
    said, _ = engine.communicate(timeout=120)
    assert engine.returncode != 0
    assert "ended with signal 9; restarted 0 times, as train.max_restarts allows" in said
    assert "last lines of" in said
    assert "digits-server" not in project.resources()
    assert [log for log in project.root.glob("logs/digits/*/worker-0.log") if log.stat().st_size]


@contextlib.contextmanager
def mounted(folder: Path, *options: str) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    subprocess.run(["/bin/mount", "-t", "tmpfs", *options, "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["/bin/umount", "-l", folder], check=True)


def fill(ballast: Path) -> None:
    """Writes until the disk is full."""
    with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
        while True:
            file.write(b"\0" * 2**20)


needs_mount = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small or read-only folder")


@needs_mount
@pytest.mark.parametrize(
    ("options", "problem"),
    [(("-o", "ro"), "Read-only file system"), (("-o", "size=1m"), "MiB")],
    ids=["read-only", "full"],
)
def test_an_artefact_directory_that_cannot_be_used_is_one_clear_error_at_preview(
    project: Project, tmp_path: Path, options: tuple[str, ...], problem: str
) -> None:
    place = tmp_path / "artefacts"
    project.write(WORKLOAD, local={"artefacts": str(place)})
    with mounted(place, *options):
        said = project.run("preview", fails=True)
    assert f'ai-datacenter:local.artefacts = "{place}"' in said
    assert problem in said
    assert "Traceback" not in said


def test_an_artefact_directory_that_is_a_file_is_one_clear_error(project: Project, tmp_path: Path) -> None:
    place = tmp_path / "artefacts"
    place.write_text("not a directory")
    project.write(WORKLOAD, local={"artefacts": str(place)})
    assert f'ai-datacenter:local.artefacts = "{place}"' in project.run("preview", fails=True)


@needs_mount
def test_a_disk_that_fills_up_in_training_ends_the_job_at_once_with_the_reason(
    project: Project, tmp_path: Path
) -> None:
    place = tmp_path / "artefacts"
    project.write(WORKLOAD, local={"artefacts": str(place)})
    with mounted(place, "-o", "size=600m"):
        engine = project.start("up", "--yes", "--skip-preview")
        project.root = place
        wait_for(lambda: project.trained_steps() >= 100, "the first checkpoint")
        fill(place / "ballast")
        said, _ = engine.communicate(timeout=120)
        assert engine.returncode != 0
        assert "No space left on device" in said
        assert "restart 1 of" not in said
        (place / "ballast").unlink()
        project.up()  # goes on where it stopped
        project.run("destroy", "--yes", "--skip-preview")
