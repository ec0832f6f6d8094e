"""Cost and quota, asked of the program's own preflight.

It is run as a process: the rehearsal knows nothing of the program, and another commit's program has its own preflight.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rehearsal.report.document import Amount, Check, Cost, CostLine, Quota, Rate, Scale

Said = dict[str, Any]
SCALES = {"minimum": "least", "maximum": "most"}
"""As the preflight calls them."""

BASES = {"declared": "declared", "on_demand": "on-demand", "spot": "spot"}


class NoPreflight(Exception):
    """Why there is none, in a sentence."""


def ask(stack: str, project: Path, environment: Mapping[str, str] | None = None) -> Said:
    """What the preflight of the program in ``project`` says of ``stack``, from the stack file alone.

    environment:  of the process, besides this one's.
    Raises NoPreflight.
    """
    command = [sys.executable, "-m", "infra.preflight", "--stack", stack, "--json", "--offline"]
    surroundings = {**os.environ, **(environment or {})}
    done = subprocess.run(command, cwd=project, env=surroundings, capture_output=True, text=True, check=False)
    try:
        said: Said = json.loads(done.stdout)
    except ValueError:
        reason = (done.stderr.strip() or done.stdout.strip()).splitlines() or [f"exit code {done.returncode}"]
        raise NoPreflight(f"the preflight of {stack} said nothing: {reason[-1]}") from None
    return said


def cost(said: Said, base: Said | None) -> Cost | None:
    """The cost of the stack, beside the base's where there is one."""
    here, there = said.get("cost"), (base or {}).get("cost")
    if not here:
        return None
    scales = {name: _scale(here[key], there[key] if there else None) for name, key in SCALES.items()}
    return Cost(
        prices=here["prices"],
        minimum=scales["minimum"],
        maximum=scales["maximum"],
        lines=[_line(each) for each in here["lines"]],
        unpriced=here["unpriced"],
        other_regions=here["other_regions"],
        not_included=here["not_included"],
    )


def quotas(said: Said, base: Said | None) -> list[Quota]:
    """What the stack needs of each quota; what the base alone needs is not among it."""
    before = None if base is None else {_key(each): int(each["most"]) for each in base["quotas"]}
    return [
        Quota(
            service=each["service"],
            subject=each["subject"],
            metric=each["metric"] or "",
            location=each["location"],
            least=each["least"],
            most=each["most"],
            base_most=None if before is None else before.get(_key(each), 0),
            why=each["why"],
        )
        for each in said["quotas"]
    ]


def checks(said: Said) -> list[Check]:
    """What the preflight warns of or refuses."""
    keys = ("name", "subject", "verdict", "detail", "fix")
    return [Check(**{key: each[key] for key in keys}) for each in said["checks"] if each["verdict"] in ("warn", "fail")]


def _key(quota: Said) -> tuple[str, ...]:
    return tuple(str(quota[key]) for key in ("service", "subject", "metric", "family", "location"))


def _scale(here: Said, there: Said | None) -> Scale:
    return Scale(**{name: _amount(here, there, key) for name, key in BASES.items()})


def _amount(here: Said, there: Said | None, basis: str) -> Amount:
    hour, month = here["hourly_usd"][basis], here["monthly_usd"][basis]
    before = Rate(hour=there["hourly_usd"][basis], month=there["monthly_usd"][basis]) if there else None
    return Amount(
        hour=hour,
        month=month,
        at_least=basis in here["lower_bound"],
        base=before,
        difference=Rate(hour=round(hour - before.hour, 2), month=round(month - before.month, 2)) if before else None,
    )


def _line(line: Said) -> CostLine:
    amounts = line["usd_per_hour"]
    return CostLine(
        what=line["what"],
        setting=line["setting"],
        unit=line["unit"],
        least=line["least"],
        most=line["most"],
        minimum=amounts["least, declared"],
        maximum=amounts["most, declared"],
        on_demand=amounts["most, on-demand"],
        spot=amounts["most, spot"],
        source=(line["price"] or {}).get("source", ""),
    )
