"""Programs from Debian's packages, unpacked into the cache folder and not installed.

An installed one could start by itself, take the place of one that is there, or be refused to who is not root.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from toolchain import cache

LOG = "debian.log"


def is_possible() -> bool:
    """Whether this machine has what fetches and unpacks packages."""
    return bool(shutil.which("apt-get") and shutil.which("dpkg-deb"))


def unpacked(
    report: cache.Reporter, name: str, packages: tuple[str, ...], links: tuple[tuple[str, str], ...] = ()
) -> Path:
    """The folder in which the packages' ``usr`` is, by the sources that this machine's apt has.

    packages:  with the libraries that they need and that not every machine has; dependencies are not followed.
    links:     that an installation would make: where in ``usr``, and to what.

    Raises SetupError when a package cannot be had.
    """
    release = Path("/etc/os-release").read_text()
    product = cache.directory() / "tools" / f"{name}-{cache.key(packages, links, release, cache.PLATFORM)}"
    with cache.made_once(product) as folder:
        if folder:
            report(f"fetching {name} as Debian packages")
            _unpack(folder, packages)
            for place, target in links:
                (folder / "usr" / place).symlink_to(target)
    return product


def _unpack(folder: Path, packages: tuple[str, ...]) -> None:
    lists, archives = folder / "lists", folder / "archives"
    for each in (lists, archives):
        (each / "partial").mkdir(parents=True)
    log = cache.directory() / "logs" / LOG
    apt = ["apt-get", "-q", "-y", "-o", f"Dir::State::lists={lists}", "-o", f"Dir::Cache={archives}"]
    if os.geteuid() == 0:
        apt += ["-o", "APT::Sandbox::User=root"]  # its own user could not write here
    cache.run([*apt, "update"], log, dict(os.environ), folder)
    cache.run([*apt, "download", *packages], log, dict(os.environ), folder)
    for package in sorted(folder.glob("*.deb")):
        cache.run(["dpkg-deb", "-x", package, folder / "all"], log, dict(os.environ), folder)
        package.unlink()
    for each in ("bin", "sbin", "lib"):  # in /usr on a machine where these are links
        if (folder / "all" / each).is_dir():
            shutil.copytree(folder / "all" / each, folder / "all" / "usr" / each, symlinks=True, dirs_exist_ok=True)
    (folder / "all" / "usr").rename(folder / "usr")
    for each in ("all", "lists", "archives"):
        shutil.rmtree(folder / each)
