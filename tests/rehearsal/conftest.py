"""The stand-in in this process, a cloud, and one resource of each type that is served."""

from __future__ import annotations

import asyncio
import copy
import functools
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.provider.experimental import provider as protocol

from rehearsal import cycle
from rehearsal.cloud.store import Cloud
from rehearsal.google.provider import StandIn
from rehearsal.values import plain, properties

SAMPLES: list[dict[str, Any]] = yaml.safe_load((Path(__file__).parent / "samples.yaml").read_text())
STACKS = ("dev", "staging", "prod")
TOKENS = [each["type"] for each in SAMPLES]


def sample(token: str, **changes: Any) -> dict[str, Any]:
    """The inputs of the sample of a type, with ``changes`` at the top; None takes a property out."""
    inputs = copy.deepcopy(next(each["inputs"] for each in SAMPLES if each["type"] == token))
    return {name: value for name, value in {**inputs, **changes}.items() if value is not None}


class Driver:
    """Asks the stand-in as the engine does, with plain values."""

    def __init__(self, cloud: Cloud | None, settings: dict[str, Any] | None = None) -> None:
        """``settings``: the provider's own, such as its project."""
        self._stand_in = StandIn(cloud)
        if settings:
            request = protocol.ConfigureRequest({}, properties(settings), accept_secrets=False, accept_resources=False)
            asyncio.run(self._stand_in.configure(request))

    def check(self, token: str, inputs: dict[str, Any]) -> dict[str, str]:
        """What is wrong, by the property's path."""
        request = protocol.CheckRequest(_urn(token), {}, properties(inputs), b"")
        return {each.property: each.reason for each in asyncio.run(self._stand_in.check(request)).failures or []}

    def create(self, token: str, inputs: dict[str, Any], *, seconds: float = 0) -> tuple[str, dict[str, Any]]:
        """Id and properties of what was made."""
        request = protocol.CreateRequest(_urn(token), properties(inputs), seconds, False)
        made = asyncio.run(self._stand_in.create(request))
        return str(made.resource_id), plain(made.properties)

    def preview(self, token: str, inputs: dict[str, Any]) -> dict[str, Any]:
        request = protocol.CreateRequest(_urn(token), properties(inputs), 0, True)
        return plain(asyncio.run(self._stand_in.create(request)).properties)

    def diff(self, token: str, identity: str, state: dict[str, Any], inputs: dict[str, Any]) -> protocol.DiffResponse:
        request = protocol.DiffRequest(_urn(token), identity, properties(state), properties(inputs), [])
        return asyncio.run(self._stand_in.diff(request))

    def refresh(
        self, token: str, identity: str, state: dict[str, Any], inputs: dict[str, Any]
    ) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """Id, "" when it is gone; properties; inputs."""
        request = protocol.ReadRequest(_urn(token), identity, properties(state), properties(inputs))
        read = asyncio.run(self._stand_in.read(request))
        return str(read.resource_id), plain(read.properties), plain(read.inputs)

    def take_over(self, token: str, identity: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """An import: the id alone is known."""
        return self.refresh(token, identity, {}, {})

    def update(self, token: str, identity: str, state: dict[str, Any], inputs: dict[str, Any]) -> dict[str, Any]:
        request = protocol.UpdateRequest(_urn(token), identity, properties(state), properties(inputs), 0, [], False)
        return plain(asyncio.run(self._stand_in.update(request)).properties)

    def delete(self, token: str, identity: str, state: dict[str, Any]) -> None:
        asyncio.run(self._stand_in.delete(protocol.DeleteRequest(_urn(token), identity, properties(state), 0)))

    def make(self, *tokens: str) -> dict[str, tuple[str, dict[str, Any]]]:
        """The samples of those types and of all that come before them."""
        last = max(map(TOKENS.index, tokens))
        return {token: self.create(token, sample(token)) for token in TOKENS[: last + 1]}


def _urn(token: str) -> str:
    return f"urn:pulumi:test::ai-datacenter::{token}::it"


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    """An empty project, in which every service is enabled."""
    made = Cloud(tmp_path / "cloud.sqlite")
    services = {f"{token.split(':')[1].partition('/')[0]}.googleapis.com" for token in TOKENS}
    others = ("cloudkms", "iam", "artifactregistry", "billingbudgets", "file", "cloudresourcemanager", "serviceusage")
    made.set_fact("enabled", sorted(services | {f"{each}.googleapis.com" for each in others}))
    made.set_fact("numbers", {"example-project": "100000000001"})
    yield made
    made.close()


@pytest.fixture
def driver(cloud: Cloud) -> Driver:
    return Driver(cloud)


@pytest.fixture(scope="session")
def rehearse(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], cycle.Cycle]:
    """The whole cycle of a stack by its name; each is run once."""
    return functools.cache(lambda name: cycle.run(name, tmp_path_factory.mktemp(name) / "rehearsal"))
