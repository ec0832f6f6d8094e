"""A detached server process: known by pid and start time, replaced when it is not the one it should be."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import suppress
from pathlib import Path
from typing import ClassVar

import psutil
import tenacity

from infra.local.plugin import processes
from infra.local.plugin.artefacts import RUN
from infra.local.resources import Service
from infra.plugin.handler import Handler, ProviderError, State, Talk

RUNNING = "running"
READY_SECONDS = 120
PORTS_TO_TRY = 50
LAST_LINES = 15
HOST = "127.0.0.1"


class ServiceHandler(Handler):
    outputs = Service.OUTPUTS
    volatile = ("url", "listening", "pid", "started")  # another port may be free by then
    wanted: ClassVar[State] = {"status": RUNNING}

    def create(self, name: str, inputs: State, talk: Talk) -> State:
        record = _record(name, inputs)
        _stop(record)  # left by an `up` that was killed before it could tell the engine
        log = Path(inputs["artefacts"], "logs", f"{name}.log")
        for port in _free_ports(inputs["port"]):
            if port != inputs["port"]:
                talk.warn(f"port {inputs['port']} is busy{_holder(inputs['port'])}; listening on {port} instead")
            process = _launch(record, log, inputs, port)
            url = f"http://{HOST}:{port}"
            if _wait_until_ready(process, port, url + inputs["ready"]):
                seen = psutil.Process(process.pid)
                return {
                    **inputs,
                    "url": url,
                    "listening": port,
                    "pid": process.pid,
                    "started": seen.create_time(),
                    "log": str(log),
                }
            died = process.poll()
            _stop(record)
            if died is not None and not _is_free(port):
                continue  # somebody took the port between the look and the bind
            what = f"ended with exit status {died}" if died is not None else f"was not ready in {READY_SECONDS} s"
            raise ProviderError(f"{name} {what}; last lines of {log}:\n{_last_lines(log)}")
        raise ProviderError(f"no free port from {inputs['port']} to {inputs['port'] + PORTS_TO_TRY - 1}")

    def read(self, name: str, state: State) -> State | None:
        process = processes.live(state["pid"], state["started"])
        if process is None:
            return {**state, "status": "stopped"}
        return {**state, "status": RUNNING if _answers(state["url"] + state["ready"]) else "not answering"}

    def update(self, name: str, state: State, inputs: State, talk: Talk) -> State:
        self.delete(name, state, talk)
        return self.create(name, inputs, talk)

    def delete(self, name: str, state: State, talk: Talk) -> None:
        _stop(_record(name, state))
        processes.end(processes.live(state["pid"], state["started"]))


def _record(name: str, state: State) -> Path:
    return Path(state["artefacts"], RUN, f"{name}.pid")


def _launch(record: Path, log: Path, inputs: State, port: int) -> subprocess.Popen[bytes]:
    """Starts the server in a session of its own, through a launcher that records it before it begins."""
    arguments = [argument.replace("{port}", str(port)) for argument in inputs["args"]]
    record.parent.mkdir(parents=True, exist_ok=True)
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as sink:
        return subprocess.Popen(
            [sys.executable, "-m", "infra.local.plugin.launch", str(record), inputs["module"], *arguments],
            env=processes.environment(),
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
            start_new_session=True,
        )


def _stop(record: Path) -> None:
    """Ends the process of a record, and removes the record."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(record.read_text())
        processes.end(processes.live(known["pid"], known["started"]))
    record.unlink(missing_ok=True)


def _wait_until_ready(process: subprocess.Popen[bytes], port: int, url: str) -> bool:
    """Whether this process came to answer at ``url`` before it ended or the time was up."""
    waiting = tenacity.Retrying(
        wait=tenacity.wait_fixed(0.2),
        stop=tenacity.stop_after_delay(READY_SECONDS),
        retry=tenacity.retry_if_result(lambda answers: not answers and process.poll() is None),
        retry_error_callback=lambda _: False,
    )
    return bool(waiting(lambda: _answers(url) and _listens(process.pid, port))) and process.poll() is None


def _listens(pid: int, port: int) -> bool:
    """Whether this very process holds ``port``: one that took it a moment earlier may answer in its place."""
    try:
        connections = psutil.Process(pid).net_connections("tcp")
    except psutil.NoSuchProcess:
        return False
    except (psutil.Error, OSError):
        return True  # the system does not tell
    return any(each.status == psutil.CONN_LISTEN and each.laddr[1:2] == (port,) for each in connections)


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - always http on loopback
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _free_ports(wanted: int) -> list[int]:
    return [port for port in range(wanted, min(wanted + PORTS_TO_TRY, 65536)) if _is_free(port)]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def _holder(port: int) -> str:
    """Who listens on ``port``, where the system tells."""
    with suppress(psutil.Error, OSError):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr[1:] == (port,) and connection.pid:
                return f" (pid {connection.pid}, {psutil.Process(connection.pid).name()})"
    return ""


def _last_lines(log: Path) -> str:
    return "\n".join(f"  {line}" for line in log.read_text(errors="replace").splitlines()[-LAST_LINES:])
