"""Waiting: what it outlasts, what ends it, and whom a failure is blamed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from infra.kubeflow.plugin.cluster import Refused
from infra.kubeflow.plugin.completed import CompletedHandler
from infra.kubeflow.plugin.patience import Interrupted, Pace, Patience
from infra.kubeflow.plugin.pods import Pod, culprit


def answering(*answers: str | Exception | None) -> Callable[[], str | None]:
    """Gives the answers one after the other."""
    left = iter(answers)

    def look() -> str | None:
        answer = next(left)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return look


DOWN, BUSY, DENIED = Refused(0, "does not answer"), Refused(503, "later"), Refused(403, "no")


def test_a_server_that_is_away_for_a_while_ends_no_wait() -> None:
    assert Patience(Pace(0.001, absent=60)).until(60, answering(None, DOWN, BUSY, DOWN, None, "done")) == "done"


def test_a_server_that_stays_away_and_one_that_says_no_end_it() -> None:
    with pytest.raises(Refused, match="does not answer"):
        Patience(Pace(0.001, absent=0)).until(60, answering(DOWN, DOWN, DOWN))
    with pytest.raises(Refused, match="no"):
        Patience(Pace(0.001)).until(60, answering(DENIED))


def test_nothing_is_found_when_the_time_is_up_and_a_person_can_stop_it_before() -> None:
    patience = Patience(Pace(0.001))
    assert patience.until(0, lambda: None) is None
    patience.cancel()
    with pytest.raises(Interrupted):
        patience.until(60, lambda: None)


def pod(name: str, exit_status: int | None, at: str = "2026-01-01T00:00:00Z", attempt: int = 0) -> Pod:
    state: dict[str, Any] = {"running": {}}
    if exit_status is not None:
        state = {"terminated": {"exitCode": exit_status, "finishedAt": at}}
    return Pod(
        {
            "metadata": {"name": name, "labels": {"jobset.sigs.k8s.io/restart-attempt": str(attempt)}},
            "spec": {"containers": [{"name": "node"}]},
            "status": {"containerStatuses": [{"name": "node", "state": state}]},
        }
    )


@pytest.mark.parametrize(
    ("pods", "blamed"),
    [
        ([], None),
        ([pod("runs", None), pod("done", 0)], None),
        ([pod("follows", 1, "2026-01-01T00:00:09Z"), pod("first", 1, "2026-01-01T00:00:01Z")], "first"),
        ([pod("first", 1, "2026-01-01T00:00:01Z"), pod("for-good", 74, "2026-01-01T00:00:09Z")], "for-good"),
        ([pod("earlier", 74), pod("now", 1, attempt=2)], "now"),
    ],
)
def test_the_first_that_failed_in_the_last_attempt_is_blamed_and_before_it_one_that_failed_for_good(
    pods: list[Pod], blamed: str | None
) -> None:
    found = culprit(pods)
    assert (found.name if found else None) == blamed


def test_a_kind_of_which_nobody_knows_the_end_is_refused() -> None:
    (mistake,) = CompletedHandler().check({"kind": "Deployment"})
    assert (mistake.path, "allowed: TrainJob, JobSet" in mistake.reason) == ("kind", True)
    assert [*CompletedHandler().check({"kind": "JobSet"})] == []
