"""The compatibility matrix: sets of versions that are known to work together, and why others do not.

Components of Kubeflow are coupled in ways that fail silently: a TrainJob that Kueue admits and nobody starts, a chart
that takes its definitions, and every job with them, when it goes. A stack picks a set; a component that it brings
itself, and the cluster, are held against that. What is in no set is refused, with the pair that does not fit where one
is known. A patch release counts as its minor release.

Facts about components stand here too (charts, images, APIs, what an uninstall does to definitions, traps), each with
its source; this module installs nothing. Pure Python: no Pulumi, no network. Read 2026-11-23; ``go.mod`` and charts are
those of the tag that is named.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from infra.hardware.errors import allowed, did_you_mean

KUBERNETES = "kubernetes"
"""The one name among versions that is no component: the cluster's own."""


@dataclass(frozen=True)
class Range:
    """Versions from ``least`` up to, and without, ``below``; without end where that is None."""

    least: str
    below: str | None = None

    def __contains__(self, version: str) -> bool:
        number = _number(version)
        return number >= _number(self.least) and (self.below is None or number < _number(self.below))

    def __str__(self) -> str:
        return f"{self.least} or later" if self.below is None else f"{self.least} or later, below {self.below}"


class Crds(StrEnum):
    """What becomes of a component's definitions of resources, and of every object of them, with its chart's own ways.

    KEPT:           an uninstall leaves them.
    DELETED:        they are templates: upgraded with the chart, and gone with it.
    NEVER_UPGRADED: they are in ``crds/``: installed once, and neither upgraded nor removed.
    MANIFESTS:      there is no chart; who deletes the manifests deletes them.
    NONE:           there are none.
    """

    KEPT = "kept"
    DELETED = "deleted"
    NEVER_UPGRADED = "never-upgraded"
    MANIFESTS = "manifests"
    NONE = "none"


@dataclass(frozen=True)
class Served:
    """API versions, such as ``kueue.x-k8s.io/v1beta2``, that versions of a component serve."""

    by: Range
    apis: tuple[str, ...]


@dataclass(frozen=True)
class Trap:
    """What goes wrong with versions of a component, and what to do instead."""

    of: Range
    problem: str
    instead: str
    source: str


@dataclass(frozen=True)
class Component:
    """What is known of a component, whatever its version.

    namespace:  where its installation of record puts it.
    charts:     of an OCI registry or a Helm repository, in the order in which they are installed.
    manifests:  kustomize bases where there is no chart; ``{}`` is the version.
    images:     of its controllers. Charts in a source tree name staging images: these are the released ones.
    tag:        of images and chart at a version.
    module:     Go module that has its definitions and charts; None where none can be fetched.
    needs:      components that must be ready before it.
    """

    name: str
    namespace: str
    images: tuple[str, ...]
    crds: Crds
    source: str
    charts: tuple[str, ...] = ()
    manifests: tuple[str, ...] = ()
    chart_tag: str = "{}"
    image_tag: str = "v{}"
    module: str | None = None
    needs: tuple[str, ...] = ()
    served: tuple[Served, ...] = ()
    traps: tuple[Trap, ...] = ()

    def images_at(self, version: str) -> tuple[str, ...]:
        """Its images with their tags."""
        return tuple(f"{image}:{self.image_tag.format(version)}" for image in self.images)

    def charts_at(self, version: str) -> tuple[tuple[str, str], ...]:
        """Its charts, each with the version that is asked for: some projects write a v and some do not."""
        return tuple((chart, self.chart_tag.format(version)) for chart in self.charts)

    def apis_at(self, version: str) -> tuple[str, ...]:
        """API versions that it serves; none for a version that nothing is known of."""
        return next((each.apis for each in self.served if version in each.by), ())

    def traps_at(self, version: str) -> tuple[Trap, ...]:
        return tuple(trap for trap in self.traps if version in trap.of)


@dataclass(frozen=True)
class Set:
    """Versions that are known to work together.

    versions:  of every component; what is installed where a stack does not bring its own.
    evidence:  how it is known.
    """

    name: str
    kubernetes: Range
    versions: Mapping[str, str]
    evidence: str
    sources: tuple[str, ...]

    def has(self, name: str, version: str) -> bool:
        """Whether that version, or another patch of it, is of the set."""
        if name == KUBERNETES:
            return version in self.kubernetes
        return name in self.versions and _minor(self.versions[name]) == _minor(version)

    def wants(self, name: str) -> str:
        """What to take of a component, or of Kubernetes, for a person."""
        return str(self.kubernetes) if name == KUBERNETES else self.versions[name]


@dataclass(frozen=True)
class Pair:
    """Versions of one thing that go with certain versions of another alone."""

    name: str
    of: Range
    other: str
    fits: Range
    why: str
    source: str


@dataclass(frozen=True)
class Refusal:
    """Why versions are refused.

    names:    what does not fit, the first being what is at fault or absent.
    problem:  what is wrong.
    instead:  what to take.
    source:   where it is known from.
    """

    names: tuple[str, ...]
    problem: str
    instead: str
    source: str

    def __str__(self) -> str:
        return f"{self.problem} ({self.source}). {self.instead}."


GITHUB = "https://github.com"
KUEUE, TRAINER = f"{GITHUB}/kubernetes-sigs/kueue", f"{GITHUB}/kubeflow/trainer"
DISTRIBUTION = f"{GITHUB}/kubeflow/community-distribution"
DISTRIBUTION_TABLE = f"{DISTRIBUTION}/blob/002eaafb/README.md"
_EVER = Range("0")

COMPONENTS: Mapping[str, Component] = MappingProxyType(
    {
        row.name: row
        for row in (
            Component(
                "cert-manager",
                "cert-manager",
                tuple(
                    f"quay.io/jetstack/cert-manager-{part}"
                    for part in ("controller", "webhook", "cainjector", "acmesolver", "startupapicheck")
                ),
                Crds.KEPT,
                "cert-manager v1.21.2, deploy/charts/cert-manager",
                charts=("oci://quay.io/jetstack/charts/cert-manager",),
                chart_tag="v{}",
                module="github.com/cert-manager/cert-manager",
                served=(Served(Range("1.7", "2"), ("acme.cert-manager.io/v1", "cert-manager.io/v1")),),
                traps=(
                    Trap(
                        _EVER,
                        "its webhook is not ready when its Deployment is, and objects are refused",
                        "wait for the webhook's endpoint",
                        f"{DISTRIBUTION}/issues/3245",
                    ),
                    Trap(
                        _EVER,
                        "crds.enabled is false: the chart installs no definitions",
                        "set it, or install the definitions before the chart",
                        "cert-manager v1.21.2, values.yaml",
                    ),
                ),
            ),
            Component(
                "jobset",
                "jobset-system",
                ("registry.k8s.io/jobset/jobset",),
                Crds.NEVER_UPGRADED,
                "JobSet v0.12.0, charts/jobset",
                charts=("oci://registry.k8s.io/jobset/charts/jobset",),
                module="sigs.k8s.io/jobset",
                served=(Served(Range("0.2", "1"), ("jobset.x-k8s.io/v1alpha2",)),),
                traps=(
                    Trap(
                        Range("0.11", "0.12"),
                        "the selector of jobset-controller-manager changed and cannot be updated",
                        "replace that Deployment when coming from 0.10",
                        f"{DISTRIBUTION}/issues/3428",
                    ),
                ),
            ),
            Component(
                "lws",
                "lws-system",
                ("registry.k8s.io/lws/lws",),
                Crds.NEVER_UPGRADED,
                "LeaderWorkerSet v0.9.0, charts/lws",
                charts=("oci://registry.k8s.io/lws/charts/lws",),
                module="sigs.k8s.io/lws",
                served=(
                    Served(Range("0.9", "1"), ("disaggregatedset.x-k8s.io/v1", "leaderworkerset.x-k8s.io/v1")),
                    Served(Range("0.4", "0.9"), ("leaderworkerset.x-k8s.io/v1",)),
                ),
            ),
            Component(
                "kueue",
                "kueue-system",
                ("registry.k8s.io/kueue/kueue",),
                Crds.DELETED,
                "Kueue v0.19.2, charts/kueue",
                charts=("oci://registry.k8s.io/kueue/charts/kueue",),
                module="sigs.k8s.io/kueue",
                served=(
                    Served(Range("0.20", "1"), ("kueue.x-k8s.io/v1beta2",)),
                    Served(Range("0.15", "0.20"), ("kueue.x-k8s.io/v1beta1", "kueue.x-k8s.io/v1beta2")),
                    Served(Range("0.3", "0.15"), ("kueue.x-k8s.io/v1beta1",)),
                ),
                traps=(
                    Trap(
                        _EVER,
                        "a ClusterQueue with workloads, and a flavour or topology that one names, cannot be deleted",
                        "set stopPolicy: HoldAndDrain, then delete local queues, queues, flavours, topologies, and the "
                        "controller last",
                        f"{KUEUE}/issues/10759",
                    ),
                    Trap(
                        Range("0.17", "0.20"),
                        "a TrainJob that is admitted loses its runtime's tolerations when the flavour adds its own",
                        "give flavours for TrainJobs every toleration that their pods need, or none",
                        f"{KUEUE}/pull/15162",
                    ),
                    Trap(
                        Range("0.19"),
                        "waitForPodsReady is on, and evicts a job whose machines take longer than 30 minutes to come",
                        "set its timeout to what the slowest capacity takes",
                        "Kueue v0.19.0, changelog",
                    ),
                    Trap(
                        Range("0.20"),
                        "v1beta1 is not served: objects that are stored so are lost",
                        "run hack/migrate-to-v1beta2.sh before the upgrade",
                        "Kueue v0.20.0, changelog",
                    ),
                ),
            ),
            Component(
                "trainer",
                "kubeflow-system",
                ("ghcr.io/kubeflow/trainer/trainer-controller-manager",),
                Crds.NEVER_UPGRADED,
                "Trainer v2.2.1, charts/kubeflow-trainer",
                charts=("oci://ghcr.io/kubeflow/charts/kubeflow-trainer",),
                module="github.com/kubeflow/trainer/v2",
                needs=("jobset",),
                served=(Served(Range("2.0", "3"), ("trainer.kubeflow.org/v1alpha1",)),),
                traps=(
                    Trap(
                        _EVER,
                        "the chart brings a JobSet of its own, into its own namespace",
                        "set jobset.install to false where JobSet is installed",
                        "Trainer v2.2.1, values.yaml",
                    ),
                    Trap(
                        Range("2.1"),
                        "there is no plugin for TensorFlow, and a plain runtime tells a container nothing",
                        "start it with workloads.train.rendezvous",
                        f"{TRAINER}/issues/2699",
                    ),
                    Trap(
                        Range("2.3", "2.4"),
                        "an uninstall deletes the definitions, and every TrainJob with them",
                        "manage the definitions apart from the chart, or take 2.4",
                        f"{TRAINER}/pull/4122",
                    ),
                ),
            ),
            Component(
                "kserve",
                "kserve",
                ("kserve/kserve-controller", "kserve/storage-initializer"),
                Crds.DELETED,
                "KServe v0.20.0, charts and install/v0.20.0",
                charts=tuple(
                    f"oci://ghcr.io/kserve/charts/kserve-{part}" for part in ("crd", "resources", "runtime-configs")
                ),
                chart_tag="v{}",
                module="github.com/kserve/kserve",
                needs=("cert-manager",),
                served=(Served(Range("0.15", "0.22"), ("serving.kserve.io/v1alpha1", "serving.kserve.io/v1beta1")),),
                traps=(
                    Trap(
                        _EVER,
                        "the definition of InferenceService is too large for the annotation of a client-side apply",
                        "apply it on the server's side",
                        f"{DISTRIBUTION}/issues/2914",
                    ),
                    Trap(
                        _EVER,
                        "its runtime for TensorFlow is TensorFlow Serving 2.6.2, of 2021",
                        "declare a runtime of one's own, by digest",
                        "KServe v0.20.0, config/runtimes",
                    ),
                    Trap(
                        Range("0.20", "0.21"),
                        "a canary of Standard mode gets Deployments and no share of the traffic",
                        "use two services and weigh them in a route of one's own",
                        f"{GITHUB}/kserve/kserve/pull/5912",
                    ),
                    Trap(
                        Range("0.17"),
                        "a helm upgrade from 0.16 or earlier does not work: the charts were divided anew",
                        "move the definitions to kserve-crd first, as the upgrade guide says",
                        "KServe, 'Upgrade guide'",
                    ),
                ),
            ),
            Component(
                "katib",
                "kubeflow",
                tuple(f"ghcr.io/kubeflow/katib/katib-{part}" for part in ("controller", "db-manager", "ui")),
                Crds.MANIFESTS,
                "Katib v0.19.0, manifests/v1beta1/installs",
                manifests=("github.com/kubeflow/katib.git/manifests/v1beta1/installs/katib-standalone?ref=v{}",),
                served=(Served(Range("0.10", "1"), ("kubeflow.org/v1beta1",)),),
            ),
            Component(
                "pipelines",
                "kubeflow",
                tuple(
                    f"ghcr.io/kubeflow/kfp-{part}"
                    for part in ("api-server", "frontend", "persistence-agent", "scheduled-workflow-controller")
                ),
                Crds.MANIFESTS,
                "Pipelines 2.17.0, manifests/kustomize",
                manifests=tuple(
                    f"github.com/kubeflow/pipelines/manifests/kustomize/{part}?ref={{}}"
                    for part in ("cluster-scoped-resources", "env/platform-agnostic")
                ),
                image_tag="{}",
                served=(Served(Range("2.5", "3"), ("kubeflow.org/v1beta1", "pipelines.kubeflow.org/v2beta1")),),
            ),
            Component(
                "istio",
                "istio-system",
                ("docker.io/istio/pilot", "docker.io/istio/proxyv2", "docker.io/istio/install-cni"),
                Crds.KEPT,
                "Istio, 'Install with Helm'",
                charts=tuple(
                    f"https://istio-release.storage.googleapis.com/charts/{part}" for part in ("base", "istiod", "cni")
                ),
                image_tag="{}",
                traps=(
                    Trap(
                        _EVER,
                        "on GKE, CNI plugins cannot be put into /opt/cni/bin, and priority system-node-critical is "
                        "refused outside kube-system",
                        "set global.platform=gke, and give the namespace a ResourceQuota for that priority",
                        "Istio, 'Platform prerequisites', GKE",
                    ),
                ),
            ),
            Component(
                "dex",
                "auth",
                ("ghcr.io/dexidp/dex",),
                Crds.MANIFESTS,
                DISTRIBUTION_TABLE,
                manifests=(f"{DISTRIBUTION}/common/dex/overlays/oauth2-proxy",),
                needs=("istio",),
                traps=(
                    Trap(
                        _EVER,
                        "the distribution's login is user@example.com with a password that everybody knows",
                        "give it a connector or a password of one's own before anything is reachable",
                        f"{DISTRIBUTION}, README, 'Change default user password'",
                    ),
                ),
            ),
            Component(
                "oauth2-proxy",
                "oauth2-proxy",
                ("quay.io/oauth2-proxy/oauth2-proxy",),
                Crds.NONE,
                DISTRIBUTION_TABLE,
                manifests=(f"{DISTRIBUTION}/common/oauth2-proxy/overlays/m2m-dex-only",),
                needs=("istio",),
            ),
            Component(
                "dashboard",
                "kubeflow",
                tuple(
                    f"ghcr.io/kubeflow/dashboard/{part}"
                    for part in ("dashboard", "profile-controller", "poddefaults-webhook")
                ),
                Crds.MANIFESTS,
                DISTRIBUTION_TABLE,
                manifests=(f"{DISTRIBUTION}/applications/dashboard/overlays/istio",),
                needs=("istio", "oauth2-proxy"),
                served=(Served(Range("2.0", "3"), ("kubeflow.org/v1", "kubeflow.org/v1alpha1")),),
                traps=(
                    Trap(
                        _EVER,
                        "deleting the definition of Profile deletes every team's namespace",
                        "keep it, protected, whatever else goes",
                        f"{DISTRIBUTION}, README, 'Upgrading and extending'",
                    ),
                ),
            ),
            Component(
                "notebooks",
                "kubeflow",
                ("ghcr.io/kubeflow/notebooks/notebook-controller",),
                Crds.MANIFESTS,
                DISTRIBUTION_TABLE,
                manifests=(f"{DISTRIBUTION}/applications/notebooks-v1/overlays/istio",),
                needs=("istio",),
                served=(
                    Served(
                        Range("1.9", "2"),
                        ("kubeflow.org/v1", "kubeflow.org/v1alpha1", "tensorboard.kubeflow.org/v1alpha1"),
                    ),
                ),
            ),
            Component(
                "hub",
                "kubeflow",
                ("ghcr.io/kubeflow/hub/server",),
                Crds.NONE,
                DISTRIBUTION_TABLE,
                manifests=(f"{DISTRIBUTION}/applications/hub/overlays/model-registry",),
                needs=("istio",),
            ),
            Component(
                "spark-operator",
                "spark-operator",
                ("ghcr.io/kubeflow/spark-operator/controller",),
                Crds.NEVER_UPGRADED,
                "Spark Operator v2.5.2, charts/spark-operator-chart",
                charts=("https://kubeflow.github.io/spark-operator/spark-operator",),
                image_tag="{}",
                module="github.com/kubeflow/spark-operator/v2",
                served=(Served(Range("2.2", "3"), ("sparkoperator.k8s.io/v1alpha1", "sparkoperator.k8s.io/v1beta2")),),
            ),
        )
    }
)

MATRIX: Mapping[str, Set] = MappingProxyType(
    {
        row.name: row
        for row in (
            Set(
                "2026.08",
                Range("1.34", "1.37"),
                MappingProxyType(
                    {
                        "cert-manager": "1.21.2",
                        "jobset": "0.12.0",
                        "lws": "0.9.0",
                        "kueue": "0.19.2",
                        "trainer": "2.2.1",
                        "kserve": "0.20.0",
                        "katib": "0.19.0",
                        "pipelines": "2.17.2",
                        "istio": "1.31.1",
                        "dex": "2.45.1",
                        "oauth2-proxy": "7.15.4",
                        "dashboard": "2.0.0",
                        "notebooks": "1.11.0",
                        "hub": "0.3.17",
                        "spark-operator": "2.5.2",
                    }
                ),
                "Kueue 0.19.2 is built against this Trainer, JobSet and LeaderWorkerSet; the rest is what the "
                "distribution tests together, which has a later Trainer",
                ("Kueue v0.19.2, go.mod", DISTRIBUTION_TABLE),
            ),
            Set(
                "2026.06",
                Range("1.34", "1.37"),
                MappingProxyType(
                    {
                        "cert-manager": "1.20.2",
                        "jobset": "0.11.1",
                        "lws": "0.8.0",
                        "kueue": "0.17.1",
                        "trainer": "2.2.0",
                        "kserve": "0.18.0",
                        "katib": "0.19.0",
                        "pipelines": "2.16.1",
                        "istio": "1.30.1",
                        "dex": "2.45.1",
                        "oauth2-proxy": "7.15.2",
                        "dashboard": "2.0.0",
                        "notebooks": "1.11.0",
                        "hub": "0.3.9",
                        "spark-operator": "2.5.0",
                    }
                ),
                "Kueue 0.17.1 is built against this Trainer, JobSet and LeaderWorkerSet; the rest is the "
                "distribution's release candidate, tested on Kubernetes 1.36",
                ("Kueue v0.17.1, go.mod", f"{DISTRIBUTION}/releases/tag/26.03.1-rc.2"),
            ),
        )
    }
)
DEFAULT = "2026.08"

_BUILT = "Kueue is built against one release of it"
PAIRS = (
    Pair(
        "kueue",
        Range("0.20", "0.21"),
        "trainer",
        Range("2.3", "2.5"),
        "Kueue speaks one shape of TrainJob, and Trainer 2.2 and 2.3 differ",
        f"{KUEUE}/pull/14504",
    ),
    Pair(
        "kueue",
        Range("0.17", "0.20"),
        "trainer",
        Range("2.2", "2.3"),
        "Kueue writes runtimePatches as Trainer 2.2 has them: with 2.1 no TrainJob starts, and 2.3 merges otherwise",
        f"{KUEUE}/issues/14722, {KUEUE}/pull/14504",
    ),
    Pair(
        "kueue",
        Range("0.15", "0.17"),
        "trainer",
        Range("2.1", "2.2"),
        "Kueue writes podTemplateOverrides, which Trainer 2.2 replaced: no TrainJob starts",
        f"{KUEUE}/issues/11931",
    ),
    Pair("kueue", Range("0.18", "0.20"), "jobset", Range("0.12", "0.13"), _BUILT, "Kueue v0.19.2, go.mod"),
    Pair("kueue", Range("0.17", "0.18"), "jobset", Range("0.11", "0.12"), _BUILT, "Kueue v0.17.1, go.mod"),
    Pair("kueue", Range("0.15", "0.17"), "jobset", Range("0.10", "0.11"), _BUILT, "Kueue v0.16.0, go.mod"),
    Pair("kueue", Range("0.19", "0.20"), "lws", Range("0.9", "0.10"), _BUILT, "Kueue v0.19.2, go.mod"),
    Pair("kueue", Range("0.17", "0.19"), "lws", Range("0.8", "0.9"), _BUILT, "Kueue v0.17.1, go.mod"),
    Pair(
        "trainer",
        Range("2.3", "2.5"),
        "jobset",
        Range("0.12", "0.13"),
        "Trainer makes JobSets of the release that it brings",
        "Trainer v2.3.0, Chart.yaml",
    ),
    Pair(
        "trainer",
        Range("2.2", "2.3"),
        "jobset",
        Range("0.11", "0.13"),
        "Trainer makes JobSets of the release that it is built against, and later ones of the same API",
        "Trainer v2.2.1, go.mod and Chart.yaml",
    ),
    Pair(
        "trainer",
        Range("2.1", "2.2"),
        "jobset",
        Range("0.10", "0.11"),
        "Trainer makes JobSets of the release that it brings",
        "Trainer v2.1.0, Chart.yaml",
    ),
    Pair(
        "kserve",
        Range("0.15"),
        "cert-manager",
        Range("1.15"),
        "KServe's webhooks have their certificates from it",
        "KServe, 'Installation', prerequisites",
    ),
    Pair(
        "cert-manager",
        Range("1.21", "1.22"),
        KUBERNETES,
        Range("1.33", "1.37"),
        "that is what cert-manager 1.21 is tested with",
        "cert-manager, 'Supported releases'",
    ),
    Pair(
        "istio",
        Range("1.31", "1.32"),
        KUBERNETES,
        Range("1.33"),
        "Istio 1.31 asks for no less",
        "https://istio.io/latest/docs/reference/config/analysis/ist0142/",
    ),
    Pair(
        "kserve",
        Range("0.18"),
        KUBERNETES,
        Range("1.32"),
        "KServe asks for no less",
        "KServe, 'Installation', prerequisites",
    ),
    Pair(
        "jobset",
        Range("0.12", "0.13"),
        KUBERNETES,
        Range("1.34"),
        "JobSet supports the last three minor versions, and 0.12 came with 1.36",
        "JobSet, 'Installation'; v0.12.0, go.mod",
    ),
    Pair("trainer", Range("2.2"), KUBERNETES, Range("1.31"), "Trainer asks for no less", "Trainer, 'Installation'"),
)


def choose(name: str = DEFAULT) -> Set:
    """The set of that name. Raises ValueError, for a person."""
    try:
        return MATRIX[name]
    except KeyError:
        raise ValueError(f"no set of versions {name!r}; {allowed(MATRIX)}{did_you_mean(name, MATRIX)}") from None


def refusals(versions: Mapping[str, str]) -> tuple[Refusal, ...]:
    """Why these versions of components, and of ``kubernetes``, may not be used together; none when they may.

    What is not named is not there: a component that others need is missed. Each mistake is told once.
    """
    unknown = tuple(_unknown(versions))
    known = {name: version for name, version in versions.items() if name == KUBERNETES or name in COMPONENTS}
    return (*unknown, *_missing(known), *_misfits(known))


def _unknown(versions: Mapping[str, str]) -> Iterator[Refusal]:
    for name in versions:
        if name != KUBERNETES and name not in COMPONENTS:
            problem = f"{name} is no component that the matrix knows{did_you_mean(name, COMPONENTS)}"
            yield Refusal((name,), problem, f"Leave it out; {allowed(COMPONENTS)}", "infra/kubeflow/versions.py")


def _missing(versions: Mapping[str, str]) -> Iterator[Refusal]:
    wanted: dict[str, list[str]] = {}
    for name in versions:
        for need in COMPONENTS[name].needs if name in COMPONENTS else ():
            if need not in versions:
                wanted.setdefault(need, []).append(name)
    for need, names in wanted.items():
        problem = f"{' and '.join(names)} cannot run without {need}, and there is none"
        yield Refusal((need, *names), problem, f"Install {need}, or bring your own", COMPONENTS[names[0]].source)


def _misfits(versions: Mapping[str, str]) -> Iterator[Refusal]:
    """Against the set that the fewest of them are outside of, the later one of two."""
    outside = {
        each.name: [name for name, version in versions.items() if not each.has(name, version)]
        for each in MATRIX.values()
    }
    nearest = MATRIX[min(outside, key=lambda name: len(outside[name]))]
    told: set[str] = set()
    if not outside[nearest.name]:
        return
    for pair in PAIRS:
        mine, other = versions.get(pair.name), versions.get(pair.other)
        if mine is None or other is None or mine not in pair.of or other in pair.fits:
            continue
        fault = next((name for name in (pair.other, pair.name) if name in outside[nearest.name]), pair.other)
        if fault in told:
            continue
        told.add(fault)
        yield Refusal(
            (fault, pair.name if fault == pair.other else pair.other),
            f"{pair.name} {mine} does not go with {pair.other} {other}: {pair.why}; it takes {pair.fits}",
            f"Take {fault} {nearest.wants(fault)}, as the set {nearest.name} has",
            pair.source,
        )
    for name in outside[nearest.name]:
        if name not in told:
            yield Refusal(
                (name,),
                f"{name} {versions[name]} is in no set with the others: nobody is known to have run them together",
                f"Take {name} {nearest.wants(name)}, as the set {nearest.name} has",
                "; ".join(nearest.sources),
            )


def _number(version: str) -> tuple[int, ...]:
    """``v1.36.3-gke.1`` as numbers that compare in the order of releases. Raises ValueError for what is no version."""
    found = re.match(r"v?(\d+(?:\.\d+)*)", version)
    if not found:
        raise ValueError(f"{version!r} is no version; write it as numbers, such as 1.36.3")
    return tuple(int(part) for part in found[1].split("."))


def _minor(version: str) -> tuple[int, ...]:
    return _number(version)[:2]
