"""The set-up: made once, whole or not there, and clear about what it lacks. Nothing is fetched or built here."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from toolchain import cache, engine, policies, python, setup, stack, vendors

Script = Callable[[str, str], Path]
TOOLS = "/usr/bin:/bin"
"""Where the shell's own tools are."""


@pytest.fixture(autouse=True)
def alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Cache, state, home and programs of the test alone."""
    for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "GOENV"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("AIDC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("AIDC_STATE", str(tmp_path / "state"))
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))


# The cache


def test_what_is_made_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    product = tmp_path / "tools" / "go"
    with cache.made_once(product) as folder:
        (folder / "binary").touch()
        assert not product.exists()
    assert (product / "binary").exists()


def test_what_is_there_is_not_made_again(tmp_path: Path) -> None:
    product = tmp_path / "go"
    with cache.made_once(product) as folder:
        (folder / "binary").touch()
    with cache.made_once(product) as folder:
        assert folder is None
    assert (product / "binary").exists()


def test_what_failed_half_way_is_removed_and_made_anew(tmp_path: Path) -> None:
    def half(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError("the disk is full")

    product = tmp_path / "go"
    with pytest.raises(OSError, match="disk is full"), cache.made_once(product) as folder:
        half(folder)
    assert not product.exists()
    with cache.made_once(product) as folder:
        assert list(folder.iterdir()) == []
        (folder / "binary").touch()
    assert [path.name for path in product.iterdir()] == ["binary"]


def test_a_maker_that_was_killed_neither_blocks_nor_spoils_the_next_one(tmp_path: Path) -> None:
    killed = f"""
import os, pathlib
from toolchain import cache
with cache.made_once(pathlib.Path({str(tmp_path / "go")!r})) as folder:
    (folder / "half").touch()
    os.kill(os.getpid(), 9)
"""
    assert subprocess.run([sys.executable, "-c", killed], cwd=cache.PROJECT, check=False).returncode == -9
    with cache.made_once(tmp_path / "go") as folder:
        assert list(folder.iterdir()) == []


def test_two_processes_at_once_make_a_product_once(tmp_path: Path) -> None:
    makes = f"""
import pathlib, time
from toolchain import cache
with cache.made_once(pathlib.Path({str(tmp_path / "go")!r})) as folder:
    if folder:
        time.sleep(0.3)
        (folder / "binary").touch()
        print("made")
"""
    both = [
        subprocess.Popen([sys.executable, "-c", makes], cwd=cache.PROJECT, stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert sorted(process.communicate()[0] for process in both) == ["", "made\n"]
    assert [process.returncode for process in both] == [0, 0]
    assert (tmp_path / "go" / "binary").exists()


def test_a_key_changes_with_the_content_of_a_file_and_with_every_word(tmp_path: Path) -> None:
    lock, copy = tmp_path / "lock", tmp_path / "copy"
    lock.write_text("uv==1")
    copy.write_text("uv==1")
    key = cache.key(lock, "linux")
    assert cache.key(copy, "linux") == key  # not with its name
    assert cache.key(lock, "darwin") != key
    assert cache.key(lock) != key
    lock.write_text("uv==2")
    assert cache.key(lock, "linux") != key


def test_words_that_run_into_each_other_have_different_keys() -> None:
    assert cache.key("ab", "c") != cache.key("a", "bc")


@pytest.mark.parametrize(
    ("variables", "place"),
    [
        ({"AIDC_CACHE": "/big/disk"}, "/big/disk"),
        ({"AIDC_CACHE": "", "XDG_CACHE_HOME": "/xdg"}, "/xdg/ai-datacenter"),
        ({"AIDC_CACHE": ""}, "HOME/.cache/ai-datacenter"),
    ],
)
def test_the_cache_is_where_the_user_wants_it(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], place: str
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    assert cache.directory() == Path(place.replace("HOME", os.environ["HOME"]))


def test_a_lack_of_space_names_the_need_the_folder_and_the_way_out(tmp_path: Path) -> None:
    cache.need_space(tmp_path / "not" / "there", 0.0, "building the engine")
    with pytest.raises(cache.SetupError) as caught:
        cache.need_space(tmp_path / "not" / "there", 1e9, "building the engine")
    said = str(caught.value)
    assert f"no space: building the engine needs 1e+09 GiB in {tmp_path / 'not' / 'there'}, and " in said
    assert "point AIDC_CACHE to a folder on a larger disk" in said
    assert not (tmp_path / "not").exists()


# Tools that fail

SAID = {
    "no network": [
        'go: github.com/spf13/cobra@v1.9.1: Get "https://registry.example/github.com/spf13/cobra/@v/v1.9.1.mod": '
        "dial tcp: lookup registry.example on 127.0.0.53:53: no such host",
        'go: module lookup: Get "https://registry.example/": dial tcp 127.0.0.1:9: connect: connection refused',
        'go: Get "https://registry.example/": net/http: TLS handshake timeout',
        'go: Get "https://registry.example/": read tcp 10.0.0.2:51422->10.0.0.1:443: read: connection reset by peer',
        "error: Request failed after 3 retries\n  Caused by: Failed to fetch: `https://registry.example/simple/numpy/`\n"
        "  Caused by: error sending request for url (https://registry.example/simple/numpy/)\n"
        "  Caused by: client error (Connect)\n  Caused by: dns error",
        "  Caused by: Failed to download distribution due to network timeout. Try increasing UV_HTTP_TIMEOUT "
        "(current value: 30s).",
        "WARNING: Retrying (Retry(total=0, connect=None, read=None, redirect=None, status=None)) after connection "
        "broken by 'NewConnectionError('<pip._vendor.urllib3.connection.HTTPSConnection object at 0x7f>: Failed to "
        "establish a new connection: [Errno -3] Temporary failure in name resolution')': /simple/uv/\n"
        "ERROR: No matching distribution found for uv==0.9",
        "WARNING: Retrying (Retry(total=0)) after connection broken by 'ReadTimeoutError(\"HTTPSConnectionPool("
        "host='registry.example', port=443): Read timed out. (read timeout=15)\")': /simple/uv/",
    ],
    "no space": [
        "go: writing go.mod cache: write /cache/go/mod/cache/download/x.zip: no space left on device",
        "# github.com/pulumi/pulumi/pkg/v3/cmd/pulumi\n/go/pkg/tool/linux_amd64/link: mapping output file failed: "
        "no space left on device",
        "error: Failed to install: numpy-2.3-cp311.whl\n  Caused by: No space left on device (os error 28)",
        "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        "write /home/u/.cache/x: disk quota exceeded",
    ],
    "a download is not what the lock files name": [
        "verifying github.com/spf13/cobra@v1.9.1: checksum mismatch\n\tdownloaded: h1:abc=\n\tgo.sum:     h1:def=\n\n"
        "SECURITY ERROR\nThis download does NOT match an earlier download recorded in go.sum.",
        "  x Failed to download `numpy==2.3`\n  Hash mismatch for `numpy==2.3`\n\n  Expected:\n    sha256:00\n\n"
        "  Computed:\n    sha256:11",
        "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package "
        "versions, please update the hashes.",
    ],
    "a folder cannot be written": [
        "mkdir /cache/go: permission denied",
        "error: failed to create directory `/cache/uv`: Read-only file system (os error 30)",
    ],
    "Run the same command again; what is done stays done": ["panic: something that nobody has seen before"],
}


@pytest.mark.parametrize(("cause", "said"), [(cause, said) for cause, all_said in SAID.items() for said in all_said])
def test_a_tool_that_fails_is_answered_by_its_cause_its_last_lines_and_its_log(
    tmp_path: Path, script: Script, cause: str, said: str
) -> None:
    (tmp_path / "said").write_text(said + "\n")
    tool = script("tool", f'cat "{tmp_path / "said"}" >&2; exit 3')
    log = tmp_path / "logs" / "tool.log"
    with pytest.raises(cache.SetupError) as caught:
        cache.run([tool, "build"], log, {"PATH": TOOLS}, tmp_path)
    message = str(caught.value)
    first, *last_lines, advice = message.splitlines()
    assert first == f"tool build ended with exit status 3; all of its output is in {log}:"
    assert [line.removeprefix("  | ") for line in last_lines[1:]] == said.splitlines()
    assert advice.startswith(f"  {cause}")
    assert advice.endswith(".")


def test_a_failure_is_not_explained_by_what_an_earlier_run_wrote_into_the_log(tmp_path: Path, script: Script) -> None:
    log = tmp_path / "tool.log"
    log.write_text("no space left on device\n")
    with pytest.raises(cache.SetupError, match="Run the same command again"):
        cache.run([script("tool", "exit 1")], log, {"PATH": TOOLS}, tmp_path)


def test_only_the_last_lines_of_a_long_output_are_shown_and_all_of_it_is_logged(tmp_path: Path, script: Script) -> None:
    seen: list[str] = []
    log = tmp_path / "tool.log"
    tool = script("tool", "i=0; while [ $i -lt 50 ]; do echo line $i; i=$((i+1)); done; exit 1")
    with pytest.raises(cache.SetupError) as caught:
        cache.run([tool], log, {"PATH": TOOLS}, tmp_path, line=seen.append)
    assert seen == [f"line {number}" for number in range(50)]
    assert set(seen) <= set(log.read_text().splitlines())
    assert str(caught.value).count("| line ") < 15
    assert "| line 49" in str(caught.value)


# Python


def test_the_python_that_runs_is_taken_when_tensorflow_has_wheels_for_it() -> None:
    assert python.interpreter() == sys.executable


@pytest.fixture
def too_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this Python were not among those that TensorFlow has wheels for."""
    monkeypatch.setattr(python, "SUPPORTED", ((3, 97), (3, 98)))


@pytest.mark.usefixtures("too_new")
def test_another_python_on_path_is_taken_when_the_one_that_runs_is_not_supported(script: Script) -> None:
    there = script("python3.97", "echo Python 3.97.1")
    assert python.interpreter() == str(there)


@pytest.mark.usefixtures("too_new")
@pytest.mark.parametrize("body", ["echo Python 3.8.1", "echo 'pyenv: python3.97: command not found' >&2; exit 127"])
def test_a_shim_that_is_no_python_of_its_name_is_not_taken(script: Script, body: str) -> None:
    script("python3.97", body)
    with pytest.raises(cache.SetupError):
        python.interpreter()


@pytest.mark.usefixtures("too_new")
def test_a_wrong_python_is_named_with_those_that_are_right_and_the_way_to_choose() -> None:
    with pytest.raises(cache.SetupError) as caught:
        python.interpreter()
    said = str(caught.value)
    assert f"wrong Python: {sys.executable} is {sys.version.split()[0]}" in said
    assert "no python3.97 to python3.98 is on PATH" in said
    assert "make PYTHON=/path/to/" in said


# The engine

ANSWERS = {"new": "v3.300.1", "same": f"v{engine.VERSION}", "next major": "v4.0.0"}


@pytest.mark.parametrize("version", ANSWERS.values(), ids=ANSWERS)
def test_an_engine_on_path_that_is_new_enough_is_used(tmp_path: Path, script: Script, version: str) -> None:
    script("pulumi", f"echo {version}")
    script("pulumi-language-python", "")
    assert engine.on_path() == tmp_path / "bin"
    assert engine.folder() == tmp_path / "bin"


def test_an_engine_that_is_linked_to_is_used_where_it_really_is(tmp_path: Path, script: Script) -> None:
    home = tmp_path / "cellar"
    script("pulumi", "echo v3.300.1")
    script("pulumi-language-python", "")
    (tmp_path / "bin").rename(home)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "pulumi").symlink_to(home / "pulumi")
    assert engine.on_path() == home


@pytest.mark.parametrize("body", ["echo v3.258.9", "echo v3.99.0", "echo v2.300.0", "echo", "echo v3.300.1; exit 1"])
def test_an_engine_that_is_too_old_or_broken_is_not_used(script: Script, body: str) -> None:
    script("pulumi", body)
    script("pulumi-language-python", "")
    assert engine.on_path() is None


def test_an_engine_without_its_python_language_host_is_not_used(script: Script) -> None:
    script("pulumi", "echo v3.300.1")
    assert engine.on_path() is None


def test_no_engine_at_all_is_no_engine() -> None:
    assert engine.on_path() is None
    assert engine.folder() is None


def test_the_engine_is_found_where_the_set_up_puts_it() -> None:
    engine.built().mkdir(parents=True)
    assert engine.folder() is None  # the binary was taken out of it
    (engine.built() / "pulumi").touch()
    assert engine.folder() == engine.built()


# The set-up as a whole


@pytest.fixture
def complete(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment and an engine as a finished set-up leaves them."""
    monkeypatch.setattr(python, "ENVIRONMENT", tmp_path / "venv")
    monkeypatch.setattr(python, "STAMP", tmp_path / "venv" / ".complete")
    (tmp_path / "venv" / "bin").mkdir(parents=True)
    mends = tmp_path / "venv" / "bin" / "python"
    mends.write_text('#!/bin/sh\necho "asked: $*"\n')
    mends.chmod(0o755)
    python.STAMP.write_text(python.environment_key())
    engine.built().mkdir(parents=True)
    pulumi = engine.built() / "pulumi"
    pulumi.write_text(
        '#!/bin/sh\necho "ran: $*"\necho "state: $PULUMI_BACKEND_URL"\necho "token: $PULUMI_ACCESS_TOKEN"\n'
    )
    pulumi.chmod(0o755)
    (policies.folder() / "bin").mkdir(parents=True)
    (policies.folder() / "bin" / "python").symlink_to(sys.executable)


@pytest.mark.usefixtures("complete")
def test_a_second_set_up_is_instant_and_silent(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = sorted(tmp_path.rglob("*"))
    start = time.monotonic()
    assert setup.main() == 0
    assert time.monotonic() - start < 0.5
    assert capfd.readouterr() == ("", "")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.usefixtures("complete")
def test_an_environment_made_from_other_locks_is_not_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert python.is_ready()
    monkeypatch.setattr(python, "LOCKS", tmp_path)
    (tmp_path / "requirements.txt").write_text("numpy==1\n")
    assert not python.is_ready()


@pytest.mark.usefixtures("complete", "too_new")
def test_a_set_up_that_cannot_begin_says_why_and_fetches_nothing(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    python.STAMP.unlink()
    before = sorted(tmp_path.rglob("*"))
    assert setup.main() == 1
    assert capfd.readouterr().err.startswith("error: [python] wrong Python: ")
    assert sorted(tmp_path.rglob("*")) == before


# The engine's state


def lock(holder: object, name: str = "one") -> Path:
    """A lock on stack ``dev``, as the engine writes it."""
    file = stack.state_directory() / f".pulumi/locks/organization/ai-datacenter/dev/{name}.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(holder))
    return file


def made_stack() -> None:
    file = stack.state_directory() / ".pulumi/stacks/ai-datacenter/dev.json"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.touch()


@pytest.fixture
def dead() -> int:
    """The pid of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        pass
    return process.pid


@pytest.fixture
def live_engine(tmp_path: Path) -> Iterator[int]:
    """The pid of a live process that is called like the engine."""
    named = tmp_path / "pulumi"
    shutil.copy("/bin/sleep", named)
    with subprocess.Popen([named, "60"]) as process:
        yield process.pid
        process.kill()


def test_a_lock_whose_pid_was_given_to_another_program_does_not_stop_the_next_command(
    run_pulumi: Callable[..., str],
) -> None:
    made_stack()
    held = lock({"pid": os.getpid(), "hostname": os.uname().nodename})
    run_pulumi("up", "--stack=dev")
    assert not held.exists()


@pytest.fixture
def run_pulumi(tmp_path: Path, complete: None) -> Callable[..., str]:
    """Runs one command as ``make`` does, with an engine that only says what it was told. Returns its output."""

    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.dev.yaml").touch()

    def run(*arguments: str) -> str:
        begin = f"""
import pathlib, sys
from toolchain import python, stack
python.ENVIRONMENT, python.STAMP = pathlib.Path({str(python.ENVIRONMENT)!r}), pathlib.Path({str(python.STAMP)!r})
sys.exit(stack.main(sys.argv[1:]))
"""
        command = [sys.executable, "-c", begin, *arguments]
        surroundings = {**os.environ, "PULUMI_ACCESS_TOKEN": "secret", "PYTHONPATH": str(cache.PROJECT)}
        return subprocess.run(
            command, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=True
        ).stdout

    return run


@pytest.mark.parametrize("command", ["up", "preview", "refresh", "destroy"])
def test_the_lock_of_a_killed_engine_does_not_stop_the_next_command(
    run_pulumi: Callable[..., str], dead: int, command: str
) -> None:
    made_stack()
    held = lock({"pid": dead, "hostname": os.uname().nodename})
    said = run_pulumi(command, "--stack", "dev", "--yes")
    assert not held.exists()
    assert f"pid {dead} was killed" in said
    assert f"ran: {command} --stack dev --yes" in said


@pytest.mark.parametrize(
    "holder",
    [
        pytest.param({"pid": "LIVE", "hostname": os.uname().nodename}, id="a live engine"),
        pytest.param({"pid": "DEAD", "hostname": "another-machine"}, id="another machine"),
        pytest.param({"pid": "DEAD"}, id="nobody says where"),
        pytest.param({"hostname": os.uname().nodename}, id="nobody says who"),
        pytest.param({"pid": None, "hostname": os.uname().nodename}, id="nobody"),
        pytest.param([], id="not a lock"),
    ],
)
def test_a_lock_that_may_be_held_stays(
    run_pulumi: Callable[..., str], dead: int, live_engine: int, holder: object
) -> None:
    made_stack()
    if isinstance(holder, dict) and holder.get("pid") in ("DEAD", "LIVE"):
        holder = {**holder, "pid": dead if holder["pid"] == "DEAD" else live_engine}
    held = lock(holder)
    assert "ran: up" in run_pulumi("up", "--stack=dev")
    assert held.exists()


def test_the_lock_of_another_stack_stays(run_pulumi: Callable[..., str], dead: int) -> None:
    made_stack()
    held = lock({"pid": dead, "hostname": os.uname().nodename})
    other = held.parents[1] / "prod" / held.name
    other.parent.mkdir()
    held.rename(other)
    run_pulumi("up", "--stack", "dev")
    assert other.exists()


def test_the_engine_keeps_its_state_in_the_projects_folder_and_sees_no_token_of_the_user(
    run_pulumi: Callable[..., str],
) -> None:
    said = run_pulumi("stack", "output").splitlines()
    assert said == ["ran: stack output", f"state: file://{stack.state_directory()}", "token: "]


def test_a_new_stack_is_made_before_the_first_command_on_it(run_pulumi: Callable[..., str], tmp_path: Path) -> None:
    pulumi = engine.built() / "pulumi"
    pulumi.write_text(f'#!/bin/sh\necho "$*" >> "{tmp_path / "commands"}"\n')
    run_pulumi("up", "--stack", "dev")
    assert (tmp_path / "commands").read_text().splitlines() == [
        "stack init --stack dev --non-interactive",
        "up --stack dev",
    ]


def test_without_a_set_up_the_engine_is_not_run_and_the_answer_names_the_command(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert stack.main(["up", "--stack", "dev"]) == 1
    assert capfd.readouterr().err == "error: not set up yet; run: make setup\n"
    assert not (tmp_path / "state").exists()


def test_a_misspelt_stack_is_refused_and_nothing_is_made(
    tmp_path: Path, complete: None, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.local.yaml").touch()
    monkeypatch.chdir(tmp_path)
    assert stack.main(["up", "--stack", "locla"]) == 1
    assert "There are: local. Did you mean local?" in capfd.readouterr().err
    assert not list(stack.state_directory().rglob("*locla*"))


# Stacks on Google Cloud


@pytest.fixture
def without_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A person whose machine knows no Google credentials. Returns where they would be."""
    for name in ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_OAUTH_ACCESS_TOKEN", "GOOGLE_CREDENTIALS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path / "gcloud"))
    return tmp_path / "gcloud" / "application_default_credentials.json"


@pytest.fixture
def google_stack(run_pulumi: Callable[..., str], tmp_path: Path) -> Callable[..., str]:
    """As ``run_pulumi``, with a stack on Google Cloud and an engine that says what it was given."""
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text("config:\n  ai-datacenter:site: google\n")
    pulumi = engine.built() / "pulumi"
    pulumi.write_text(
        '#!/bin/sh\necho "$*; state $PULUMI_BACKEND_URL; path $PATH"\necho "download '
        '$PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION; passphrase $PULUMI_CONFIG_PASSPHRASE"\n'
    )
    return run_pulumi


def test_a_preview_without_credentials_uses_the_stand_in_and_a_state_of_its_own(
    google_stack: Callable[..., str], without_credentials: Path
) -> None:
    said = google_stack("preview", "--stack", "dev")
    assert "no Google credentials: previewing dev with a stand-in" in said
    assert f"state file://{stack.state_directory()}/stand-in; path {vendors.STAND_INS}:" in said
    assert "download true" in said
    assert "warns of pulumi-resource-gcp from $PATH: that is the stand-in, as expected" in said
    assert "PULUMI_BACKEND_URL" not in said


def test_a_preview_with_a_stand_in_says_that_the_teams_state_is_not_asked(
    google_stack: Callable[..., str], without_credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_BACKEND_URL", "gs://state-of-the-team")
    assert "PULUMI_BACKEND_URL is set, and is not asked" in google_stack("preview", "--stack", "dev")


@pytest.mark.parametrize("command", ["stack output", "stack init", "config"])
@pytest.mark.parametrize("backend", [None, "file:///srv/state"])
def test_what_reads_the_state_alone_needs_no_credentials(
    google_stack: Callable[..., str],
    without_credentials: Path,
    monkeypatch: pytest.MonkeyPatch,
    command: str,
    backend: str | None,
) -> None:
    if backend:
        monkeypatch.setenv("PULUMI_BACKEND_URL", backend)
    said = google_stack(*command.split(), "--stack", "dev")
    assert f"{command} --stack dev; state {backend or f'file://{stack.state_directory()}'};" in said


def test_with_credentials_the_vendors_provider_is_used_and_nothing_stands_in(
    google_stack: Callable[..., str], without_credentials: Path
) -> None:
    without_credentials.parent.mkdir()
    without_credentials.write_text("{}")
    for command in ("preview", "up"):
        said = google_stack(command, "--stack", "dev")
        assert f"state file://{stack.state_directory()};" in said
        assert str(vendors.STAND_INS) not in said
        assert "download false" in said


@pytest.mark.parametrize(("command", "asked"), [("up", True), ("refresh", True), ("destroy", True), ("preview", False)])
def test_before_a_google_stack_changes_an_interrupted_run_is_looked_for(
    google_stack: Callable[..., str], monkeypatch: pytest.MonkeyPatch, command: str, *, asked: bool
) -> None:
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "token")
    said = google_stack(command, "--stack", "dev")
    assert ("asked: -m infra.interrupted --stack dev\n" in said) == asked


def test_nothing_changes_while_an_interrupted_run_cannot_be_mended(
    google_stack: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "token")
    (python.ENVIRONMENT / "bin" / "python").write_text("#!/bin/sh\nexit 1\n")
    with pytest.raises(subprocess.CalledProcessError) as refused:
        google_stack("up", "--stack", "dev")
    assert "dev was left as it is" in refused.value.stderr
    assert "state" not in refused.value.stdout


def test_a_teams_own_backend_and_passphrase_hold_for_a_google_stack(
    google_stack: Callable[..., str], without_credentials: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOOGLE_OAUTH_ACCESS_TOKEN", "token")
    monkeypatch.setenv("PULUMI_BACKEND_URL", "gs://state-of-the-team")
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "of the team")
    said = google_stack("up", "--stack", "dev")
    assert "state gs://state-of-the-team;" in said
    assert "passphrase of the team" in said
    assert "stack init" not in said


@pytest.mark.parametrize(
    ("command", "backend"),
    [("up", ""), ("refresh", ""), ("destroy", ""), ("import", ""), ("stack output", "gs://state-of-the-team")],
)
def test_what_needs_the_cloud_is_refused_without_credentials_and_names_the_way(
    tmp_path: Path,
    complete: None,
    without_credentials: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    command: str,
    backend: str,
) -> None:
    monkeypatch.setattr(os, "execvpe", lambda *_: pytest.fail("the engine ran"))
    monkeypatch.setenv("PULUMI_BACKEND_URL", backend)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text("config:\n  'ai-datacenter:site': 'google'\n")
    monkeypatch.chdir(tmp_path)
    assert stack.main([*command.split(), "--stack", "dev"]) == 1
    said = capfd.readouterr().err
    assert "STACK = 'dev' is on Google Cloud" in said
    assert "gcloud auth application-default login" in said
    assert "make preview STACK=dev" in said


@pytest.mark.parametrize("site", ["local", "kubernetes", "googly", None])
def test_other_stacks_have_nothing_to_do_with_google(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, site: str
) -> None:
    (tmp_path / "stacks").mkdir()
    if site:
        (tmp_path / "stacks" / "Pulumi.dev.yaml").write_text(f"config:\n  ai-datacenter:site: {site}\n")
    monkeypatch.chdir(tmp_path)
    assert stack.site_of("dev") != stack.GOOGLE
