"""Directories for data sets, checkpoints, models and logs."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import ClassVar

from infra.plugin.handler import Handler, ProviderError, State, Talk

KINDS = ("datasets", "checkpoints", "models", "logs")
RUN = "run"
"""Beside them, the records of running services."""

PURGE = "AIDC_PURGE"
"""Environment variable that makes a delete remove the directories and everything in them."""


class ArtefactsHandler(Handler):
    wanted: ClassVar[State] = {"missing": []}

    def replaces(self, path: str) -> bool:
        return path == "root"

    def create(self, name: str, inputs: State, talk: Talk) -> State:
        for kind in (*KINDS, RUN):
            try:
                Path(inputs["root"], kind).mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise ProviderError(f"cannot make {error.filename}: {error.strerror}") from error
        return inputs

    def read(self, name: str, state: State) -> State | None:
        missing = [kind for kind in KINDS if not Path(state["root"], kind).is_dir()]
        return None if len(missing) == len(KINDS) else {**state, "missing": missing}

    def update(self, name: str, state: State, inputs: State, talk: Talk) -> State:
        return self.create(name, inputs, talk)

    def delete(self, name: str, state: State, talk: Talk) -> None:
        root = Path(state["root"])
        if os.environ.get(PURGE) != "1":
            talk.info(f"kept {root}; with PURGE=1 this would have removed it")
            return
        for kind in (*KINDS, RUN):
            try:
                shutil.rmtree(root / kind)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise ProviderError(f"cannot remove {error.filename}: {error.strerror}") from error
        if root.is_dir() and not any(root.iterdir()):
            root.rmdir()
        talk.info(f"removed the data sets, checkpoints, models and logs in {root}")
