"""Type tokens are part of every resource's identity: with another token of a component, all below it is made anew."""

from __future__ import annotations

import ast
import importlib
import inspect
import textwrap
from pathlib import Path

import pulumi
import pytest

import infra
from tests.google.conftest import STACKS, stack_site

SOURCES = Path(next(iter(infra.__path__)))
OF_ANY_KIND = {"infra.kubeflow.objects.KubernetesObject"}
"""Their token is that of the object that they are given."""

TOKENS = {
    "infra.any_cluster.site.KubernetesSite": "aidc:any:KubernetesSite",
    "infra.google_cloud.apis.Apis": "aidc:google:Apis",
    "infra.google_cloud.budget.Budget": "aidc:google:Budget",
    "infra.google_cloud.cluster.Cluster": "aidc:google:Cluster",
    "infra.google_cloud.delivery.Delivery": "aidc:google:Delivery",
    "infra.google_cloud.encryption.Encryption": "aidc:google:Encryption",
    "infra.google_cloud.fabric.Fabric": "aidc:google:Fabric",
    "infra.google_cloud.gpu_pool.GpuPool": "aidc:google:GpuPool",
    "infra.google_cloud.identity.Identity": "aidc:google:Identity",
    "infra.google_cloud.identity.WorkloadIdentity": "aidc:google:WorkloadIdentity",
    "infra.google_cloud.image_policy.ImagePolicy": "aidc:google:ImagePolicy",
    "infra.google_cloud.network.Network": "aidc:google:Network",
    "infra.google_cloud.observability.Observability": "aidc:google:Observability",
    "infra.google_cloud.registry.Registry": "aidc:google:Registry",
    "infra.google_cloud.site.GoogleSite": "aidc:google:Site",
    "infra.google_cloud.storage.Storage": "aidc:google:Storage",
    "infra.google_cloud.system_pool.SystemPool": "aidc:google:SystemPool",
    "infra.google_cloud.tpu_queue.TpuQueue": "aidc:google:TpuQueue",
    "infra.google_cloud.tpu_slices.TpuSlices": "aidc:google:TpuSlices",
    "infra.google_cloud.tpu_vm.TpuVm": "aidc:google:TpuVm",
    "infra.google_cloud.volumes.Volumes": "aidc:google:Volumes",
    "infra.jobs.jobset.SliceJob": "aidc:jobs:SliceJob",
    "infra.jobs.model_service.ModelService": "aidc:jobs:ModelService",
    "infra.jobs.tensorboard.TensorBoard": "aidc:jobs:TensorBoard",
    "infra.jobs.training_job.TrainingJob": "aidc:jobs:TrainingJob",
    "infra.kubeflow.artefacts.Folders": "aidc:kubeflow:Folders",
    "infra.kubeflow.installation.Component": "aidc:kubeflow:Component",
    "infra.kubeflow.kueue.ClusterQueues": "aidc:kubeflow:ClusterQueues",
    "infra.kubeflow.kueue.LocalQueues": "aidc:kubeflow:LocalQueues",
    "infra.kubeflow.namespaces.TeamNamespace": "aidc:kubeflow:TeamNamespace",
    "infra.kubeflow.platform.Platform": "aidc:kubeflow:Platform",
    "infra.kubeflow.waiting.Completed": "aidc-kubeflow:index:Completed",
    "infra.kubeflow.waiting.Drained": "aidc-kubeflow:index:Drained",
    "infra.kubeflow.waiting.Ready": "aidc-kubeflow:index:Ready",
    "infra.kubeflow.waiting.Rollout": "aidc-kubeflow:index:Rollout",
    "infra.local.resources.Artefacts": "aidc-local:index:Artefacts",
    "infra.local.resources.Service": "aidc-local:index:Service",
    "infra.local.resources.TrainingJob": "aidc-local:index:TrainingJob",
    "infra.local.site.LocalSite": "aidc:local:LocalSite",
    "infra.tpu_queue.resource.QueuedResource": "aidc-tpu:index:QueuedResource",
}


def tokens() -> dict[str, str]:
    """The token of every resource class that the project has, by the class's full name."""
    found = {}
    for path in sorted(SOURCES.rglob("*.py")):
        if _has_classes(path) and path.stem != "__main__":  # what has none may be a script, which importing would run
            module = importlib.import_module(".".join(path.relative_to(SOURCES.parent).with_suffix("").parts))
            for class_ in vars(module).values():
                if inspect.isclass(class_) and issubclass(class_, pulumi.Resource) and _is_ours(class_):
                    name = f"{class_.__module__}.{class_.__name__}"
                    if name not in OF_ANY_KIND:
                        found[name] = token(class_)
    return found


def _has_classes(path: Path) -> bool:
    return any(isinstance(node, ast.ClassDef) for node in ast.parse(path.read_text()).body)


def _is_ours(class_: type) -> bool:
    return class_.__module__.partition(".")[0] == "infra"


def token(class_: type) -> str:
    """What the class tells the engine that it is: the first argument of ``super().__init__``."""
    if hasattr(class_, "TYPE"):
        return str(class_.TYPE)
    for node in ast.walk(ast.parse(textwrap.dedent(inspect.getsource(class_)))):
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "super().__init__":
            return str(ast.literal_eval(node.args[0]))
    raise AssertionError(f"{class_.__name__} has no token: it neither has TYPE nor calls super().__init__ with one")


def test_every_resource_class_keeps_its_token() -> None:
    assert tokens() == TOKENS, "a changed token replaces all that is below; pulumi.Alias keeps it. Then list it here"


@pytest.mark.parametrize("stack", STACKS)
def test_the_engine_hears_of_no_other_token(stack: str) -> None:
    heard = {each.type for each in stack_site(stack).declared if each.type.startswith("aidc")}
    assert heard <= set(TOKENS.values())
