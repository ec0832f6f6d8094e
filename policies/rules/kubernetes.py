"""What runs in the cluster, and with which rights."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from infra.hardware import gke
from policies.configuration import Configuration, Level
from policies.manifests import JOB_SET, RUNTIMES, TRAIN_JOB, WORKLOADS, name_of, namespace_of, pods_of
from policies.resource import Resource, Value, shown
from policies.rule import Problem, Rules, Severity, each_of

RULES = Rules()

JOB = "kubernetes:batch/v1:Job"
DEPLOYMENT = "kubernetes:apps/v1:Deployment"
NAMESPACE = "kubernetes:core/v1:Namespace"
NETWORK_POLICY = "kubernetes:networking.k8s.io/v1:NetworkPolicy"
QUOTA = "kubernetes:core/v1:ResourceQuota"
BUDGET = "kubernetes:policy/v1:PodDisruptionBudget"
SECRET = "kubernetes:core/v1:Secret"  # noqa: S105 - the name of a type
SERVICE = "kubernetes:core/v1:Service"
GATEWAY = "kubernetes:gateway.networking.k8s.io/*:Gateway"
ROLES = ("kubernetes:rbac.authorization.k8s.io/v1:ClusterRole", "kubernetes:rbac.authorization.k8s.io/v1:Role")
BINDINGS = (
    "kubernetes:rbac.authorization.k8s.io/v1:ClusterRoleBinding",
    "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
)
ACCELERATORS = (gke.TPU_RESOURCE, gke.GPU_RESOURCE)
QUEUE_LABEL = "kueue.x-k8s.io/queue-name"
ENFORCE = "pod-security.kubernetes.io/enforce"
TEAM_LABEL = "team"
"""On the namespaces of teams, which have a share of the accelerators and no more."""


@RULES.resource(
    "K8S-01",
    Severity.CRITICAL,
    *WORKLOADS,
    must="no `privileged`, `hostPID`, `hostIPC`, `hostNetwork`, `hostPath` outside `kubernetes.privileged` namespaces",
    why="Such a pod is root on its node, and with it whatever else runs there.",
    fix="Remove it; device plugins and drivers give accelerators without it.",
    sources=("Pod Security, baseline", "checkov CKV_K8S_16 to 19", "NSA/CISA 1.2"),
)
def no_pod_rules_its_node(resource: Resource, configuration: Configuration) -> Iterator[str]:
    """No pod has power over its node."""
    if namespace_of(resource) in configuration.kubernetes.privileged:
        return
    for pod in pods_of(resource):
        for key in ("hostPID", "hostIPC", "hostNetwork"):
            if pod.spec.at(key).flag():
                yield f"{pod.path}.{key} is true"
        for volume in pod.spec.at("volumes").items():
            if volume.at("hostPath").is_set():
                yield f"{volume.path}.hostPath is set"
        for container in pod.containers:
            if container.at("securityContext.privileged").flag():
                yield f"{container.path}.securityContext.privileged is true"


@RULES.resource(
    "K8S-02",
    Severity.HIGH,
    *WORKLOADS,
    must="`runAsNonRoot`, no `allowPrivilegeEscalation`, `capabilities.drop: [ALL]`, `seccompProfile` RuntimeDefault",
    why="A flaw in a library that reads data becomes a flaw of the node, step by step; each of these stops one step.",
    fix="Copy the security contexts of the other workloads: Pod Security's level restricted.",
    sources=("Pod Security, restricted", "checkov CKV_K8S_20, 23, 31, 37", "NSA/CISA 1.2"),
)
def pods_have_no_more_power_than_they_need(resource: Resource, configuration: Configuration) -> Iterator[str]:
    """Pods are restricted."""
    if namespace_of(resource) in configuration.kubernetes.privileged:
        return
    for pod in pods_of(resource):
        for container in pod.containers:
            own, shared = container.at("securityContext"), pod.spec.at("securityContext")
            if (own.at("runAsNonRoot").flag(), shared.at("runAsNonRoot").flag()) not in _YES:
                yield f"{own.path}.runAsNonRoot is not true"
            if own.at("allowPrivilegeEscalation").flag() is not False:
                yield f"{own.path}.allowPrivilegeEscalation is not false"
            if "ALL" not in own.at("capabilities.drop").texts():
                yield f"{own.path}.capabilities.drop lacks ALL"
            profile = own.at("seccompProfile.type").text() or shared.at("seccompProfile.type").text()
            if profile not in ("RuntimeDefault", "Localhost"):
                yield f"{own.path}.seccompProfile.type is {shown(profile)}"


_YES = {(True, True), (True, None), (True, False), (None, True)}
"""What a container says and what its pod says, where the container's word holds."""


@RULES.resource(
    "K8S-04",
    Severity.HIGH,
    NAMESPACE,
    must=f"label `{ENFORCE}` is `restricted`, or `baseline`; `privileged` in `kubernetes.privileged` alone",
    why="What the program does not declare, somebody applies by hand; the label holds for that too.",
    fix=f"Label the namespace {ENFORCE}: restricted.",
    sources=("CIS GKE 4.2.1", "Pod Security"),
)
def namespaces_enforce_pod_security(namespace: Resource, configuration: Configuration) -> Iterator[str]:
    """Every namespace enforces Pod Security."""
    label = namespace.at("metadata.labels").entries().get(ENFORCE)
    level = label.text() if label else None
    allowed = ["restricted", "baseline"]
    if name_of(namespace) in configuration.kubernetes.privileged:
        allowed.append("privileged")
    if level not in allowed:
        yield f"metadata.labels.{ENFORCE} is {shown(level)}; allowed: {', '.join(allowed)}"


@RULES.stack(
    "K8S-05",
    Severity.HIGH,
    NAMESPACE,
    must="a NetworkPolicy for all pods and both directions; with the label `team`, a ResourceQuota on accelerators",
    why="Without it a notebook reaches every database; without a quota one team has every accelerator.",
    fix="Add a NetworkPolicy with an empty podSelector and both policyTypes, and a ResourceQuota.",
    sources=("CIS GKE 4.3.2", "checkov CKV2_K8S_6", "NSA/CISA 1.2"),
)
def namespaces_are_closed_and_bounded(resources: Sequence[Resource], _: Configuration) -> Iterator[Problem]:
    """What is in a namespace reaches only what it must, and a team uses only its share."""
    closed = {namespace_of(each) for each in resources if each.type == NETWORK_POLICY and _closes(each)}
    bounded = {namespace_of(each) for each in resources if each.type == QUOTA and _bounds_accelerators(each)}

    def check(namespace: Resource) -> Iterator[str]:
        if name_of(namespace) not in closed:
            yield "no NetworkPolicy denies by default what comes in and what goes out"
        if TEAM_LABEL in namespace.at("metadata.labels").entries() and name_of(namespace) not in bounded:
            yield "no ResourceQuota bounds the team's accelerators"

    yield from each_of((each for each in resources if each.type == NAMESPACE), check)


def _closes(policy: Resource) -> bool:
    spec = policy.at("spec")
    everything = (
        not spec.at("podSelector.matchLabels").is_set() and not spec.at("podSelector.matchExpressions").is_set()
    )
    allows = spec.at("ingress").is_set() or spec.at("egress").is_set()
    return everything and not allows and {"Ingress", "Egress"} <= set(spec.at("policyTypes").texts())


def _bounds_accelerators(quota: Resource) -> bool:
    return any(key.partition(".")[2] in ACCELERATORS for key in quota.at("spec.hard").entries())


@RULES.resource(
    "K8S-06",
    Severity.HIGH,
    *ROLES,
    *BINDINGS,
    must="no cluster-admin, no `*`, no secrets of all, no escalate, bind, impersonate, no pods/exec",
    why="Each of these rights leads to all others.",
    fix="List the verbs and resources that are used; name what must rule all in kubernetes.administrators.",
    sources=("CIS GKE 4.1", "checkov CKV_K8S_49", "checkov CKV_K8S_155 to 158", "checkov CKV2_K8S_1 to 5"),
)
def no_role_leads_to_all_others(resource: Resource, configuration: Configuration) -> Iterator[str]:
    """No role leads to all others."""
    if name_of(resource) in configuration.kubernetes.administrators:
        return
    if resource.is_a(*BINDINGS):
        if resource.at("roleRef.name").text() == "cluster-admin":
            yield "roleRef.name is 'cluster-admin'"
        return
    for rule in resource.at("rules").items():
        verbs, things = rule.at("verbs").texts(), rule.at("resources").texts()
        if "*" in verbs or "*" in things:
            yield f"{rule.path} has '*' in it"
        for verb in ("escalate", "bind", "impersonate"):
            if verb in verbs:
                yield f"{rule.path} allows {verb}"
        reads = {"get", "list", "watch"} & set(verbs)
        if "secrets" in things and reads and not rule.at("resourceNames").texts():
            yield f"{rule.path} allows reading every secret"
        if "pods/exec" in things:
            yield f"{rule.path} allows pods/exec"


@RULES.resource(
    "K8S-07",
    Severity.HIGH,
    JOB,
    JOB_SET,
    TRAIN_JOB,
    *RUNTIMES,
    must="what asks for accelerators has a queue, limits equal to requests, tolerations, and a Job's three limits",
    why="A job outside of the queue takes another's place; one that never ends keeps its accelerators for ever.",
    fix=f"Label it {QUEUE_LABEL}; set activeDeadlineSeconds, backoffLimit and ttlSecondsAfterFinished.",
    sources=("own", "Kueue"),
)
def jobs_wait_their_turn_and_end(resource: Resource, _: Configuration) -> Iterator[str]:
    """Jobs on accelerators wait their turn, and end."""
    if resource.is_a(TRAIN_JOB):
        asked = resource.at("spec.trainer.resourcesPerNode")
        if _accelerators(asked):
            yield from _queued(resource)
            yield from _same(asked)
        return
    asking = False
    for pod in pods_of(resource):
        for container in pod.containers:
            asked = container.at("resources")
            if not _accelerators(asked):
                continue
            asking = True
            yield from _same(asked)
            keys = [each.at("key").text() for each in pod.spec.at("tolerations").items()]
            for key in _accelerators(asked):
                if key not in keys:
                    yield f"{pod.path}.tolerations has none for {key}"
    if not asking or resource.is_a(*RUNTIMES):
        return  # the queue and the limits are the TrainJob's
    yield from _queued(resource)
    for spec in _job_specs(resource):
        limits = ["activeDeadlineSeconds", "backoffLimit"] + (
            ["ttlSecondsAfterFinished"] if resource.type == JOB else []
        )
        for limit in limits:
            if spec.at(limit).number() is None:
                yield f"{spec.path}.{limit} is not set"
    if resource.is_a(JOB_SET) and resource.at("spec.ttlSecondsAfterFinished").number() is None:
        yield "spec.ttlSecondsAfterFinished is not set"


LIMITS = ("activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished")


def _job_specs(resource: Resource) -> list[Value]:
    if resource.type == JOB:
        return [resource.at("spec")]
    return [each.at("template.spec") for each in resource.at("spec.replicatedJobs").items()]


def _accelerators(asked: Value) -> list[str]:
    wanted = {**asked.at("requests").entries(), **asked.at("limits").entries()}
    return [each for each in ACCELERATORS if each in wanted]


def _same(asked: Value) -> Iterator[str]:
    """An accelerator without a limit, or with another request, is refused by Kubernetes; a request may be left out."""
    requests, limits = asked.at("requests").entries(), asked.at("limits").entries()
    for key in _accelerators(asked):
        limit, request = limits.get(key), requests.get(key)
        if limit is None or (request is not None and str(request.raw) != str(limit.raw)):
            yield f"{asked.path}: limit and request of {key} differ"


def _queued(resource: Resource) -> Iterator[str]:
    if QUEUE_LABEL not in resource.at("metadata.labels").entries():
        yield f"metadata.labels lacks {QUEUE_LABEL}"


@RULES.resource(
    "K8S-08",
    Severity.MEDIUM,
    SECRET,
    *WORKLOADS,
    must="no `Secret` with `data` or `stringData`; no `secretKeyRef` or `secretRef` in an environment",
    why="What is in an environment is in every crash report, and what is in a Secret of the program is in its state.",
    fix="Keep it in Secret Manager and mount it as a file (the cluster's Secret Manager add-on).",
    sources=("checkov CKV_K8S_35",),
    level=Level.ADVISORY,
)
def secrets_are_files_from_secret_manager(resource: Resource, _: Configuration) -> Iterator[str]:
    """Secrets come from Secret Manager, as files."""
    if resource.type == SECRET:
        for key in ("data", "stringData"):
            if resource.at(key).is_set():
                yield f"{key} is set"
        return
    for pod in pods_of(resource):
        for container in pod.containers:
            for each in container.at("env").items():
                if each.at("valueFrom.secretKeyRef").is_set():
                    yield f"{each.path}.valueFrom.secretKeyRef is set"
            for each in container.at("envFrom").items():
                if each.at("secretRef").is_set():
                    yield f"{each.path}.secretRef is set"


INTERNAL = "networking.gke.io/load-balancer-type"


@RULES.resource(
    "K8S-09",
    Severity.MEDIUM,
    SERVICE,
    GATEWAY,
    must="`type: LoadBalancer` is internal, and so is a Gateway's class, unless `kubernetes.public_services` names it",
    why="A Service of the wrong type puts a model server, or a notebook, on the internet.",
    fix=f"Annotate the Service {INTERNAL}: Internal, or use an internal gateway class (gke-l7-rilb).",
    sources=("organisation policy restrictLoadBalancerCreationForTypes",),
)
def nothing_faces_the_internet_unless_listed(resource: Resource, configuration: Configuration) -> Iterator[str]:
    """Nothing faces the internet that was not agreed."""
    if f"{namespace_of(resource)}/{name_of(resource)}" in configuration.kubernetes.public_services:
        return
    if resource.type == SERVICE:
        note = resource.at("metadata.annotations").entries().get(INTERNAL)
        if resource.at("spec.type").text() == "LoadBalancer" and (not note or note.text() != "Internal"):
            yield "spec.type is LoadBalancer, with an external address"
        return
    kind = resource.at("spec.gatewayClassName").text() or ""
    if "rilb" not in kind and "internal" not in kind:
        yield f"spec.gatewayClassName is {shown(kind or None)}"


@RULES.stack(
    "K8S-10",
    Severity.MEDIUM,
    DEPLOYMENT,
    must="probes, two replicas, a PodDisruptionBudget, and no token of the API server unless it is used",
    why="Without them an upgrade of the nodes is an outage, and every request can come from a pod with a token.",
    fix="Set readinessProbe and livenessProbe, replicas 2, a budget, and automountServiceAccountToken false.",
    sources=("checkov CKV_K8S_8", "checkov CKV_K8S_9", "checkov CKV_K8S_38"),
    level=Level.ADVISORY,
)
def servers_survive_an_upgrade(resources: Sequence[Resource], _: Configuration) -> Iterator[Problem]:
    """Servers survive the loss of a node, and have no rights that they do not use."""
    budgets = [
        (namespace_of(each), {key: value.raw for key, value in each.at("spec.selector.matchLabels").entries().items()})
        for each in resources
        if each.type == BUDGET
    ]

    def check(server: Resource) -> Iterator[str]:
        labels = {key: value.raw for key, value in server.at("spec.template.metadata.labels").entries().items()}
        if (server.at("spec.replicas").number() or 1) < 2:
            yield "spec.replicas is less than 2"
        if not any(place == namespace_of(server) and chosen.items() <= labels.items() for place, chosen in budgets):
            yield "no PodDisruptionBudget covers it"
        for pod in pods_of(server):
            if pod.spec.at("automountServiceAccountToken").flag() is not False:
                yield f"{pod.path}.automountServiceAccountToken is not false"
            for container in pod.spec.at("containers").items():
                for probe in ("readinessProbe", "livenessProbe"):
                    if not container.at(probe).is_set():
                        yield f"{container.path}.{probe} is not set"

    yield from each_of((each for each in resources if each.type == DEPLOYMENT), check)
