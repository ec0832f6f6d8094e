"""One HTML file that needs nothing besides itself.

Everything on it is a value of the document, and carries the value's path in ``data-path``; a test compares all of them.
Its policy lets no script or style run but its own two, whose hashes it names, and lets nothing be fetched.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup

from rehearsal.report import drawing
from rehearsal.report.document import Report

FOLDER = Path(__file__).parent / "page"
NOT_KNOWN = "not known"
LOCK = "M2 6V4a4 4 0 0 1 8 0v2h1v8H1V6zM4 6h4V4a2 2 0 0 0-4 0z"
"""The outline of a padlock in a box of 12 by 14."""

FORMATS: dict[str, Callable[[Any], str]] = {
    "text": str,
    "integer": "{:,}".format,
    "money": "{:,.2f}".format,
    "change": "{:+,.2f}".format,
    "seconds": "{:,.1f}".format,
    "minutes": "{:,.0f}".format,
    "short": lambda text: str(text)[:10],
    "moment": lambda moment: str(moment).replace("T", " ").replace("Z", " UTC"),
    "brief": lambda token: f"{token.split(':')[1].partition('/')[0]} {token.rpartition(':')[2]}",
    "last": lambda urn: str(urn).rpartition("::")[2],
}
"""How a value is shown; a number is never shown with digits that it has not."""


def render(report: Report) -> str:
    """The page of ``report``."""
    document = report.model_dump(mode="json")
    loader = jinja2.FileSystemLoader(FOLDER)
    environment = jinja2.Environment(
        loader=loader, autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )

    def at(path: str) -> Any:
        value: Any = document
        for key in path.split("."):
            value = value[int(key)] if isinstance(value, list) else value[key]
        return value

    def shown(path: str, kind: str) -> str:
        value = at(path)
        return NOT_KNOWN if value is None else FORMATS[kind](value)

    style, script = ((FOLDER / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    environment.globals.update(at=at, shown=shown)
    return environment.get_template("page.html.j2").render(
        report=document,
        drawing=drawing.draw(report.picture),
        lock=LOCK,
        style=Markup(style),  # noqa: S704 - a file of this package
        script=Markup(script),  # noqa: S704 - a file of this package
        style_hash=_hash(style),
        script_hash=_hash(script),
    )


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
