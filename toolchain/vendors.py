"""Where the engine finds the providers of vendors: fetched by it, or the project's own stand-ins for them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from toolchain import cache

STAND_INS = cache.PROJECT / "rehearsal" / "plugins"
OF_THE_TEAM = (
    "PULUMI_BACKEND_URL",
    "PULUMI_CONFIG_PASSPHRASE",
    "PULUMI_CONFIG_PASSPHRASE_FILE",
    "PULUMI_ACCESS_TOKEN",
)


def fetched(surroundings: dict) -> dict:
    """The engine's environment with the vendors' providers, which the engine fetches when they are not there.

    Where the state is kept and what encrypts its secrets is the team's: PULUMI_BACKEND_URL and PULUMI_CONFIG_PASSPHRASE
    hold when they are set.
    """
    chosen = {name: os.environ[name] for name in OF_THE_TEAM if name in os.environ}
    if "PULUMI_CONFIG_PASSPHRASE_FILE" in chosen:
        surroundings = {name: value for name, value in surroundings.items() if name != "PULUMI_CONFIG_PASSPHRASE"}
    return {**surroundings, **chosen, "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "false"}


def stood_in_for(surroundings: dict) -> dict:
    """The engine's environment with the stand-ins in the providers' place."""
    return {**surroundings, "PATH": os.pathsep.join([str(STAND_INS), surroundings["PATH"]])}


def without_stand_ins(surroundings: Mapping) -> dict:
    """An environment in which nothing leads to a stand-in or to a simulated cloud: what is real never meets one."""
    kept = {name: value for name, value in surroundings.items() if not name.startswith("AIDC_REHEARSAL_")}
    if "PATH" in kept:
        folders = [each for each in kept["PATH"].split(os.pathsep) if Path(each).absolute() != STAND_INS]
        kept["PATH"] = os.pathsep.join(folders)
    return kept
