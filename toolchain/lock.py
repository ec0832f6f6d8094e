"""``python3 -m toolchain.lock``: resolves pyproject.toml anew for every platform.

Hashes go into the lock file and index addresses do not, so that it is the same whichever index it was resolved with.
"""

from __future__ import annotations

import sys

from toolchain import cache, policies, python
from toolchain.images import locks


def main() -> int:
    """Returns 0, or 1 with the reason on standard error."""
    report = cache.Reporter("lock")
    command = [
        *(python.uv(report, python.interpreter()), "pip", "compile", "--quiet", "--universal", "--upgrade"),
        *("--generate-hashes", "--no-emit-index-url", "--no-annotate", "--custom-compile-command", "make lock"),
        *("--python-version", ".".join(map(str, python.SUPPORTED[0])), "--all-extras", "pyproject.toml"),
        *("--output-file", python.LOCKS / "requirements.txt"),
    ]
    try:
        report("resolving pyproject.toml")
        cache.run(command, cache.directory() / "logs" / "lock.log", python.uv_environment())
        locks.lock(report)
        policies.lock(report)
    except (cache.SetupError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    report(cache.READY)
    return 0


if __name__ == "__main__":
    sys.exit(main())
