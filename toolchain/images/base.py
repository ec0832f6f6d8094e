"""What the images are built on: a Python and nothing else, from a registry or from Debian's packages."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from toolchain import cache, debian
from toolchain.images import engines

SUITE = "bookworm"
PACKAGES = ("?essential", "usr-is-merged,python3,python3-venv,libstdc++6,ca-certificates,netbase")
"""As in Docker's python:3.11-slim-bookworm: what TensorFlow's wheels link to, and a pip for the build stage."""
LEFT_OUT = ("doc", "man", "locale", "info", "lintian")
"""Of /usr/share; licences stay."""
OF_THIS_MACHINE = ("etc/apt/sources.list.d/*", "etc/hostname", "etc/resolv.conf")
"""What is there for the time of the making only."""
DOCKERFILE = 'FROM scratch\nADD base.tar /\nCMD ["python3"]\n'


def ensure(engine: engines.Engine, report: cache.Reporter, public: str) -> str:
    """The name of a base that the engine has: ``public`` where its registry answers, else one made here.

    Raises SetupError when there is none to be had.
    """
    if engine.has(public):
        return public
    report(f"fetching {public.split('@')[0]}")
    reason = engine.pull(public)
    if not reason:
        return public
    if os.geteuid() or not debian.is_possible():
        raise cache.SetupError(
            f"{public} cannot be fetched: {reason}\n"
            "  Name one of your own registry with --base; a base of Debian's packages takes root and apt-get"
        )
    report("no registry answers: the base comes from Debian's packages")
    return _ensure_debian(engine, report)


def _ensure_debian(engine: engines.Engine, report: cache.Reporter) -> str:
    sources = _sources()
    key = cache.key(PACKAGES, LEFT_OUT, SUITE, cache.PLATFORM)
    product, reference = cache.directory() / "images" / f"debian-{key}", f"localhost/ai-datacenter/debian:{key}"
    with cache.made_once(product) as folder:
        if folder:
            report(f"making a minimal Debian {SUITE} with Python (1 to 2 minutes)")
            _bootstrap(folder, sources, report)
    if not engine.has(reference):
        engine.build(report, reference, product / "Dockerfile", product)
    return reference


def _bootstrap(folder: Path, sources: tuple[str, ...], report: cache.Reporter) -> None:
    (folder / "sources.list").write_text("".join(f"{each}\n" for each in sources))
    (folder / "Dockerfile").write_text(DOCKERFILE)
    (folder / "Dockerfile.dockerignore").write_text("")
    aside = folder / "tmp"
    aside.mkdir()
    without = [f"--dpkgopt=path-exclude=/usr/share/{each}/*" for each in LEFT_OUT]
    command = [
        *(*engines.over_usr(report), "mmdebstrap", "--mode=root", "--variant=custom", "--quiet"),
        "--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr",
        *(*without, "--dpkgopt=path-include=/usr/share/doc/*/copyright", "--dpkgopt=force-unsafe-io"),
        *(f"--include={each}" for each in PACKAGES),
        f"--customize-hook=cd $1 && rm -f {' '.join(OF_THIS_MACHINE)}",
        *(SUITE, folder / "base.tar", *([folder / "sources.list"] if sources else ())),  # else Debian's own
    ]
    cache.run(command, cache.directory() / "logs" / engines.LOG, {**os.environ, "TMPDIR": str(aside)}, folder)
    shutil.rmtree(aside)


def _sources() -> tuple[str, ...]:
    """The sources of SUITE that this machine's apt has; none where it is of another release."""
    form = "deb $(REPO_URI) $(RELEASE) $(COMPONENT)"
    command = ["apt-get", "indextargets", "--format", form, "Created-By: Packages"]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    return tuple(dict.fromkeys(line for line in said.splitlines() if re.search(rf" {SUITE}[ -]", line)))
