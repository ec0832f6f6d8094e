"""The budget tells in time, tells those who answer for the environment, and is the same at every preview."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from infra.google_cloud.budget import Budget
from infra.google_cloud.environment import Environment
from infra.settings import operations
from tests.google.mocks import declare, of_type

ENVIRONMENT = Environment("dev", "acme-ai-dev", 123456789012, "us-central1", {"env": "dev"}, "none")
CHANNELS = ["projects/acme-ai-dev/notificationChannels/1", "projects/acme-ai-dev/notificationChannels/2"]


def budget(channels: list[str] = CHANNELS, **settings: Any) -> dict[str, Any]:
    """The inputs of the budget that is declared for ``settings``."""
    wanted = operations.Budget(billing_account="012345-6789AB-CDEF01", **{"monthly_usd": 20_000, **settings})
    (found,) = of_type(
        declare(lambda: Budget("budget", ENVIRONMENT, wanted, channels=channels)), "gcp:billing/budget:Budget"
    )
    return found.inputs


def test_a_budget_knows_its_project_by_number() -> None:
    assert budget()["budgetFilter"]["projects"] == ["projects/123456789012"]


def test_the_amount_is_whole_and_in_the_currency_of_the_account() -> None:
    inputs = budget(monthly_usd=1_234_567)
    assert inputs["amount"] == {"specifiedAmount": {"units": "1234567"}}
    assert inputs["budgetFilter"]["calendarPeriod"] == "MONTH"


def test_what_is_spent_is_told_in_rising_shares_and_what_is_forecast_once() -> None:
    rules = budget(thresholds=(0.25, 0.5, 0.9, 1.2), forecast=1.1)["thresholdRules"]
    spent = [rule["thresholdPercent"] for rule in rules if rule["spendBasis"] == "CURRENT_SPEND"]
    forecast = [rule["thresholdPercent"] for rule in rules if rule["spendBasis"] == "FORECASTED_SPEND"]
    assert all(low < high for low, high in pairwise(spent))
    assert spent == [0.25, 0.5, 0.9, 1.2]
    assert forecast == [1.1]
    shares = [rule["thresholdPercent"] for rule in rules]
    assert shares == sorted(shares)


def test_those_whom_alerts_tell_are_told() -> None:
    assert budget()["allUpdatesRule"]["monitoringNotificationChannels"] == CHANNELS


@pytest.mark.parametrize(
    "path",
    [
        ("ownershipScope",),
        ("budgetFilter", "calendarPeriod"),
        ("budgetFilter", "creditTypesTreatment"),
        ("allUpdatesRule", "disableDefaultIamRecipients"),
        ("allUpdatesRule", "enableProjectLevelRecipients"),
        ("allUpdatesRule", "schemaVersion"),
    ],
)
def test_what_the_service_would_fill_in_is_said(path: tuple[str, ...]) -> None:
    value: Any = budget()
    for key in path:
        value = value[key]
    assert value is not None
