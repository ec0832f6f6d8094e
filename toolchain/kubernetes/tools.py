"""Programs of Kubernetes, built once from the modules that are pinned in ``modules``.

``python -m toolchain.kubernetes.tools`` builds all of them: Helm and kustomize in 2 minutes on two cores, the control
plane in 7.
"""

from __future__ import annotations

import sys
from pathlib import Path

from toolchain import cache, go
from toolchain.kubernetes import sources

HERE = Path(__file__).parent / "modules"
SPACE_GIB = 5.0  # module and build caches of the control plane
CONTROL_PLANE = ("etcd", "kube-apiserver", "kube-controller-manager")
NODE = ("kube-proxy", "kube-scheduler", "kubectl", "kubelet")
"""As ``modules/control-plane/main.go`` has them: one binary that is the one that it is called."""


def helm() -> Path:
    return _tool("helm", "helm.sh/helm/v3/cmd/helm", "")


def kustomize() -> Path:
    return _tool("kustomize", "sigs.k8s.io/kustomize/kustomize/v5", "")


def control_plane() -> Path:
    """The folder in which the programs of CONTROL_PLANE and NODE are. Raises SetupError when they cannot be built."""
    files = [HERE / "control-plane" / name for name in ("go.mod", "go.sum", "main.go")]
    version = sources.versions()[sources.KUBERNETES]
    product = cache.directory() / "kubernetes" / f"{version}-{cache.key(*files, cache.PLATFORM)}"
    with cache.made_once(product) as folder:
        if folder:
            cache.need_space(cache.directory(), SPACE_GIB, "building Kubernetes")
            major, minor, _ = version.removeprefix("v").split(".")
            said = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
            flags = " ".join(f"-X k8s.io/component-base/version.{name}={value}" for name, value in said.items())
            _build("control-plane", ".", folder / "kubernetes", flags)
            for name in CONTROL_PLANE + NODE:
                (folder / name).symlink_to("kubernetes")
    return product


def _tool(name: str, package: str, flags: str) -> Path:
    files = [HERE / "tools" / each for each in ("go.mod", "go.sum")]
    product = cache.directory() / "tools" / f"{name}-{cache.key(*files, cache.PLATFORM)}"
    with cache.made_once(product) as folder:
        if folder:
            _build("tools", package, folder / name, flags)
    return product / name


def _build(module: str, package: str, target: Path, flags: str) -> None:
    go.build(cache.Reporter("kubernetes"), f"kubernetes/modules/{module}", package, target, flags)


def main() -> int:
    """Returns 0, or 1 with the reason on standard error."""
    try:
        for made in (helm, kustomize, control_plane):
            print(made())
    except (cache.SetupError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
