"""Google's APIs on loopback, for the preflight."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.auth.credentials import AnonymousCredentials
from google.auth.transport.requests import AuthorizedSession

from infra.preflight.api import Google
from tests.unit.plan import samples
from tests.unit.preflight.fake_google import FakeGoogle


@pytest.fixture
def fake() -> Iterator[FakeGoogle]:
    with FakeGoogle() as fake:
        yield fake
    assert fake.wrong == []


@pytest.fixture
def google(fake: FakeGoogle) -> Google:
    session = AuthorizedSession(AnonymousCredentials())  # type: ignore[no-untyped-call]
    session.trust_env = False  # a proxy of the environment is not for loopback
    return Google(session, fake.url, pause=0.001)


@pytest.fixture
def stack_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Writes a stack file into a project of its own, goes there and returns the stack's name."""
    (tmp_path / "Pulumi.yaml").touch()
    (tmp_path / "stacks").mkdir()
    monkeypatch.chdir(tmp_path)

    def write(stack: str = samples.STACK, site: str = "google", **changes: Any) -> str:
        config: dict[str, Any] = {"ai-datacenter:site": site}
        if site == "google":
            config["ai-datacenter:google"] = samples.section(**changes)
        (tmp_path / "stacks" / f"Pulumi.{stack}.yaml").write_text(yaml.safe_dump({"config": config}))
        return stack

    return write
