"""What a program writes is what the plugin gets."""

from __future__ import annotations

import asyncio
from dataclasses import fields
from typing import Any

import pulumi
import pytest

from infra.plugin.handler import Handler
from infra.plugin.values import plain, properties
from infra.tpu_queue.plugin.check import REQUEST
from infra.tpu_queue.plugin.queued_resource import QueuedResourceHandler
from infra.tpu_queue.resource import (
    AcceleratorConfig,
    DataDisk,
    Interval,
    Multislice,
    QueuedResource,
    QueuedResourceArgs,
    Queueing,
    ServiceAccount,
)

REGISTERED: list[pulumi.runtime.MockResourceArgs] = []


class Engine(pulumi.runtime.Mocks):
    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str, dict[str, Any]]:
        REGISTERED.append(args)
        return args.name, args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> dict[str, Any]:
        raise AssertionError(args.token)


@pytest.fixture
def registered() -> pulumi.runtime.MockResourceArgs:
    """A resource with every argument, some of them outputs, as the engine gets it."""
    REGISTERED.clear()
    asyncio.set_event_loop(asyncio.new_event_loop())  # a test that ran a loop of its own has left none
    pulumi.runtime.set_mocks(Engine())

    @pulumi.runtime.test
    def declare() -> None:
        args = QueuedResourceArgs(
            project=pulumi.Output.from_input("my-project"),
            zone="us-west4-a",
            queued_resource_id="slice",
            runtime_version="v2-alpha-tpuv5-lite",
            accelerator_config=AcceleratorConfig("V5LITE_POD", pulumi.Output.from_input("4x4")),
            multislice=Multislice(2),
            network="train",
            subnetwork="train",
            service_account=ServiceAccount(email=pulumi.Output.from_input("a@b"), scopes=["https://scope"]),
            labels={"team": pulumi.Output.from_input("vision")},
            tags=["ssh"],
            metadata={"a": "b"},
            description="d",
            data_disks=[DataDisk("projects/p/zones/z/disks/d", "READ_ONLY")],
            capacity="guaranteed",
            min_duration="60s",
            queueing=Queueing(valid_interval=Interval("2026-12-01T06:00:00Z", "2026-12-02T06:00:00Z")),
        )
        QueuedResource("slice", args)

    declare()
    return REGISTERED[-1]


def test_the_type_token_stays_as_it_is(registered: pulumi.runtime.MockResourceArgs) -> None:
    assert registered.typ == "aidc-tpu:index:QueuedResource"


def test_arguments_arrive_as_they_were_written_and_what_was_left_out_does_not(
    registered: pulumi.runtime.MockResourceArgs,
) -> None:
    assert registered.inputs == {
        "project": "my-project",
        "zone": "us-west4-a",
        "queued_resource_id": "slice",
        "runtime_version": "v2-alpha-tpuv5-lite",
        "accelerator_config": {"type": "V5LITE_POD", "topology": "4x4"},
        "multislice": {"node_count": 2},
        "network": "train",
        "subnetwork": "train",
        "enable_external_ips": False,
        "service_account": {"email": "a@b", "scopes": ["https://scope"]},
        "labels": {"team": "vision"},
        "tags": ["ssh"],
        "metadata": {"a": "b"},
        "description": "d",
        "secure_boot": False,
        "data_disks": [{"source_disk": "projects/p/zones/z/disks/d", "mode": "READ_ONLY"}],
        "capacity": "guaranteed",
        "min_duration": "60s",
        "queueing": {"valid_interval": {"start_time": "2026-12-01T06:00:00Z", "end_time": "2026-12-02T06:00:00Z"}},
        "wait_for": "accepted",
        "force_delete": True,
    }
    assert list(REQUEST("", plain(properties(registered.inputs)))) == []


def test_no_output_has_the_name_of_an_input() -> None:
    assert not set(QueuedResource.OUTPUTS) & {field.name for field in fields(QueuedResourceArgs)}


def test_only_an_output_can_be_volatile() -> None:
    handler: Handler = QueuedResourceHandler()
    assert set(handler.volatile) <= set(handler.outputs)
