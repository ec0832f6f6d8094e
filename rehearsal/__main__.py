"""``python -m rehearsal --stack NAME``: a Google stack through its whole life, with no cloud and no credentials."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from rehearsal import cycle
from toolchain import cache, google

EPILOG = """exit codes:
  0  every step did what it must
  1  a step did not; the lines below it say why
  2  there is no such stack, or it is not on Google Cloud
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the rehearsal, tells each step as it ends, and returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal",
        description="Runs a stack with the real engine over a simulated cloud: preview, up, up again, refresh, import "
        "of everything, destroy. What is checked, and what is not, is in docs/rehearsal.md.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", required=True, help="name of the stack file, stacks/Pulumi.<name>.yaml")
    chosen = parser.parse_args(arguments)
    if not (cache.PROJECT / "stacks" / f"Pulumi.{chosen.stack}.yaml").is_file() or not google.is_site_of(chosen.stack):
        print(f"STACK = {chosen.stack!r}: only stacks on Google Cloud are rehearsed", file=sys.stderr)
        return 2
    print(f"rehearsing {chosen.stack} over a simulated cloud; nothing is asked of Google", flush=True)
    done = cycle.run(chosen.stack, on_step=_tell)
    verdict = "passed" if done.passed else "failed"
    print(f"{verdict} in {done.seconds:.0f} s; state and log of the rehearsal: {done.folder}")
    return 0 if done.passed else 1


def _tell(step: cycle.Step) -> None:
    counts = ", ".join(f"{number} {what}" for what, number in sorted(step.counts.items()))
    minutes = f", about {step.simulated_minutes:.0f} min in a cloud" if step.simulated_minutes >= 1 else ""
    print(f"  {'ok  ' if step.passed else 'FAIL'} {step.name:<22} {step.seconds:5.1f} s  {counts}{minutes}", flush=True)
    if not step.passed:
        print("\n".join(f"       {line}" for line in (step.why, *step.errors) if line), flush=True)


if __name__ == "__main__":
    sys.exit(main())
