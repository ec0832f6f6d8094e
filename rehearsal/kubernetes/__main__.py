"""``python -m rehearsal.kubernetes ENGINE``: serves the stand-in to the engine that started this process.

AIDC_REHEARSAL_CLOUD names the simulated cloud. Without it the provider's kubeconfig, or else the one that
AIDC_REHEARSAL_KUBECONFIG names, says which real API server is meant; without either, the stand-in previews against a
new cluster and makes nothing.
"""

from __future__ import annotations

import os
from pathlib import Path

from rehearsal import serve
from rehearsal.cloud.store import Cloud
from rehearsal.kubernetes.api import Refused
from rehearsal.kubernetes.objects import NotServed
from rehearsal.kubernetes.provider import KUBECONFIG_VARIABLE, VERSION, StandIn
from toolchain import cache

if __name__ == "__main__":
    named = os.environ.get(serve.CLOUD_VARIABLE)
    stand_in = StandIn(Cloud(Path(named)) if named else None, os.environ.get(KUBECONFIG_VARIABLE, ""))
    serve.run(VERSION, stand_in, (Refused, NotServed, cache.SetupError))
