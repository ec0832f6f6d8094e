"""What a stack on a Kubernetes cluster needs of the machine that previews or deploys it."""

from __future__ import annotations

import os
from pathlib import Path

from toolchain import cache, vendors

OWN = cache.PROJECT / ".local" / "cluster" / "kubeconfig"
"""Of the cluster that ``make cluster`` makes."""

PROVIDER = "AIDC_KUBERNETES_PROVIDER"
STAND_IN = "stand-in"
"""What PROVIDER says where the vendor's plugin cannot be fetched: the project's own, over the same API server."""

WITHOUT_CLUSTER = """\
no kubeconfig: previewing {stack} with a stand-in for the Kubernetes provider, which asks no cluster.
It shows what the program declares, not whether a cluster would take it, and compares with an empty one.
What follows warns of pulumi-resource-kubernetes from $PATH: that is the stand-in, as expected.
For a preview of the real one set KUBECONFIG; for a cluster on this machine: make cluster
"""


def kubeconfig() -> Path | None:
    """The settings of the cluster's clients: KUBECONFIG, else of the cluster of this clone, else the user's; or None.

    Raises SetupError when KUBECONFIG names what is not there.
    """
    named = os.environ.get("KUBECONFIG", "")
    if named:
        files = [Path(each).absolute() for each in named.split(os.pathsep) if each]
        if not any(file.is_file() for file in files):
            raise cache.SetupError(f"KUBECONFIG = {named}: there is no such file; name one, or unset it")
        return files[0]
    return next((file for file in (OWN, Path.home() / ".kube" / "config") if file.is_file()), None)


def require_kubeconfig(stack: str, command: str) -> Path:
    """Raises SetupError when there is none."""
    found = kubeconfig()
    if found is None:
        raise cache.SetupError(
            f"STACK = {stack!r} is on a Kubernetes cluster, and there is no kubeconfig for {command}.\n"
            "  Set KUBECONFIG, or make a cluster on this machine: make cluster\n"
            f"  Without any: make preview STACK={stack}"
        )
    return found


def environment(surroundings: dict, settings: Path) -> dict:
    """The engine's environment with the vendor's provider, or the stand-in over the real cluster where it is asked for.

    Raises SetupError for an unknown PROVIDER.
    """
    chosen = os.environ.get(PROVIDER, "vendor")
    surroundings = {**surroundings, "KUBECONFIG": os.environ.get("KUBECONFIG") or str(settings)}
    if chosen == STAND_IN:
        return {**vendors.stood_in_for(surroundings), "AIDC_REHEARSAL_KUBECONFIG": str(settings)}
    if chosen != "vendor":
        raise cache.SetupError(f"{PROVIDER} = {chosen!r}; allowed: vendor, {STAND_IN}")
    return vendors.fetched(surroundings)
