"""The table of the rules for a reader: ``policies/README.md``."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from pathlib import Path

from policies.configuration import Level
from policies.rule import Rule

FILE = Path(__file__).parents[1] / "README.md"

OPENING = """\
# Policies

{count} rules that every change is held against: in the preview, in the `up` before anything is made, and over the
state of a stack that is up.

```sh
.venv/bin/python -m policies audit state.json    # of `pulumi stack export --file state.json`
.venv/bin/python -m policies docs                # writes this page and the schema of config/*.yaml
```

What a stack may cost and use, and how strict it is, stands in `config/<stack>.yaml`; who is let off what, until when,
in `waivers.yaml`. A rule marked * cannot be waived. One marked *advice* is told and stops nothing, unless the
configuration makes it mandatory. What a preview does not know yet is told, and looked at again in the `up`. A rule
about sums or absences (*stack*) is looked at last: at the end of the preview, and of an `up`.
"""


def of(rules: Mapping[str, Rule]) -> str:
    """The whole page."""
    lines = [OPENING.format(count=len(rules))]
    for family, those in groupby(rules.values(), key=lambda rule: rule.family):
        lines += [f"## {family.capitalize()}", "", "| Rule | What holds | How it is told | | Sources |"]
        lines += ["| --- | --- | --- | --- | --- |", *map(_row, those), ""]
    return "\n".join(lines)


def _row(rule: Rule) -> str:
    marks = [rule.severity.value]
    marks += ["advice"] if rule.level is Level.ADVISORY else []
    marks += ["stack"] if rule.check_stack else []
    name = rule.id if rule.waivable else f"{rule.id} *"
    return f"| {name} | {rule.title} | {rule.must} | {', '.join(marks)} | {'; '.join(rule.sources)} |"
