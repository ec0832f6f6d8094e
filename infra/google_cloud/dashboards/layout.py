"""How a dashboard is put together: charts in rows of two, in the JSON of the Monitoring API.

Cloud Monitoring leaves zeros, empty texts and empty lists out of what it answers, and a dashboard that writes them
differs at every preview (terraform-provider-google issue 16173). So none is written.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

COLUMNS = 48
CHART_WIDTH, CHART_HEIGHT = 24, 16

Json = dict[str, Any]


def chart(title: str, unit: str, **queries: str) -> Json:
    """A line chart.

    unit:     UCUM.
    queries:  PromQL by what the legend calls it. A query that groups by a label has the label's name, as in
              ``by_model``, and the legend shows its values.
    """
    return {
        "title": title,
        "xyChart": {
            "chartOptions": {"mode": "COLOR"},
            "dataSets": [
                {
                    "legendTemplate": _legend(name),
                    "plotType": "LINE",
                    "targetAxis": "Y1",
                    "timeSeriesQuery": {"prometheusQuery": query, "unitOverride": unit},
                }
                for name, query in queries.items()
            ],
            "yAxis": {"scale": "LINEAR"},
        },
    }


def text(title: str, content: str) -> Json:
    """A note in Markdown."""
    return {"title": title, "text": {"content": content, "format": "MARKDOWN"}}


def dashboard(title: str, widgets: Sequence[Json]) -> Json:
    """The dashboard of these widgets, from left to right and top to bottom."""
    tiles = []
    for index, widget in enumerate(widgets):
        row, column = divmod(index, COLUMNS // CHART_WIDTH)
        place = {"xPos": column * CHART_WIDTH, "yPos": row * CHART_HEIGHT}
        tiles.append(
            {
                **{key: position for key, position in place.items() if position},
                "width": CHART_WIDTH,
                "height": CHART_HEIGHT,
                "widget": widget,
            }
        )
    return {"displayName": title, "mosaicLayout": {"columns": COLUMNS, "tiles": tiles}}


def canonical(board: Json) -> str:
    """The one text of a dashboard, so that an unchanged one shows no change."""
    return json.dumps(board, sort_keys=True, ensure_ascii=False)


def _legend(name: str) -> str:
    grouped = name.removeprefix("by_")
    return name.replace("_", " ") if grouped == name else f"${{labels.{grouped}}}"
