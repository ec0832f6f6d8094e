"""What the images install: the ``workloads`` extra of pyproject.toml, at the clone's versions, with one TensorFlow."""

from __future__ import annotations

from pathlib import Path

from toolchain import cache, python

FOLDER = python.LOCKS / "images"
TENSORFLOW = {
    "cpu": (),  # as pyproject.toml has it
    "gpu": ("tensorflow[and-cuda]==2.20.0",),
    "tpu": ("tensorflow-tpu==2.20.0", "libtpu<=0.0.24"),
}
"""What takes the place of TensorFlow for a CPU; all of them are the module ``tensorflow``, so only one can be there.

The TPU's line stops at 2.20. It asks for ``libtpu~=0.0.14``, and ends at its import with 0.0.32 and later
("ConfigureDistributedTpuOp_DoWork not available in this library").
"""
BUILDS = {"tensorflow", "tensorflow-cpu"}
UNUSED = {"libclang"}
"""What TensorFlow asks for and no module of it imports; 64 MB."""


def lock(report: cache.Reporter) -> None:
    """Resolves them anew; raises SetupError when that cannot be."""
    log, environment = cache.directory() / "logs" / "lock.log", python.uv_environment()
    aside = cache.directory() / "tmp"
    for accelerator, instead in TENSORFLOW.items():
        wanted, unwanted = aside / f"{accelerator}.in", aside / f"{accelerator}.without"
        wanted.write_text("".join(f"{each}\n" for each in instead))
        others = BUILDS - {_name(each) for each in instead} if instead else set()
        unwanted.write_text("".join(f"{each}\n" for each in sorted(others | UNUSED)))
        command = [
            *(python.uv(report, python.interpreter()), "pip", "compile", "--quiet", "--universal", "--upgrade"),
            *("--generate-hashes", "--no-emit-index-url", "--no-annotate", "--custom-compile-command", "make lock"),
            *("--python-version", ".".join(map(str, python.SUPPORTED[0])), "--extra", "workloads"),
            *("--constraints", python.LOCKS / "requirements.txt", "--excludes", unwanted),
            *("pyproject.toml", wanted, "--output-file", path(accelerator)),
        ]
        report(f"resolving what images for a {accelerator.upper()} install")
        cache.run(command, log, environment)


def path(accelerator: str) -> Path:
    """The lock file of ``cpu``, ``gpu`` or ``tpu``."""
    return FOLDER / f"{accelerator}.txt"


def _name(requirement: str) -> str:
    return requirement.split("[")[0].split("=")[0].split("<")[0]
