"""A cluster of the programs that the toolchain builds, in a node of its own."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import tempfile
import time
from pathlib import Path

from toolchain import cache
from toolchain.cluster import images, programs
from toolchain.cluster.certificates import Authority, write_secret
from toolchain.cluster.components import (
    BUSYBOX_IMAGE,
    CERTIFICATES,
    CONTAINERD,
    PAUSE_IMAGE,
    SERVER,
    SIMULATED,
    Component,
    components,
    identities,
    settings,
)
from toolchain.cluster.node import NAME, Node, place, require_machine

HOST = "127.0.0.1"
SPACE_GIB = 2.0  # a new cluster takes 0.1; images and volumes come on top
READY_SECONDS = 120.0
FOLDERS = ("root", "tmp", "var")  # of a cluster, as the node makes them
DOOR = SERVER.removeprefix("https://")
HELPER_COMMANDS = ("/bin/sh", "/bin/mkdir", "/bin/rm")  # of what makes and removes the folders of volumes
OBJECTS = Path(__file__).parent / "objects.yaml"
METRICS = Path(__file__).parent / "metrics.yaml"
SIMULATED_CAPACITY = {"cpu": "64", "memory": "256Gi", "pods": "110"}


class Cluster:
    """The cluster whose files are in ``folder``; ``kubeconfig`` is how to reach it while it is up."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.kubeconfig = self.folder / "kubeconfig"
        self.node = Node(self.folder)
        self._remembered = self.folder / "cluster.json"

    def build(self, report: cache.Reporter) -> None:
        """Builds what is not there yet of what it is made of. Raises SetupError when it cannot be."""
        programs.packages(report)
        components(self._place, simulates=True)
        for name in ("door", "kubectl", "pause"):
            programs.program(report, name)

    def up(self, report: cache.Reporter, port: int = 0, simulated: int | None = None) -> None:
        """Makes the cluster, or what is missing of it.

        port:       where its API is on the loopback interface; 0 for the one that it had, else a free one.
        simulated:  how many nodes kwok stands for; None for as many as there are.

        Raises SetupError when it does not come up.
        """
        require_machine()
        cache.need_space(self.folder, SPACE_GIB, "a cluster")
        self._require_own_folder()
        simulates = simulated is not None or self._known().get("simulates", False)
        self._remember(simulates=simulates)
        packages, pause = programs.packages(report), programs.program(report, "pause")
        parts = components(self._place, simulates)  # builds what is not there yet
        report("namespaces: mounts, network, processes")
        self.node.start(place(packages), place(pause))
        self._open_door(port)
        var = self.folder / "var"
        authority = Authority(var / "lib" / "kubernetes")
        identities(authority)
        settings(var, self.node.cgroup, self._place("netpol"))
        if simulates:
            write_secret(var / "lib" / "stages.yaml", programs.stages(report).encode())
        for each in parts:
            self._ensure(each, report)
            if each.name == "kube-controller-manager":
                self._apply(OBJECTS.read_text())  # with what the programs after it may do
            if each.name == "metrics-server":
                self._apply(METRICS.read_text())
            if each.name == "containerd":
                self._ensure_image(PAUSE_IMAGE, pause)
                self._ensure_image(BUSYBOX_IMAGE, packages / "usr" / "bin" / "busybox", HELPER_COMMANDS)
        address = f"https://{HOST}:{self._known()['port']}"
        write_secret(self.kubeconfig, authority.kubeconfig("admin", address).encode())
        report("waiting for the node to be ready")
        self.kubectl("wait", "--for=condition=Ready", f"node/{NAME}", f"--timeout={READY_SECONDS:.0f}s")
        self.kubectl(
            "wait", "--for=condition=Available", "-f", "-", f"--timeout={READY_SECONDS:.0f}s", text=METRICS.read_text()
        )
        if simulated is not None:
            self._simulate(simulated, report)
        report(cache.READY)

    def down(self) -> None:
        """Ends the cluster and removes its files; does nothing when there is none."""
        self.node.stop()
        if not self._remembered.exists():
            return
        for each in FOLDERS:
            if (self.folder / each).exists():
                shutil.rmtree(self.folder / each)
        self.kubeconfig.unlink(missing_ok=True)
        self._remembered.unlink()  # last: until then it is the folder of a cluster
        self.folder.rmdir()

    def status(self) -> dict[str, int | None]:
        """The pid of each program, None for one that does not run; empty when there is no cluster."""
        if not self.node.is_up():
            return {}
        parts = components(self._place, self._known().get("simulates", False))
        found = {each.name: self.node.process(each.program) for each in parts}
        found["door"] = self.node.process(self._place("door"))
        return {name: process.pid if process else None for name, process in found.items()}

    def load(self, archive: Path) -> str:
        """Brings the images of an OCI or Docker archive to the node; returns what containerd says of them."""
        with archive.open("rb") as source:
            loaded = self.node.run("ctr", "--address", CONTAINERD, "-n", "k8s.io", "image", "import", "-", stdin=source)
        if loaded.returncode:
            raise cache.SetupError(
                f"{archive}: containerd does not take it: {loaded.stderr.strip()}\n"
                "  It takes what `docker save`, `podman save` and `buildah push oci-archive:` write"
            )
        return loaded.stdout.strip()

    def kubectl(self, *words: str, text: str | None = None) -> str:
        """What kubectl says, as the cluster's administrator. Raises SetupError when it fails."""
        settings = f"--kubeconfig={CERTIFICATES}/admin.kubeconfig"
        said = self.node.run(self._place("kubectl"), settings, *words, text=text)
        if said.returncode:
            raise cache.SetupError(f"kubectl {' '.join(words)}: {said.stderr.strip()}")
        return said.stdout

    def _place(self, name: str) -> str:
        """Where in the node a program is."""
        return place(programs.program(cache.Reporter("cluster"), name))

    def _require_own_folder(self) -> None:
        """What `down` removes must be a cluster's."""
        if self.folder.is_dir() and not self._remembered.exists() and any(self.folder.iterdir()):
            raise cache.SetupError(f"{self.folder} is not empty and not a cluster's: name a new folder with --folder")

    def _known(self) -> dict:
        """What is remembered of the cluster: its port, and whether there are simulated nodes."""
        return json.loads(self._remembered.read_text()) if self._remembered.exists() else {}

    def _remember(self, **news: object) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        write_secret(self._remembered, json.dumps({**self._known(), **news}).encode())

    def _ensure(self, component: Component, report: cache.Reporter) -> None:
        """Starts it unless it runs, and waits until it works."""
        if self.node.process(component.program) is None:
            report(f"starting {component.name}")
            self._start(component.name, component.program, component.arguments)
        until = time.monotonic() + READY_SECONDS
        while not self._works(component):
            if self.node.process(component.program) is None:
                raise cache.SetupError(self._failure(f"{component.name} has ended", component.name))
            if time.monotonic() > until:
                late = f"{component.name} does not work {READY_SECONDS:.0f} s after its start"
                raise cache.SetupError(self._failure(late, component.name))
            time.sleep(0.3)

    def _start(self, name: str, program: str, arguments: tuple[str, ...], descriptors: tuple[int, ...] = ()) -> None:
        with self._log(name).open("ab") as log:
            subprocess.Popen(
                self.node.command(program, *arguments),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=descriptors,
                start_new_session=True,  # an interrupt in the terminal is for who started it
            )
        until = time.monotonic() + 5
        while self.node.process(program) is None and time.monotonic() < until:
            time.sleep(0.02)

    def _works(self, component: Component) -> bool:
        if component.name == "containerd":
            return self.node.run("ctr", "--address", CONTAINERD, "version").returncode == 0
        if not component.health:
            return self.node.process(component.program) is not None
        server, path = component.health.rsplit("/", 1)
        try:
            self.kubectl(f"--server={server}", "--request-timeout=5s", "get", f"--raw=/{path}")
        except cache.SetupError:
            return False
        return True

    def _failure(self, what: str, name: str) -> str:
        log = self._log(name)
        last = "\n".join(f"  | {line}" for line in log.read_text(errors="replace").splitlines()[-8:])
        return f"{what}; its log is {log}:\n{last}"

    def _log(self, name: str) -> Path:
        return self.folder / "var" / "log" / f"{name}.log"

    def _ensure_image(self, name: str, program: Path, links: tuple[str, ...] = ()) -> None:
        """Makes an image of one program, which also has the names ``links``, unless the node has it."""
        ctr = ("ctr", "--address", CONTAINERD, "-n", "k8s.io", "image")
        if name in self.node.run(*ctr, "list", "-q").stdout.split():
            return
        inside = f"/bin/{program.name}"
        with tempfile.NamedTemporaryFile(dir=self.folder, suffix=".tar") as archive:
            images.write(Path(archive.name), name, {inside: program}, [inside], links)
            self.load(Path(archive.name))

    def _open_door(self, port: int) -> None:
        """Lets connections to a port of the machine's loopback interface through to the API."""
        known, program = self._known().get("port", 0), self._place("door")
        there = self.node.process(program)
        if there and port in (0, known):
            return
        with socket.socket() as listener:  # stays of the machine's network in the hands of a process of the node
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind((HOST, port or known))
            except OSError as error:
                raise cache.SetupError(
                    f"port {port or known} of {HOST} is somebody else's ({error.strerror}): the API cannot be there.\n"
                    "  End the other, or choose another: --port"
                ) from None
            listener.listen(128)
            self._remember(port=listener.getsockname()[1])
            if there:
                there.kill()
                there.wait()
            self._start("door", program, (DOOR, str(listener.fileno())), (listener.fileno(),))

    def _apply(self, text: str) -> None:
        self.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", text=text)

    def _simulate(self, count: int, report: cache.Reporter) -> None:
        """Makes simulated nodes, or removes them, until there are ``count``."""
        selector = "--selector=type=simulated"
        there = set(self.kubectl("get", "nodes", selector, "--output=name").split())
        wanted = {f"node/simulated-{number:04}" for number in range(count)}
        if wanted - there:
            report(f"making {len(wanted - there)} simulated nodes")
            names = sorted(each.removeprefix("node/") for each in wanted - there)
            self._apply(json.dumps({"apiVersion": "v1", "kind": "List", "items": [_simulated(name) for name in names]}))
        if there - wanted:
            report(f"removing {len(there - wanted)} simulated nodes")
            self.kubectl("delete", "--wait=false", *sorted(there - wanted))
        ready = 'jsonpath={.items[*].status.conditions[?(@.type=="Ready")].status}'
        until = time.monotonic() + READY_SECONDS
        while (states := self.kubectl("get", "nodes", selector, f"--output={ready}").split()) != ["True"] * count:
            if time.monotonic() > until:
                raise cache.SetupError(
                    f"{states.count('True')} of {count} simulated nodes are ready after {READY_SECONDS:.0f} s; "
                    f"what kwok says is in {self._log('kwok')}"
                )
            time.sleep(0.5)


def _simulated(name: str) -> dict:
    """A node that kwok stands for. Only pods that tolerate it are scheduled there: none of them would really run."""
    annotation, value = SIMULATED.split("=")
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {
            "name": name,
            "annotations": {annotation: value},
            "labels": {"type": "simulated", "kubernetes.io/hostname": name, "kubernetes.io/os": "linux"},
        },
        "spec": {"taints": [{"key": annotation, "value": value, "effect": "NoSchedule"}]},
        "status": {"capacity": SIMULATED_CAPACITY, "allocatable": SIMULATED_CAPACITY},
    }
