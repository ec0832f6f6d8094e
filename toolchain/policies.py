"""The policy pack's own Python environment, from its own hash-locked requirements.

Apart from ``.venv``: pulumi-policy 1.21 is made for protobuf 5, and what jobs import needs 6. Made once in the cache,
and shared by all clones.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from toolchain import cache, python

LOCK = python.LOCKS / "policies.txt"
REQUIREMENTS = ("pulumi==3.259.0", "pulumi-policy==1.21.0", "pydantic>=2.14,<3", "pyyaml>=6.0")
"""The SDK is the engine's version (toolchain/engine/go.mod)."""


def folder() -> Path:
    """Where the environment is, or will be."""
    return cache.directory() / "tools" / f"policies-{cache.key(LOCK, cache.PLATFORM)}"


def is_ready() -> bool:
    return (folder() / "bin" / "python").exists()  # follows the link: the Python that it was made with may be gone


def interpreter() -> Path:
    """The environment's Python. Raises SetupError when it is not there; it is never made from here."""
    if not is_ready():
        raise cache.SetupError("the policy pack's environment is not there; run: make setup")
    return folder() / "bin" / "python"


def set_up(report: cache.Reporter) -> None:
    """Makes the environment when it is not there."""
    if is_ready():
        return
    if folder().exists():
        shutil.rmtree(folder())
    base = python.interpreter()
    installer = python.uv(report, base)
    log, environment = cache.directory() / "logs" / "policies.log", python.uv_environment()
    with cache.made_once(folder()) as made:
        if made:
            report("making the policy pack's environment")
            cache.run([installer, "venv", "--quiet", "--relocatable", "--python", base, made], log, environment)
            target = ["--python", made / "bin" / "python"]
            cache.run([installer, "pip", "sync", "--quiet", *target, "--require-hashes", LOCK], log, environment)
    report(cache.READY)


def lock(report: cache.Reporter) -> None:
    """Resolves ``REQUIREMENTS`` anew into the lock file, for every platform."""
    log, environment = cache.directory() / "logs" / "lock.log", python.uv_environment()
    wanted = cache.directory() / "tmp" / "policies.in"
    wanted.write_text("".join(f"{each}\n" for each in REQUIREMENTS))
    command = [
        *(python.uv(report, python.interpreter()), "pip", "compile", "--quiet", "--universal", "--upgrade"),
        *("--generate-hashes", "--no-emit-index-url", "--no-annotate", "--custom-compile-command", "make lock"),
        *("--python-version", ".".join(map(str, python.SUPPORTED[0])), wanted, "--output-file", LOCK),
    ]
    report("resolving the policy pack's requirements")
    cache.run(command, log, environment)
