"""Takes out of installed packages what is not imported, and compiles the rest. Runs while an image is built."""

from __future__ import annotations

import compileall
import shutil
import sys
from pathlib import Path
from py_compile import PycInvalidationMode

FOLDERS = ("include", "tests")
"""The headers that extensions are compiled against, and the packages' own tests."""


def main(packages: Path) -> int:
    """Returns 0, or 1 when something cannot be compiled."""
    for folder in [each for name in FOLDERS for each in packages.rglob(name) if each.is_dir()]:
        shutil.rmtree(folder, ignore_errors=True)  # one may be in another that is gone
    # Not by time stamps: a layer need not keep them, and then every process would compile all of it again.
    mode = PycInvalidationMode.UNCHECKED_HASH
    return 0 if compileall.compile_dir(packages, quiet=2, workers=0, invalidation_mode=mode) else 1


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
