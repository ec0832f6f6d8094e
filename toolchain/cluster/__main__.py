"""``python -m toolchain.cluster up|status|down|load IMAGE.tar``: a Kubernetes cluster on this machine.

``up`` may be run at any time: it makes what is missing and leaves what is there. ``down`` leaves nothing. The cluster
is in the clone's ``.local/cluster``, or where ``--folder`` says; one in each folder, all apart from each other.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from toolchain import cache
from toolchain.cluster import built, kind

FOLDER = cache.PROJECT / ".local" / "cluster"


def main(arguments: list[str]) -> int:
    """Returns 0; 1 with the reason on standard error; of ``status`` 1 when the cluster, or a program of it, is down."""
    options = _options(arguments)
    folder = options.folder.absolute()
    cluster = (kind if _is_kinds(folder, options.without_docker) else built).Cluster(folder)
    report = cache.Reporter("cluster")
    start = time.monotonic()
    try:
        if options.command == "status":
            return _status(cluster)
        with _alone(folder):
            if options.command == "up":
                cluster.up(report, options.port, options.nodes)
                print(f"up in {time.monotonic() - start:.0f} s; export KUBECONFIG={cluster.kubeconfig}")
            elif options.command == "down":
                cluster.down()
                print(f"down in {time.monotonic() - start:.0f} s")
            else:
                print(cluster.load(options.image))
    except (cache.SetupError, OSError, subprocess.SubprocessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; `up` goes on from here, `down` takes away what is there", file=sys.stderr)
        return 130
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m toolchain.cluster", description="A Kubernetes cluster here.")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where it is (default: %(default)s)")
    parser.add_argument("--without-docker", action="store_true", help="also where a Docker engine is")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="make it, or what is missing of it")
    up.add_argument("--port", type=int, default=0, help="of its API on the loopback interface (default: a free one)")
    up.add_argument("--nodes", type=int, help="how many simulated nodes it has")
    commands.add_parser("status", help="what of it runs")
    commands.add_parser("down", help="take it away, with all that is in it")
    load = commands.add_parser("load", help="bring images to it")
    load.add_argument("image", type=Path, help="an OCI or Docker archive")
    return parser.parse_args(arguments)


def _is_kinds(folder: Path, without_docker: bool) -> bool:
    """Whether a cluster is, or will be, kind's: it stays what it was made as, also when Docker comes or goes."""
    if (folder / "cluster.json").exists():
        return False
    return (folder / "kubeconfig").exists() or (not without_docker and kind.is_possible())


def _status(cluster: built.Cluster | kind.Cluster) -> int:
    found = cluster.status()
    if not found:
        print(f"no cluster in {cluster.folder}")
        return 1
    for name, pid in found.items():
        print(f"  {name:24} {f'pid {pid}' if pid else 'down'}")
    print(f"  KUBECONFIG={cluster.kubeconfig}")
    return 0 if all(found.values()) else 1


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """One command at a time changes the clusters of a place; the kernel lets go of the lock of who is killed."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder.parent, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
