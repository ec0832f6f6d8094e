"""``python3 -m toolchain.setup``: everything the project needs, made once and kept.

Builds or finds the engine and makes the Python environments, side by side. May be stopped and run again at any time;
when all is there it returns at once. Writes to the clone's ``.venv`` and to the cache folder, and nowhere else.
"""

from __future__ import annotations

import subprocess
import sys
import threading
import time

from toolchain import cache, engine, policies, python


def main() -> int:
    """Returns 0 when everything is there, 1 with the reason on standard error."""
    if python.is_ready() and engine.folder() and policies.is_ready():
        return 0
    start = time.monotonic()
    print(f"setting up; what is made is kept in {cache.directory()}", flush=True)
    failures: list = []

    def attempt(task, report: cache.Reporter) -> None:
        try:
            task(report)
        except (cache.SetupError, OSError, subprocess.SubprocessError) as error:
            failures.append((report.task, error))
            cache.stop_all()

    tasks = [
        (task, cache.Reporter(name))
        for name, task in (("python", python.set_up), ("engine", engine.set_up), ("policies", policies.set_up))
    ]
    threads = [threading.Thread(target=attempt, args=task, daemon=True) for task in tasks]
    try:
        python.interpreter()  # before anything is fetched
        for thread in threads:
            thread.start()
        for thread in threads:
            while thread.is_alive():
                thread.join(0.5)
                for _, report in tasks:
                    report.beat()
    except cache.SetupError as error:
        failures.append(("python", error))
    except KeyboardInterrupt:
        cache.stop_all()
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        return 130
    if failures:
        name, error = failures[0]  # the others were ended because of it
        print(f"error: [{name}] {error}", file=sys.stderr)
        return 1
    print(f"set up in {time.monotonic() - start:.0f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
