"""`pulumi destroy` of the stack `cluster` ends, and leaves nothing but what is meant to stay. Goes last (conftest)."""

from __future__ import annotations

import pytest

from tests.cluster.site.data_centre import DataCentre, there

pytestmark = pytest.mark.cluster
KEPT = "CustomResourceDefinition/"


def test_destroy_leaves_the_cluster_as_it_was_but_for_definitions(taken_down: DataCentre, before: set[str]) -> None:
    left = there(taken_down.cluster) - before
    definitions = {each for each in left if each.startswith(KEPT)}
    served = {each.partition(".")[2] for each in definitions}  # the API server makes an APIService of each group itself
    assert {each for each in left - definitions if each.partition(".")[2] not in served} == set()
    assert f"{KEPT}/trainjobs.trainer.kubeflow.org" in definitions


def test_an_up_after_it_takes_the_definitions_over(taken_down: DataCentre) -> None:
    taken_down.write()  # the platform alone
    taken_down.up()
    taken_down.run("destroy", "--yes", "--skip-preview")
