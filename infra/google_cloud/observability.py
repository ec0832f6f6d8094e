"""Who is told about what, what is to be seen, and what is kept of who did what."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from infra.google_cloud.alerts import Alert, LogMatch, alerts
from infra.google_cloud.dashboards import dashboards
from infra.google_cloud.dashboards.pools import Pool
from infra.google_cloud.durations import duration
from infra.google_cloud.environment import Environment
from infra.settings import operations

READS, WRITES, ADMINISTERS = "DATA_READ", "DATA_WRITE", "ADMIN_READ"

AUDITED = {
    "cloudkms.googleapis.com": (ADMINISTERS, READS, WRITES),
    "container.googleapis.com": (ADMINISTERS, WRITES),  # reads of the Kubernetes API are what controllers do all day
    "storage.googleapis.com": (ADMINISTERS, READS, WRITES),
}
"""Services whose data access is logged, and what of it. What administers is always logged and cannot be turned off."""

AUDIT_LOGS = " OR ".join(
    f'log_id("cloudaudit.googleapis.com/{name}")' for name in ("activity", "data_access", "policy", "system_event")
)

NOT_THE_SINK = 'NOT protoPayload.authenticationInfo.principalEmail:"@gcp-sa-logging.iam.gserviceaccount.com"'
"""The sink's own writes to the bucket are data access too; kept, each would be the next one's reason."""

MINUTE_SECONDS = 60


class Observability(pulumi.ComponentResource):
    """E-mail channels, dashboards, alert policies, and the audit log in a bucket.

    It collects nothing: GKE and managed Prometheus do (``Cluster``), and jobs and servers export what is theirs. It
    knows no bill: ``Budget`` tells the same channels. Which data access of a service is logged is decided here alone.

    Attributes: ``channels``, the names of the channels by address; ``dashboards``, the address of each in the console.
    """

    def __init__(
        self,
        name: str,
        environment: Environment,
        settings: operations.Observability,
        *,
        cluster_name: str,
        pools: Sequence[Pool],
        logs_bucket: pulumi.Input[str],
        unlogged_readers: Sequence[str] = (),
        depends_on: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """logs_bucket: name of the bucket that keeps the audit log.
        unlogged_readers: e-mail addresses of service accounts whose reading of objects is not logged. A training job
        reads every object of a data set, and each read would be an entry that is paid for.
        depends_on: what makes those accounts: a policy names none that is not there.
        """
        super().__init__("aidc:google:Observability", name, None, opts)
        self._name, self._environment = name, environment
        self.channels = {address: self._channel(address) for address in dict.fromkeys(map(str.lower, settings.emails))}
        for key, alert in alerts(settings, cluster_name, pools).items():
            self._policy(key, alert)
        self.dashboards: dict[str, pulumi.Output[str]] = {}
        for key, board in dashboards(environment.name, cluster_name, pools).items():
            resource = gcp.monitoring.Dashboard(
                f"{name}-{key}",
                project=environment.project,
                dashboard_json=board,
                deletion_policy=environment.deletion_policy("nothing"),
                opts=environment.options(self),
            )
            self.dashboards[key] = resource.id.apply(self._in_the_console)
        self._audit(unlogged_readers, depends_on)
        self._keep_audit_logs(logs_bucket)
        self.register_outputs({"channels": self.channels, "dashboards": self.dashboards})

    def _channel(self, address: str) -> pulumi.Output[str]:
        channel = gcp.monitoring.NotificationChannel(
            f"{self._name}-{slug(address)}",
            project=self._environment.project,
            type="email",
            display_name=f"{self._environment.name}: {address}",
            description="Told by alerts and by the budget",
            labels={"email_address": address},
            user_labels=self._environment.labelled("observability"),
            enabled=True,
            force_delete=False,  # an alert that would tell nobody stands in the way of its removal
            deletion_policy=self._environment.deletion_policy("nothing"),
            opts=self._environment.options(self),
        )
        return channel.name

    def _policy(self, key: str, alert: Alert) -> None:
        gcp.monitoring.AlertPolicy(
            f"{self._name}-{key}",
            project=self._environment.project,
            display_name=f"{self._environment.name}: {alert.title}",
            combiner="OR",
            conditions=[_condition(alert)],
            alert_strategy=_strategy(alert),
            documentation={
                "subject": f"{self._environment.name}: {alert.title}",
                "content": alert.documentation(key),
                "mime_type": "text/markdown",
            },
            notification_channels=list(self.channels.values()),
            severity=alert.severity,
            user_labels=self._environment.labelled(key),
            enabled=True,
            deletion_policy=self._environment.deletion_policy("nothing"),
            opts=self._environment.options(self),
        )

    def _audit(self, unlogged_readers: Sequence[str], depends_on: Sequence[pulumi.Resource]) -> None:
        exempted = sorted(f"serviceAccount:{email}" for email in unlogged_readers)
        for service, kinds in AUDITED.items():
            gcp.projects.IAMAuditConfig(
                f"{self._name}-audit-{service.partition('.')[0]}",
                project=self._environment.project,
                service=service,
                audit_log_configs=[
                    {"log_type": kind, "exempted_members": exempted}
                    if exempted and (service, kind) == ("storage.googleapis.com", READS)
                    else {"log_type": kind}
                    for kind in kinds
                ],
                opts=self._environment.options(self, depends_on=depends_on),
            )

    def _keep_audit_logs(self, bucket: pulumi.Input[str]) -> None:
        sink = gcp.logging.ProjectSink(
            f"{self._name}-audit-sink",
            name=self._environment.named("audit"),
            project=self._environment.project,
            description="Audit logs, kept longer than Cloud Logging keeps them",
            destination=pulumi.Output.concat("storage.googleapis.com/", bucket),
            filter=f"({AUDIT_LOGS}) AND {NOT_THE_SINK}",
            unique_writer_identity=True,
            disabled=False,
            deletion_policy=self._environment.deletion_policy("nothing"),
            opts=self._environment.options(self),
        )
        gcp.storage.BucketIAMMember(
            f"{self._name}-audit-writer",
            bucket=bucket,
            role="roles/storage.objectCreator",
            member=sink.writer_identity,
            opts=self._environment.options(self),
        )

    def _in_the_console(self, dashboard: str) -> str:
        """The address of a dashboard by its resource name."""
        return (
            "https://console.cloud.google.com/monitoring/dashboards/builder/"
            f"{dashboard.rpartition('/')[2]}?project={self._environment.project}"
        )


def _condition(alert: Alert) -> gcp.monitoring.AlertPolicyConditionArgs:
    if isinstance(alert.condition, LogMatch):
        return gcp.monitoring.AlertPolicyConditionArgs(
            display_name=alert.title,
            condition_matched_log=gcp.monitoring.AlertPolicyConditionConditionMatchedLogArgs(
                filter=alert.condition.filter
            ),
        )
    return gcp.monitoring.AlertPolicyConditionArgs(
        display_name=alert.title,
        condition_prometheus_query_language=gcp.monitoring.AlertPolicyConditionConditionPrometheusQueryLanguageArgs(
            query=alert.condition.promql,
            duration=f"{alert.condition.minutes * MINUTE_SECONDS}s",
            evaluation_interval=f"{MINUTE_SECONDS}s",
            disable_metric_validation=True,  # the policy is there before what writes the metric
        ),
    )


def _strategy(alert: Alert) -> gcp.monitoring.AlertPolicyAlertStrategyArgs:
    if isinstance(alert.condition, LogMatch):  # a log entry has no end to tell, and needs a limit
        return gcp.monitoring.AlertPolicyAlertStrategyArgs(
            auto_close=duration(days=1),
            notification_prompts=["OPENED"],
            notification_rate_limit=gcp.monitoring.AlertPolicyAlertStrategyNotificationRateLimitArgs(
                period=duration(hours=1)
            ),
        )
    return gcp.monitoring.AlertPolicyAlertStrategyArgs(
        auto_close=duration(days=1), notification_prompts=["OPENED", "CLOSED"]
    )


def slug(address: str) -> str:
    """What names the channel of a lower-case address: another for each, of letters, digits and dashes."""
    signs = {"@": "-at-", ".": "-"}
    return "".join(sign if sign.isalnum() else signs.get(sign, f"-{ord(sign):x}-") for sign in address)
