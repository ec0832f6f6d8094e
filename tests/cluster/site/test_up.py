"""`pulumi up` of the stack `cluster` on a real API server, with real controllers and real TensorFlow."""

from __future__ import annotations

import pytest

from tests.cluster.site.data_centre import DataCentre

pytestmark = pytest.mark.cluster


def test_up_installs_the_platform_trains_a_model_and_serves_it(data_centre: DataCentre) -> None:
    model = data_centre.model()
    assert model["accuracy"] >= 0.97
    assert model["version"] == 1
    assert data_centre.outputs()["components"] == {"jobset": "0.12.0", "kueue": "0.19.2", "trainer": "2.2.1"}


def test_two_real_pods_trained_it_admitted_by_kueue(data_centre: DataCentre) -> None:
    (job,) = data_centre.get("trainjobs", "--namespace=research")
    assert job["spec"]["trainer"]["numNodes"] == 2
    (workload,) = data_centre.get("workloads.kueue.x-k8s.io", "--namespace=research")
    happened = {each["type"]: each["status"] for each in workload["status"]["conditions"]}
    assert (happened["Admitted"], happened["Finished"]) == ("True", "True")
    pods = data_centre.get("pods", "--namespace=research", "--selector=jobset.sigs.k8s.io/replicatedjob-name=worker")
    assert [each["status"]["phase"] for each in pods] == ["Succeeded", "Succeeded"]


@pytest.mark.parametrize("command", ["up", "refresh"])
def test_nothing_changes_a_second_time(data_centre: DataCentre, command: str) -> None:
    assert " unchanged" in data_centre.says_no_change(command)
