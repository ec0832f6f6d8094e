"""The simulated cloud: whole or not there whoever is killed, shared by processes, and wrong on demand."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rehearsal.cloud.errors import ApiError
from rehearsal.cloud.moments import Plan
from rehearsal.cloud.store import Cloud, Resource
from rehearsal.cloud.tpu_api import TOKEN, TpuApi
from tests.rehearsal.conftest import Driver, sample
from toolchain import cache

NETWORK = "gcp:compute/network:Network"

MAKE = """
import sys
from pathlib import Path
from rehearsal.cloud.store import Cloud, Resource
cloud = Cloud(Path(sys.argv[1]))
for index in range(int(sys.argv[3])):
    cloud.create(Resource("gcp:compute/network:Network", f"{sys.argv[2]}-{index}"), 1.0)
    print(index, flush=True)
"""


def making(cloud: Cloud, prefix: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", MAKE, str(cloud.file), prefix, str(count)]
    return subprocess.Popen(command, cwd=cache.PROJECT, stdout=subprocess.PIPE, text=True)


def test_processes_that_write_at_the_same_time_lose_nothing(cloud: Cloud) -> None:
    processes = [making(cloud, prefix, 40) for prefix in "abc"]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    for process in processes:
        process.communicate()
    assert len(cloud.all(NETWORK)) == len(cloud.operations()) == 120
    assert cloud.fact("clock") == 120


def test_a_process_that_is_killed_leaves_each_operation_whole_or_undone(cloud: Cloud) -> None:
    process = making(cloud, "a", 100_000)
    assert process.stdout
    for _ in range(20):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert len(cloud.all(NETWORK)) == cloud.fact("clock") >= 20
    assert len(cloud.operations()) - len(cloud.all(NETWORK)) in (0, 1)  # one was begun and not done


def test_a_plan_strikes_at_its_moment_as_often_as_it_says_and_never_again(driver: Driver, cloud: Cloud) -> None:
    cloud.plan(Plan("error", "gcp:compute/*", "create", nth=2, status="PERMISSION_DENIED", message="no", times=2))
    for name, refused in (("one", False), ("two", True), ("three", True), ("four", False)):
        if refused:
            with pytest.raises(ApiError, match=r"Error 403 \(PERMISSION_DENIED\): no"):
                driver.create(NETWORK, sample(NETWORK, name=name))
        else:
            driver.create(NETWORK, sample(NETWORK, name=name))
    assert [bool(each.error) for each in cloud.operations()] == [False, True, True, False]
    assert cloud.plans_left() == []


def test_of_two_plans_for_one_moment_the_second_waits_for_the_next(driver: Driver, cloud: Cloud) -> None:
    for said in ("first", "second"):
        cloud.plan(Plan("error", NETWORK, "create", status="PERMISSION_DENIED", message=said))
    for said in ("first", "second"):
        with pytest.raises(ApiError, match=said):
            driver.create(NETWORK, sample(NETWORK))
    driver.create(NETWORK, sample(NETWORK))


def test_an_error_after_an_operation_leaves_it_done(driver: Driver, cloud: Cloud) -> None:
    cloud.plan(Plan("error", phase="after", status="FAILED_PRECONDITION", message="lost"))
    with pytest.raises(ApiError, match="lost"):
        driver.create(NETWORK, sample(NETWORK))
    assert len(cloud.all(NETWORK)) == 1


def test_a_plan_kills_who_started_the_plugin_and_the_plugin(cloud: Cloud) -> None:
    cloud.plan(Plan("kill", nth=3, phase="after"))
    starts = "import subprocess, sys; subprocess.run([sys.executable, '-c', *sys.argv[1:]])"
    command = [sys.executable, "-c", starts, MAKE, str(cloud.file), "a", "9"]
    engine = subprocess.run(command, cwd=cache.PROJECT, capture_output=True, check=False)
    assert engine.returncode == -signal.SIGKILL
    assert len(cloud.all(NETWORK)) == 3


def test_simulated_time_goes_on_by_what_operations_take(driver: Driver, cloud: Cloud) -> None:
    assert cloud.now() == "2026-01-01T00:00:00Z"
    cloud.plan(Plan("slow", minutes=59.5))
    driver.create(NETWORK, sample(NETWORK))
    assert cloud.now() == "2026-01-01T01:00:00Z"


def test_an_unknown_setting_is_refused(cloud: Cloud) -> None:
    with pytest.raises(KeyError, match="is no setting of the cloud"):
        cloud.set_fact("quota", {})


BODY = {
    "tpu": {
        "nodeSpec": [
            {
                "parent": "projects/example-project/locations/us-central1-a",
                "nodeId": "slice",
                "node": {"acceleratorType": "v5litepod-8", "runtimeVersion": "v2-alpha-tpuv5-lite"},
            }
        ]
    },
    "spot": {},
}
PLACE = "projects/example-project/locations/us-central1-a"


@pytest.fixture
def tpu(cloud: Cloud) -> Iterator[TpuApi]:
    api = TpuApi(cloud)
    api.start()
    yield api
    api.stop()


def ask(tpu: TpuApi, verb: str, path: str, body: Any = None) -> tuple[int, dict[str, Any]]:
    request = urllib.request.Request(  # noqa: S310 - loopback
        f"{tpu.url}/v2/{path}", json.dumps(body).encode() if body else None, method=verb
    )
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)["error"]


def test_a_request_for_tpus_is_granted_where_there_are_any_and_waits_where_there_are_none(
    tpu: TpuApi, cloud: Cloud
) -> None:
    create = f"{PLACE}/queuedResources?queuedResourceId="
    assert ask(tpu, "POST", f"{create}one", BODY)[0] == 200
    assert ask(tpu, "GET", f"{PLACE}/queuedResources/one")[1]["state"]["state"] == "ACTIVE"
    assert ask(tpu, "GET", f"{PLACE}/nodes/slice")[1]["networkEndpoints"]
    assert ask(tpu, "POST", f"{create}one", BODY)[1]["status"] == "ALREADY_EXISTS"
    cloud.set_fact("sold_out", ["us-central1-a/v5litepod-8"])
    assert ask(tpu, "POST", f"{create}two", BODY)[0] == 200
    assert ask(tpu, "GET", f"{PLACE}/queuedResources/two")[1]["state"]["state"] == "WAITING_FOR_RESOURCES"
    assert len(cloud.all(TOKEN)) == 2


def test_a_request_with_nodes_goes_by_force_alone(tpu: TpuApi, cloud: Cloud) -> None:
    ask(tpu, "POST", f"{PLACE}/queuedResources?queuedResourceId=one", BODY)
    assert ask(tpu, "DELETE", f"{PLACE}/queuedResources/one")[1]["status"] == "FAILED_PRECONDITION"
    assert ask(tpu, "DELETE", f"{PLACE}/queuedResources/one?force=true")[0] == 200
    assert ask(tpu, "GET", f"{PLACE}/queuedResources/one")[0] == 404
    assert cloud.all(TOKEN) == []


def test_a_request_is_held_against_the_document_and_against_what_is_there(tpu: TpuApi, cloud: Cloud) -> None:
    create = f"{PLACE}/queuedResources?queuedResourceId=one"
    assert "Did you mean spot?" in ask(tpu, "POST", create, {**BODY, "spott": {}})[1]["message"]
    assert ask(tpu, "POST", create, {**BODY, "guaranteed": {}})[1]["status"] == "INVALID_ARGUMENT"
    assert ask(tpu, "POST", f"{create}&colour=red", BODY)[1]["status"] == "INVALID_ARGUMENT"
    elsewhere = json.loads(json.dumps(BODY))
    elsewhere["tpu"]["nodeSpec"][0]["node"]["networkConfig"] = {"network": "projects/example-project/global/networks/x"}
    assert ask(tpu, "POST", create, elsewhere)[1]["status"] == "NOT_FOUND"
    cloud.set_fact("enabled", [])
    assert ask(tpu, "POST", create, BODY)[1]["status"] == "PERMISSION_DENIED"


def test_a_cloud_is_found_again_in_its_file(cloud: Cloud, tmp_path: Path) -> None:
    cloud.create(Resource(NETWORK, "net", {"name": "net"}, {"mtu": 1460}), 1.0)
    again = Cloud(tmp_path / "cloud.sqlite")
    assert again.all() == cloud.all()
    again.close()
