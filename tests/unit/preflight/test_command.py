"""The command: ``python -m infra.preflight``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from infra.preflight.__main__ import NO_CREDENTIALS, main
from infra.preflight.api import Google
from tests.unit.plan import samples
from tests.unit.preflight.fake_google import FakeGoogle

PROJECT = Path(__file__).resolve().parents[3]
StackFile = Callable[..., str]
Output = pytest.CaptureFixture[str]


def nobody() -> None:
    """No credentials."""


def test_without_credentials_it_checks_offline_says_so_and_passes(stack_file: StackFile, capsys: Output) -> None:
    assert main(["--stack", stack_file()], nobody) == 0
    assert NO_CREDENTIALS in " ".join(capsys.readouterr().out.split())


def test_asked_to_be_online_it_fails_without_credentials(stack_file: StackFile, capsys: Output) -> None:
    assert main(["--stack", stack_file(), "--online"], nobody) == 1
    assert "no Google credentials found" in capsys.readouterr().out


def test_asked_to_be_offline_it_does_not_look_for_credentials(stack_file: StackFile) -> None:
    def never() -> None:
        pytest.fail("looked for credentials")

    assert main(["--stack", stack_file(), "--offline"], never) == 0


@pytest.mark.parametrize("arguments", [[], ["--offline"], ["--online"]])
def test_what_google_was_not_asked_is_among_the_checks(
    stack_file: StackFile, capsys: Output, arguments: list[str]
) -> None:
    main(["--stack", stack_file(), "--json", *arguments], nobody)
    assert ("quota", "skipped") in {
        (each["name"], each["verdict"]) for each in json.loads(capsys.readouterr().out)["checks"]
    }


def test_something_that_fails_is_exit_1(
    stack_file: StackFile, fake: FakeGoogle, google: Google, capsys: Output
) -> None:
    stack = stack_file()
    fake.provide(samples.settings())
    assert main(["--stack", stack], lambda: google) == 0
    fake.answers["cloudresourcemanager/v3/projects/ai-dev-1"] = {"name": "projects/1", "state": "ACTIVE"}
    capsys.readouterr()
    assert main(["--stack", stack], lambda: google) == 1
    assert "set google.project_number to 1" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("site", ["local"])
def test_a_site_without_a_cloud_has_nothing_to_check(stack_file: StackFile, capsys: Output, site: str) -> None:
    assert main(["--stack", stack_file(site=site)], nobody) == 0
    assert "nothing to check" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"region": "moon"}, "ai-datacenter:google.region"),
        ({"gpu_pools": [{**samples.L4, "capacity": {"kind": "stolen"}}]}, "google.gpu_pools[0].capacity"),
        ({"colour": "red"}, "google.colour"),
    ],
)
def test_a_stack_file_that_cannot_be_is_exit_2_and_the_key_is_named(
    stack_file: StackFile, capsys: Output, changes: dict[str, Any], key: str
) -> None:
    assert main(["--stack", stack_file(**changes)], nobody) == 2
    said = capsys.readouterr()
    assert key in said.err
    assert said.out == ""


@pytest.mark.parametrize("content", ["config: [", "- a list", "\xff", None])
def test_a_file_that_is_not_there_or_not_readable_is_exit_2_without_a_traceback(
    stack_file: StackFile, capsys: Output, content: str | None
) -> None:
    stack = stack_file()
    path = Path("stacks") / f"Pulumi.{stack}.yaml"
    if content is None:
        path.unlink()
    else:
        path.write_bytes(content.encode("latin-1"))
    assert main(["--stack", stack], nobody) == 2
    assert str(path) in capsys.readouterr().err


@pytest.mark.parametrize("arguments", [[], ["--stack", "dev", "--online", "--offline"], ["--stack", "dev", "--fast"]])
def test_a_wrong_call_is_exit_2(arguments: list[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments, nobody)
    assert ended.value.code == 2


def test_the_json_is_of_the_same_run(stack_file: StackFile, fake: FakeGoogle, google: Google, capsys: Output) -> None:
    changes = {"gpu_pools": [{**samples.L4, "capacity": samples.SPOT}]}
    stack = stack_file(**changes)
    fake.provide(samples.settings(**changes))
    assert main(["--stack", stack, "--json"], lambda: google) == 0
    said = json.loads(capsys.readouterr().out)
    assert main(["--stack", stack], lambda: google) == 0
    assert (said["stack"], said["site"], said["online"], said["failed"]) == ("dev", "google", True, False)
    counts = ", ".join(f"{number} {verdict}" for verdict, number in said["counts"].items())
    assert capsys.readouterr().out.splitlines()[-1] == f"{len(said['checks'])} checks: {counts}"


@pytest.mark.parametrize("arguments", [["--help"], ["--stack", "local"]])
def test_it_runs_as_a_command_without_pulumi(arguments: list[str]) -> None:
    program = (
        "import runpy, sys; sys.modules['pulumi'] = None;"
        "runpy.run_module('infra.preflight', alter_sys=True, run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        cwd=PROJECT,
        env={**os.environ, "NO_GCE_CHECK": "true"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b" not in done.stdout
