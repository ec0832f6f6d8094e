"""Container images from a few files, without an engine and without a registry."""

from __future__ import annotations

import hashlib
import io
import json
import os
import tarfile
from pathlib import Path

ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}  # this machine's name for itself: the name in an image


def write(
    archive: Path,
    name: str,
    programs: dict[str, Path],
    entrypoint: list[str],
    links: tuple[str, ...] = (),
    user: str = "",
) -> None:
    """Writes an image ``FROM scratch`` as an archive that `docker load` and containerd take.

    programs:  where each is in the image: the file that it is.
    links:     more names of the first program.
    user:      number of who runs it; root where it is empty.
    """
    layer = io.BytesIO()
    with tarfile.open(fileobj=layer, mode="w") as tar:
        for target, file in programs.items():
            _add(tar, target.lstrip("/"), file.read_bytes())
        for each in links:
            link = tarfile.TarInfo(each.lstrip("/"))
            link.type, link.linkname = tarfile.SYMTYPE, next(iter(programs))
            tar.addfile(link)
    digest = hashlib.sha256(layer.getvalue()).hexdigest()
    config = {
        "architecture": ARCHITECTURES[os.uname().machine],
        "os": "linux",
        "config": {"Entrypoint": entrypoint, "Env": ["PATH=/bin"], "User": user},
        "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
    }
    manifest = [{"Config": "config.json", "RepoTags": [name], "Layers": ["layer.tar"]}]
    with tarfile.open(archive, "w") as tar:
        _add(tar, "layer.tar", layer.getvalue())
        _add(tar, "config.json", json.dumps(config).encode())
        _add(tar, "manifest.json", json.dumps(manifest).encode())


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o755
    tar.addfile(entry, io.BytesIO(content))
