"""Queued resources over a TPU API on loopback, at a pace for tests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from pulumi.provider.experimental import provider as protocol

from infra.plugin.handler import State, Talk
from infra.plugin.provider import HandlerProvider
from infra.plugin.values import plain, properties
from infra.tpu_queue.plugin.pace import Pace
from infra.tpu_queue.plugin.queued_resource import QueuedResourceHandler
from infra.tpu_queue.plugin.spec import DEFAULTS
from infra.tpu_queue.resource import QueuedResource
from tests.unit.conftest import Heard
from tests.unit.tpu_queue.fake_tpu import FakeTpu

NAME = "projects/my-project/locations/us-west4-a/queuedResources/slice"
URN = f"urn:pulumi:test::ai-datacenter::{QueuedResource.TYPE}::slice"
PACE = Pace(poll_seconds=0.005, backoff_seconds=0.005, request_seconds=0.4, news_seconds=60)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeTpu]:
    with FakeTpu() as fake:
        monkeypatch.setenv("AIDC_TPU_ENDPOINT", fake.url)
        yield fake


@pytest.fixture
def handler() -> QueuedResourceHandler:
    return QueuedResourceHandler(PACE)


@pytest.fixture
def program() -> State:
    """What the smallest program declares."""
    return {
        "project": "my-project",
        "zone": "us-west4-a",
        "queued_resource_id": "slice",
        "runtime_version": "v2-alpha-tpuv5-lite",
        "accelerator_type": "v5litepod-16",
    }


@pytest.fixture
def rich(program: State) -> State:
    """All that a program can declare at once."""
    return {
        **program,
        "node_id": "worker",
        "network": "train",
        "subnetwork": "train-us-west4",
        "enable_external_ips": True,
        "service_account": {"email": "tpu@my-project.iam.gserviceaccount.com", "scopes": ["https://scope/a"]},
        "labels": {"team": "vision"},
        "tags": ["ssh", "tpu"],
        "metadata": {"startup-script": "echo hello"},
        "description": "training",
        "secure_boot": True,
        "data_disks": [{"source_disk": "projects/my-project/zones/us-west4-a/disks/data", "mode": "READ_ONLY"}],
        "capacity": "guaranteed",
        "min_duration": "86400s",
        "queueing": {"valid_interval": {"start_time": "2026-12-01T06:00:00Z", "end_time": "2026-12-02T06:00:00+00:00"}},
        "wait_for": "accepted",
        "force_delete": True,
    }


@pytest.fixture
def inputs(program: State) -> State:
    """The smallest program as the engine holds it after the check."""
    return {**DEFAULTS, **program}


def talk(heard: Heard, seconds: float = 5, urn: str = URN) -> Talk:
    return replace(heard.talk, urn=urn, seconds=seconds)


@pytest.fixture
def create(fake: FakeTpu, handler: QueuedResourceHandler, inputs: State, heard: Heard) -> Callable[..., State]:
    """Creates the resource ``slice``; takes changes of its inputs, and its time."""

    def make(seconds: float = 5, urn: str = URN, **changes: Any) -> State:
        return handler.create("slice", {**inputs, **changes}, talk(heard, seconds, urn))

    return make


class Engine:
    """The provider as the engine calls it."""

    def __init__(self, handler: QueuedResourceHandler, heard: Heard) -> None:
        self.provider = HandlerProvider({QueuedResource.TYPE: handler}, lambda _: heard.talk)

    def check(self, inputs: State) -> tuple[State, dict[str, str]]:
        """The inputs as they are kept, and the reasons of failures by path."""
        answer = asyncio.run(self.provider.check(protocol.CheckRequest(URN, {}, properties(inputs), b"")))
        return plain(answer.inputs or {}), {each.property: each.reason for each in answer.failures or []}

    def diff(self, state: State, program: State) -> protocol.DiffResponse:
        inputs, failures = self.check(program)
        assert failures == {}
        return asyncio.run(
            self.provider.diff(protocol.DiffRequest(URN, NAME, properties(state), properties(inputs), []))
        )

    def create(self, program: State, *, preview: bool = False, seconds: float = 5) -> protocol.CreateResponse:
        inputs, failures = self.check(program)
        assert failures == {}
        return asyncio.run(self.provider.create(protocol.CreateRequest(URN, properties(inputs), seconds, preview)))

    def read(self, state: State, identity: str = NAME) -> protocol.ReadResponse:
        return asyncio.run(self.provider.read(protocol.ReadRequest(URN, identity, properties(state), {})))


@pytest.fixture
def engine(handler: QueuedResourceHandler, heard: Heard) -> Engine:
    return Engine(handler, heard)
