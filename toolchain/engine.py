"""The Pulumi engine with its Python language host: one that is on PATH, else built from pinned Go modules.

No package registry carries the engine as a binary; why it is built, and what else was considered, is in
docs/adr/0001-real-engine-from-go-modules.md.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import tempfile
from pathlib import Path

from toolchain import cache, go

VERSION = "3.259.0"  # as in engine/go.mod and, for the SDK, in pyproject.toml
SPACE_GIB = 6.0  # module cache 2.0, build cache 1.8, and what the linker needs meanwhile
SDK = "github.com/pulumi/pulumi/sdk/v3"
ENGINE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
LANGUAGE_HOST = f"{SDK}/python/cmd/pulumi-language-python"


def on_path() -> Path | None:
    """The folder of a ``pulumi`` on PATH that is new enough and has its Python language host beside it."""
    found = shutil.which("pulumi")
    if not found:
        return None
    home = Path(found).resolve().parent
    if not shutil.which("pulumi-language-python", path=str(home)):
        return None
    try:
        return home if _numbers(_says(found)) >= _numbers(VERSION) else None
    except (OSError, subprocess.SubprocessError):
        return None


def built() -> Path:
    """Where the engine that is built here lies, or will."""
    sums = [go.HERE / module / name for module in ("engine", "language-host") for name in ("go.mod", "go.sum")]
    return cache.directory() / "engine" / f"{VERSION}-{cache.key(*sums, cache.PLATFORM)}"


def folder() -> Path | None:
    """The folder that holds a working engine; None before the set-up."""
    there = on_path()
    if there:
        return there
    return built() if (built() / "pulumi").is_file() else None


def set_up(report: cache.Reporter) -> None:
    """Makes sure that there is an engine."""
    if folder():
        return
    if built().is_dir():
        shutil.rmtree(built())  # somebody took the binary out of it
    with cache.made_once(built()) as product:
        if product is None:
            return
        cache.need_space(cache.directory(), SPACE_GIB, "building the engine")
        version = f"-X {SDK}/go/common/version.Version=v{VERSION}"
        go.build(report, "engine", ENGINE, product / "pulumi", version)
        go.build(report, "language-host", LANGUAGE_HOST, product / "pulumi-language-python")
        _copy_scripts(report, product)
        said = _says(product / "pulumi")
        if _numbers(said) != _numbers(VERSION):
            raise cache.SetupError(f"the engine says that it is {said.strip()}, not v{VERSION}")
        report(cache.READY)


def _copy_scripts(report: cache.Reporter, product: Path) -> None:
    """The two scripts that the language host starts, from the SDK module that the engine was built with."""
    where = go.source(report, "engine", SDK)
    for script in ("cmd/pulumi-language-python-exec", "dist/pulumi-resource-pulumi-python"):
        copy = product / Path(script).name
        shutil.copyfile(where / "python" / script, copy)
        copy.chmod(copy.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def _says(binary: str | Path) -> str:
    """What an engine says that its version is. It logs even that, and not into the user's own ``~/.pulumi``."""
    with tempfile.TemporaryDirectory() as home:
        quiet = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1", "PULUMI_HOME": home}
        command = [binary, "version"]
        return subprocess.run(command, capture_output=True, text=True, env=quiet, timeout=20, check=True).stdout


def _numbers(version: str) -> tuple:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
