"""Every Google stack lives its whole life with the real engine and no cloud."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from rehearsal import cycle
from tests.rehearsal.conftest import STACKS
from toolchain import cache

STEPS = ("preview", "up", "second up", "refresh", "import", "preview of the imported")


@pytest.fixture(params=STACKS)
def rehearsed(request: pytest.FixtureRequest, rehearse: Callable[[str], cycle.Cycle]) -> cycle.Cycle:
    """The whole cycle of each stack; run once."""
    return rehearse(request.param)


def test_a_stack_lives_its_whole_life(rehearsed: cycle.Cycle) -> None:
    assert rehearsed.passed, [(each.name, each.why, each.errors) for each in rehearsed.steps if not each.passed]
    protected = any(each.get("protect") for each in rehearsed.resources)
    ends = ("destroy refused", "destroy") if protected else ("destroy",)
    assert tuple(each.name for each in rehearsed.steps) == STEPS + ends
    assert protected == (rehearsed.stack != "dev")


def test_up_makes_what_the_preview_showed_and_then_nothing_differs(rehearsed: cycle.Cycle) -> None:
    preview, up = rehearsed.step("preview"), rehearsed.step("up")
    assert {each.urn for each in preview.changes} == {each.urn for each in up.changes}
    assert preview.counts == up.counts == {"create": len(rehearsed.resources)}
    assert rehearsed.step("second up").counts.keys() == {"same"}
    assert rehearsed.step("refresh").changes == []


def test_everything_is_imported_but_what_no_provider_can_import(rehearsed: cycle.Cycle) -> None:
    real = [each for each in rehearsed.resources if each["custom"] and "pulumi:providers" not in each["type"]]
    assert rehearsed.step("import").counts["import"] == len(real) - len(rehearsed.not_imported)
    assert all("ServiceIdentity" in urn for urn in rehearsed.not_imported)
    settings = {path for paths in rehearsed.settings.values() for path in paths}
    assert settings <= {
        *("deletionPolicy", "forceDestroy", "removeDefaultNodePool", "skipNodePoolRefresh", "ignoreNodeCountChanges"),
        *("deletionProtection", "disableOnDestroy", "disableDependentServices"),
    }


def test_what_is_left_is_what_google_keeps(rehearsed: cycle.Cycle) -> None:
    kinds = {each.partition(" ")[0].rpartition(":")[2] for each in rehearsed.left}
    assert kinds <= {"Service", "ServiceIdentity", "KeyRing", "CryptoKey"} | {"Connection"}
    assert all(rehearsed.left.values())


def test_a_rehearsal_says_how_long_a_cloud_would_take(rehearsed: cycle.Cycle) -> None:
    assert rehearsed.step("up").simulated_minutes > 10
    assert rehearsed.step("second up").simulated_minutes == 0


def test_the_stack_file_and_the_real_state_have_not_met_it(rehearsed: cycle.Cycle) -> None:
    state = json.loads(next(rehearsed.folder.glob(f"state/{rehearsed.stack}/.pulumi/stacks/**/*.json")).read_text())
    assert state["checkpoint"]["stack"].endswith(rehearsed.stack)
    assert not list((cache.PROJECT / ".local" / "state").glob(f".pulumi/stacks/*/{rehearsed.stack}.json"))


def test_the_folder_of_a_rehearsal_is_called_so_as_its_content_is_removed(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="must lie in a folder called rehearsal"):
        cycle.Rehearsal("dev", tmp_path)


def test_a_policy_of_audit_logs_depends_on_the_accounts_that_it_names(rehearsed: cycle.Cycle) -> None:
    accounts = {each["outputs"]["email"]: each["urn"] for each in rehearsed.resources if "Account" in each["type"]}
    named = 0
    for each in rehearsed.resources:
        if not each["type"].endswith(":IAMAuditConfig"):
            continue
        for config in each["inputs"]["auditLogConfigs"]:
            for member in config.get("exemptedMembers", ()):
                assert accounts[member.removeprefix("serviceAccount:")] in each["dependencies"]
                named += 1
    assert named
