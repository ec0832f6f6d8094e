"""The documentation says what is so."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from infra.settings import reference
from infra.settings.errors import SettingsError
from infra.settings.load import parse
from toolchain import cache, engine

PAGES = sorted(
    page
    for page in [*cache.PROJECT.glob("*.md"), *cache.PROJECT.glob("docs/**/*.md"), *cache.PROJECT.glob("stacks/*.md")]
)
TARGETS = set(re.findall(r"^([a-z-]+):", (cache.PROJECT / "Makefile").read_text(), re.MULTILINE))


def test_the_page_of_every_key_is_what_the_models_say() -> None:
    assert reference.PAGE.read_text() == reference.page(reference.PAGE.read_text())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_make_target_that_is_named_exists(page: Path) -> None:
    text = page.read_text()
    named = re.findall(r"`make ([a-z-]+)", text) + re.findall(r"^make ([a-z-]+)", text, re.MULTILINE)
    assert set(named) <= TARGETS


def test_make_help_explains_every_target() -> None:
    said = subprocess.run(
        ["/usr/bin/env", "make", "help"], cwd=cache.PROJECT, capture_output=True, text=True, check=True
    )
    assert {line.split()[1] for line in said.stdout.splitlines() if line.startswith("  make ")} == TARGETS


def test_the_shown_mistake_is_answered_as_shown() -> None:
    shown = re.search(r"```\n(stacks/Pulumi.local.yaml: .+?)\n```", reference.PAGE.read_text(), re.DOTALL)
    assert shown
    with pytest.raises(SettingsError) as error:
        parse("local", {"workloads": [{"name": "d", "model": "digit_cnn", "dataset": "digits"}]})
    assert str(error.value) == shown[1]


def test_engine_and_sdk_are_one_version() -> None:
    modules = (cache.PROJECT / "toolchain" / "engine" / "go.mod").read_text()
    lock = (cache.PROJECT / "toolchain" / "locks" / "requirements.txt").read_text()
    assert set(re.findall(r"github.com/pulumi/pulumi/[ps][kd][gk]/v3 v(\S+)", modules)) == {engine.VERSION}
    assert f"pulumi=={engine.VERSION} " in lock
    assert f'requiredPulumiVersion: ">={engine.VERSION}"' in (cache.PROJECT / "Pulumi.yaml").read_text()


def test_no_lock_file_names_an_index() -> None:
    for lock in (cache.PROJECT / "toolchain" / "locks").rglob("*.txt"):
        assert "://" not in lock.read_text()
        assert "--hash=sha256:" in lock.read_text()


def test_the_shown_preflight_is_what_it_prints() -> None:
    page = (cache.PROJECT / "docs" / "preflight.md").read_text()
    shown = re.search(r"```\n(Preflight of dev: .+?)\n```", page, re.DOTALL)
    assert shown
    person = {name: value for name, value in os.environ.items() if not name.startswith(("GOOGLE_", "CLOUDSDK_"))}
    said = subprocess.run(
        [sys.executable, "-m", "infra.preflight", "--stack", "dev"],
        cwd=cache.PROJECT,
        env={**person, "HOME": "/nonexistent", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=True,
    )
    printed = "\n".join(line.rstrip() for line in said.stdout.splitlines())
    assert [part for part in shown[1].split("\n...\n") if part not in printed] == []
