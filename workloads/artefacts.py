"""Where a site keeps what workloads read and write, and how to write there so that nothing is ever half there."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Artefacts:
    """The artefact directories under one root."""

    root: Path

    @property
    def datasets(self) -> Path:
        return self.root / "datasets"

    def run(self, name: str, fingerprint: str) -> Path:
        """Checkpoints and result of one training run."""
        return self.root / "checkpoints" / name / fingerprint

    def logs(self, name: str, fingerprint: str) -> Path:
        """Process logs and TensorBoard summaries of one training run."""
        return self.root / "logs" / name / fingerprint

    def model(self, name: str) -> Path:
        """The model's version directories, named 1, 2, 3 as TensorFlow Serving wants them."""
        return self.root / "models" / name


@contextmanager
def written_aside(target: Path) -> Iterator[Path]:
    """Yields a fresh directory beside ``target`` that becomes ``target`` only when the block succeeds.

    A reader sees the whole of it or nothing, whatever is killed meanwhile; leftovers of a killed writer are swept.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    aside = target.parent / f".{target.name}.partial"
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir()
    try:
        yield aside
        aside.rename(target)
    finally:
        shutil.rmtree(aside, ignore_errors=True)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Replaces ``path`` in one step."""
    aside = path.with_name(f".{path.name}.partial")
    aside.write_text(json.dumps(content, indent=2) + "\n")
    os.replace(aside, path)  # noqa: PTH105 - Path.replace says less plainly that an existing file goes


def read_json(path: Path) -> dict[str, Any] | None:
    """The content of ``path``, or None when it is not there or not whole."""
    try:
        content = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    return content if isinstance(content, dict) else None
