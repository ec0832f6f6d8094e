"""``python -m toolchain.kubernetes.control_plane up|down FOLDER``: a Kubernetes API server on this machine.

etcd, kube-apiserver and kube-controller-manager on free ports of the loopback interface, with all that they write in
FOLDER. There is no node: what waits for a pod to run waits for ever. ``down`` ends exactly the processes that ``up``
started, and leaves the folder.
"""

from __future__ import annotations

import json
import os
import secrets
import socket
import ssl
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import psutil
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from toolchain import cache
from toolchain.kubernetes import tools

READY_SECONDS, STOP_SECONDS = 90.0, 20.0
HOST = "127.0.0.1"
SERVICES, ISSUER = "10.96.0.0/16", "https://kubernetes.default.svc"


class ControlPlane:
    """One in ``folder``; as a context it is up inside of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.kubeconfig = self.folder / "kubeconfig"
        self._processes = self.folder / "processes.json"
        self._trusted = self.folder / "certificates" / "apiserver.crt"

    def __enter__(self) -> ControlPlane:
        try:
            self.up()
        except BaseException:
            self.down()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    def up(self) -> None:
        """Starts it and waits until it is ready. Raises SetupError when it is up already, or does not come up."""
        if any(self._alive()):
            raise cache.SetupError(f"{self.folder}: a control plane is up in it; end it with `down`")
        self.programs = tools.control_plane()
        for name in ("certificates", "etcd", "logs"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        self._processes.unlink(missing_ok=True)
        key, tokens, token = self.folder / "accounts.key", self.folder / "tokens.csv", secrets.token_hex(16)
        _write_secret(key, _private_key())
        _write_secret(tokens, f'{token},admin,admin,"system:masters"\n')
        clients, peers, secure = _free_ports(3)
        store, peer, server = f"http://{HOST}:{clients}", f"http://{HOST}:{peers}", f"https://{HOST}:{secure}"
        self._start(
            "etcd",
            *("--data-dir", self.folder / "etcd", "--unsafe-no-fsync"),
            *("--listen-client-urls", store, "--advertise-client-urls", store),
            *(
                "--listen-peer-urls",
                peer,
                "--initial-advertise-peer-urls",
                peer,
                "--initial-cluster",
                f"default={peer}",
            ),
        )
        self._start(
            "kube-apiserver",
            *("--etcd-servers", store, "--bind-address", HOST, "--secure-port", secure),
            *("--cert-dir", self.folder / "certificates", "--token-auth-file", tokens),
            *("--authorization-mode", "Node,RBAC", "--service-cluster-ip-range", SERVICES),
            *("--service-account-issuer", ISSUER, "--service-account-signing-key-file", key),
            *("--service-account-key-file", key, "--endpoint-reconciler-type", "none", "--allow-privileged"),
        )
        self._wait("kube-apiserver", f"{server}/readyz", token)
        _write_secret(self.kubeconfig, json.dumps(_kubeconfig(server, self._trusted, token)))
        self._start(
            "kube-controller-manager",
            *("--kubeconfig", self.kubeconfig, "--leader-elect=false", "--secure-port", "0"),
            *("--service-account-private-key-file", key, "--root-ca-file", self._trusted),
        )
        self._wait("kube-controller-manager", f"{server}/api/v1/namespaces/default/serviceaccounts/default", token)

    def down(self) -> None:
        """Ends it; does nothing when it is not up."""
        for name in reversed(tools.CONTROL_PLANE):
            for process in self._alive(name):
                process.terminate()
                try:
                    process.wait(STOP_SECONDS)
                except psutil.TimeoutExpired:
                    process.kill()
                    process.wait(STOP_SECONDS)

    def _start(self, name: str, *arguments: object) -> None:
        with (self.folder / "logs" / f"{name}.log").open("ab") as log:
            started = subprocess.Popen(
                [str(each) for each in (self.programs / name, *arguments)],
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # an interrupt in the terminal is for who started it, and ends with `down`
            )
        known = json.loads(self._processes.read_text()) if self._processes.exists() else {}
        known[name] = [started.pid, psutil.Process(started.pid).create_time()]
        self._processes.write_text(json.dumps(known))

    def _alive(self, name: str = "") -> list[psutil.Process]:
        """Its processes that run; a pid that was given to another since is none."""
        known = json.loads(self._processes.read_text()) if self._processes.exists() else {}
        found = []
        for each, (pid, since) in known.items():
            try:
                process = psutil.Process(pid)
                if name in ("", each) and process.create_time() == since and process.status() != psutil.STATUS_ZOMBIE:
                    found.append(process)
            except psutil.NoSuchProcess:
                continue
        return found

    def _wait(self, name: str, url: str, token: str) -> None:
        """Until ``url`` answers."""
        until = time.monotonic() + READY_SECONDS
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {token}"})  # noqa: S310 - ours
        while time.monotonic() < until and self._alive(name):
            try:
                trust = ssl.create_default_context(cafile=str(self._trusted))
                no_proxy, https = urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust)
                with urllib.request.build_opener(no_proxy, https).open(request, timeout=5):
                    return
            except OSError:  # no certificate yet, nobody listens yet, or not ready yet
                time.sleep(0.2)
        log = self.folder / "logs" / f"{name}.log"
        last = "\n".join(f"  | {line}" for line in log.read_text(errors="replace").splitlines()[-8:])
        raise cache.SetupError(
            f"{name} is not ready after {READY_SECONDS:.0f} s; all that it said is in {log}:\n{last}"
        )


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind((HOST, 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def _private_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption()).decode()


def _write_secret(file: Path, text: str) -> None:
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as sink:
        sink.write(text)


def _kubeconfig(server: str, trusted: Path, token: str) -> dict:
    """JSON is YAML."""
    name = "control-plane"
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority": str(trusted)}}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }


def main(arguments: list) -> int:
    """Returns 0, 1 with the reason on standard error, or 2 for a wrong command."""
    if len(arguments) != 2 or arguments[0] not in ("up", "down"):
        print("usage: python -m toolchain.kubernetes.control_plane up|down FOLDER", file=sys.stderr)
        return 2
    plane = ControlPlane(Path(arguments[1]))
    try:
        if arguments[0] == "down":
            plane.down()
            return 0
        plane.up()
    except (cache.SetupError, OSError) as error:
        plane.down()
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(f"up; export KUBECONFIG={plane.kubeconfig}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
