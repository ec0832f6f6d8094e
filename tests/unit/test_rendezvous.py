"""The pods of a training job find each other, and the training command is run as if it had been started by itself."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.unit.conftest import runs, wait_until
from workloads.train import rendezvous
from workloads.train.rendezvous import Absent, NotAMember, group

PROJECT = Path(__file__).resolve().parents[2]


def pod(role: str = "worker", index: int = 0, cluster: str = "worker=2", **changes: str) -> dict[str, str]:
    """The environment of a pod of the job ``digits``."""
    return {
        "JOBSET_NAME": "digits",
        "JOBSET_REPLICATED_JOB": role,
        "JOBSET_JOB_INDEX": "0",
        "JOB_COMPLETION_INDEX": str(index),
        "WORKLOADS_CLUSTER": cluster,
        **changes,
    }


def config(**arguments: object) -> dict[str, object]:
    made = group(pod(**arguments)).config  # type: ignore[arg-type]
    assert made is not None
    return dict(json.loads(made))


def test_every_worker_is_told_the_same_cluster_and_its_own_place() -> None:
    first, second = config(index=0), config(index=1)
    assert (
        first["cluster"]
        == second["cluster"]
        == {"worker": ["digits-worker-0-0.digits:2222", "digits-worker-0-1.digits:2222"]}
    )
    assert (first["task"], second["task"]) == ({"type": "worker", "index": 0}, {"type": "worker", "index": 1})


def test_a_job_that_comes_back_with_another_size_is_told_of_that_size() -> None:
    assert [len(group(pod(cluster=f"worker={size}")).others) for size in (2, 1, 2)] == [1, 0, 1]


def test_the_job_that_trainer_calls_node_is_of_workers_under_its_own_name() -> None:
    assert config(role="node", cluster="node=2")["cluster"] == {
        "worker": ["digits-node-0-0.digits:2222", "digits-node-0-1.digits:2222"]
    }


def test_an_evaluator_is_a_task_and_no_member_of_the_cluster() -> None:
    made = config(role="evaluator", cluster="chief=1,worker=1,ps=1,evaluator=1")
    assert made["task"] == {"type": "evaluator", "index": 0}
    assert set(made["cluster"]) == {"chief", "worker", "ps"}  # type: ignore[call-overload]
    assert "digits-evaluator-0-0.digits" not in group(pod(role="ps", cluster="worker=1,ps=1,evaluator=1")).others


def test_a_subdomain_and_a_port_of_the_jobs_own_are_used() -> None:
    made = group(pod(WORKLOADS_SUBDOMAIN="net", WORKLOADS_PORT="9000"))
    assert made.members == {"worker": ("digits-worker-0-0.net:9000", "digits-worker-0-1.net:9000")}


@pytest.mark.parametrize("alone", [pod(cluster="worker=1"), pod(role="node", cluster="node=1", TPU_NAME="local")])
def test_a_process_on_its_own_is_told_of_no_cluster_and_waits_for_nobody(
    alone: dict[str, str], capfd: pytest.CaptureFixture[str]
) -> None:
    alone |= {"TF_CONFIG": "of somebody else", "PATH": os.environ["PATH"]}
    assert run_here(alone, "import os; print(os.environ.get('TF_CONFIG'))", []) == 0
    assert capfd.readouterr().out == "None\n"


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        (pod() | {"JOBSET_NAME": ""}, "JOBSET_NAME is not set"),
        (pod(cluster="worker=two"), "worker=two is not a role and a number of pods such as worker=2"),
        (pod(cluster="worker=0"), "worker=0 is not a role and a number"),
        (pod(cluster="trainer=2"), "roles: chief, worker, ps, evaluator, node"),
        (pod(cluster="worker=1,node=1"), "worker is there twice"),
        (pod(role="evaluator", cluster="evaluator=1"), "add its workers"),
        (pod(role="ps"), "add ps and its size"),
        (pod(index=2), "JOB_COMPLETION_INDEX = 2: WORKLOADS_CLUSTER says worker=2"),
        (pod(JOB_COMPLETION_INDEX="one"), "JOB_COMPLETION_INDEX = one: not a whole number"),
        (pod(JOBSET_JOB_INDEX="1"), "set replicas: 1"),
        (pod(TPU_NAME="local"), "TensorFlow trains on the TPUs of one host"),
        (pod() | {"JOBSET_NAME": "d" * 53}, "shorten the job's name by 1"),
    ],
)
def test_an_environment_that_tells_of_no_group_is_refused_with_what_to_change(
    environment: dict[str, str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(NotAMember, match=told.replace("(", r"\(")):
        group(environment)
    assert run_here(environment, "raise SystemExit(99)", []) == 2
    assert told in capsys.readouterr().err


def test_the_others_are_waited_for_and_each_is_looked_up_until_it_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rendezvous, "LOOK_SECONDS", 0.0)
    monkeypatch.setattr(rendezvous, "TELL_SECONDS", 0.0)
    asked: list[str] = []
    lines: list[str] = []

    def resolves(name: str) -> bool:
        asked.append(name)
        return name == "a" or asked.count(name) == 3

    rendezvous.wait(("a", "b"), 60, resolves, lines.append)
    assert asked == ["a", "b", "b", "b"]
    assert len(lines) == 2
    assert lines[0].startswith("1 of 2 names have no address yet: b (0 of 60 s)")


def test_waiting_ends_and_names_who_is_not_there() -> None:
    names = tuple("abcde")
    with pytest.raises(Absent, match=r"^5 of 5 names have no address yet: a, b, c and 2 more, after 0 s"):
        rendezvous.wait(names, 0, lambda _: False, print)


def test_a_member_that_the_others_do_not_join_ends_with_a_status_of_its_own() -> None:
    assert run_here(pod(WORKLOADS_RENDEZVOUS_SECONDS="0"), "raise SystemExit(99)", []) == 75


def test_a_name_is_there_when_the_system_resolves_it() -> None:
    assert rendezvous.resolves("localhost")
    assert not rendezvous.resolves("digits-worker-0-1.digits.invalid")


@pytest.mark.parametrize(
    ("ending", "status"), [("sys.exit(0)", 0), ("sys.exit(42)", 42), ("os.kill(os.getpid(), 9)", 137)]
)
def test_the_exit_status_of_the_command_is_kept(ending: str, status: int) -> None:
    assert run_here(pod(), f"import os, sys; {ending}", ["digits-worker-0-1.digits"]) == status


def test_a_command_that_is_not_there_is_a_mistake_and_no_failure(capsys: pytest.CaptureFixture[str]) -> None:
    with restored_signals():
        assert rendezvous.main(["--", "no-such-command"], pod(cluster="worker=1")) == 2
        assert rendezvous.main(["--"], pod()) == 2
    assert capsys.readouterr().err == (
        "error: cannot run no-such-command: No such file or directory\n"
        "error: no command; write -- and what to run after it\n"
    )


CHILD = """
import os, signal, sys, time

def said(number, _):
    print("got", signal.Signals(number).name, flush=True)
    if number == signal.SIGTERM:
        sys.exit(42)

for each in (signal.SIGTERM, signal.SIGUSR1):
    signal.signal(each, said)
print(os.getpid(), os.getpgrp(), bool(signal.pthread_sigmask(signal.SIG_BLOCK, ())), flush=True)
for _ in range(200):  # and no longer: a test that waits for its words must end
    time.sleep(0.1)
"""


@pytest.fixture
def started() -> Iterator[subprocess.Popen[str]]:
    """The entrypoint with a command that tells what signals it gets and ends with 42 on SIGTERM."""
    process = start(pod(cluster="worker=1"), CHILD)
    yield process
    for each in psutil.Process(process.pid).children(recursive=True) if runs(process.pid) else []:
        each.kill()
    process.kill()
    process.communicate()


def test_the_command_runs_in_the_process_group_with_no_signal_blocked(started: subprocess.Popen[str]) -> None:
    assert started.stdout is not None
    child, its_group, blocked = started.stdout.readline().split()
    assert int(its_group) == os.getpgid(started.pid)
    assert int(child) != started.pid
    assert blocked == "False"


def test_signals_reach_the_command_and_its_answer_to_them_is_the_status(started: subprocess.Popen[str]) -> None:
    assert started.stdout is not None
    child = int(started.stdout.readline().split()[0])
    started.send_signal(signal.SIGUSR1)
    assert started.stdout.readline() == "got SIGUSR1\n"
    started.send_signal(signal.SIGTERM)
    assert started.stdout.readline() == "got SIGTERM\n"
    assert started.wait(20) == 42
    assert not runs(child)


def test_a_member_that_still_waits_ends_at_once_when_told_to() -> None:
    with start(pod(WORKLOADS_SUBDOMAIN="invalid"), "raise SystemExit(99)") as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "worker 0 of a group of 2\n"
        process.terminate()
        assert process.wait(20) == 42


@pytest.mark.parametrize(("number", "status"), [(signal.SIGTERM, 42), (signal.SIGALRM, 75)])
def test_a_command_that_was_told_to_go_is_no_failure_and_one_that_waited_for_its_group_in_vain_tells_so(
    number: int, status: int
) -> None:
    assert run_here(pod(cluster="worker=1"), f"import os; os.kill(os.getpid(), {number:d})", []) == status


def test_orphans_of_the_command_are_collected() -> None:
    orphan = "import os, time; os.fork() and os._exit(0); print(os.getpid(), flush=True); time.sleep(0.2)"
    command = f"import subprocess, sys, time; subprocess.run([sys.executable, '-c', {orphan!r}]); time.sleep(30)"
    adopt = "import ctypes; ctypes.CDLL(None).prctl(36, 1, 0, 0, 0)"  # PR_SET_CHILD_SUBREAPER, as a first process is
    with start(pod(cluster="worker=1"), command, adopt) as process:
        assert process.stdout is not None
        pid = int(process.stdout.readline())
        wait_until("the orphan is gone, and no zombie", lambda: not psutil.pid_exists(pid))
        for each in psutil.Process(process.pid).children():
            each.terminate()
        assert process.wait(20) == 42


def start(environment: dict[str, str], code: str, first: str = "") -> subprocess.Popen[str]:
    """The entrypoint in a process of its own, which runs ``first`` before; its command is Python with ``code``."""
    main = "import os, sys; from workloads.train import rendezvous; sys.exit(rendezvous.main(sys.argv[1:], os.environ))"
    command = [sys.executable, "-c", f"{first}\n{main}", "--", sys.executable, "-c", code]
    environment = {**os.environ, **environment}
    return subprocess.Popen(command, env=environment, cwd=PROJECT, stdout=subprocess.PIPE, text=True)


def run_here(environment: dict[str, str], code: str, there: list[str]) -> int:
    """The entrypoint in this process, whose resolver knows ``there``."""
    with restored_signals():
        return rendezvous.main(["--", sys.executable, "-c", code], environment, there.__contains__)


class restored_signals:  # noqa: N801 - used as a statement
    """Signal handlers are as before at the end."""

    def __enter__(self) -> None:
        self._before = {each: signal.getsignal(each) for each in (*rendezvous.FORWARDED, signal.SIGINT)}

    def __exit__(self, *_: object) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)
