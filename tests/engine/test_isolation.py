"""What is real and what is rehearsed share no state, no plugin and no setting, however hard somebody tries."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rehearsal import cycle
from toolchain import cache, vendors

TRAP = "#!/bin/sh\ntouch {marker}\nexit 1\n"


def content(folder: Path) -> dict[str, str]:
    """Digest of every file."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    return {str(file.relative_to(folder)): hashlib.sha256(file.read_bytes()).hexdigest() for file in files}


def pulumi(environment: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the engine as ``make`` does."""
    command = [sys.executable, "-m", "toolchain.stack", *arguments, "--non-interactive"]
    return subprocess.run(
        command, cwd=cache.PROJECT, env=environment, capture_output=True, text=True, timeout=300, check=False
    )


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """A folder with the state of a stack called ``dev``, and no rehearsal."""
    state = tmp_path / "real"
    environment = {**os.environ, "AIDC_STATE": str(state), "PULUMI_BACKEND_URL": f"file://{state}"}
    state.mkdir()
    made = pulumi(environment, "stack", "init", "--stack", "dev")
    assert made.returncode == 0, made.stderr
    return state


def test_a_rehearsal_touches_no_real_state_and_starts_no_real_plugin(
    real: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "a-real-plugin-was-started"
    home, elsewhere = tmp_path / "pulumi-home", tmp_path / "bin"
    for trap in (home / "plugins" / "resource-gcp-v10.2.0", elsewhere):
        trap.mkdir(parents=True)
        (trap / "pulumi-resource-gcp").write_text(TRAP.format(marker=marker))
        (trap / "pulumi-resource-gcp").chmod(0o755)
    for name, value in {
        "AIDC_STATE": str(real),
        "PULUMI_BACKEND_URL": f"file://{real}",
        "PULUMI_HOME": str(home),
        "PULUMI_STACK": "organization/somebody/else",
        "GOOGLE_OAUTH_ACCESS_TOKEN": "a-token-that-must-not-be-used",
        "PATH": os.pathsep.join([str(elsewhere), os.environ["PATH"]]),
    }.items():
        monkeypatch.setenv(name, value)
    before = content(real), content(home)

    with cycle.Rehearsal("dev", tmp_path / "rehearsal") as rehearsal:
        up = rehearsal.run("up", "up", "--yes", "--skip-preview")
        assert up.passed, up.errors
        assert len(rehearsal.cloud.all()) > 80
        kept = b"".join(file.read_bytes() for file in rehearsal.folder.rglob("*") if file.is_file())
        assert b"a-token-that-must-not-be-used" not in kept
    assert (content(real), content(home)) == before
    assert not marker.exists()


def test_a_real_up_meets_no_stand_in_and_no_simulated_cloud_even_when_the_environment_leads_to_them(
    real: Path, tmp_path: Path
) -> None:
    """The vendor's plugin cannot be fetched here, as the only way out is closed; nothing takes its place."""
    cloud = tmp_path / "cloud.sqlite"
    environment = {
        **vendors.stood_in_for(dict(os.environ)),
        "AIDC_STATE": str(real),
        "AIDC_REHEARSAL_CLOUD": str(cloud),
        "GOOGLE_OAUTH_ACCESS_TOKEN": "expired",
        "HTTPS_PROXY": "http://127.0.0.1:9",
        "GITHUB_TOKEN": "",
    }
    done = pulumi(environment, "up", "--stack", "dev", "--yes", "--skip-preview")
    assert done.returncode != 0
    said = done.stdout + done.stderr
    assert "127.0.0.1:9" in said
    assert "resource-gcp" in said or "plugin gcp" in said
    assert "from $PATH" not in said
    assert not cloud.exists()


def test_a_rehearsal_that_runs_keeps_its_folder(tmp_path: Path) -> None:
    with cycle.Rehearsal("dev", tmp_path / "rehearsal") as first:
        with pytest.raises(cycle.Busy, match="another rehearsal is using"):
            cycle.Rehearsal("dev", tmp_path / "rehearsal")
        assert first.cloud.file.exists()
    with cycle.Rehearsal("dev", tmp_path / "rehearsal"):
        pass
