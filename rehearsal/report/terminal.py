"""What a person sees in the terminal: each step as it runs, and a summary of the document at the end."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from rich import box
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from rehearsal import cycle
from rehearsal.report.document import Amount, Base, Cost, Report

WIDTH = 120
"""Characters of a line where there is no terminal to ask."""

MOST = 12
"""Changes that are shown; the page has all."""

COLOURS = {"replace": "bold red", "delete": "bold red", "update": "yellow", "create": "green"}


def console(*, stderr: bool = False) -> Console:
    """Plain text where nobody looks: no colour, and lines that do not depend on who runs it."""
    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, highlight=False, width=WIDTH, no_color=True)


class Steps:
    """A line for each step that has ended and, on a terminal, what runs now and since when."""

    def __init__(self, target: Console) -> None:
        self._console = target
        columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
        self._progress = Progress(*columns, console=target, transient=True, disable=not target.is_terminal)

    def __enter__(self) -> Self:
        self._progress.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._progress.stop()

    def started(self, name: str) -> None:
        """A step begins."""
        for task in self._progress.task_ids:
            self._progress.remove_task(task)
        self._progress.add_task(name, total=None)

    def ended(self, step: cycle.Step) -> None:
        """A step has ended."""
        counts = ", ".join(f"{number} {what}" for what, number in sorted(step.counts.items()))
        minutes = f", about {step.simulated_minutes:.0f} min in a cloud" if step.simulated_minutes >= 1 else ""
        line = Text.assemble(
            ("  ok   " if step.passed else "  FAIL ", "green" if step.passed else "bold red"),
            f"{step.name:<22} {step.seconds:5.1f} s  {counts}{minutes}",
        )
        self._console.print(line, soft_wrap=True)
        if not step.passed:
            for why in dict.fromkeys(filter(None, (step.why, *step.errors))):
                self._console.print(Text(f"       {why}"), soft_wrap=True)


def summarise(report: Report, target: Console) -> None:
    """The end of a rehearsal: what would change, what it costs, what is left."""
    totals = report.totals
    target.print(
        f"{totals.resources} resources, {totals.protected} of them protected; at most {totals.gpus:,} GPUs and "
        f"{totals.tpu_chips:,} TPU chips"
    )
    if report.base:
        _print_base(report.base, target)
    if report.cost:
        target.print(_cost(report.cost))
    else:
        target.print(f"no cost: {report.preflight}", markup=False)
    target.print(f"quota: {len(report.quotas)} needed; {len(report.checks)} warnings of the preflight")
    target.print("policy: " + ("none was checked" if report.policy is None else f"{len(report.policy)} findings"))
    for each in report.faults or ():
        told = filter(None, (f"{each.kind} at {each.resource}", each.message, f"what to do: {each.advice}"))
        target.print(Text("\n  ".join(told)), soft_wrap=True)
    if any(step.name == "destroy" for step in report.steps):
        unexplained = [each for each in report.left if not each.why]
        target.print(f"left after the destroy: {len(report.left)}, without a reason: {len(unexplained)}")


def _print_base(base: Base, target: Console) -> None:
    if base.problem:
        target.print(f"no comparison with {base.ref}: {base.problem}", markup=False, soft_wrap=True)
        return
    counts = ", ".join(f"{number} to {kind}" for kind, number in base.counts.items())
    target.print(f"beside {base.ref} ({base.commit[:10]}): {counts}, {base.unchanged} unchanged", markup=False)
    if not base.changes:
        return
    table = _table("", "resource", "type", "properties")
    for each in base.changes[:MOST]:
        kind = Text(each.kind + (", protected" if each.protected else ""), style=COLOURS[each.kind])
        paths = ", ".join(differs.path for differs in each.properties)
        table.add_row(kind, Text(each.name), Text(each.type), Text(paths))
    target.print(table)
    if len(base.changes) > MOST:
        target.print(f"  and {len(base.changes) - MOST} more, which are in the report")


def _cost(cost: Cost) -> Table:
    table = _table("USD", "as declared", "all on demand", "all spot", numbers=True)
    for name, scale in (("minimum", cost.minimum), ("maximum", cost.maximum)):
        amounts = (scale.declared, scale.on_demand, scale.spot)
        table.add_row(f"{name} an hour", *(_amount(each, "hour") for each in amounts))
        table.add_row(f"{name} a month", *(_amount(each, "month") for each in amounts))
    return table


def _amount(amount: Amount, period: str) -> str:
    difference = f" ({getattr(amount.difference, period):+,.2f})" if amount.difference else ""
    return f"{'at least ' if amount.at_least else ''}{getattr(amount, period):,.2f}{difference}"


def _table(*columns: str, numbers: bool = False) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for position, column in enumerate(columns):
        table.add_column(column, justify="right" if numbers and position else "left", overflow="fold")
    return table
