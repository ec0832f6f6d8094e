"""The whole of an environment: who it acts as, what it shows, and what is known before anything exists."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from tests.google.conftest import STACKS, Site, declare_site, stack_site

ONLY_GOOGLE_KNOWS = re.compile(
    r"""network|subnetwork|subnetworks\[\]\.name|router|networks\[\]\.network|networkConfig\.(network|subnetwork)
    |keyRing|cryptoKeyId|kmsKeyName|kmsKey|encryption\.defaultKmsKeyName|diskEncryptionKey\.kmsKeySelfLink
    |databaseEncryption\.keyName|nodeConfig\.bootDiskKmsKey|nodeConfig\.serviceAccount|serviceAccount\.email
    |service_account\.email|serviceAccountId|members\[\]|members|member|bucket|repository|cluster
    |placementPolicy\.policyName|reservedPeeringRanges\[\]|reservedPeeringRanges|notificationChannels(\[\])?
    |allUpdatesRule\.monitoringNotificationChannels(\[\])?
    |networkConfig\.additionalNodeNetworkConfigs\[\]\.(network|subnetwork)""",
    re.VERBOSE,
)
"""Ids and names of other resources: all that a policy cannot read in a preview."""


def leaves(value: Any, path: str = "") -> Iterator[str]:
    """The path of every value inside ``value``."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from leaves(part, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for part in value:
            yield from leaves(part, f"{path}[]")
    yield path


def test_the_provider_takes_the_callers_credentials_and_none_of_its_own(site: Site) -> None:
    (provider,) = site.of("pulumi:providers:gcp")
    assert provider.inputs["project"] == site.google.project
    assert not {"credentials", "accessToken", "impersonateServiceAccount"} & provider.inputs.keys()
    assert not [each for each in site.declared if each.type == "pulumi:providers:gcp" and each.name != "google"]


@pytest.mark.parametrize("stack", STACKS)
def test_a_preview_knows_all_but_what_only_google_knows(stack: str) -> None:
    site = stack_site(stack)
    shown = {each.urn: each for each in declare_site(site.settings, preview=True).declared}
    assert shown.keys() == {each.urn for each in site.declared}
    for each in site.declared:
        missing = set(leaves(each.inputs)) - set(leaves(shown[each.urn].inputs))
        assert not [path for path in missing if not ONLY_GOOGLE_KNOWS.fullmatch(path)], each.urn


@pytest.mark.parametrize("stack", STACKS)
def test_the_order_of_a_stack_file_makes_no_difference(stack: str) -> None:
    site = stack_site(stack)
    turned = site.google.model_copy(
        update={
            "gpu_pools": site.google.gpu_pools[::-1],
            "tpu_slices": site.google.tpu_slices[::-1],
            "tpu_queues": site.google.tpu_queues[::-1],
        }
    )
    other = {each.urn: each for each in declare_site(_with(site, turned)).declared}
    same = [each for each in site.declared if each.custom and not each.name.startswith("observability-")]
    assert [each.name for each in same if other[each.urn].inputs != each.inputs] == []


def _with(site: Site, google: Any) -> Any:
    settings = site.settings.model_copy(update={"google": google})
    settings._stack = site.settings.stack
    return settings


def test_the_outputs_say_how_to_get_in_and_where_everything_is(site: Site) -> None:
    always = {
        "connect",
        "cluster",
        "buckets",
        "registry",
        "service_accounts",
        "dashboards",
        "tpu_queues",
        "estimated_cost",
    }
    assert site.outputs.keys() == always | ({"delivery"} if site.google.delivery else set())
    assert site.outputs["buckets"].keys() == {"datasets", "checkpoints", "models", "pipelines", "logs"}
    assert site.outputs["tpu_queues"].keys() == {each.name for each in site.google.tpu_queues}


def test_the_estimated_cost_rises_from_the_least_to_the_most_and_from_stack_to_stack() -> None:
    costs = [stack_site(stack).outputs["estimated_cost"] for stack in STACKS]
    hourly = [[cost[scale]["hourly_usd"]["declared"] for scale in ("least", "most")] for cost in costs]
    assert all(0 < least < most for least, most in hourly)
    assert hourly == sorted(hourly)
