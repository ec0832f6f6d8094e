"""What builds images: docker, podman or buildah, by the same few words."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

from toolchain import cache, debian

LOG = "images.log"
PULL_SECONDS = 120.0
PACKAGES = (
    *("buildah", "mmdebstrap", "debian-archive-keyring"),
    *("libassuan0", "libdevmapper1.02.1", "libgpg-error0", "libgpgme11", "libseccomp2", "libsubid4"),
)
"""buildah and what makes a base for it, as Debian 12 calls them, with the libraries that not every machine has."""
BUILDKIT = {"DOCKER_BUILDKIT": "1", "BUILDX_BUILDER": "default"}
"""Docker's own builder: another one would not see the images that it builds on."""
OVER_USR = 'mount -t overlay -o "lowerdir=$0/usr:/usr" overlay /usr && exec "$@"'
"""Programs that start themselves anew, as buildah does, lose what an environment says of libraries."""


class Engine:
    """One of them.

    name:    docker, podman or buildah.
    start:   the words that start it, with where it keeps what it makes.
    policy:  which signatures it asks for, where there is no file of the machine's that says so.
    """

    def __init__(self, name: str, start: tuple[str, ...], policy: tuple[str, ...] = ()) -> None:
        self.name, self._start, self._policy = name, start, policy

    def has(self, reference: str) -> bool:
        """Whether it has the image."""
        kind = ("inspect", "--type", "image") if self.name == "buildah" else ("image", "inspect")
        return subprocess.run([*self._start, *kind, reference], capture_output=True, check=False).returncode == 0

    def pull(self, reference: str) -> str:
        """Fetches the image from its registry; returns why not, and nothing when it did."""
        command = [*self._start, "pull", *self._policy, reference]
        try:
            done = subprocess.run(command, capture_output=True, text=True, timeout=PULL_SECONDS, check=False)
        except subprocess.TimeoutExpired:
            return f"no answer within {PULL_SECONDS:.0f} s"
        return (done.stderr.strip().splitlines() or ["no reason given"])[-1] if done.returncode else ""

    def build(self, report: cache.Reporter, reference: str, file: Path, context: Path, *options: str) -> None:
        """Builds the image. Raises SetupError."""
        command = [*self._start, "build", *self._policy]
        if self.name == "buildah":
            command += ["--isolation", "chroot"]
        if self.name != "docker":  # which finds it by its name
            command += ["--ignorefile", f"{file}.dockerignore"]
        command += [*options, "--file", str(file), "--tag", reference, str(context)]
        steps = ("STEP", "#", "[")
        cache.run(
            command,
            cache.directory() / "logs" / LOG,
            {**os.environ, **BUILDKIT, "TMPDIR": _temporary()},
            line=lambda text: report(text[:110], passing=True) if text.startswith(steps) else None,
        )

    def save(self, reference: str, archive: Path) -> None:
        """Writes the image as an archive that `docker load` and containerd take. Raises SetupError."""
        words = {
            "docker": ("save", "--output", str(archive), reference),
            "podman": ("save", "--format", "docker-archive", "--output", str(archive), reference),
            "buildah": ("push", *self._policy, reference, f"docker-archive:{archive}:{reference}"),
        }
        command = [*self._start, *words[self.name]]
        cache.run(command, cache.directory() / "logs" / LOG, {**os.environ, "TMPDIR": _temporary()})


def find(report: cache.Reporter) -> Engine:
    """The engine of this machine, else buildah from Debian's packages. Raises SetupError where neither can be."""
    if shutil.which("docker") and _answers("docker", "info", "--format", "{{.ServerVersion}}"):
        return Engine("docker", ("docker",))
    for name in ("podman", "buildah"):
        if shutil.which(name):
            return Engine(name, (name,))
    if os.geteuid() or not debian.is_possible():
        raise cache.SetupError(
            "nothing here builds images: no Docker engine answers, and there is neither podman nor buildah.\n"
            "  Install one of them, or run it as root on Debian, where buildah's packages do without an installation"
        )
    own = cache.directory() / "images"
    own.mkdir(parents=True, exist_ok=True)
    policy = own / "policy.json"
    policy.write_text('{"default": [{"type": "insecureAcceptAnything"}]}')  # digests are what is trusted
    keeps = ("--storage-driver", "overlay", "--root", str(own / "storage"), "--runroot", str(own / "run"))
    return Engine("buildah", (*over_usr(report), "buildah", *keeps), ("--signature-policy", str(policy)))


def over_usr(report: cache.Reporter) -> tuple[str, ...]:
    """The words that start a program of ``PACKAGES``, in a namespace of mounts of its own that ends with it."""
    tree = debian.unpacked(report, "image-builder", PACKAGES)
    return ("unshare", "--mount", "sh", "-c", OVER_USR, str(tree))


def _answers(*command: str) -> bool:
    asked = subprocess.run(command, capture_output=True, text=True, check=False)
    return asked.returncode == 0 and bool(asked.stdout.strip())


def _temporary() -> str:
    folder = cache.directory() / "tmp"
    folder.mkdir(parents=True, exist_ok=True)
    return str(folder)
