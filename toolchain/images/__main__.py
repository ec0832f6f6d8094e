"""``python -m toolchain.images [NAME ...] [--tag TAG] [--save FOLDER] [--base IMAGE]``: the images of the workloads.

Without a name: those that this project's own cluster runs. An image of the same content is made once.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from pathlib import Path

from toolchain import cache
from toolchain.images import build

DEFAULT = ("train-cpu", "serve")


def main(arguments: list[str]) -> int:
    """Returns 0, or 1 with the reason on standard error."""
    options = _options(arguments)
    report = cache.Reporter("images")
    try:
        for name in options.names or DEFAULT:
            made = build.make(report, build.IMAGES[name], options.tag, options.base)
            kept = [_copy(each, options.save) for each in (made.archive, made.sbom)]
            print(f"{made.reference}  {kept[0].stat().st_size / 1e6:.0f} MB\n  {kept[0]}\n  {kept[1]}")
    except (cache.SetupError, OSError, subprocess.SubprocessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        cache.stop_all()
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m toolchain.images", description="Container images of the workloads."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help=f"{', '.join(build.IMAGES)} (default: {' '.join(DEFAULT)})"
    )
    parser.add_argument("--tag", default="", help="of the images' names (default: a digest of what they are made of)")
    parser.add_argument("--save", type=Path, metavar="FOLDER", help="where to put archives and contents as well")
    parser.add_argument(
        "--base", default="", metavar="IMAGE", help="what to build on: a Python 3.11 of another registry"
    )
    options = parser.parse_args(arguments)
    unknown = [each for each in options.names if each not in build.IMAGES]
    if unknown:
        parser.error(f"there is no image {unknown[0]!r}; there are: {', '.join(build.IMAGES)}")
    return options


def _copy(file: Path, folder: Path | None) -> Path:
    """The file, or a copy of it in ``folder``: a link where both are on one disk."""
    if folder is None:
        return file
    folder.mkdir(parents=True, exist_ok=True)
    copy = folder / file.name
    copy.unlink(missing_ok=True)
    try:
        os.link(file, copy)
    except OSError:
        shutil.copyfile(file, copy)
    return copy


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
