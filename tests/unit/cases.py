"""Tables of mistakes: a legal section of a stack file, and what breaks it, one mistake a case.

change:   path -> value; an index one past the end of a list adds to it.
remove:   paths.
at:       the path that the answer names.
missing:  true where the answer is that the key is missing.
says:     what the answer contains besides: what is allowed, and what to do.
"""

from __future__ import annotations

import copy
import json
import re
from typing import Any

JARGON = (
    r"Input should|String should|Value error|value_error|union_tag|discriminat|valid (tuple|dictionary|string|integer)"
    r"|pattern|instance|pydantic|Traceback|Settings\b|\bNone\b|\bTrue\b|\bFalse\b|\(\?|\^|kind='"
)
"""What no answer contains: words of the library and of Python."""


def steps(path: str) -> list[str | int]:
    """``["a", 0, "b"]`` for ``a[0].b``."""
    return [int(part) if part.isdigit() else part for part in re.findall(r"[^.\[\]]+", path)]


def holder(section: Any, path: str) -> tuple[Any, Any]:
    """What the last step of ``path`` is taken from, and that step."""
    *way, last = steps(path)
    for step in way:
        section = section[step]
    return section, last


def broken(base: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    """The base with the case's mistake."""
    changed = copy.deepcopy(base)
    for path, value in case.get("change", {}).items():
        inside, key = holder(changed, path)
        if isinstance(inside, list) and key == len(inside):
            inside.append(value)
        else:
            inside[key] = value
    for path in case.get("remove", []):
        inside, key = holder(changed, path)
        del inside[key]
    return changed


def told(base: dict[str, Any], case: dict[str, Any], above: str) -> str:
    """The first line of the answer: ``above``, which is the file and the section of the base, the key and its value."""
    key = f"{above}{case['at']}"
    if case.get("missing"):
        return f"{key} is missing"
    inside, last = holder(broken(base, case), case["at"])
    return f"{key} = {json.dumps(inside[last] if isinstance(inside, list) else inside.get(last))}"
