"""``python -m rehearsal``: what it prints, writes and returns."""

from __future__ import annotations

import io
import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from rehearsal import __main__ as command
from rehearsal import cycle, faults
from rehearsal.cloud.moments import Plan
from rehearsal.cloud.store import Resource
from rehearsal.report import files, terminal
from rehearsal.report.document import Report
from toolchain import cache


@pytest.fixture
def rehearsed(rehearse: Callable[[str], cycle.Cycle], monkeypatch: pytest.MonkeyPatch) -> cycle.Cycle:
    """The command finds its cycle done."""
    done = rehearse("dev")

    def run(stack: str, folder: Path, on_step: Any, on_start: Any) -> cycle.Cycle:
        for step in done.steps:
            on_start(step.name)
            on_step(step)
        return done

    monkeypatch.setattr(cycle, "run", run)
    monkeypatch.chdir(cache.PROJECT)
    return done


def test_the_command_tells_each_step_and_writes_both_files(
    rehearsed: cycle.Cycle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--stack", "dev", "--out", str(tmp_path / "new")]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    assert [line.split()[0] for line in said.out.splitlines()[1 : len(rehearsed.steps) + 1]] == ["ok"] * len(
        rehearsed.steps
    )
    assert said.out.splitlines()[-1].endswith(f"report: {tmp_path / 'new' / 'report.html'}")
    assert sorted(each.name for each in (tmp_path / "new").iterdir()) == ["report.html", "report.json"]


def test_json_is_the_document_and_nothing_else(
    rehearsed: cycle.Cycle, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert command.main(["--stack", "dev", "--out", str(tmp_path), "--json"]) == 0
    said = capsys.readouterr()
    assert said.out == (tmp_path / files.JSON).read_text()
    assert json.loads(said.out)["stack"] == "dev"
    assert {each["severity"] for each in json.loads(said.out)["policy"]} == {"advisory"}  # the policies have looked
    assert "preview" in said.err


def test_a_failed_step_fails_the_command_and_tells_why_once(
    rehearsed: cycle.Cycle, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    failed = cycle.Step("preview", passed=False, why="no such machine", errors=["no such machine", "another"])
    monkeypatch.setattr(rehearsed, "steps", [failed])
    assert command.main(["--stack", "dev", "--out", str(tmp_path)]) == 1
    said = capsys.readouterr().out
    assert said.count("no such machine") == 1
    assert "another" in said
    assert "failed in" in said.splitlines()[-1]


def test_with_faults_the_report_tells_what_struck_and_what_to_do(
    rehearsed: cycle.Cycle, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    struck = Resource("gcp:storage/bucket:Bucket", "a-bucket")
    planned = faults.Planned(
        faults.Fault("denied"), "urn::it::type::storage-models", struck, Plan("error", message="no")
    )
    first = cycle.Step("undisturbed up", {"create": 3}, seconds=1.0, simulated_minutes=4.0)
    outcome = faults.Outcome("dev", tmp_path, [first], [planned], rehearsed.resources)
    monkeypatch.setattr(faults, "rehearse", lambda *_, **__: outcome)
    assert command.main(["--stack", "dev", "--faults", "denied:Bucket", "--out", str(tmp_path)]) == 0
    made = Report.model_validate_json((tmp_path / files.JSON).read_text())
    assert made.faults
    assert [(each.kind, each.resource, each.message) for each in made.faults] == [("denied", "storage-models", "no")]
    assert made.faults[0].advice
    assert made.totals.minutes == 4
    said = capsys.readouterr().out
    assert "denied at storage-models\n  no\n  what to do: " in said
    assert "left after the destroy" not in said


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--stack", "nowhere"], "only stacks on Google Cloud are rehearsed"),
        (["--stack", "local"], "only stacks on Google Cloud are rehearsed"),
        (["--stack", "dev", "--base", "no-such-branch"], "no such commit"),
        (["--stack", "dev", "--faults", "earthquake"], "there is no 'earthquake'"),
        (["--stack", "dev", "--out", "Makefile/below"], "Name a folder that can be made or written to"),
    ],
)
def test_what_cannot_be_begun_is_told_before_it_is_begun(
    arguments: list[str], told: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(cache.PROJECT)
    monkeypatch.setattr(cycle, "run", None)
    assert command.main(arguments) == 2
    said = capsys.readouterr()
    assert told in said.err
    assert said.out == ""


def test_an_interrupted_rehearsal_ends_with_130_and_leaves_no_engine(tmp_path: Path) -> None:
    code = f"import sys; from pathlib import Path; from rehearsal import cycle, __main__; \
cycle.FOLDER = Path({str(tmp_path / 'rehearsal')!r}); sys.exit(__main__.main(['--stack', 'dev']))"
    started = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=cache.PROJECT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_for(lambda: any((tmp_path / "rehearsal").glob("dev/*.events")))
    started.send_signal(signal.SIGINT)
    _, errors = started.communicate(timeout=60)
    assert started.returncode == 130
    assert errors.strip().startswith("stopped;")
    assert "Traceback" not in errors
    wait_for(lambda: not alive_in(tmp_path))


def alive_in(folder: Path) -> list[str]:
    """Commands of live processes that know of a folder by their environment or command."""
    found = []
    for each in Path("/proc").glob("[0-9]*"):
        try:
            known = (each / "environ").read_bytes() + (each / "cmdline").read_bytes()
        except OSError:
            continue
        if str(folder).encode() in known:
            found.append(each.name)
    return found


def wait_for(condition: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.1)


def test_the_summary_shows_what_goes_away_and_what_it_costs(report: Report) -> None:
    said = io.StringIO()
    terminal.summarise(report, Console(file=said, width=140))
    lines = said.getvalue().splitlines()
    assert "beside main (0123456789): 1 to replace, 1 to delete, 1 to update, 1 to create, 120 unchanged" in lines
    assert any("replace, protected" in line and "storage-models" in line for line in lines)
    assert report.cost
    assert any("minimum an hour" in line and f"{report.cost.minimum.spot.hour:,.2f}" in line for line in lines)
    assert "policy: none was checked" in lines


def test_a_terminal_shows_the_step_that_runs_and_since_when() -> None:
    said = io.StringIO()
    with terminal.Steps(Console(file=said, force_terminal=True, no_color=True, width=100)) as steps:
        steps.started("import")
        time.sleep(0.3)
        steps.ended(cycle.Step("import", {"import": 3}, seconds=1.0))
    assert "import 0:00:00" in said.getvalue()
    assert "ok   import" in said.getvalue()
