"""The Python environment of the clone, from the hash-locked requirements."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from toolchain import cache

ENVIRONMENT = cache.PROJECT / ".venv"
LOCKS = cache.PROJECT / "toolchain" / "locks"
SUPPORTED = ((3, 11), (3, 13))  # as TensorFlow 2.20 has wheels
SPACE_GIB = 4.0  # wheels in the cache and, where the clone is on another disk, once more in the environment
STAMP = ENVIRONMENT / ".complete"


def interpreter() -> str:
    """A Python that is new enough and not too new: the one that runs this, else one on PATH."""
    low, high = SUPPORTED
    if low <= sys.version_info[:2] <= high:
        return sys.executable
    for minor in range(high[1], low[1] - 1, -1):
        found = shutil.which(f"python3.{minor}")
        if found and _version(found) == (3, minor):
            return found
    raise cache.SetupError(
        f"wrong Python: {sys.executable} is {sys.version.split()[0]}, and no python{low[0]}.{low[1]} to "
        f"python{high[0]}.{high[1]} is on PATH.\n"
        "  Install one of them, or name it: make PYTHON=/path/to/python3.12 up"
    )


def _version(python: str) -> tuple | None:
    try:
        said = subprocess.run([python, "--version"], capture_output=True, text=True, timeout=20, check=True).stdout
        return tuple(int(part) for part in re.findall(r"\d+", said)[:2])
    except (OSError, ValueError, subprocess.SubprocessError):
        return None  # a shim that names a version which is not there


def environment_key() -> str:
    return cache.key(
        LOCKS / "requirements.txt", cache.PROJECT / "pyproject.toml", str(cache.PROJECT), cache.PLATFORM, *SUPPORTED
    )


def is_ready() -> bool:
    return STAMP.is_file() and STAMP.read_text() == environment_key() and (ENVIRONMENT / "bin" / "python").exists()


def set_up(report: cache.Reporter) -> None:
    """Makes ``.venv`` what the lock file says."""
    if is_ready():
        return
    python = interpreter()
    cache.need_space(cache.directory(), SPACE_GIB, "the Python environment")
    installer = uv(report, python)
    log = cache.directory() / "logs" / "python.log"
    environment = uv_environment()
    STAMP.unlink(missing_ok=True)
    report("making .venv")
    cache.run([installer, "venv", "--quiet", "--allow-existing", "--python", python, ENVIRONMENT], log, environment)
    packages = sum(1 for line in (LOCKS / "requirements.txt").read_text().splitlines() if "==" in line)
    report(f"installing {packages} locked packages, TensorFlow among them (about 500 MB to fetch the first time)")
    target = ["--python", ENVIRONMENT / "bin" / "python"]
    cache.run(
        [installer, "pip", "sync", *target, "--require-hashes", LOCKS / "requirements.txt"],
        log,
        environment,
        line=lambda text: report(text, passing=True),
    )
    report("installing the project, editable")
    cache.run(
        [installer, "pip", "install", "--quiet", *target, "--no-deps", "--no-build-isolation", "--editable", "."],
        log,
        environment,
    )
    report("reading the types of Google's SDK, which a rehearsal checks against (up to 20 s)")
    cache.run([ENVIRONMENT / "bin" / "python", "-m", "rehearsal.google.shapes"], log, environment)
    STAMP.write_text(environment_key())
    report(cache.READY)


def uv_environment() -> dict:
    """uv's environment: its cache and temporary files in ours, and no Python of its own."""
    temporary = cache.directory() / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    ours = {"UV_CACHE_DIR": str(cache.directory() / "uv"), "TMPDIR": str(temporary), "UV_PYTHON_DOWNLOADS": "never"}
    return {**os.environ, **ours}


def uv(report: cache.Reporter, python: str) -> str:
    """The pinned uv, installed into the cache by pip; a uv on PATH is not used, as its version could be any."""
    product = cache.directory() / "tools" / f"uv-{cache.key(LOCKS / 'uv.txt', cache.PLATFORM)}"
    with cache.made_once(product) as folder:
        if folder:
            report("fetching uv, the package installer")
            log = cache.directory() / "logs" / "python.log"
            quiet = {
                **os.environ,
                "PATH": os.defpath,  # pip asks every tool that it finds for its version; some then write to ~
                "PIP_NO_CACHE_DIR": "1",
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
            }
            pip = [python, "-m", "pip"]
            if subprocess.run([*pip, "--version"], capture_output=True, check=False).returncode:
                seed = folder / "seed"
                if subprocess.run([python, "-m", "venv", seed], capture_output=True, check=False).returncode:
                    raise cache.SetupError(
                        f"wrong Python: {python} has neither pip nor venv.\n"
                        "  Install them (Debian and Ubuntu: apt install python3-pip python3-venv), or name another "
                        "Python: make PYTHON=/path/to/python3 up"
                    )
                pip = [seed / "bin" / "python", "-m", "pip"]
            requirements = ["--require-hashes", "--only-binary=:all:", "-r", LOCKS / "uv.txt"]
            cache.run([*pip, "install", "--quiet", "--target", folder, *requirements], log, quiet)
    return str(product / "bin" / "uv")


def install_aside(report: cache.Reporter, lock: Path, folder: Path) -> None:
    """Installs a locked tool from the Python registry into a folder of its own."""
    installer = uv(report, interpreter())
    log = cache.directory() / "logs" / "python.log"
    command = [
        installer,
        "pip",
        "install",
        "--quiet",
        "--python",
        interpreter(),
        "--target",
        folder,
        "--require-hashes",
    ]
    cache.run([*command, "-r", lock], log, uv_environment())
