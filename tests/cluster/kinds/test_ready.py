"""Kinds of objects that a server takes, or does not yet."""

from __future__ import annotations

import pytest

from infra.kubeflow.plugin.ready import ReadyHandler
from infra.plugin.handler import ProviderError, State
from tests.cluster.kinds.conftest import PACE, Beside, apply, within
from tests.unit.conftest import Heard, wait_until
from toolchain.cluster.built import Cluster

pytestmark = pytest.mark.cluster
GROUP = {"group": "tests.local", "names": {"kind": "Thing", "plural": "things"}, "scope": "Namespaced"}
SCHEMA = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}


def inputs(team: str, *kinds: str) -> State:
    things = [
        {"apiVersion": "tests.local/v1", "kind": kind, "metadata": {"name": "probe", "namespace": team}}
        for kind in kinds
    ]
    return {"context": "cluster", "dry_runs": things, "triggers": []}


def test_it_waits_until_a_kind_is_served_and_leaves_no_object(
    bare: Cluster, team: str, heard: Heard, beside: Beside
) -> None:
    done = beside(ReadyHandler(PACE).create, "ready", inputs(team, "Thing"), within(heard, 60))
    wait_until("news", lambda: heard.progress)
    assert not done.done()
    version = {"name": "v1", "served": True, "storage": True, "schema": SCHEMA}
    definition = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition"}
    apply(bare, {**definition, "metadata": {"name": "things.tests.local"}, "spec": {**GROUP, "versions": [version]}})
    assert done.result(60)["context"] == "cluster"
    assert bare.kubectl("--namespace", team, "get", "things", "-o", "name") == ""


def test_a_webhook_that_does_not_answer_is_named_when_the_time_is_up(bare: Cluster, team: str, heard: Heard) -> None:
    rule = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
    hook = {
        "name": "nobody.tests.local",
        "admissionReviewVersions": ["v1"],
        "sideEffects": "None",
        "rules": [rule],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": team}},
        "clientConfig": {"service": {"namespace": team, "name": "nobody"}},
    }
    kind = {"apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration"}
    apply(bare, {**kind, "metadata": {"name": team}, "webhooks": [hook]})
    probe = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "probe", "namespace": team}}
    inputs = {"context": "cluster", "dry_runs": [probe], "triggers": []}
    try:
        with pytest.raises(ProviderError, match=r"no ConfigMap probe after 1 s: .*nobody\.tests\.local"):
            ReadyHandler(PACE).create("ready", inputs, within(heard, 1))
    finally:
        bare.kubectl("delete", "validatingwebhookconfiguration", team)
    ReadyHandler(PACE).create("ready", inputs, within(heard, 30))


def test_an_object_that_no_time_would_make_right_fails_at_once(team: str, heard: Heard) -> None:
    wrong = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "probe", "namespace": team}, "spec": {}}
    with pytest.raises(ProviderError, match=r"spec\.ports"):
        ReadyHandler(PACE).create("ready", {"context": "cluster", "dry_runs": [wrong]}, within(heard, 600))


@pytest.mark.usefixtures("team")
def test_a_context_that_is_not_there_is_named_with_where_it_was_looked_for(heard: Heard) -> None:
    with pytest.raises(ProviderError, match=r"context elsewhere: .*\n.*KUBECONFIG is /.*get-contexts"):
        ReadyHandler(PACE).create("ready", {"context": "elsewhere", "dry_runs": []}, heard.talk)
