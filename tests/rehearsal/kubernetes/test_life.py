"""Programs with the real SDK and engine live their whole lives, on a simulated API server and on a real one."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cloud.store import Cloud
from rehearsal.kubernetes.simulated import Simulated
from rehearsal.serve import CLOUD_VARIABLE
from tests.rehearsal.kubernetes.conftest import Program
from tests.rehearsal.kubernetes.objects import kind_of
from toolchain.kubernetes import sources

OBJECTS = """
    from pulumi_kubernetes.apiextensions import CustomResource
    from pulumi_kubernetes.apiextensions.v1 import CustomResourceDefinition
    from pulumi_kubernetes.apps.v1 import Deployment
    from pulumi_kubernetes.core.v1 import ConfigMap, Namespace, Secret, Service
    from pulumi_kubernetes.rbac.v1 import RoleBinding

    LABELS = {"app": "web"}
    NO_NODES = {"pulumi.com/skipAwait": "true"}
    space = Namespace("vision", metadata={"name": "vision"})
    inside = {"namespace": space.metadata.name}
    settings = ConfigMap("settings", metadata=inside, data={"mode": "MODE"})
    token = Secret("token", metadata={**inside, "name": "token"}, string_data={"token": "very-secret"})
    container = {"name": "web", "image": "web:1", "resources": {"limits": {"cpu": "0.5", "memory": "1024Mi"}}}
    web = Deployment(
        "web",
        metadata={**inside, "name": "web", "annotations": NO_NODES},
        spec={
            "selector": {"match_labels": LABELS},
            "template": {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}},
        },
    )
    service = Service(
        "web",
        metadata={**inside, "name": "web", "annotations": NO_NODES},
        spec={"selector": web.spec.selector.match_labels, "ports": [{"port": 80}]},
    )
    RoleBinding(
        "view",
        metadata={**inside, "name": "view"},
        role_ref={"api_group": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "view"},
        subjects=[{"kind": "ServiceAccount", "name": "default", "namespace": "vision"}],
    )
    fields = {"size": {"type": "integer"}, "zone": {"type": "string"}}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": fields}}}
    rack = CustomResourceDefinition(
        "racks",
        metadata={"name": "racks.example.com"},
        spec={
            "group": "example.com",
            "scope": "Namespaced",
            "names": {"kind": "Rack", "plural": "racks"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"open_apiv3_schema": schema}}],
        },
    )
    CustomResource(
        "first",
        api_version="example.com/v1",
        kind="Rack",
        metadata={**inside, "name": "first"},
        spec={"size": 4, "zone": "a"},
        opts=pulumi.ResourceOptions(depends_on=[rack]),
    )
    pulumi.export("address", service.spec.cluster_ip)
    pulumi.export("settings", settings.metadata.name)
"""
CONTROLLER = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: "{{ .Release.Name }}-controller", namespace: "{{ .Release.Namespace }}"}
spec:
  selector: {matchLabels: {app: "{{ .Release.Name }}"}}
  template:
    metadata: {labels: {app: "{{ .Release.Name }}"}}
    spec: {containers: [{name: manager, image: "manager:1"}]}
"""
VISION: dict[str, Any] = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "vision"}}
RACKS: dict[str, Any] = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "racks.example.com"},
}
NAMESPACE = """
    from pulumi_kubernetes.core.v1 import ConfigMap, Namespace
    space = Namespace("vision", metadata={"name": "vision"})
    ConfigMap("a", metadata={"name": "a", "namespace": space.metadata.name}, data={"mode": "fast"})
"""


def test_objects_live_their_whole_life_and_leave_nothing(program: Program) -> None:
    program.write(OBJECTS)
    preview, up = program.preview(), program.up()
    assert preview.passed, preview.said
    assert up.passed, up.said
    assert preview.changes == up.changes == {"create": 9}
    assert program.outputs()["address"].startswith("10.96.")
    assert "very-secret" not in json.dumps(program.exported())
    assert program.up().nothing
    assert program.refresh().nothing
    imported = program.import_all()
    assert imported.passed, imported.said
    after = program.preview()
    assert after.passed, after.said
    assert after.nothing, after.changes
    destroyed = program.destroy()
    assert destroyed.passed, destroyed.said
    for value in (VISION, RACKS):
        assert program.server.get(kind_of(program.server, value), "", value["metadata"]["name"]) is None


def test_charts_releases_manifests_and_kustomize_directories_become_what_they_describe(program: Program) -> None:
    jobset = sources.module(sources.JOBSET) / "charts" / "jobset"
    chart = program.folder / "chart"
    (chart / "templates").mkdir(parents=True)
    (chart / "Chart.yaml").write_text("{apiVersion: v2, name: controller, version: 1.0.0}")
    (chart / "templates" / "controller.yaml").write_text(CONTROLLER)
    base = program.folder / "base"
    base.mkdir()
    (base / "kustomization.yaml").write_text("namePrefix: own-\nresources: [map.yaml]\n")
    (base / "map.yaml").write_text(
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: map}\ndata: {since: 2026-01-01}\n"
    )
    program.write(f"""
        from pulumi_kubernetes.core.v1 import Namespace
        from pulumi_kubernetes.helm.v3 import Release
        from pulumi_kubernetes.helm.v4 import Chart
        from pulumi_kubernetes.kustomize.v2 import Directory
        from pulumi_kubernetes.yaml.v2 import ConfigGroup

        space = Namespace("jobs", metadata={{"name": "jobs"}})
        Release("queue", name="queue", chart={str(jobset)!r}, namespace=space.metadata.name, skip_await=True)
        after = pulumi.ResourceOptions(depends_on=[space])
        Chart("beside", chart="chart", namespace="jobs", skip_await=True, opts=after)
        group = ConfigGroup("group", skip_await=True, yaml=\"\"\"
        {{apiVersion: v1, kind: ConfigMap, metadata: {{name: inner, namespace: inside}}}}
        ---
        {{apiVersion: v1, kind: Namespace, metadata: {{name: inside}}}}
        \"\"\")
        Directory("own", directory="base", namespace="jobs", opts=after)
    """)
    preview, up = program.preview(), program.up()
    assert preview.passed, preview.said
    assert up.passed, up.said
    assert preview.changes == up.changes
    assert {"group:inside/inner", "group:inside", "own:jobs/own-map", "queue"} <= up.of("create")
    assert "beside:jobs/beside-controller" in up.of("create")
    assert program.up().nothing
    assert program.refresh().nothing
    assert program.destroy().passed
    for name in ("jobs", "inside"):
        assert program.server.get(kind_of(program.server, VISION), "", name) is None
    left = [each for each in program.server.all(kind_of(program.server, RACKS)) if "jobset" in each["metadata"]["name"]]
    assert len(left) == 1  # what is in a chart's `crds`, Helm keeps


def test_what_cannot_change_is_replaced_the_old_first_and_the_rest_changes_in_place(program: Program) -> None:
    program.write(OBJECTS)
    assert program.up().passed
    program.write(OBJECTS.replace('{"app": "web"}', '{"app": "site"}').replace('"size": 4', '"size": 5'))
    preview, done = program.preview(), program.up()
    assert done.passed, done.said
    assert preview.changes == done.changes == {"replace": 1, "update": 2, "same": 6}
    assert done.of("update") == {"web", "first"}  # the service
    order = [each["op"] for each in done.steps if "Deployment" in each["urn"]]
    assert order.index("delete-replaced") < order.index("create-replacement")
    assert program.up().nothing
    assert program.destroy().passed


def test_what_a_program_does_not_say_any_more_goes(program: Program) -> None:
    program.write(OBJECTS)
    assert program.up().passed
    program.write(OBJECTS.replace(', "zone": "a"', ""))
    assert program.preview().changes == {"update": 1, "same": 8}
    assert program.up().changes == {"update": 1, "same": 8}
    first = {"apiVersion": "example.com/v1", "kind": "Rack"}
    there = program.server.get(kind_of(program.server, first), "vision", "first")
    assert there
    assert there["spec"] == {"size": 4}
    assert program.up().nothing
    assert program.destroy().passed


def test_a_config_map_is_replaced_under_a_new_name_as_the_vendors_provider_does_it(simulated: Program) -> None:
    simulated.write(OBJECTS)
    assert simulated.up().passed
    before = simulated.outputs()["settings"]
    simulated.write(OBJECTS.replace("MODE", "fast"))
    done = simulated.up()
    assert done.changes == {"replace": 1, "same": 8}
    order = [each["op"] for each in done.steps if "ConfigMap" in each["urn"]]
    assert order.index("create-replacement") < order.index("delete-replaced")
    assert simulated.outputs()["settings"] != before


def test_drift_is_found_by_a_refresh_and_mended_by_the_next_up(simulated: Program, cloud: Cloud) -> None:
    simulated.write(OBJECTS)
    assert simulated.up().passed
    found = cloud.get("kubernetes:example.com/v1:Rack", "vision/first")
    assert found
    cloud.drift(replace(found, body={**found.body, "spec": {"size": 9}}))
    cloud.vanish("kubernetes:core/v1:Secret", "vision/token")
    assert simulated.refresh().changes == {"update": 1, "delete": 1, "same": 7}
    inputs = {
        each["urn"].rpartition("::")[2]: each["inputs"] for each in simulated.exported()["deployment"]["resources"][1:]
    }
    assert inputs["first"]["spec"] == {"size": 9}
    mended = simulated.up()
    assert mended.changes == {"update": 1, "create": 1, "same": 7}
    now = cloud.get("kubernetes:example.com/v1:Rack", "vision/first")
    assert now
    assert now.body["spec"] == {"size": 4, "zone": "a"}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ('"ports": [{"port": 80}]', '"ports": [{"prt": 80}]', ["spec.ports[0].prt", "did you mean port"]),
        ('"image": "web:1"', '"image": None', ["spec.template.spec.containers[0].image", "Required value"]),
        ('"size": 4', '"size": "big"', ["spec.size", "must be an integer"]),
        ('kind="Rack"', 'kind="Rak"', ["no kind 'Rak'", "depends_on"]),
        ('metadata={**inside, "name": "first"}', 'metadata={"name": "first", "namespace": "nowhere"}', ["nowhere"]),
    ],
)
def test_a_mistake_stops_the_preview_with_its_path(simulated: Program, old: str, new: str, words: list[str]) -> None:
    assert old in OBJECTS
    simulated.write(OBJECTS.replace(old, new))
    done = simulated.preview()
    assert not done.passed
    assert all(word in done.said for word in words), done.said


def test_patches_are_refused_and_not_passed_over(simulated: Program) -> None:
    simulated.write("""
        from pulumi_kubernetes.core.v1 import ConfigMapPatch
        ConfigMapPatch("a", metadata={"name": "a"}, data={"b": "c"})
    """)
    done = simulated.preview()
    assert not done.passed
    assert "patches of objects that others own are not served" in done.said


def test_a_rehearsal_talks_to_no_real_cluster_whatever_kubeconfig_a_program_names(tmp_path: Path, cloud: Cloud) -> None:
    trap = tmp_path / "called"
    command = {"apiVersion": "client.authentication.k8s.io/v1", "command": "touch", "args": [str(trap)]}
    kubeconfig = {
        "current-context": "a",
        "clusters": [{"name": "a", "cluster": {"server": "https://127.0.0.1:1"}}],
        "users": [{"name": "a", "user": {"exec": command}}],
        "contexts": [{"name": "a", "context": {"cluster": "a", "user": "a"}}],
    }
    program = Program(
        tmp_path / "program", {CLOUD_VARIABLE: str(cloud.file), "KUBECONFIG": "/dev/null"}, Simulated(cloud)
    )
    program.write(f"""
        from pulumi_kubernetes.core.v1 import Namespace
        cluster = k8s.Provider("cluster", kubeconfig={json.dumps(kubeconfig)!r})
        Namespace("vision", metadata={{"name": "vision"}}, opts=pulumi.ResourceOptions(provider=cluster))
    """)
    done = program.up()
    assert done.passed, done.said
    assert cloud.get("kubernetes:core/v1:Namespace", "vision")
    assert not trap.exists()


@pytest.mark.cluster
def test_what_is_made_and_never_ready_is_in_the_state_and_goes_with_a_destroy(real: Program) -> None:
    real.write(OBJECTS.replace('"pulumi.com/skipAwait": "true"', '"pulumi.com/timeoutSeconds": "3"'))
    done = real.up()
    assert not done.passed
    assert "apps/v1/Deployment 'vision/web' is made and not ready: 0 of 1 replicas" in done.said
    there = [each["type"] for each in real.exported()["deployment"]["resources"]]
    assert "kubernetes:apps/v1:Deployment" in there
    real.write(OBJECTS)
    assert real.up().passed
    assert real.destroy().passed


@pytest.mark.cluster
def test_an_object_that_is_there_already_is_told_and_not_taken_over(tmp_path: Path, real: Program) -> None:
    real.write(NAMESPACE)
    assert real.up().passed
    other = Program(tmp_path / "other", real.surroundings, real.server)
    other.write(NAMESPACE)
    done = other.up()
    assert not done.passed
    assert "'vision' already exists: import it" in done.said
    assert real.destroy().passed
