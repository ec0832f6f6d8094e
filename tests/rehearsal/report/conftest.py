"""A report of a real rehearsal, one in which everything is hostile, and a browser to look at them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, Request, sync_playwright

from rehearsal import cycle
from rehearsal.report import collect, files, preflight
from rehearsal.report.document import Base, Change, Fault, Finding, Property, Report
from toolchain import browser, cache

ARTEFACTS: Path = cache.PROJECT / ".local" / "test-artefacts" / "rehearsal-report"
"""Where pages, prints and screenshots of the last run of these tests are kept."""

HOSTILE = "<script>window.hacked = true</script><img src=x onerror='window.hacked = true'>\"'&"


def base_of(*changes: Change) -> Base:
    counts = {kind: sum(each.kind == kind for each in changes) for kind in ("replace", "delete", "update", "create")}
    commit = "0123456789abcdef0123456789abcdef01234567"
    return Base(
        ref="main", commit=commit, problem="", seconds=31.5, counts=counts, changes=list(changes), unchanged=120
    )


def change(resource: str, kind: str, *, protected: bool = False, **properties: tuple[str, str]) -> Change:
    differs = [
        Property(path=path, old=old, new=new, forces=kind == "replace") for path, (old, new) in properties.items()
    ]
    token = "gcp:storage/bucket:Bucket"  # noqa: S105 - the token of a resource type
    urn = f"urn:pulumi:dev::ai-datacenter::aidc:google:Storage${token}::{resource}"
    values = {"urn": urn, "type": token, "name": resource, "component": "storage", "properties": differs}
    return Change.model_validate({**values, "kind": kind, "protected": protected})


@pytest.fixture(scope="session")
def report(rehearse: Callable[[str], cycle.Cycle]) -> Report:
    """Of development, beside a base that costs half and has other buckets."""
    said = preflight.ask("dev", cache.PROJECT)
    before = preflight.ask("dev", cache.PROJECT)
    for scale in ("least", "most"):
        for period in ("hourly_usd", "monthly_usd"):
            before["cost"][scale][period] = {basis: usd / 2 for basis, usd in said["cost"][scale][period].items()}
    before["quotas"] = before["quotas"][1:]
    changes = [
        change("storage-models", "replace", protected=True, location=("EU", "US-CENTRAL1"), name=("", "models-2")),
        change("storage-old", "delete"),
        change("storage-logs", "update", versioning=("false", "true")),
        change("storage-new", "create"),
    ]
    return collect.collect(rehearse("dev"), said=said, compared=base_of(*changes), base_said=before)


@pytest.fixture(scope="session")
def hostile(rehearse: Callable[[str], cycle.Cycle]) -> Report:
    """A failed rehearsal in which every text that others write is markup."""
    resources = []
    for each in rehearse("dev").resources:
        inputs = {**each.get("inputs", {}), "name": HOSTILE, "location": HOSTILE}
        resources.append({**each, "urn": f"{each['urn']}{HOSTILE}", "id": HOSTILE, "inputs": inputs})
    failed = cycle.Step("up", {"create": 3}, [], 1.0, 2.0, [HOSTILE], [HOSTILE], passed=False, why=f"why {HOSTILE}")
    done = cycle.Cycle("dev", Path(), [failed], resources, left={f"gcp:a:B {HOSTILE}": HOSTILE})
    return collect.collect(
        done,
        said=None,
        no_preflight=HOSTILE,
        compared=base_of(change(HOSTILE, "delete", protected=True, key=(HOSTILE, HOSTILE))),
        policy=[Finding(rule="COST-02", severity="critical", resource=HOSTILE, message=HOSTILE)],
        faults=[Fault(kind="stockout", resource=HOSTILE, message=HOSTILE, advice=HOSTILE)],
    )


@pytest.fixture(scope="session")
def artefacts() -> Path:
    ARTEFACTS.mkdir(parents=True, exist_ok=True)
    return ARTEFACTS


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """A headless Chromium. Its driver keeps an event loop in this thread, so it ends before other tests want one."""
    try:
        program = browser.executable(cache.Reporter("browser"))
    except cache.SetupError as error:
        pytest.skip(str(error))
    with sync_playwright() as driver:
        started = driver.chromium.launch(
            executable_path=program, args=["--no-sandbox"], env=browser.environment(program)
        )
        yield started
        started.close()


class Visit:
    """A page that was opened from its file with no network.

    requests, said:  what it asked for, and what it wrote to the console or threw.
    """

    def __init__(self, context: BrowserContext, file: Path) -> None:
        self.requests: list[str] = []
        self.said: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("request", self._requested)
        self.page.on("console", self._wrote)
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.goto(file.as_uri())

    def _requested(self, request: Request) -> None:
        self.requests.append(request.url)

    def _wrote(self, message: ConsoleMessage) -> None:
        self.said.append(message.text)


@pytest.fixture
def visit(chromium: Browser, tmp_path: Path) -> Iterator[Callable[..., Visit]]:
    """Writes a report and opens it; options are those of a context of the browser."""
    contexts = []

    def opened(report: Report, width: int = 1280, **options: object) -> Visit:
        contexts.append(
            chromium.new_context(offline=True, viewport={"width": width, "height": 900}, **options)  # type: ignore[arg-type]
        )
        return Visit(contexts[-1], files.write(report, tmp_path))

    yield opened
    for context in contexts:
        context.close()
