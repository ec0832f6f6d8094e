"""Which kind of cluster is, or will be, in a folder, and that one command at a time changes it."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolchain import cache
from toolchain.cluster import built, kind

FOLDER = cache.PROJECT / ".local" / "cluster"


def cluster(folder: Path, without_docker: bool = False) -> built.Cluster | kind.Cluster:
    """The cluster in a folder: kind's where a Docker engine is. It stays what it was made as, if Docker comes or goes.

    without_docker:  one that is made now is of programs that are built, also where a Docker engine is.
    """
    if (folder / "cluster.json").exists():
        return built.Cluster(folder)
    of_kind = (folder / "kubeconfig").exists() or (not without_docker and kind.is_possible())
    return kind.Cluster(folder) if of_kind else built.Cluster(folder)


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """One command at a time changes the clusters of a place; the kernel lets go of the lock of who is killed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)
