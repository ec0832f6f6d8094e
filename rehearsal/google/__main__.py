"""``python -m rehearsal.google ENGINE``: serves the stand-in to the engine that started this process.

AIDC_REHEARSAL_CLOUD names the simulated cloud. Without it the stand-in previews, against a project in which nothing is,
and makes nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from rehearsal import serve
from rehearsal.cloud.store import Cloud
from rehearsal.google.provider import VERSION, StandIn
from rehearsal.google.table import NotServed

if __name__ == "__main__":
    named = os.environ.get(serve.CLOUD_VARIABLE)
    serve.run(VERSION, StandIn(Cloud(Path(named)) if named else None), (NotServed,))
