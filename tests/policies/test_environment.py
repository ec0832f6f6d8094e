"""The pack's own environment: locked, apart from the project's, and never made while the engine waits."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from toolchain import cache, policies


def test_every_requirement_of_the_pack_is_pinned_and_hashed_and_no_address_is_kept() -> None:
    text = policies.LOCK.read_text()
    pins = re.findall(r"^([\w.-]+)==", text, re.MULTILINE)
    assert {"pulumi", "pulumi-policy", "pydantic", "pyyaml"} <= set(pins)
    assert len(re.findall(r"^[\w.-]+==.*\\\n\s+--hash=sha256:", text, re.MULTILINE)) == len(pins)
    assert "://" not in text


def test_the_sdk_of_the_pack_is_the_engines_version() -> None:
    (engine,) = re.findall(r"pulumi/pkg/v3 v([\d.]+)", (cache.PROJECT / "toolchain" / "engine" / "go.mod").read_text())
    assert f"pulumi=={engine} " in policies.LOCK.read_text()


def test_a_pack_without_its_environment_says_how_to_make_it(tmp_path: Path) -> None:
    command = [sys.executable, str(cache.PROJECT / "policies" / "pack"), "127.0.0.1:1"]
    surroundings = {"AIDC_CACHE": str(tmp_path), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: the policy pack's environment is not there; run: make setup\n"
    assert done.stdout == ""
    assert list(tmp_path.iterdir()) == []
