"""What is watched: alerts lead somewhere, charts show something, and the audit log is kept."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import googleapiclient
import pytest

from infra.google_cloud import metrics
from infra.google_cloud.dashboards.pools import Pool
from infra.google_cloud.environment import Environment
from infra.google_cloud.observability import Observability, slug
from infra.settings import operations
from tests.google.mocks import Declared, declare, of_type

CLUSTER = "staging-cluster"
POOLS = (Pool("a3", 8, "gpu"), Pool("v5e", 16, "slices"))
SETTINGS = operations.Observability(emails=("ml-team@example.com", "on.call@example.com"))
ENVIRONMENT = Environment(
    name="staging",
    project="acme-ai-staging",
    project_number=123456789012,
    region="us-central1",
    labels={"env": "staging", "owner": "ml", "cost-centre": "42", "managed-by": "pulumi"},
    protection="data",
)
POLICY = "gcp:monitoring/alertPolicy:AlertPolicy"
BOARD = "gcp:monitoring/dashboard:Dashboard"
SELECTOR = re.compile(r"([A-Za-z_][\w:]*)\{([^}]*)\}")
"""A series in PromQL. Every metric that a query of this project names has braces."""

ALERTS = [
    "checkpoint-old",
    "gpu-fault",
    "job-failed",
    "job-stalled",
    "node-unhealthy",
    "pool-short",
    "queue-wait",
    "serving-errors",
    "serving-slow",
    "slice-unhealthy",
    "stockout",
]
BOARDS = ["cluster", "gpu", "serving", "tpu", "training"]


def observed(settings: operations.Observability = SETTINGS, pools: tuple[Pool, ...] = POOLS) -> list[Declared]:
    """What is declared for an environment."""
    return declare(
        lambda: Observability(
            "watch",
            ENVIRONMENT,
            settings,
            cluster_name=CLUSTER,
            pools=pools,
            logs_bucket="acme-ai-staging-staging-logs",
            unlogged_readers=["staging-training@acme-ai-staging.iam.gserviceaccount.com"],
        )
    )


@pytest.fixture(scope="module")
def declared() -> list[Declared]:
    """An environment with GPUs and TPU slices on several machines."""
    return observed()


def policy(declared: list[Declared], name: str) -> dict[str, Any]:
    """The inputs of the alert policy called ``name``."""
    (found,) = (each for each in of_type(declared, POLICY) if each.name == f"watch-{name}")
    return found.inputs


def question(inputs: dict[str, Any]) -> str:
    """What a policy asks: PromQL, or a filter of log entries."""
    (condition,) = inputs["conditions"]
    asked = condition.get("conditionPrometheusQueryLanguage") or condition["conditionMatchedLog"]
    return str(asked.get("query") or asked["filter"])


def board(declared: list[Declared], name: str) -> dict[str, Any]:
    """The dashboard called ``name``."""
    (found,) = (each for each in of_type(declared, BOARD) if each.name == f"watch-{name}")
    content = json.loads(found.inputs["dashboardJson"])
    assert isinstance(content, dict)
    return content


def queries(board: dict[str, Any]) -> list[str]:
    """All PromQL of a dashboard."""
    return [
        data["timeSeriesQuery"]["prometheusQuery"]
        for tile in board["mosaicLayout"]["tiles"]
        for data in tile["widget"].get("xyChart", {}).get("dataSets", [])
    ]


def check_series(promql: str) -> None:
    """Every series is of a known metric and of this cluster."""
    series = SELECTOR.findall(promql)
    assert series, f"asks for nothing: {promql}"
    for name, labels in series:
        metric = metrics.ALL.get(re.sub("_(bucket|sum|count)$", "", name)) or metrics.ALL.get(name)
        assert metric, f"{name} is not in infra.google_cloud.metrics"
        assert f'cluster_name="{CLUSTER}"' in labels or f'cluster="{CLUSTER}"' in labels.split(",")[0], labels


def test_there_is_an_alert_for_everything_that_stops_work(declared: list[Declared]) -> None:
    assert sorted(each.name.removeprefix("watch-") for each in of_type(declared, POLICY)) == ALERTS


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_says_what_to_do_and_names_its_runbook(declared: list[Declared], name: str) -> None:
    documentation = policy(declared, name)["documentation"]
    assert f"docs/runbooks/{name}.md" in documentation["content"]
    assert re.findall(r"^\d\. ", documentation["content"], re.MULTILINE) == ["1. ", "2. ", "3. "]
    assert documentation["mimeType"] == "text/markdown"


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_reaches_every_address(declared: list[Declared], name: str) -> None:
    channels = of_type(declared, "gcp:monitoring/notificationChannel:NotificationChannel")
    assert {each.inputs["labels"]["email_address"] for each in channels} == set(SETTINGS.emails)
    assert len(set(policy(declared, name)["notificationChannels"])) == len(channels)
    assert policy(declared, name)["severity"] in ("CRITICAL", "ERROR", "WARNING")


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_looks_at_this_cluster_alone(declared: list[Declared], name: str) -> None:
    asked = question(policy(declared, name))
    if "log_id(" in asked:
        assert f'resource.labels.cluster_name="{CLUSTER}"' in asked
    else:
        check_series(asked)


@pytest.mark.parametrize("name", ALERTS)
def test_parentheses_and_braces_of_an_alert_are_closed(declared: list[Declared], name: str) -> None:
    depth = 0
    for sign in question(policy(declared, name)):
        depth += {"(": 1, "{": 1, "[": 1, ")": -1, "}": -1, "]": -1}.get(sign, 0)
        assert depth >= 0
    assert depth == 0


def test_a_log_match_has_a_limit_and_tells_no_end_and_a_query_has_no_limit(declared: list[Declared]) -> None:
    for each in of_type(declared, POLICY):
        strategy = each.inputs["alertStrategy"]
        matches_logs = "conditionMatchedLog" in each.inputs["conditions"][0]
        assert ("notificationRateLimit" in strategy) == matches_logs
        assert strategy["notificationPrompts"] == (["OPENED"] if matches_logs else ["OPENED", "CLOSED"])


def test_an_alert_may_ask_for_a_metric_that_nothing_has_written_yet(declared: list[Declared]) -> None:
    asked = [each.inputs["conditions"][0].get("conditionPrometheusQueryLanguage") for each in of_type(declared, POLICY)]
    assert all(each["disableMetricValidation"] for each in asked if each)


def test_alerts_on_hardware_that_is_not_there_are_left_out() -> None:
    names = {each.name for each in of_type(observed(pools=(Pool("cpu", 3, "system"),)), POLICY)}
    assert names.isdisjoint({"watch-gpu-fault", "watch-slice-unhealthy"})


@pytest.mark.parametrize(
    ("key", "value", "alert", "asked"),
    [
        ("job_stalled_minutes", 45, "job-stalled", "[45m]"),
        ("checkpoint_minutes", 90, "checkpoint-old", "> 5400"),
        ("queue_minutes", 30, "queue-wait", "> 1800"),
        ("error_rate", 0.25, "serving-errors", "> 0.25"),
        ("p99_ms", 1500, "serving-slow", "> 1.5"),
    ],
)
def test_a_threshold_changes_its_alert_and_nothing_else(
    declared: list[Declared], key: str, value: float, alert: str, asked: str
) -> None:
    before = {each.urn: each for each in declared}
    changed = observed(SETTINGS.model_copy(update={key: value}))
    different = {each.name for each in changed if each != before[each.urn]}
    assert different == {f"watch-{alert}"}
    assert asked in question(policy(changed, alert))


def test_how_long_a_pool_may_be_short_is_how_long_the_alert_waits() -> None:
    changed = observed(SETTINGS.model_copy(update={"pool_short_minutes": 7}))
    condition = policy(changed, "pool-short")["conditions"][0]["conditionPrometheusQueryLanguage"]
    assert condition["duration"] == "420s"


def test_no_alert_looks_back_further_than_a_day() -> None:
    asked = question(policy(observed(SETTINGS.model_copy(update={"queue_minutes": 10_080})), "queue-wait"))
    assert max(map(int, re.findall(r"\[(\d+)m\]", asked))) == 1440


def test_there_are_five_dashboards(declared: list[Declared]) -> None:
    assert sorted(each.name.removeprefix("watch-") for each in of_type(declared, BOARD)) == BOARDS


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_shows_known_metrics_of_this_cluster(declared: list[Declared], name: str) -> None:
    asked = queries(board(declared, name))
    assert asked
    for promql in asked:
        check_series(promql)


@pytest.mark.parametrize("name", BOARDS)
def test_titles_on_a_dashboard_are_different(declared: list[Declared], name: str) -> None:
    titles = [tile["widget"]["title"] for tile in board(declared, name)["mosaicLayout"]["tiles"]]
    assert len(titles) == len(set(titles))


@pytest.mark.parametrize("name", BOARDS)
def test_tiles_lie_side_by_side_inside_the_columns(declared: list[Declared], name: str) -> None:
    layout = board(declared, name)["mosaicLayout"]
    taken: set[tuple[int, int]] = set()
    for tile in layout["tiles"]:
        left, top = tile.get("xPos", 0), tile.get("yPos", 0)
        cells = {(x, y) for x in range(left, left + tile["width"]) for y in range(top, top + tile["height"])}
        assert left + tile["width"] <= layout["columns"]
        assert not taken & cells
        taken |= cells


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_says_nothing_that_the_service_leaves_out_of_its_answer(
    declared: list[Declared], name: str
) -> None:
    assert [path for path, value in leaves(board(declared, name)) if value in (0, "", None, False, [], {})] == []


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_has_the_form_of_the_monitoring_api(declared: list[Declared], name: str) -> None:
    document = Path(googleapiclient.__file__).parent / "discovery_cache/documents/monitoring.v1.json"
    schemas = json.loads(document.read_text())["schemas"]
    check_form(schemas, {"$ref": "Dashboard"}, board(declared, name), "")


def test_the_address_of_a_dashboard_opens_it_in_its_project() -> None:
    shown: dict[str, str] = {}

    def build() -> None:
        made = Observability("watch", ENVIRONMENT, SETTINGS, cluster_name=CLUSTER, pools=POOLS, logs_bucket="logs")
        for name, address in made.dashboards.items():
            address.apply(lambda known, name=name: shown.update({name: known}))

    declare(build)
    start = "https://console.cloud.google.com/monitoring/dashboards/builder/"
    assert shown["gpu"] == f"{start}watch-gpu?project=acme-ai-staging"
    assert sorted(shown) == BOARDS


def test_who_reads_keys_and_objects_is_logged_and_a_training_job_is_not(declared: list[Declared]) -> None:
    logged = {
        (each.inputs["service"], log["logType"]): log.get("exemptedMembers", [])
        for each in of_type(declared, "gcp:projects/iAMAuditConfig:IAMAuditConfig")
        for log in each.inputs["auditLogConfigs"]
    }
    exempted = {place: members for place, members in logged.items() if members}
    training = "serviceAccount:staging-training@acme-ai-staging.iam.gserviceaccount.com"
    assert exempted == {("storage.googleapis.com", "DATA_READ"): [training]}
    assert {("cloudkms.googleapis.com", "DATA_READ"), ("storage.googleapis.com", "DATA_WRITE")} <= logged.keys()
    assert ("container.googleapis.com", "ADMIN_READ") in logged


def test_the_audit_log_goes_to_the_bucket_and_its_writer_may_only_add(declared: list[Declared]) -> None:
    (sink,) = of_type(declared, "gcp:logging/projectSink:ProjectSink")
    (writer,) = of_type(declared, "gcp:storage/bucketIAMMember:BucketIAMMember")
    assert sink.inputs["destination"] == "storage.googleapis.com/acme-ai-staging-staging-logs"
    assert 'log_id("cloudaudit.googleapis.com/data_access")' in sink.inputs["filter"]
    assert "gcp-sa-logging" in sink.inputs["filter"].partition("NOT ")[2]
    assert writer.inputs["role"] == "roles/storage.objectCreator"
    assert writer.inputs["member"].endswith("@gcp-sa-logging.iam.gserviceaccount.com")


@pytest.mark.parametrize(
    ("one", "other"),
    [("a.b@example.com", "a-b@example.com"), ("a@b.example.com", "a.b@example.com"), ("a+b@x.org", "ab@x.org")],
)
def test_different_addresses_have_different_channels(one: str, other: str) -> None:
    assert slug(one) != slug(other)
    assert re.fullmatch("[a-z0-9-]+", slug(one))


def test_a_histogram_is_asked_by_its_parts_and_a_gauge_is_not() -> None:
    assert metrics.Serving.DURATION.buckets("c") == 'aidc_serving_request_duration_seconds_bucket{cluster="c"}'
    with pytest.raises(ValueError, match="has no buckets"):
        metrics.Training.STEP.buckets("c")
    with pytest.raises(ValueError, match="has buckets"):
        metrics.Serving.DURATION.of("c")


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value inside ``value``, with its path; an empty list or mapping is a value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    if not inside:
        yield path, value
    for key, part in inside:
        yield from leaves(part, f"{path}/{key}")


def check_form(schemas: dict[str, Any], schema: dict[str, Any], value: Any, path: str) -> None:
    """``value`` is what ``schema`` of a discovery document says."""
    schema = schemas[schema["$ref"]] if "$ref" in schema else schema
    kinds = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
    assert isinstance(value, kinds[schema["type"]]), path
    assert value in schema.get("enum", [value]), f"{path}: {value}"
    if isinstance(value, dict):
        for key, part in value.items():
            assert key in schema["properties"], f"{path}/{key} is not of {schema.get('id')}"
            check_form(schemas, schema["properties"][key], part, f"{path}/{key}")
    elif isinstance(value, list):
        for index, part in enumerate(value):
            check_form(schemas, schema["items"], part, f"{path}/{index}")
