"""How the pods of one training job on Kubernetes find each other: writes TF_CONFIG, then runs the training command.

    python -m workloads.train.rendezvous -- python -m workloads train --member --spec /etc/workload/spec.json

For a JobSet, as it is or as Kubeflow Trainer makes it: Trainer has no plugin for TensorFlow and tells a plain container
nothing (kubeflow/trainer issue 2699), so this is what the container starts with. It keeps no state: a pod that is
started again finds the same names, and a job that comes back with another size finds as many as it then has. Does not
restart anything, which is Kubernetes' part, and does not import TensorFlow.

From the environment (the first three are the pod's labels, by the downward API):

    JOBSET_NAME                  jobset.sigs.k8s.io/jobset-name; a TrainJob's name is its JobSet's
    JOBSET_REPLICATED_JOB        jobset.sigs.k8s.io/replicatedjob-name
    JOBSET_JOB_INDEX             jobset.sigs.k8s.io/job-index
    JOB_COMPLETION_INDEX         set by the Job controller, as JobSet makes indexed Jobs
    WORKLOADS_CLUSTER            pods of each replicated job, such as ``worker=4`` or ``chief=1,worker=2,ps=1``
    WORKLOADS_SUBDOMAIN          of the pods' names, where the JobSet sets one; its own name when left out
    WORKLOADS_PORT               that TensorFlow listens on; 2222 when left out
    WORKLOADS_RENDEZVOUS_SECONDS how long the others' names may take to appear; 900 when left out

Exit status: the command's; 128 and the signal's number where a signal ended it; 2 when the environment is wrong; 42
when SIGTERM ended it, or the wait before it: what is told to go has not failed, and had nothing to save or did; 75 when
the others do not appear, or SIGALRM ended it as the group did not form.

Sources: JobSet v0.12.0, ``labelAndAnnotateObject`` and ``GetSubdomain`` in pkg/controllers/jobset_controller.go;
Trainer v2.2.1, pkg/runtime/framework/plugins/plainml; TensorFlow, 'Distributed training', 'TF_CONFIG'.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from workloads.train.status import ABSENT, PREEMPTED, USAGE

ROLES = {role: role for role in ("chief", "worker", "ps", "evaluator")} | {"node": "worker"}
"""What the pods of a replicated job of that name are to TensorFlow; ``node`` is what Trainer's own runtimes use."""

TPUS_OF_A_HOST = "TPU_NAME"
"""Where it is set, the strategy is the TPU's (``workloads.train.strategy``)."""

LONGEST_LABEL = 63  # of a host's name (RFC 1035)
LOOK_SECONDS, TELL_SECONDS = 1.0, 10.0

Resolver = Callable[[str], bool]
"""Whether a host's name has an address."""


class NotAMember(ValueError):
    """The environment does not say which member of which group this process is; the message names what is wrong."""


class Absent(RuntimeError):
    """Other members of the group did not appear in time; the message names them."""


@dataclass(frozen=True)
class Group:
    """A training job's processes, and which of them this one is.

    members:  addresses by role, evaluators included.
    """

    members: Mapping[str, tuple[str, ...]]
    role: str
    index: int

    @property
    def config(self) -> str | None:
        """TF_CONFIG; None for a process on its own. An evaluator is a task of it, and no member of the cluster."""
        cluster = {role: list(addresses) for role, addresses in self.members.items() if role != "evaluator"}
        if sum(map(len, self.members.values())) == 1:
            return None
        return json.dumps({"cluster": cluster, "task": {"type": self.role, "index": self.index}})

    @property
    def others(self) -> tuple[str, ...]:
        """Names of the hosts that this process has to reach, or that have to reach it."""
        own = self.members[self.role][self.index]
        addresses = [each for role, group in self.members.items() if role != "evaluator" for each in group]
        return tuple(each.rpartition(":")[0] for each in addresses if each != own)


def group(environment: Mapping[str, str]) -> Group:
    """The group that the environment tells of. Raises NotAMember."""
    jobset = _text(environment, "JOBSET_NAME")
    job = _text(environment, "JOBSET_REPLICATED_JOB")
    sizes = _sizes(_text(environment, "WORKLOADS_CLUSTER"))
    index = _number(environment, "JOB_COMPLETION_INDEX")
    port = _number(environment, "WORKLOADS_PORT", 2222)
    subdomain = environment.get("WORKLOADS_SUBDOMAIN") or jobset
    if job not in sizes:
        raise NotAMember(
            f"JOBSET_REPLICATED_JOB = {job}: WORKLOADS_CLUSTER tells of {', '.join(sizes)}; add {job} and its size"
        )
    if _number(environment, "JOBSET_JOB_INDEX", 0):
        raise NotAMember(
            f"JOBSET_JOB_INDEX = {environment['JOBSET_JOB_INDEX']}: a role is one Job; set replicas: 1, and give "
            f"{job} its size by parallelism and completions"
        )
    if index >= sizes[job]:
        raise NotAMember(
            f"JOB_COMPLETION_INDEX = {index}: WORKLOADS_CLUSTER says {job}={sizes[job]}; write there as many as the "
            "Job has completions"
        )
    if environment.get(TPUS_OF_A_HOST) and sum(sizes.values()) > 1:
        raise NotAMember(
            f"WORKLOADS_CLUSTER = {environment['WORKLOADS_CLUSTER']}: TensorFlow trains on the TPUs of one host; "
            f"write {job}=1, or leave {TPUS_OF_A_HOST} out"
        )
    members = {}
    for name, size in sizes.items():
        hosts = [f"{jobset}-{name}-0-{number}" for number in range(size)]
        if len(hosts[-1]) > LONGEST_LABEL:
            excess = len(hosts[-1]) - LONGEST_LABEL
            raise NotAMember(
                f"JOBSET_NAME = {jobset}: the host's name {hosts[-1]} is longer than {LONGEST_LABEL} characters; "
                f"shorten the job's name by {excess}"
            )
        members[ROLES[name]] = tuple(f"{host}.{subdomain}:{port}" for host in hosts)
    return Group(members, ROLES[job], index)


def wait(names: tuple[str, ...], seconds: float, resolves: Resolver, report: Callable[[str], None]) -> None:
    """Waits until every name has an address: TensorFlow takes one that has none for a failure. Raises Absent."""
    start = told = time.monotonic()
    missing = list(names)
    while missing := [name for name in missing if not resolves(name)]:
        now = time.monotonic()
        state = f"{len(missing)} of {len(names)} names have no address yet: {_some(missing)}"
        if now - start >= seconds:
            raise Absent(
                f"{state}, after {seconds:g} s. Are their pods there, and does the JobSet set "
                "network.publishNotReadyAddresses?"
            )
        if now - told >= TELL_SECONDS:
            told = now
            report(f"{state} ({now - start:.0f} of {seconds:g} s)")
        time.sleep(min(LOOK_SECONDS, seconds))


def resolves(name: str) -> bool:
    """Whether the system's resolver knows an address of ``name``."""
    try:
        return bool(socket.getaddrinfo(name, None))
    except OSError:
        return False


FORWARDED = (signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGUSR2)
"""What the kubelet or a person sends to a container's first process alone. Ctrl-C reaches the command by itself."""


class Running:
    """The command, and this process as the one that a container's first has to be.

    The command stays in the process group and gets the signals that this process gets. It is not the first process
    itself, for which the kernel ignores SIGTERM unless it is handled. Orphans of the command are collected.
    """

    def __init__(self) -> None:
        self._pid: int | None = None
        for each in FORWARDED:
            signal.signal(each, self._forward)
        signal.signal(signal.SIGINT, self._leave_to_the_command)

    def run(self, command: list[str], environment: Mapping[str, str]) -> int:
        """Runs it to its end; returns its exit status as a shell tells it. Raises OSError when it cannot start."""
        before = signal.pthread_sigmask(signal.SIG_BLOCK, FORWARDED)  # none is lost while there is no pid yet
        try:
            self._pid = os.posix_spawnp(
                command[0], command, environment, setsigmask=before, setsigdef=(signal.SIGPIPE, signal.SIGXFSZ)
            )
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
        while True:
            pid, status = os.wait()
            if pid == self._pid:
                self._pid = None
                code = os.waitstatus_to_exitcode(status)
                return code if code >= 0 else _ended_by(-code)

    def _forward(self, number: int, _: object) -> None:
        if self._pid is None:
            sys.exit(_ended_by(number))
        os.kill(self._pid, number)

    def _leave_to_the_command(self, number: int, _: object) -> None:
        if self._pid is None:
            sys.exit(128 + number)


def main(arguments: list[str], environment: Mapping[str, str], resolves: Resolver = resolves) -> int:
    """Becomes a member of the group and runs the command after ``--``. Returns the exit status."""
    command = arguments[1:] if arguments[:1] == ["--"] else arguments
    if not command:
        return _failed("no command; write -- and what to run after it", USAGE)
    running = Running()
    try:
        ours = group(environment)
        limit = _number(environment, "WORKLOADS_RENDEZVOUS_SECONDS", 900)
        inherited = {name: value for name, value in environment.items() if name != "TF_CONFIG"}
        if (config := ours.config) is None:
            return running.run(command, inherited)
        print(f"{ours.role} {ours.index} of a group of {len(ours.others) + 1}", flush=True)
        wait(ours.others, limit, resolves, lambda line: print(line, flush=True))
        return running.run(command, {**inherited, "TF_CONFIG": config})
    except NotAMember as error:
        return _failed(str(error), USAGE)
    except Absent as error:
        return _failed(str(error), ABSENT)
    except OSError as error:
        return _failed(f"cannot run {command[0]}: {error.strerror}", USAGE)


def _failed(problem: str, status: int) -> int:
    print(f"error: {problem}", file=sys.stderr, flush=True)
    return status


def _ended_by(number: int) -> int:
    """The exit status when a signal ended the command, or the wait before it."""
    if number == signal.SIGTERM:
        return PREEMPTED
    if number == signal.SIGALRM:
        return _failed("the group did not form in time", ABSENT)
    return 128 + number


def _text(environment: Mapping[str, str], name: str) -> str:
    if not environment.get(name):
        raise NotAMember(f"{name} is not set; the pod's template has to set it (python -m pydoc {__spec__.name})")
    return environment[name]


def _number(environment: Mapping[str, str], name: str, default: int | None = None) -> int:
    if default is not None and not environment.get(name):
        return default
    text = _text(environment, name)
    if not text.isdecimal():
        raise NotAMember(f"{name} = {text}: not a whole number of 0 or more")
    return int(text)


def _sizes(text: str) -> dict[str, int]:
    """``worker=2,ps=1`` as numbers. Raises NotAMember."""
    sizes: dict[str, int] = {}
    for part in text.split(","):
        name, _, size = part.strip().partition("=")
        if name not in ROLES or not size.isdecimal() or not int(size):
            raise NotAMember(
                f"WORKLOADS_CLUSTER = {text}: {part.strip() or 'nothing'} is not a role and a number of pods such as "
                f"worker=2; roles: {', '.join(ROLES)}"
            )
        if ROLES[name] in {ROLES[other] for other in sizes}:
            raise NotAMember(f"WORKLOADS_CLUSTER = {text}: {ROLES[name]} is there twice; name each role once")
        sizes[name] = int(size)
    if set(map(ROLES.__getitem__, sizes)) == {"evaluator"}:
        raise NotAMember(f"WORKLOADS_CLUSTER = {text}: an evaluator evaluates a group; add its workers")
    return sizes


def _some(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], os.environ))
