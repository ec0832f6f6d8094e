"""``python -m toolchain.cluster up|status|down|load IMAGE.tar|programs``: a Kubernetes cluster on this machine.

``up`` may be run at any time: it makes what is missing and leaves what is there. ``down`` leaves nothing. ``programs``
builds what the cluster and Kubeflow's controllers on it are made of, and starts nothing. The cluster is in the clone's
``.local/cluster``, or where ``--folder`` says; one in each folder, all apart from each other.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

from toolchain import cache
from toolchain.cluster import built, folders, kind
from toolchain.kubernetes import controllers


def main(arguments: list[str]) -> int:
    """Returns 0; 1 with the reason on standard error; of ``status`` 1 when the cluster, or a program of it, is down."""
    options = _options(arguments)
    folder = options.folder.absolute()
    cluster = folders.cluster(folder, options.without_docker)
    report = cache.Reporter("cluster")
    start = time.monotonic()
    try:
        if options.command == "status":
            return _status(cluster)
        if options.command == "programs":
            cluster.build(report)
            controllers.build(report)
            return 0
        with folders.alone(folder):
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
    parser.add_argument("--folder", type=Path, default=folders.FOLDER, help="where it is (default: %(default)s)")
    parser.add_argument("--without-docker", action="store_true", help="also where a Docker engine is")
    commands = parser.add_subparsers(dest="command", required=True)
    up = commands.add_parser("up", help="make it, or what is missing of it")
    up.add_argument("--port", type=int, default=0, help="of its API on the loopback interface (default: a free one)")
    up.add_argument("--nodes", type=int, help="how many simulated nodes it has")
    commands.add_parser("status", help="what of it runs")
    commands.add_parser("down", help="take it away, with all that is in it")
    load = commands.add_parser("load", help="bring images to it")
    load.add_argument("image", type=Path, help="an OCI or Docker archive")
    commands.add_parser("programs", help="build what it is made of, and Kubeflow's controllers, ahead of their use")
    return parser.parse_args(arguments)


def _status(cluster: built.Cluster | kind.Cluster) -> int:
    found = cluster.status()
    if not found:
        print(f"no cluster in {cluster.folder}")
        return 1
    for name, pid in found.items():
        print(f"  {name:24} {f'pid {pid}' if pid else 'down'}")
    print(f"  KUBECONFIG={cluster.kubeconfig}")
    return 0 if all(found.values()) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
