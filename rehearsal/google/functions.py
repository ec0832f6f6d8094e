"""The functions of the provider that the program calls."""

from __future__ import annotations

from rehearsal.google.table import NotServed
from rehearsal.values import Later, State

STORAGE_ACCOUNT = "gcp:storage/getProjectServiceAccount:getProjectServiceAccount"


def call(token: str, arguments: State, number: str | None) -> State:
    """What a function returns. ``number``: the project's; None in a preview of a project of which nothing is known.

    Raises NotServed for a function that no program here calls.
    """
    if token != STORAGE_ACCOUNT:
        raise NotServed(
            f"{token} is not served by the rehearsal; rehearsal/google/functions.py serves {STORAGE_ACCOUNT}"
        )
    if number is None:
        return {"emailAddress": Later.VALUE}
    email = f"service-{number}@gs-project-accounts.iam.gserviceaccount.com"  # Cloud Storage, 'Service agents'
    return {
        "emailAddress": email,
        "id": email,
        "member": f"serviceAccount:{email}",
        "project": arguments["project"],
    }
