"""What is inside the images, seen with testinfra in their unpacked files, and how they run: as the user that they name,
with a root that cannot be written, as the first process of a namespace.
"""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import psutil
import pytest
import testinfra
from packaging.requirements import Requirement
from testinfra.host import Host

from toolchain import cache
from toolchain.images import build, locks

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="chroot and namespaces need root on Linux"),
]

USER = 65532
RUN = """
mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"
mount --rbind /dev "$0/dev" && mount -t proc proc "$0/proc" && mount -t tmpfs tmpfs "$0/tmp"
mount --bind "$1" "$0/artefacts"
shift
exec chroot --userspec=65532:65532 --groups= "$0" "$@"
"""
"""What a container's runtime does."""
INSTALLED = """
import importlib.metadata, sysconfig
for each in importlib.metadata.distributions(path=[sysconfig.get_path("purelib")]):
    print(f"{each.name}=={each.version}")
"""
LOOKS = """
import os, pathlib, tensorflow, workloads.cli
print(os.getuid(), os.getpid(), tensorflow.__version__)
pathlib.Path("/tmp/file").touch()
pathlib.Path("/artefacts/file").touch()
pathlib.Path("/opt/file").touch()
"""


def normal(pin: str) -> str:
    """A package and its version, in the one spelling of its name."""
    return re.sub("[-_.]+(?=.*==)", "-", pin).lower()


def locked() -> set[str]:
    """What the lock installs where the images run."""
    where = {"python_version": "3.11", "python_full_version": "3.11.2"}
    lines = [line.removesuffix(" \\") for line in locks.path("cpu").read_text().splitlines() if "==" in line]
    found = [Requirement(line) for line in lines if not line.startswith("#")]
    return {normal(f"{each.name}{each.specifier}") for each in found if not each.marker or each.marker.evaluate(where)}


LOCKED = locked()
END_SECONDS = 10.0
START_SECONDS = 180.0


@dataclass(frozen=True)
class Unpacked:
    """An image's files in a folder, and what its configuration says of running it."""

    root: Path
    config: dict[str, object]
    layers: list[str]

    def command(self, artefacts: Path, *arguments: str) -> list[str]:
        """What runs the image with the arguments, as the first process of a namespace."""
        started = ["env", "-i", *self.config["Env"], *self.config["Entrypoint"], *arguments]
        return [
            "unshare",
            "--mount",
            "--pid",
            "--fork",
            "--kill-child",
            "sh",
            "-ec",
            RUN,
            self.root,
            artefacts,
            *started,
        ]

    def run(self, artefacts: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs the image to its end."""
        return subprocess.run(self.command(artefacts, *arguments), capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def made() -> dict[str, build.Made]:
    report = cache.Reporter("images")
    return {name: build.make(report, build.IMAGES[name]) for name in ("train-cpu", "serve")}


@pytest.fixture(scope="module")
def serve(made: dict[str, build.Made], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Unpacked]:
    root = tmp_path_factory.mktemp("serve")
    root.chmod(0o755)
    with tarfile.open(made["serve"].archive) as archive:
        manifest, config = described(archive)
        for each in manifest["Layers"]:
            with tarfile.open(fileobj=archive.extractfile(each)) as layer:
                unpack(layer, root)
    yield Unpacked(root, config["config"], manifest["Layers"])
    shutil.rmtree(root)  # more than a gigabyte


@pytest.fixture(scope="module")
def host(serve: Unpacked) -> Host:
    return testinfra.get_host(str(serve.root), connection="chroot")


@pytest.fixture
def artefacts(tmp_path: Path) -> Path:
    """A volume as a pod has it: its user's, and empty."""
    folder = tmp_path / "artefacts"
    folder.mkdir()
    os.chown(folder, USER, USER)
    return folder


def described(archive: tarfile.TarFile) -> tuple[dict[str, list[str]], dict[str, dict[str, object]]]:
    """An image's manifest and configuration."""
    manifest = json.load(archive.extractfile("manifest.json"))[0]
    return manifest, json.load(archive.extractfile(manifest["Config"]))


def unpack(layer: tarfile.TarFile, root: Path) -> None:
    """Puts a layer's files over those that are there; an entry ``.wh.NAME`` takes NAME away."""
    for entry in layer:
        path = PurePosixPath(entry.name)
        if not path.name.startswith(".wh."):
            layer.extract(entry, root, filter="fully_trusted")
            continue
        gone = root / path.parent / path.name.removeprefix(".wh.")
        if gone.is_dir() and not gone.is_symlink():
            shutil.rmtree(gone)
        else:
            gone.unlink()


# What is in them


def test_the_images_have_all_but_our_code_in_common(made: dict[str, build.Made], serve: Unpacked) -> None:
    with tarfile.open(made["train-cpu"].archive) as archive:
        manifest, config = described(archive)
    assert manifest["Layers"][:-1] == serve.layers[:-1]
    assert {key: config["config"][key] for key in ("Env", "Entrypoint", "User", "StopSignal")} == {
        key: serve.config[key] for key in ("Env", "Entrypoint", "User", "StopSignal")
    }


def test_an_image_runs_as_a_user_without_a_shell_and_says_where_it_is_from(host: Host, serve: Unpacked) -> None:
    assert serve.config["User"] == f"{USER}:{USER}"
    assert serve.config["StopSignal"] == "SIGTERM"
    user = host.user("workload")
    assert (user.uid, user.gid, user.shell) == (USER, USER, "/usr/sbin/nologin")
    assert f"HOME={user.home}" in serve.config["Env"]
    labels = {key.rsplit(".", 1)[1]: value for key, value in serve.config["Labels"].items() if "opencontainers" in key}
    assert labels["licenses"] == "Apache-2.0"
    assert re.fullmatch(r"[0-9a-f]{40}(-dirty)?", labels["revision"])


def test_nothing_in_an_image_gains_rights_and_only_the_artefacts_are_the_users(host: Host) -> None:
    assert host.run("find / -xdev -type f -perm /6000").stdout == ""
    assert host.run("find / -xdev -user 65532").stdout.split() == ["/artefacts"]
    assert host.run("find /opt /usr /etc -xdev -perm -o+w ! -type l").stdout == ""


@pytest.mark.parametrize("tool", ["pip", "pip3", "uv", "gcc", "cc", "ld", "make", "git", "curl"])
def test_an_image_has_nothing_that_installs_compiles_or_fetches(host: Host, tool: str) -> None:
    assert not host.exists(tool)


def test_an_image_has_exactly_the_locked_packages(host: Host) -> None:
    said = host.run("/opt/workloads/bin/python -c %s", INSTALLED)
    assert {normal(line) for line in said.stdout.split()} == LOCKED


def test_an_image_keeps_nothing_of_who_built_it(host: Host, serve: Unpacked) -> None:
    assert host.run("find / -xdev -name '.*_history' -o -xdev -name '.netrc' -o -xdev -name 'pip.conf'").stdout == ""
    assert not [each for each in serve.config["Env"] if re.search("TOKEN|SECRET|PASSWORD|PROXY", each, re.IGNORECASE)]
    assert not host.file("/build").exists
    assert host.run("find /root /tmp /run -xdev -type f -size +0").stdout.split() in (
        [],
        ["/root/.bashrc", "/root/.profile"],
    )
    found = host.run("find /opt/code -type f ! -name '*.py' ! -name '*.pyc' ! -name '*.md'").stdout
    assert found == ""


def test_the_contents_that_an_image_states_are_those_that_it_has(host: Host, made: dict[str, build.Made]) -> None:
    stated = {each["purl"] for each in json.loads(made["serve"].sbom.read_text())["components"]}
    libc = host.run("dpkg-query --show --showformat='${Version}' libc6").stdout
    assert f"pkg:deb/debian/libc6@{libc.replace('+', '%2B')}?arch=" in " ".join(stated)
    assert {f"pkg:pypi/{each.replace('==', '@')}" for each in LOCKED} <= stated
    assert not {each for each in stated if each.startswith("pkg:pypi/pip@")}


# How they run


def test_an_image_runs_with_a_root_that_cannot_be_written(serve: Unpacked, artefacts: Path) -> None:
    said = serve.run(artefacts, "-c", LOOKS)
    assert said.stdout.split() == [str(USER), "1", "2.20.0"], said.stderr
    assert "Read-only file system" in said.stderr
    assert (artefacts / "file").stat().st_uid == USER


def test_a_model_is_trained_released_and_served_from_images_and_the_server_ends_by_a_signal(
    serve: Unpacked, artefacts: Path
) -> None:
    chosen = ["--artefacts", "/artefacts", "--model", "digits_cnn", "--set=train.steps=300", "--set=train.workers=1"]
    for command in ("train", "export"):
        said = serve.run(artefacts, "-m", "workloads", command, *chosen)
        assert said.returncode == 0, said.stdout + said.stderr
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serving = ["-m", "workloads", "serve", "--name", "digits-cnn", "--artefacts", "/artefacts", "--port", str(port)]
    runs = subprocess.Popen([str(each) for each in serve.command(artefacts, *serving)])
    try:
        wait_until_healthy(port, runs)
        (first,) = psutil.Process(runs.pid).children()
        assert first.uids().real == USER
        first.send_signal(signal.SIGTERM)
        assert runs.wait(END_SECONDS) == 0
    finally:
        runs.kill()
        runs.wait()


def wait_until_healthy(port: int, runs: subprocess.Popen[bytes]) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        assert runs.poll() is None
        try:
            asked = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
            asked.request("GET", "/healthz")
            assert asked.getresponse().status == http.HTTPStatus.OK
        except OSError:
            time.sleep(0.2)
        else:
            return
    pytest.fail(f"nothing healthy on port {port} within {START_SECONDS:g} s")
