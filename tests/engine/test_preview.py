"""Anybody can preview a Google stack: the real engine, no credentials, no plugin of the vendor, nothing left behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from toolchain import cache, engine, stack, vendors


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """The environment of a person who has never heard of Google Cloud."""
    home = tmp_path / "home"
    home.mkdir()
    kept = {
        name: value for name, value in os.environ.items() if not name.startswith(("PULUMI_", "GOOGLE_", "CLOUDSDK_"))
    }
    return {**kept, "HOME": str(home), "AIDC_CACHE": str(cache.directory()), "AIDC_STATE": str(tmp_path / "state")}


def pulumi(surroundings: dict[str, str], *arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs the engine as ``make`` does."""
    return subprocess.run(
        [sys.executable, "-m", "toolchain.stack", *arguments, "--non-interactive"],
        cwd=cache.PROJECT,
        env=surroundings,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


@pytest.mark.parametrize("name", ["dev", "staging", "prod"])
def test_a_google_stack_previews_without_credentials_and_says_that_it_did(
    surroundings: dict[str, str], name: str, tmp_path: Path
) -> None:
    file = cache.PROJECT / "stacks" / f"Pulumi.{name}.yaml"
    before = file.read_text()
    done = pulumi(surroundings, "preview", "--stack", name)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"no Google credentials: previewing {name} with a stand-in" in done.stdout
    assert int(re.findall(r"\+ (\d+) to create", done.stdout)[-1]) > 100
    assert "error" not in done.stdout.lower().replace("serving-errors", "")
    assert file.read_text() == before
    assert list((tmp_path / "home").iterdir()) == []
    assert list((tmp_path / "state").glob(".pulumi/stacks/**/*.json")) == []  # the real state has not met it


def test_a_google_stack_is_not_brought_up_without_credentials(surroundings: dict[str, str], tmp_path: Path) -> None:
    done = pulumi(surroundings, "up", "--stack", "dev", "--yes")
    assert done.returncode == 1
    assert done.stderr == (
        "error: STACK = 'dev' is on Google Cloud, and there are no Google credentials for up.\n"
        "  Run: gcloud auth application-default login\n"
        "  Without any: make preview STACK=dev, make preflight STACK=dev\n"
    )
    assert not (tmp_path / "state").exists()


PROGRAM = """
import pulumi, pulumi_gcp as gcp
provider = gcp.Provider("google", project="example")
gcp.compute.Network("network", project="example", opts=pulumi.ResourceOptions(provider=provider))
"""


def test_the_stand_in_makes_nothing_even_when_it_is_put_in_the_providers_place_by_hand(
    surroundings: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "Pulumi.yaml").write_text("name: alone\nruntime: python\n")
    (tmp_path / "__main__.py").write_text(PROGRAM)
    state = tmp_path / "state"
    (state / "tmp").mkdir(parents=True)
    by_hand = {**surroundings, **vendors.stood_in_for(stack.environment(state))}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [str(engine.folder() / "pulumi"), *arguments, "--non-interactive"]
        return subprocess.run(command, cwd=tmp_path, env=by_hand, capture_output=True, text=True, check=False)

    assert run("stack", "init", "alone").returncode == 0
    done = run("up", "--yes", "--skip-preview")
    assert done.returncode != 0
    assert "makes nothing" in done.stdout + done.stderr
