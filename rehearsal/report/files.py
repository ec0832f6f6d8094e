"""Where a report is written: ``report.json`` and ``report.html``, side by side."""

from __future__ import annotations

import tempfile
from pathlib import Path

from rehearsal.report import page
from rehearsal.report.document import Report

JSON, PAGE = "report.json", "report.html"


class NotWritable(Exception):
    """Why a report cannot be written, and what to do."""


def make_writable(folder: Path) -> None:
    """Makes ``folder`` where it is not, before anything long is begun. Raises NotWritable."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise NotWritable(
            f"--out {str(folder)!r}: {error.strerror}\n  Name a folder that can be made or written to"
        ) from None


def write(report: Report, folder: Path) -> Path:
    """Writes both files into ``folder`` and returns the page."""
    (folder / JSON).write_text(report.json_text(), encoding="utf-8")
    (folder / PAGE).write_text(page.render(report), encoding="utf-8")
    return folder / PAGE
