"""The programs of a node as they start: their arguments and settings, and how they say that they work."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from toolchain.cluster import node
from toolchain.cluster.certificates import Authority, write_secret

CERTIFICATES = "/var/lib/kubernetes"
SERVER = "https://127.0.0.1:6443"
DNS, DOMAIN = "10.96.0.10", "cluster.local"
PODS = "10.244.0.0/16"
API_ADDRESS = "10.96.0.1"  # the first of the services: `kubernetes`
CONTAINERD, RUNTIME = "/run/containerd/containerd.sock", "unix:///run/containerd/containerd.sock"
PAUSE_IMAGE, BUSYBOX_IMAGE = "ai-datacenter.local/pause:1", "ai-datacenter.local/busybox:1"
VOLUMES = "/var/lib/volumes"  # of pods: folders of the node, as all of it is one machine
PLUGINS = ("host-local", "loopback", "ptp")  # of the network of pods, beside our own
SIMULATED = "kwok.x-k8s.io/node=fake"  # the annotation of nodes that kwok stands for


@dataclass(frozen=True)
class Component:
    """A program of the node.

    arguments:  where each is a path it is one in the node.
    health:     address that answers when it works, asked in the node; without one it works when it runs, and containerd
                when it speaks.
    """

    name: str
    program: str
    arguments: tuple[str, ...] = ()
    health: str = field(default="")


def identities(authority: Authority) -> None:
    """Issues what the programs and the person at the machine are to each other, and writes the programs' settings."""
    service = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{DOMAIN}")
    authority.service_accounts()
    authority.issue("server", "kubernetes", hosts=("127.0.0.1", node.ADDRESS, API_ADDRESS, "localhost", *service))
    authority.issue("apiserver-client", "kube-apiserver", "system:masters")
    authority.issue("front-proxy", "front-proxy-client")
    clients = {
        "admin": ("admin", "system:masters"),
        "kube-controller-manager": ("system:kube-controller-manager", ""),
        "kube-scheduler": ("system:kube-scheduler", ""),
        "kube-proxy": ("system:kube-proxy", ""),
        "kubelet": (f"system:node:{node.NAME}", "system:nodes"),
        "coredns": ("system:coredns", ""),
        "netpol": ("system:netpol", ""),
        "metrics-server": ("system:metrics-server", ""),
        "kwok": ("kwok", "system:masters"),
        "volumes": ("system:volumes", ""),
    }
    for name, (user, group) in clients.items():
        authority.issue(name, user, group)
        write_secret(authority.folder / f"{name}.kubeconfig", authority.kubeconfig(name, SERVER).encode())


def settings(var: Path, cgroup: str, netpol: str) -> None:
    """Writes the files that the programs read, into the node's ``/var``.

    netpol:  where in the node that program is; the network of pods has it for a plugin.
    """
    files = {
        "lib/containerd.toml": _CONTAINERD,
        "lib/cni/net.d/10-pods.conflist": json.dumps(_pod_network()),
        "lib/kubelet/config.yaml": json.dumps(_kubelet(cgroup)),
        "lib/kubelet/resolv.conf": "",
        "lib/kube-proxy.yaml": json.dumps(_kube_proxy()),
        "lib/Corefile": _COREFILE,
        "lib/volumes.json": json.dumps({"sharedFileSystemPath": VOLUMES}),
    }
    for name, text in files.items():
        (var / name).parent.mkdir(parents=True, exist_ok=True)
        write_secret(var / name, text.encode())
    plugins = {**{each: f"/usr/lib/cni/{each}" for each in PLUGINS}, "netpol": netpol}
    (var / "lib" / "cni" / "bin").mkdir(exist_ok=True)
    for name, program in plugins.items():
        link = var / "lib" / "cni" / "bin" / name
        link.unlink(missing_ok=True)
        link.symlink_to(program)


def components(place: Callable[[str], str], simulates: bool) -> list[Component]:
    """All of them. ``place`` says where in the node a program is."""

    def kubernetes(name: str, health: str, *arguments: str) -> Component:
        return Component(name, place(name), arguments, health)

    serving = (f"--tls-cert-file={CERTIFICATES}/server.crt", f"--tls-private-key-file={CERTIFICATES}/server.key")
    found = [
        kubernetes(
            "etcd",
            "http://127.0.0.1:2379/health",
            "--data-dir=/var/lib/etcd",
            "--unsafe-no-fsync",  # what outlives a power cut is not worth the disk's time
            "--listen-client-urls=http://127.0.0.1:2379",
            "--advertise-client-urls=http://127.0.0.1:2379",
        ),
        kubernetes(
            "kube-apiserver",
            f"{SERVER}/readyz",
            "--etcd-servers=http://127.0.0.1:2379",
            "--secure-port=6443",
            f"--advertise-address={node.ADDRESS}",
            "--allow-privileged",
            "--authorization-mode=Node,RBAC",
            "--enable-admission-plugins=NodeRestriction",
            f"--service-cluster-ip-range={node.SERVICES}",
            f"--client-ca-file={CERTIFICATES}/ca.crt",
            *serving,
            f"--kubelet-client-certificate={CERTIFICATES}/apiserver-client.crt",
            f"--kubelet-client-key={CERTIFICATES}/apiserver-client.key",
            "--kubelet-preferred-address-types=InternalIP",
            "--service-account-issuer=https://kubernetes.default.svc",
            f"--service-account-key-file={CERTIFICATES}/accounts.pub",
            f"--service-account-signing-key-file={CERTIFICATES}/accounts.key",
            # APIs that pods serve, such as that of metrics.
            f"--requestheader-client-ca-file={CERTIFICATES}/ca.crt",
            "--requestheader-allowed-names=front-proxy-client",
            "--requestheader-username-headers=X-Remote-User",
            "--requestheader-group-headers=X-Remote-Group",
            "--requestheader-extra-headers-prefix=X-Remote-Extra-",
            f"--proxy-client-cert-file={CERTIFICATES}/front-proxy.crt",
            f"--proxy-client-key-file={CERTIFICATES}/front-proxy.key",
        ),
        kubernetes(
            "kube-controller-manager",
            "https://127.0.0.1:10257/healthz",
            f"--kubeconfig={CERTIFICATES}/kube-controller-manager.kubeconfig",
            "--leader-elect=false",
            *serving,
            "--use-service-account-credentials",
            f"--service-account-private-key-file={CERTIFICATES}/accounts.key",
            f"--root-ca-file={CERTIFICATES}/ca.crt",
            f"--cluster-signing-cert-file={CERTIFICATES}/ca.crt",
            f"--cluster-signing-key-file={CERTIFICATES}/ca.key",
            "--horizontal-pod-autoscaler-sync-period=5s",  # as often as there is a reason to look
            "--node-monitor-grace-period=1h",  # a busy machine loses no node, and simulated ones speak each 10 minutes
        ),
        kubernetes(
            "kube-scheduler",
            "https://127.0.0.1:10259/healthz",
            f"--kubeconfig={CERTIFICATES}/kube-scheduler.kubeconfig",
            "--leader-elect=false",
            *serving,
        ),
        kubernetes(
            "netpol",  # before there is anything that starts pods
            "http://127.0.0.1:10258/healthz",
            f"--kubeconfig={CERTIFICATES}/netpol.kubeconfig",
            f"--node={node.NAME}",
            f"--network={PODS}",
            f"--dns={node.ADDRESS}",
        ),
        Component("containerd", "/usr/bin/containerd", ("--config=/var/lib/containerd.toml",)),
        kubernetes(
            "kubelet",
            "http://127.0.0.1:10248/healthz",
            "--config=/var/lib/kubelet/config.yaml",
            f"--kubeconfig={CERTIFICATES}/kubelet.kubeconfig",
            f"--hostname-override={node.NAME}",
            f"--node-ip={node.ADDRESS}",
        ),
        kubernetes("kube-proxy", "http://127.0.0.1:10256/healthz", "--config=/var/lib/kube-proxy.yaml"),
        kubernetes("coredns", "http://127.0.0.1:8181/ready", "-conf=/var/lib/Corefile"),
        kubernetes(
            "metrics-server",
            "https://127.0.0.1:4443/livez",
            *(
                f"--{use}kubeconfig={CERTIFICATES}/metrics-server.kubeconfig"
                for use in ("", "authentication-", "authorization-")
            ),
            "--secure-port=4443",
            *serving,
            "--kubelet-insecure-tls",  # its certificate is its own
            "--kubelet-preferred-address-types=InternalIP",
            "--node-selector=type!=simulated",
            "--metric-resolution=10s",  # the shortest that it takes
            "--kubelet-request-timeout=5s",
        ),
        kubernetes(
            "local-path-provisioner",
            "",
            "start",
            f"--kubeconfig={CERTIFICATES}/volumes.kubeconfig",
            "--config=/var/lib/volumes.json",
            "--namespace=kube-system",
            "--service-account-name=default",
        ),
    ]
    if simulates:
        found.append(
            kubernetes(
                "kwok",
                "http://127.0.0.1:10247/healthz",
                f"--kubeconfig={CERTIFICATES}/kwok.kubeconfig",
                "--manage-all-nodes=false",
                f"--manage-nodes-with-annotation-selector={SIMULATED}",
                "--config=/var/lib/stages.yaml",
                "--node-ip=127.0.0.1",
                "--node-port=10247",
            )
        )
    return found


def _pod_network() -> dict:
    """A pair of interfaces a pod, and a route: with a bridge, answers to a service would pass by kube-proxy's rules.

    Then ``netpol``, so that no pod starts before the rules of its network policies are in force.
    """
    addresses = {
        "type": "host-local",
        "dataDir": "/run/pod-addresses",  # a new node has no old pods
        "ranges": [[{"subnet": PODS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    plugins = [{"type": "ptp", "mtu": 1500, "ipam": addresses}, {"type": "netpol"}]
    return {"cniVersion": "1.0.0", "name": "pods", "plugins": plugins}


def _kubelet(cgroup: str) -> dict:
    return {
        "apiVersion": "kubelet.config.k8s.io/v1beta1",
        "kind": "KubeletConfiguration",
        "authentication": {"x509": {"clientCAFile": f"{CERTIFICATES}/ca.crt"}},
        "cgroupDriver": "cgroupfs",
        "cgroupRoot": f"/{cgroup}",
        "clusterDNS": [DNS],
        "clusterDomain": DOMAIN,
        "containerRuntimeEndpoint": RUNTIME,
        # How full this machine's disk is, is not the cluster's business.
        "evictionHard": {"nodefs.available": "0%", "nodefs.inodesFree": "0%", "imagefs.available": "0%"},
        "imageGCHighThresholdPercent": 100,
        "failCgroupV1": False,
        "failSwapOn": False,
        "oomScoreAdj": 0,  # a lower one takes a capability that not every root has
        "resolvConf": "/var/lib/kubelet/resolv.conf",
        "volumePluginDir": "/var/lib/kubelet/plugins",
    }


def _kube_proxy() -> dict:
    return {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clientConnection": {"kubeconfig": f"{CERTIFICATES}/kube-proxy.kubeconfig"},
        "clusterCIDR": PODS,
        "conntrack": {"maxPerCore": 0},  # the limit is the whole machine's
        "healthzBindAddress": "127.0.0.1:10256",
        "hostnameOverride": node.NAME,
        "iptables": {"minSyncPeriod": "100ms"},
        "mode": "iptables",
        "oomScoreAdj": 0,
    }


_COREFILE = f"""\
.:53 {{
  bind {node.ADDRESS}
  errors
  ready 127.0.0.1:8181
  kubernetes {DOMAIN} in-addr.arpa ip6.arpa {{
    kubeconfig {CERTIFICATES}/coredns.kubeconfig
    pods insecure
    ttl 5
    fallthrough in-addr.arpa ip6.arpa
  }}
  loadbalance
}}
"""

# In namespaces of this node no process may be made less likely to be ended than its parent.
_CONTAINERD = f"""\
version = 2
root = "/var/lib/containerd"
state = "/run/containerd"
oom_score = 0

[grpc]
address = "{CONTAINERD}"

[plugins."io.containerd.grpc.v1.cri"]
disable_apparmor = true # profiles are the whole machine's
restrict_oom_score_adj = true
sandbox_image = "{PAUSE_IMAGE}"

[plugins."io.containerd.grpc.v1.cri".cni]
bin_dir = "/var/lib/cni/bin"
conf_dir = "/var/lib/cni/net.d"
"""
