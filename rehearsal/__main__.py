"""``python -m rehearsal --stack NAME``: a Google stack through its whole life, with no cloud and no credentials."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from rehearsal import cycle, faults
from rehearsal.failures import KINDS
from rehearsal.report import base, collect, files, policy, preflight, terminal
from rehearsal.report.document import Base, Fault, Finding
from toolchain import cache, stack

DESCRIPTION = """Runs a stack with the real engine over a simulated cloud: preview, up, up again, refresh, import of
everything, destroy. Writes a report for a reviewer (report.html) and for machines (report.json). What is checked, and
what is not, is in docs/rehearsal.md.
"""

EPILOG = """exit codes:
  0  every step did what it must
  1  a step did not; the lines below it say why
  2  there is no such stack, it is not on Google Cloud, or --base, --out or --faults cannot be used

faults, divided by commas, are KIND[xTIMES][:TYPE][@N]: what goes wrong, how often, with which type of resource, and
with the how many-th of it; or random:SEED:COUNT, drawn. Such as stockout,503x4:Network,denied:Bucket@2,kill@17. Kinds:
{kinds}
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the rehearsal, tells each step as it ends, writes the report and returns the exit code."""
    chosen = _parser().parse_args(arguments)
    if stack.site_of(chosen.stack) != stack.GOOGLE:
        print(f"STACK = {chosen.stack!r}: only stacks on Google Cloud are rehearsed", file=sys.stderr)
        return 2
    try:
        return _rehearse(chosen)
    except (faults.NotAFault, base.NoBase, files.NotWritable, cycle.Busy, cache.SetupError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(
            "\nstopped; nothing but the simulated cloud was touched, and the next rehearsal removes it", file=sys.stderr
        )
        return 130


def _rehearse(chosen: argparse.Namespace) -> int:
    wanted = None if chosen.faults is None else faults.parse(chosen.faults)
    known = base.commit(chosen.base) if chosen.base else ""
    if chosen.out:
        files.make_writable(chosen.out)
    console = terminal.console(stderr=chosen.json)
    trouble = f" with {', '.join(map(str, wanted))}" if wanted else ""
    console.print(
        f"rehearsing {chosen.stack}{trouble} over a simulated cloud; nothing is asked of Google", markup=False
    )
    with terminal.Steps(console) as steps:
        done, struck = _run(chosen.stack, wanted, steps)
        steps.started("report")
        compared, base_said = None, None
        if chosen.base and done.steps[0].passed:  # what cannot be run cannot be compared either
            compared, base_said = _compare(chosen.base, known, done, steps)
    said, why = _preflight(chosen.stack, cache.PROJECT)
    found = _policy(done, console)
    report = collect.collect(
        done, said=said, no_preflight=why, compared=compared, base_said=base_said, policy=found, faults=struck
    )
    page = files.write(report, chosen.out or done.folder)
    terminal.summarise(report, console)
    verdict = "passed" if report.passed else "failed"
    console.print(f"{verdict} in {report.seconds:.0f} s; report: {page}", markup=False, soft_wrap=True)
    if chosen.json:
        sys.stdout.write(report.json_text())
    return 0 if report.passed else 1


def _run(
    stack: str, wanted: Sequence[faults.Fault] | None, steps: terminal.Steps
) -> tuple[cycle.Cycle, list[Fault] | None]:
    """The whole life of a stack; with faults, an undisturbed `up` and what comes of them instead."""
    if wanted is None:
        return cycle.run(stack, cycle.FOLDER / stack, on_step=steps.ended, on_start=steps.started), None
    outcome = faults.rehearse(stack, wanted, on_step=steps.ended, on_start=steps.started)
    struck = [
        Fault(kind=each.fault.kind, resource=each.name, message=each.message, advice=each.advice)
        for each in outcome.planned
    ]
    return cycle.Cycle(stack, outcome.folder, outcome.steps, outcome.resources), struck


def _compare(ref: str, known: str, done: cycle.Cycle, steps: terminal.Steps) -> tuple[Base, preflight.Said | None]:
    program = done.folder / "base-program"
    base.check_out(known, program)
    compared = base.compare(ref, known, done.stack, program, done.folder / "base", steps.started, steps.ended)
    return compared, None if compared.problem else _preflight(done.stack, program)[0]


def _policy(done: cycle.Cycle, console: Console) -> list[Finding] | None:
    """What the policies find in what was brought up; None, and the reason on the terminal, when they cannot look."""
    if not done.resources:
        return None
    try:
        return policy.ask(done.stack, done.resources, done.folder, cache.PROJECT)
    except policy.NoPolicies as error:
        console.print(str(error), markup=False)
        return None


def _preflight(stack: str, project: Path) -> tuple[preflight.Said | None, str]:
    """What the preflight says, or why there is none: the rehearsal does without."""
    try:
        return preflight.ask(stack, project, base.environment(project)), ""
    except preflight.NoPreflight as error:
        return None, str(error)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rehearsal",
        description=DESCRIPTION,
        epilog=EPILOG.format(kinds="\n".join(f"  {name:<9} {kind.about}" for name, kind in KINDS.items())),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--stack", required=True, help="name of the stack file, stacks/Pulumi.<name>.yaml")
    parser.add_argument(
        "--base", metavar="REF", help="commit, branch or tag: report what an up would change in a stack of it"
    )
    parser.add_argument(
        "--out", metavar="FOLDER", type=Path, help="where the report is written; else a folder in .local/rehearsal"
    )
    parser.add_argument(
        "--faults", metavar="FAULTS", help="instead of the whole life: what goes wrong in an up, as told below"
    )
    parser.add_argument("--json", action="store_true", help="print report.json, and nothing else on standard output")
    return parser


if __name__ == "__main__":
    sys.exit(main())
