"""All that was found out, as tables for people and as JSON for machines: both show the same values."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from infra.plan.cost import Basis, Estimate, Scale
from infra.plan.quotas import Need
from infra.preflight.checks import Check, Verdict

COLOURS = {Verdict.OK: "green", Verdict.WARN: "yellow", Verdict.FAIL: "bold red", Verdict.SKIPPED: "cyan"}


@dataclass(frozen=True)
class Report:
    """One run.

    site:    of the stack; only ``google`` has anything to look at.
    mode:    what was done and, where Google was not asked, why not; a sentence.
    online:  whether Google was asked.
    """

    stack: str
    site: str
    mode: str
    online: bool = False
    checks: tuple[Check, ...] = ()
    needs: tuple[Need, ...] = ()
    cost: Estimate | None = None
    project: str = ""
    region: str = ""
    services: tuple[str, ...] = field(default=())

    @property
    def failed(self) -> bool:
        return any(check.verdict is Verdict.FAIL for check in self.checks)

    @property
    def counts(self) -> dict[str, int]:
        """Checks by verdict."""
        counted = Counter(check.verdict for check in self.checks)
        return {verdict.value: counted[verdict] for verdict in Verdict}

    def as_dict(self) -> dict[str, Any]:
        """The report as plain values. Amounts of money are US dollars."""
        return {
            "stack": self.stack,
            "site": self.site,
            "project": self.project,
            "region": self.region,
            "mode": self.mode,
            "online": self.online,
            "checks": [check.as_dict() for check in self.checks],
            "services": list(self.services),
            "quotas": [_quota(need) for need in self.needs],
            "cost": None if self.cost is None else {"lines": _lines(self.cost), **self.cost.as_outputs()},
            "counts": self.counts,
            "failed": self.failed,
        }

    def print(self, console: Console) -> None:
        """The report for people."""
        said = self.as_dict()
        console.print(f"Preflight of {self.stack}: {self.mode}", highlight=False)
        if not said["checks"]:
            return
        console.print(f"Project {self.project}, region {self.region}", highlight=False)
        console.print(_checks_table(said["checks"]))
        console.print(_quotas_table(said["quotas"]))
        console.print(_cost_table(said["cost"]))
        console.print(_totals_table(said["cost"]))
        console.print(f"Cost: {said['cost']['prices']}", highlight=False)
        for title, key in (("Without a price", "unpriced"), ("Prices of other regions", "other_regions")):
            for each in said["cost"][key]:
                console.print(f"  {title}: {each}", highlight=False, markup=False)
        for each in said["cost"]["not_included"]:
            console.print(f"  Not included: {each}", highlight=False)
        counts = ", ".join(f"{number} {verdict}" for verdict, number in self.counts.items())
        console.print(f"{sum(self.counts.values())} checks: {counts}", highlight=False)


def _quota(need: Need) -> dict[str, Any]:
    return {
        "service": need.service,
        "subject": need.subject,
        "metric": need.metric,
        "family": need.family,
        "location": need.location,
        "least": need.least,
        "most": need.most,
        "why": list(need.why),
    }


def _lines(cost: Estimate) -> list[dict[str, Any]]:
    return [
        {
            "what": line.what,
            "setting": line.setting,
            "unit": line.unit,
            "least": line.least,
            "most": line.most,
            "usd_per_hour": {
                f"{scale.value}, {basis.value}": _rounded(line.usd_per_hour(scale, basis))
                for scale in Scale
                for basis in Basis
            },
            "price": None
            if line.price is None
            else {"region": line.price.region, "source": line.price.source, "read_on": str(line.price.read_on)},
        }
        for line in cost.lines
    ]


def _rounded(amount: float | None) -> float | None:
    return None if amount is None else round(amount, 4)


def _table(title: str, *columns: str, numbers: tuple[str, ...] = ()) -> Table:
    table = Table(title=title, title_justify="left", title_style="bold", box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        # A word that does not fit is folded, never cut: what a person has to type must be there whole.
        table.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return table


def _checks_table(checks: list[dict[str, str]]) -> Table:
    table = _table("Checks", "", "check", "subject", "what was found, and what to do")
    for each in checks:
        found = Text(each["detail"])
        if each["fix"]:
            found.append(f"\n> {each['fix']}", style="bold")
        verdict = Text(each["verdict"], style=COLOURS[Verdict(each["verdict"])])
        table.add_row(verdict, Text(each["name"]), Text(each["subject"]), found)
    return table


def _quotas_table(needs: list[dict[str, Any]]) -> Table:
    table = _table("Quota", "what", "quota", "where", "least", "most", "asked for by", numbers=("least", "most"))
    for each in needs:
        name = each["metric"] or "no public name"
        cells = [
            each["subject"],
            f"{name} ({each['family']})" if each["family"] else name,
            each["location"],
            f"{each['least']:,}",
            f"{each['most']:,}",
            ", ".join(each["why"]),
        ]
        table.add_row(*map(Text, cells))
    return table


def _cost_table(cost: dict[str, Any]) -> Table:
    columns = ("USD/h least", "USD/h most", "all on demand", "all spot")
    table = _table("Cost of each thing", "what", "asked for by", "how many", *columns, numbers=columns)
    shown = ("least, declared", "most, declared", "most, on-demand", "most, spot")
    for line in cost["lines"]:
        amounts = [_money(line["usd_per_hour"][key]) for key in shown]
        units = f"{line['least']:,} to {line['most']:,}" if line["least"] != line["most"] else f"{line['most']:,}"
        table.add_row(*map(Text, [line["what"], line["setting"], f"{units} {line['unit']}", *amounts]))
    return table


def _totals_table(cost: dict[str, Any]) -> Table:
    columns = ("as declared", "all on demand", "all spot")
    table = _table("Cost of the stack in USD", "scale", "", *columns, numbers=columns)
    for scale in Scale:
        part = cost[scale.value]
        for period, key in (("an hour", "hourly_usd"), ("a month", "monthly_usd")):
            # A total that lacks a price is only known to be no less.
            cells = [
                f"{'at least ' if basis.value in part['lower_bound'] else ''}{_money(part[key][basis.value])}"
                for basis in Basis
            ]
            table.add_row(scale.value, period, *map(Text, cells))
    return table


def _money(amount: float | None) -> str:
    return "not known" if amount is None else f"{amount:,.2f}"
