"""The images of the workloads: which there are, and how each is made once for what it is made of."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from toolchain import cache, python
from toolchain.images import base, engines, locks, sbom

CODE = cache.PROJECT / "workloads"
FILE = CODE / "images" / "Dockerfile"
REPOSITORY = "localhost/ai-datacenter"
SPACE_GIB = {"cpu": 6.0, "gpu": 24.0, "tpu": 8.0}
"""What the stages, the image and its archive take, of the cache folder's disk or of the engine's."""
KEPT = 3
"""How many archives of an image: somebody may be at work with the one before."""
CERTIFICATES = Path("/etc/ssl/certs/ca-certificates.crt")


@dataclass(frozen=True)
class Image:
    """One of the images.

    name:         its last name.
    target:       the stage of the Dockerfile.
    accelerator:  whose packages it has: cpu, gpu or tpu.
    """

    name: str
    target: str
    accelerator: str


IMAGES = {
    each.name: each
    for each in (
        Image("train-cpu", "train", "cpu"),
        Image("train-gpu", "train", "gpu"),
        Image("train-tpu", "train-tpu", "tpu"),
        Image("serve", "serve", "cpu"),
    )
}


@dataclass(frozen=True)
class Made:
    """An image that has been made.

    reference:  its whole name.
    archive:    what `docker load` and containerd take.
    sbom:       what is in it, as CycloneDX JSON.
    """

    reference: str
    archive: Path
    sbom: Path


def make(report: cache.Reporter, image: Image, tag: str = "", public: str = "") -> Made:
    """Makes the image unless one of the same content is there.

    tag:     of its name; a digest of what it is made of unless it is given, so that a change has a new name.
    public:  what it is built on, in place of what the Dockerfile says.

    Raises SetupError when it cannot be made.
    """
    content = _content(image, public)
    reference = f"{REPOSITORY}/{image.name}:{tag or content}"
    product = cache.directory() / "images" / f"{image.name}-{cache.key(content, reference)}"
    made = Made(reference, product / f"{image.name}.tar", product / f"{image.name}.cdx.json")
    with cache.made_once(product) as folder:
        if folder:
            engine = engines.find(report)
            under = base.ensure(engine, report, public or _declared_base())
            runtime = _ensure_runtime(engine, report, image, under)
            report(f"building {reference} with {engine.name}")
            arguments = {"BASE": under, "RUNTIME": runtime}
            engine.build(report, reference, FILE, cache.PROJECT, *_options(image.target, arguments), *_labels(under))
            report(f"writing {made.archive.name} and what is in it")
            engine.save(reference, folder / made.archive.name)
            sbom.write(folder / made.archive.name, reference, folder / made.sbom.name)
    _forget_old(image)
    return made


def _ensure_runtime(engine: engines.Engine, report: cache.Reporter, image: Image, under: str) -> str:
    """The name of all that is below our code: made apart, so that nothing of it is looked at when only code changes."""
    made_of = (FILE, FILE.with_name("prune.py"), python.LOCKS / "uv.txt", locks.path(image.accelerator))
    reference = f"{REPOSITORY}/runtime-{image.accelerator}:{cache.key(under, *made_of)}"
    if not engine.has(reference):
        cache.need_space(cache.directory(), SPACE_GIB[image.accelerator], f"the image {image.name}")
        report(f"building {reference} with {engine.name} (minutes, and hundreds of megabytes to fetch)")
        arguments = {"BASE": under, "ACCELERATOR": image.accelerator}
        engine.build(report, reference, FILE, cache.PROJECT, *_options("runtime", arguments), *_secrets())
    return reference


def _content(image: Image, public: str) -> str:
    """A digest of what the image is made of."""
    code = [file for file in sorted(CODE.rglob("*")) if file.is_file() and "__pycache__" not in file.parts]
    named = [part for file in code for part in (str(file.relative_to(CODE)), file)]
    return cache.key(image, public, os.uname().machine, python.LOCKS / "uv.txt", locks.path(image.accelerator), *named)


def _declared_base() -> str:
    """What the Dockerfile builds on."""
    return re.search(r"^ARG BASE=(\S+)$", FILE.read_text(), re.MULTILINE)[1]


def _options(target: str, arguments: dict[str, str]) -> list[str]:
    options = [word for name, value in arguments.items() for word in ("--build-arg", f"{name}={value}")]
    return ["--target", target, *options]


def _secrets() -> list[str]:
    """The certificates that this machine trusts: a proxy's are among them, where there is one."""
    file = Path(os.environ.get("SSL_CERT_FILE") or CERTIFICATES)
    return ["--secret", f"id=certificates,src={file}"] if file.is_file() else []


def _labels(under: str) -> list[str]:
    """By the names of the OCI image specification, 'Annotations'."""
    labels = {"version": _project_version(), "revision": _revision(), "base.name": under}
    known = [f"org.opencontainers.image.{name}={value}" for name, value in labels.items() if value]
    return [word for each in known for word in ("--label", each)]


def _project_version() -> str:
    return re.search(r'^version = "(.+)"$', (cache.PROJECT / "pyproject.toml").read_text(), re.MULTILINE)[1]


def _revision() -> str:
    """The commit, marked when files differ from it; nothing where this is no clone."""
    command = ["git", "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        said = subprocess.run(command, cwd=cache.PROJECT, capture_output=True, text=True, check=False)
    except OSError:
        return ""
    return said.stdout.strip()


def _forget_old(image: Image) -> None:
    """Removes the archives of what the image was: more than a gigabyte each."""
    products = cache.directory().glob(f"images/{image.name}-*")
    for old in sorted(products, key=lambda each: each.stat().st_mtime, reverse=True)[KEPT:]:
        shutil.rmtree(old, ignore_errors=True)
