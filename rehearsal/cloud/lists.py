"""What Google lists of the things that it numbers itself."""

from __future__ import annotations

import re
from typing import Any

from rehearsal.cloud.errors import ApiError
from rehearsal.cloud.store import Cloud

Json = dict[str, Any]

LISTS = {
    r"/monitoring\.googleapis\.com/v3/projects/([^/]+)/alertPolicies": "gcp:monitoring/alertPolicy:AlertPolicy",
    r"/monitoring\.googleapis\.com/v3/projects/([^/]+)/notificationChannels": (
        "gcp:monitoring/notificationChannel:NotificationChannel"
    ),
    r"/monitoring\.googleapis\.com/v1/projects/([^/]+)/dashboards": "gcp:monitoring/dashboard:Dashboard",
    r"/billingbudgets\.googleapis\.com/v1/billingAccounts/([^/]+)/budgets": "gcp:billing/budget:Budget",
}
"""Resource type by the path of the method ``list`` (discovery documents monitoring.v3, .v1, billingbudgets.v1)."""


def has(path: str) -> bool:
    """Whether this is a list, or another method of such an API."""
    return ".googleapis.com/" in path


def answer(cloud: Cloud, path: str) -> Json:
    """All that a list has, on one page. Raises ApiError for what is no list."""
    for pattern, token in LISTS.items():
        if found := re.fullmatch(pattern, path):
            owner = {"project": found[1], "billingAccount": found[1]}
            mine = [each for each in cloud.all(token) if each.address.items() & owner.items()]
            return {path.rpartition("/")[2]: [{**each.body, "name": each.id} for each in mine]}
    raise ApiError("NOT_FOUND", f"the rehearsal has no list at {path}")
