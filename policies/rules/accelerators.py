"""Whether accelerators work as they are put together, and whether only what needs them runs on them."""

from __future__ import annotations

from collections.abc import Iterator

from infra.hardware import gke, gpu, tpu
from infra.hardware.frameworks import Support
from policies.configuration import Configuration, Level
from policies.hardware import NODE_POOL, TPU_MACHINES, TPU_VM, accelerators_of, machines_of
from policies.manifests import WORKLOADS, pods_of
from policies.resource import Resource
from policies.rule import Rules, Severity

RULES = Rules()

LARGE_POOL = 64
"""GPUs or chips. Nobody gets more than that at once by luck: eight machines of eight GPUs, a cube of TPUs."""


@RULES.resource(
    "ACC-01",
    Severity.HIGH,
    NODE_POOL,
    must="a `NO_SCHEDULE` taint with the accelerator's resource name as its key",
    why="Without the taint ordinary pods fill the nodes, and keep the dearest machines of the house alive.",
    fix="Add the taint google.com/tpu or nvidia.com/gpu with the effect NO_SCHEDULE to the pool.",
    sources=("own",),
)
def only_what_needs_accelerators_runs_on_them(pool: Resource, _: Configuration) -> Iterator[str]:
    """Only what asks for accelerators runs on their nodes."""
    machines = accelerators_of(pool)
    if machines is None:
        return
    key = gke.TPU_RESOURCE if machines.chips else gke.GPU_RESOURCE
    taints = pool.at("nodeConfig.taints").items()
    if not any(each.at("key").text() == key and each.at("effect").text() == "NO_SCHEDULE" for each in taints):
        yield f"nodeConfig.taints has no {key} with NO_SCHEDULE"


@RULES.resource(
    "ACC-02",
    Severity.HIGH,
    NODE_POOL,
    must="`placementPolicy.tpuTopology` is one of the generation's, and `maxNodeCount` the VMs that it takes",
    why="A pool of another size than its slice waits for ever, or is given nodes that form none.",
    fix="Give the slice by generation and topology in the stack file; the program derives machines and nodes.",
    sources=("own", "GKE, 'Plan TPUs'"),
)
def a_slice_is_whole(pool: Resource, _: Configuration) -> Iterator[str]:
    """A TPU slice has exactly the machines that its topology takes."""
    machine = pool.at("nodeConfig.machineType").text()
    topology = pool.at("placementPolicy.tpuTopology").text()
    if machine not in TPU_MACHINES or topology is None:
        return
    generation, single = TPU_MACHINES[machine]
    if topology not in tpu.topologies(generation, single):
        yield f"placementPolicy.tpuTopology {topology!r} is no topology of {generation.key} on {machine}"
        return
    machines = machines_of(pool)
    nodes = machines.chips // single.chips
    if machines.most is not None and machines.most != nodes:
        yield f"{topology} takes {nodes} nodes of {machine}, and the pool's maximum is {machines.most}"


@RULES.resource(
    "ACC-03",
    Severity.HIGH,
    NODE_POOL,
    must="`nodeConfig.guestAccelerators[].gpuDriverInstallationConfig.gpuDriverVersion` is set",
    why="What the service fills in by itself shows as a change later, and that change replaces the pool.",
    fix="Set driver of the pool in the stack file: default, latest or disabled.",
    sources=("terraform-provider-google issue 23248",),
)
def the_driver_is_named(pool: Resource, _: Configuration) -> Iterator[str]:
    """The program says which GPU driver is installed."""
    for each in pool.at("nodeConfig.guestAccelerators").items():
        version = each.at("gpuDriverInstallationConfig.gpuDriverVersion")
        if not version.text():
            yield f"{version.path} is not set"


@RULES.resource(
    "ACC-04",
    Severity.MEDIUM,
    NODE_POOL,
    must="`gvnic` where the machine needs it, and an additional network for each NIC between GPUs",
    why="GPUs that talk over the ordinary network train several times slower, and nothing says so.",
    fix="Name a fabric of the machine's kind in network.fabrics of the stack file.",
    sources=("own", "GKE, 'Maximize GPU network bandwidth'"),
    level=Level.ADVISORY,
)
def gpus_talk_over_their_own_network(pool: Resource, _: Configuration) -> Iterator[str]:
    """Machines with NICs between GPUs have networks on them."""
    row = gpu.MACHINES.get(pool.at("nodeConfig.machineType").text() or "")
    if row is None:
        return
    if row.needs_gvnic and pool.at("nodeConfig.gvnic.enabled").flag() is not True:
        yield f"nodeConfig.gvnic.enabled is not true, and {row.name} has no other interface"
    networks = pool.at("networkConfig.additionalNodeNetworkConfigs").items()
    profile = pool.at("networkConfig.acceleratorNetworkProfile").text()
    if row.extra_nics and len(networks) < row.extra_nics and not profile:
        yield f"{row.name} has {row.extra_nics} NICs between GPUs, and the pool {len(networks)} networks for them"


@RULES.resource(
    "ACC-05",
    Severity.MEDIUM,
    NODE_POOL,
    must=f"pools of more than {LARGE_POOL} GPUs or chips are reserved, spot, queued or flex-start, not on demand",
    why="Nobody gets that many accelerators on demand: the pool stays short, and the job behind it waits.",
    fix="Reserve what a large pool needs, and name the reservation in its capacity.",
    sources=("own",),
    level=Level.ADVISORY,
)
def large_pools_do_not_count_on_luck(pool: Resource, _: Configuration) -> Iterator[str]:
    """A large accelerator pool does not count on capacity that happens to be there."""
    machines = accelerators_of(pool)
    if machines is None or machines.capacity != "on-demand":
        return
    gpus = sum(int(each.at("count").number() or 0) for each in pool.at("nodeConfig.guestAccelerators").items())
    single = TPU_MACHINES[machines.machine][1].chips if machines.chips else gpus
    if (machines.most or 0) * single > LARGE_POOL:
        yield f"{machines.most} nodes of {machines.machine} are bought on demand"


REFUSED = {row.key: row for row in tpu.GENERATIONS.values() if row.tensorflow is Support.REFUSED}
LABELS = {row.gke_accelerator: row for row in REFUSED.values()}
FRAMEWORK_LABEL = "trainer.kubeflow.org/framework"


@RULES.resource(
    "ACC-06",
    Severity.HIGH,
    TPU_VM,
    *WORKLOADS,
    must="no TensorFlow (runtime, image, `TF_CONFIG`, framework label) on a generation that does not run it",
    why="The job takes the slice, finds no device, and is paid for while it fails.",
    fix="Choose v5e for TensorFlow, or run the workload with JAX.",
    sources=("Cloud TPU, 'TPU7x': TensorFlow is not supported",),
)
def tensorflow_goes_where_it_runs(resource: Resource, _: Configuration) -> Iterator[str]:
    """TensorFlow is asked for only on TPUs that run it."""
    if resource.type == TPU_VM:
        runtime = resource.at("runtimeVersion").text() or ""
        generation = machines_of(resource).what
        if generation in REFUSED and "tf" in runtime.split("-"):
            yield f"runtimeVersion {runtime!r} on {generation}"
        return
    for pod in pods_of(resource):
        row = LABELS.get(pod.spec.at("nodeSelector").entries().get(gke.TPU_ACCELERATOR_LABEL, pod.nothing).text() or "")
        if row is None:
            continue
        framework = pod.labels.get(FRAMEWORK_LABEL, pod.nothing).text() or ""
        images = [each.at("image").text() or "" for each in pod.containers]
        variables = [name.at("name").text() for each in pod.containers for name in each.at("env").items()]
        if framework == "tensorflow" or "TF_CONFIG" in variables or any("tensorflow" in each for each in images):
            yield f"{pod.path} runs TensorFlow and selects {row.key}"
