"""The programs of a node that Kubernetes is not: from Debian's packages, and built from pinned modules.

Packages are unpacked into the cache folder and not installed: an installed containerd would start, and would take the
place of the one that Docker brings.
"""

from __future__ import annotations

from pathlib import Path

from toolchain import cache, debian, go
from toolchain.kubernetes import tools

HERE = Path(__file__).parent / "modules"
PACKAGES = (
    *("containerd", "runc", "containernetworking-plugins", "busybox-static"),
    *("iptables", "conntrack", "libip4tc2", "libip6tc2", "libmnl0", "libnetfilter-conntrack3", "libnfnetlink0"),
    *("libnftnl11", "libxtables12", "libseccomp2"),
)
"""With the libraries that they need and that not every machine has, as Debian 12 and Ubuntu 24.04 call them."""
KWOK = "sigs.k8s.io/kwok"
STAGES = (
    "node/fast/node-initialize.yaml",
    "node/heartbeat-with-lease/node-heartbeat-with-lease.yaml",
    "pod/fast/pod-ready.yaml",
    "pod/general/pod-complete.yaml",
    "pod/fast/pod-delete.yaml",
)
IPTABLES = ("iptables", "iptables-save", "iptables-restore", "ip6tables", "ip6tables-save", "ip6tables-restore")


def packages(report: cache.Reporter) -> Path:
    """The folder in which the packages' ``usr`` is. Raises SetupError where there is no apt."""
    if not debian.is_possible():
        raise cache.SetupError(
            "this machine has neither a Docker engine nor apt-get: a cluster takes containerd, runc, CNI plugins and "
            "iptables from Debian's packages.\n  Start Docker, or run it on Debian or Ubuntu"
        )
    links = tuple((f"sbin/{name}", "xtables-nft-multi") for name in IPTABLES)
    return debian.unpacked(report, "node-programs", PACKAGES, links)


def program(report: cache.Reporter, name: str) -> Path:
    """A program of a node, by the name that it is called. Built when it is not there; raises SetupError then."""
    if name in tools.CONTROL_PLANE + tools.NODE:
        return tools.control_plane() / name
    made = {
        "pause": node,
        "door": node,
        "coredns": dns,
        "netpol": policies,
        "metrics-server": metrics,
        "local-path-provisioner": volumes,
        "kwok": simulator,
    }
    return made[name](report) / name


def node(report: cache.Reporter) -> Path:
    """The folder of ``pause`` and ``door``."""
    return _built(report, "node", ".", ("pause", "door"))


def dns(report: cache.Reporter) -> Path:
    """The folder of ``coredns``."""
    return _built(report, "dns", ".", ("coredns",))


def policies(report: cache.Reporter) -> Path:
    """The folder of ``netpol``, which holds pods to their network policies."""
    return _built(report, "netpol", ".", ("netpol",))


def metrics(report: cache.Reporter) -> Path:
    """The folder of ``metrics-server``, which says what pods use."""
    return _built(report, "metrics", "sigs.k8s.io/metrics-server/cmd/metrics-server", ("metrics-server",))


def simulator(report: cache.Reporter) -> Path:
    """The folder of ``kwok``, which stands for nodes that there are not."""
    return _built(report, "simulator", f"{KWOK}/cmd/kwok", ("kwok",))


def volumes(report: cache.Reporter) -> Path:
    """The folder of ``local-path-provisioner``, which makes folders of the node into volumes."""
    return _built(report, "volumes", "github.com/rancher/local-path-provisioner", ("local-path-provisioner",))


def stages(report: cache.Reporter) -> str:
    """What simulated nodes and their pods go through, as kwok's module has it: all are ready at once. Pods of a job
    complete after seconds, or after as long as their annotations say (``pod-complete.stage.kwok.x-k8s.io``)."""
    where = go.source(report, "cluster/modules/simulator", KWOK)
    files = (where / "kustomize" / "stage" / each for each in STAGES)
    return "\n---\n".join(file.read_text() for file in files)


def kind(report: cache.Reporter) -> Path:
    """The folder of ``kind``, which makes a cluster of Docker's containers."""
    return _built(report, "kind", "sigs.k8s.io/kind", ("kind",))


def _built(report: cache.Reporter, module: str, package: str, names: tuple[str, ...]) -> Path:
    """The folder of a module's program, by all of its names."""
    files = [file for file in sorted((HERE / module).iterdir()) if file.is_file()]
    product = cache.directory() / "tools" / f"{names[0]}-{cache.key(*files, cache.PLATFORM)}"
    with cache.made_once(product) as folder:
        if folder:
            go.build(report, f"cluster/modules/{module}", package, folder / names[0])
            for name in names[1:]:
                (folder / name).symlink_to(names[0])
    return product
