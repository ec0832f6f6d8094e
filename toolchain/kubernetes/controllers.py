"""``python -m toolchain.kubernetes.controllers build|load|charts``: Kubeflow's controllers without a registry.

Built from the Go modules that their projects release, as images of the very names that the released charts ask for, and
the charts as the modules have them. So what is installed on a cluster of this machine is what others install on theirs.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from toolchain import cache, go
from toolchain.cluster import folders, images
from toolchain.kubernetes import sources

MODULES = "kubernetes/modules"
USER = "65532:65532"  # as the released images have it, whose pods may not run as root
SPACE_GIB = 4.0  # module and build caches


@dataclass(frozen=True)
class Controller:
    """A program that runs as a pod, in an image of its own.

    component:   what it is of, as ``infra.kubeflow.versions`` calls it.
    image:       the name of its released image, whose tag is the version of ``source``.
    source:      the Go module that it is of.
    package:     what is built, in ``modules/MODULE``.
    variable:    Go variable that says the version.
    entrypoint:  what the image runs; its first word is where the program is.
    """

    component: str
    image: str
    source: str
    package: str
    variable: str = ""
    entrypoint: tuple[str, ...] = ("/manager",)
    module: str = "controllers"

    @property
    def version(self) -> str:
        return sources.versions(self.module)[self.source]


RBAC_PROXY = "github.com/brancz/kube-rbac-proxy"
CONTROLLERS = (
    *(
        Controller(
            "cert-manager",
            f"quay.io/jetstack/cert-manager-{program}",
            sources.CERT_MANAGER,
            "./cert-manager",
            f"{sources.CERT_MANAGER}/pkg/util.AppVersion",
            entrypoint=("/cert-manager", program),
        )
        for program in ("controller", "webhook", "cainjector")
    ),
    Controller(
        "jobset",
        "registry.k8s.io/jobset/jobset",
        sources.JOBSET,
        sources.JOBSET,
        f"{sources.JOBSET}/pkg/version.GitVersion",
    ),
    Controller(
        "kueue",
        "registry.k8s.io/kueue/kueue",
        sources.KUEUE,
        f"{sources.KUEUE}/cmd/kueue",
        f"{sources.KUEUE}/pkg/version.GitVersion",
    ),
    Controller(
        "trainer",
        "ghcr.io/kubeflow/trainer/trainer-controller-manager",
        sources.TRAINER,
        f"{sources.TRAINER}/cmd/trainer-controller-manager",
    ),
    Controller(
        "lws",
        "registry.k8s.io/lws/lws",
        sources.LEADER_WORKER_SET,
        f"{sources.LEADER_WORKER_SET}/cmd",
        f"{sources.LEADER_WORKER_SET}/pkg/version.GitVersion",
    ),
    Controller(
        "kserve",
        "kserve/kserve-controller",
        sources.KSERVE,
        f"{sources.KSERVE}/cmd/manager",
        module="kserve",
    ),
    Controller(
        "kserve",
        "quay.io/brancz/kube-rbac-proxy",
        RBAC_PROXY,
        f"{RBAC_PROXY}/cmd/kube-rbac-proxy",
        entrypoint=("/kube-rbac-proxy",),
    ),
)
COMPONENTS = tuple(dict.fromkeys(each.component for each in CONTROLLERS))
CHARTS = {
    "cert-manager": (sources.CERT_MANAGER, "deploy/charts/cert-manager"),
    "jobset": (sources.JOBSET, "charts/jobset"),
    "kserve-crd": (sources.KSERVE, "charts/kserve-crd"),
    "kserve-resources": (sources.KSERVE, "charts/kserve-resources"),
    "kueue": (sources.KUEUE, "charts/kueue"),
    "lws": (sources.LEADER_WORKER_SET, "charts/lws"),
    "trainer": (sources.TRAINER, "charts/kubeflow-trainer"),
}
"""Which Go module has a chart, and where."""


def program(report: cache.Reporter, controller: Controller) -> Path:
    """A controller's program. Built when it is not there; raises SetupError when it cannot be."""
    module = f"{MODULES}/{controller.module}"
    files = [*sorted((go.HERE / module).glob("go.*")), *sorted((go.HERE / module / controller.package).rglob("*.go"))]
    says = f"-X {controller.variable}={controller.version}" if controller.variable else ""
    key = cache.key(*files, controller.component, controller.package, says, cache.PLATFORM)
    product = cache.directory() / "tools" / f"{controller.component}-{key}" / controller.component
    with cache.made_once(product.parent) as folder:
        if folder:
            cache.need_space(cache.directory(), SPACE_GIB, f"building {controller.component}")
            go.build(report, module, controller.package, folder / product.name, says)
    return product


def build(report: cache.Reporter, components: Collection[str] = COMPONENTS) -> None:
    """Builds the programs of components that are not there. Raises SetupError when one cannot be."""
    for controller in _of(components):
        program(report, controller)


def load(report: cache.Reporter, folder: Path, components: Collection[str] = COMPONENTS) -> None:
    """Brings the images of components to the cluster in ``folder``, which is up, as their charts call and start them.

    Raises SetupError where a program cannot be built, or the cluster does not take the image.
    """
    for controller in _of(components):
        programs = {controller.entrypoint[0]: program(report, controller)}
        name = f"{controller.image}:{controller.version}"
        report(f"loading {name}")
        with tempfile.TemporaryDirectory() as made, folders.alone(folder):
            archive = Path(made) / "image.tar"
            images.write(archive, name, programs, list(controller.entrypoint), user=USER)
            folders.cluster(folder).load(archive)


def _of(components: Collection[str]) -> Iterator[Controller]:
    return (each for each in CONTROLLERS if each.component in components)


def charts(folder: Path) -> None:
    """Writes each chart to ``folder/NAME``, in place of what is there.

    The tree of a project names a version only where its release does not: it is the module's here. Charts that one
    depends on are not in its module; what they would install are components of their own.
    """
    for name, (source, where) in CHARTS.items():
        target = folder / name
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(sources.module(source) / where, target)
        described = target / "Chart.yaml"
        number = sources.versions()[source].removeprefix("v")
        text = re.sub(r"^dependencies:\n(?:[- ].*\n)*", "", described.read_text(), flags=re.MULTILINE)
        text = re.sub(r'^(version|appVersion): ("?v?)[\w.+-]+', rf"\1: \g<2>{number}", text, flags=re.MULTILINE)
        described.write_text(text)


def main(arguments: list[str]) -> int:
    """Returns 0, or 1 with the reason on standard error."""
    options = _options(arguments)
    report = cache.Reporter("controllers")
    try:
        if options.command == "charts":
            charts(options.folder)
        elif options.command == "build":
            build(report, options.components)
        else:
            load(report, options.folder.absolute(), options.components)
        report(cache.READY)
    except (cache.SetupError, OSError, subprocess.SubprocessError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nstopped; the same command goes on from here", file=sys.stderr)
        return 130
    return 0


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m toolchain.kubernetes.controllers", description="Kubeflow's controllers without a registry."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="build their programs")
    load = commands.add_parser("load", help="bring their images to a cluster of this machine, built where they are not")
    for each in (build, load):
        each.add_argument("components", nargs="*", metavar="COMPONENT", help=f"of {', '.join(COMPONENTS)} (all)")
    load.add_argument("--folder", type=Path, default=folders.FOLDER, help="of the cluster (default: %(default)s)")
    write = commands.add_parser("charts", help="write their charts, as AIDC_CHARTS names the folder of them")
    write.add_argument("folder", type=Path)
    options = parser.parse_args(arguments)
    if options.command != "charts":
        unknown = [each for each in options.components if each not in COMPONENTS]
        if unknown:
            parser.error(f"there is no component {unknown[0]!r}; there are {', '.join(COMPONENTS)}")
        options.components = options.components or COMPONENTS
    return options


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
