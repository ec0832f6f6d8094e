"""Whether a directory can hold the artefacts, asked before anything is declared."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

NEEDED_MIB = 256
"""Room for the data set, the checkpoints and a few model versions."""


def problem(root: Path) -> str | None:
    """What is wrong with ``root`` as a place to write, and what to do; None when nothing is. Makes nothing."""
    there = root
    while not there.exists():
        there = there.parent
    advice = "Name a directory that you can write to, on a disk with room"
    if not there.is_dir():
        return f"{there} is not a directory. {advice}."
    try:
        handle, probe = tempfile.mkstemp(dir=there, prefix=".aidc-probe-")
    except OSError as error:
        return f"nothing can be written to {there} ({error.strerror}). {advice}."
    os.close(handle)
    Path(probe).unlink()
    free = shutil.disk_usage(there).free // 2**20
    if free < NEEDED_MIB:
        return f"{there} has {free} MiB free, and {NEEDED_MIB} MiB are needed. {advice}, or free some."
    return None
