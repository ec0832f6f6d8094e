"""The report for people and the one for machines."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from infra.plan.cost import estimate
from infra.plan.quotas import quotas
from infra.plan.services import services
from infra.preflight.checks import Check, Verdict
from infra.preflight.report import Report
from tests.unit.plan import samples

CHECKS = tuple(
    Check("quota", f"thing {verdict}", verdict, f"[{verdict}] found", f"do [b]{verdict}") for verdict in Verdict
)


def report(checks: tuple[Check, ...] = CHECKS) -> Report:
    settings = samples.with_everything()
    return Report(
        stack="dev",
        site="google",
        mode="checked for a test",
        checks=checks,
        needs=tuple(quotas(settings)),
        cost=estimate(settings),
        project=settings.project,
        region=settings.region,
        services=services(settings),
    )


def printed(of: Report, width: int, **options: Any) -> str:
    stream = io.StringIO()
    of.print(Console(file=stream, width=width, **options))
    return stream.getvalue()


def test_the_tables_show_what_the_json_holds() -> None:
    said, text = report().as_dict(), printed(report(), 2000)
    rows = [" ".join(line.split()) for line in text.splitlines()]
    for check in said["checks"]:
        assert f"{check['verdict']} {check['name']} {check['subject']} {check['detail']}" in rows
        assert f"> {check['fix']}" in rows
    for need in said["quotas"]:
        name = need["metric"] or "no public name"
        name += f" ({need['family']})" if need["family"] else ""
        amounts = f"{need['least']:,} {need['most']:,}"
        assert f"{need['subject']} {name} {need['location']} {amounts} {', '.join(need['why'])}" in rows
    for line in said["cost"]["lines"]:
        [row] = [row for row in rows if row.startswith(f"{line['what']} {line['setting']} ")]
        for amount in (line["usd_per_hour"]["least, declared"], line["usd_per_hour"]["most, spot"]):
            assert ("not known" if amount is None else f"{amount:,.2f}") in row
    for scale in ("least", "most"):
        part = said["cost"][scale]
        for key in ("hourly_usd", "monthly_usd"):
            assert all(f"{amount:,.2f}" in text for amount in part[key].values())
    for key in ("unpriced", "other_regions", "not_included"):
        assert all(each in text for each in said["cost"][key])
    assert said["cost"]["prices"] in text


def test_the_last_line_counts_the_checks() -> None:
    assert printed(report(), 120).splitlines()[-1] == "4 checks: 1 ok, 1 warn, 1 fail, 1 skipped"


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_no_line_is_longer_than_the_screen_and_no_word_is_cut(width: int) -> None:
    text = printed(report(), width)
    assert all(len(line) <= width for line in text.splitlines())
    assert "…" not in text


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[" not in printed(report(), 120)
    assert "\x1b[31m" in printed(report(), 120, force_terminal=True, color_system="standard").replace("1;31", "31")
    monkeypatch.setenv("NO_COLOR", "1")
    assert "31m" not in printed(report(), 120, force_terminal=True, color_system="standard")


def test_it_failed_when_a_check_failed() -> None:
    assert report().failed
    assert not report(tuple(check for check in CHECKS if check.verdict is not Verdict.FAIL)).failed
