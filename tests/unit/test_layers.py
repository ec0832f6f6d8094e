"""Who may import whom."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from importlib.machinery import PathFinder
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
LINT_IMPORTS = Path(sys.executable).parent / "lint-imports"


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([LINT_IMPORTS, "--no-cache"], cwd=folder, capture_output=True, text=True, check=False)


def test_the_layers_that_pyproject_declares_are_kept() -> None:
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    said = lint(PROJECT)
    assert said.returncode == 0, said.stdout
    assert f"{len(declared)} kept, 0 broken" in said.stdout


@pytest.mark.parametrize(
    ("importer", "imported"),
    [
        ("workloads.spec", "infra.settings"),
        ("infra.local.site", "workloads.train"),
        ("infra.hardware.tpu", "infra.settings"),
        ("infra.hardware.gpu", "workloads.spec"),
        ("infra.settings.google", "infra.plan"),
        ("infra.plan.cost", "infra.google_cloud"),
        ("infra.preflight.online", "infra.google_cloud"),
        ("infra.tpu_queue.resource", "infra.settings"),
        ("infra.google_cloud.site", "rehearsal"),
        ("rehearsal.google", "infra.settings"),
        ("policies.rule", "infra.settings"),
        ("rehearsal.cycle", "policies"),
    ],
)
def test_an_import_against_the_layers_breaks_a_contract(tmp_path: Path, importer: str, imported: str) -> None:
    (tmp_path / "pyproject.toml").write_text((PROJECT / "pyproject.toml").read_text())
    declared = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    for package in sorted(set(re.findall(r"\b(?:infra|policies|rehearsal|workloads)\b[.\w]*", str(declared)))):
        module(tmp_path, package)
    module(tmp_path, imported)
    module(tmp_path, importer).write_text(f"import {imported}\n")
    said = lint(tmp_path)
    assert said.returncode != 0
    assert f"{importer} -> {imported}" in said.stdout


def module(root: Path, name: str) -> Path:
    """An empty package of that name, with its parents. Returns its file."""
    parts = name.split(".")
    for depth in range(1, len(parts) + 1):
        file = root.joinpath(*parts[:depth], "__init__.py")
        file.parent.mkdir(exist_ok=True)
        file.touch()
    return file


def test_no_part_of_the_program_hides_a_package_that_others_import() -> None:
    """The engine runs programs, plugins and what they start in ``infra/``, whose folders Python then finds first."""
    parts = {path.stem for path in (PROJECT / "infra").iterdir() if path.suffix == ".py" or path.is_dir()}
    here = {"", str(PROJECT), str(PROJECT / "infra")}
    elsewhere = [folder for folder in sys.path if folder not in here]
    hidden = {part for part in parts - {"__pycache__"} if PathFinder.find_spec(part, elsewhere)}
    assert hidden == set()
