"""What may be spent, and who is told."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.environment import Environment
from infra.settings import operations


class Budget(pulumi.ComponentResource):
    """A monthly budget of the project, which tells when a share of it is spent and when it is forecast to be.

    It stops nothing: what a pool costs at most is bounded by its ``max_nodes``. It belongs to the billing account and
    outlives the project. Whoever deploys needs ``billing.resourcebudgets.write`` on the project, which suffices for a
    budget of one project (Cloud Billing, 'Create, edit, or delete budgets'); ``Delivery`` grants it.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: operations.Budget,
        *,
        channels: Sequence[pulumi.Input[str]],
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """channels: names of e-mail channels, as ``Observability`` has them."""
        super().__init__("aidc:google:Budget", name, None, opts)
        told = [(share, "CURRENT_SPEND") for share in settings.thresholds] + [(settings.forecast, "FORECASTED_SPEND")]
        told.sort()  # all of them: the service sorts them, and another order shows as a change at every preview
        self.budget = gcp.billing.Budget(
            f"{name}-month",
            billing_account=settings.billing_account,
            display_name=environment.named("budget"),
            ownership_scope="ALL_USERS",  # those who may change the project's budget need no part in the account
            budget_filter={
                "projects": [f"projects/{environment.project_number}"],  # by id, it differs at every preview
                "calendar_period": "MONTH",
                "credit_types_treatment": "INCLUDE_ALL_CREDITS",
            },
            amount={
                "specified_amount": {"units": str(settings.monthly_usd)}
            },  # in the account's currency, none other is taken
            threshold_rules=[{"threshold_percent": share, "spend_basis": basis} for share, basis in told],
            all_updates_rule={
                "monitoring_notification_channels": channels,
                "disable_default_iam_recipients": False,
                "enable_project_level_recipients": False,
                "schema_version": "1.0",
            },
            deletion_policy=environment.deletion_policy("nothing"),
            opts=environment.options(self),
        )
        self.register_outputs({"budget": self.budget.name})
