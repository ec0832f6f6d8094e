"""The model server against TensorFlow Serving's REST API (tensorflow/serving, docs/api_rest.md)."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from starlette.testclient import TestClient

from workloads.artefacts import Artefacts
from workloads.data.digits import Dataset
from workloads.export import release
from workloads.serve import server
from workloads.serve.model import ServedModel

MODEL = "/v1/models/digits-cnn"


@pytest.fixture(scope="module")
def client(released: release.Release, artefacts: Artefacts) -> Iterator[TestClient]:
    model = ServedModel(released.name, released.path(artefacts))
    with TestClient(server.application(model), raise_server_exceptions=False) as made:
        yield made


def images(data: Dataset, count: int = 3) -> list[Any]:
    found: list[Any] = data.test_images[:count].tolist()
    return found


def test_status_of_the_model_and_of_its_version(client: TestClient) -> None:
    expected = {
        "model_version_status": [
            {"version": "1", "state": "AVAILABLE", "status": {"error_code": "OK", "error_message": ""}}
        ]
    }
    assert client.get(MODEL).json() == expected
    assert client.get(f"{MODEL}/versions/1").json() == expected


def test_metadata_describes_the_signature(client: TestClient) -> None:
    answer = client.get(f"{MODEL}/versions/1/metadata").json()
    assert answer["model_spec"] == {"name": "digits-cnn", "signature_name": "", "version": "1"}
    signature = answer["metadata"]["signature_def"]["signature_def"]["serving_default"]
    image = signature["inputs"]["image"]
    assert image["dtype"] == "DT_FLOAT"
    assert [dim["size"] for dim in image["tensor_shape"]["dim"]] == ["-1", "8", "8", "1"]
    assert signature["method_name"] == "tensorflow/serving/predict"


@pytest.mark.parametrize("named", [False, True])
def test_row_and_column_format_give_the_same_scores(client: TestClient, data: Dataset, named: bool) -> None:
    rows = [{"image": image} for image in images(data)] if named else images(data)
    columns = {"image": images(data)} if named else images(data)
    by_row = client.post(f"{MODEL}:predict", json={"instances": rows})
    by_column = client.post(f"{MODEL}/versions/1:predict", json={"inputs": columns})
    assert by_row.status_code == by_column.status_code == 200
    assert by_row.json()["predictions"] == by_column.json()["outputs"]


def test_the_server_gives_the_models_own_scores(
    client: TestClient, data: Dataset, released: release.Release, artefacts: Artefacts
) -> None:
    loaded = tf.saved_model.load(str(released.path(artefacts)))
    own = loaded.signatures["serving_default"](image=tf.constant(data.test_images[:50]))["scores"].numpy()
    served = client.post(f"{MODEL}:predict", json={"instances": images(data, 50)}).json()["predictions"]
    assert np.allclose(own, served, atol=1e-6)
    assert (np.argmax(served, axis=1) == data.test_labels[:50]).mean() > 0.9


def test_the_shipped_example_is_answered_with_its_label(
    client: TestClient, released: release.Release, artefacts: Artefacts
) -> None:
    request = json.loads((released.path(artefacts) / release.EXAMPLE).read_text())
    scores = client.post(f"{MODEL}:predict", json=request).json()["predictions"][0]
    assert scores.index(max(scores)) == released.example_label


IMAGE = np.zeros((8, 8, 1)).tolist()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"instances": [NaN]}',
        b'"instances"',
        b"[]",
        b"{}",
        *(
            json.dumps(body).encode()
            for body in [
                {"instances": [IMAGE], "inputs": [IMAGE]},
                {"instances": [IMAGE], "colour": 1},
                {"instances": [IMAGE], "signature_name": "other"},
                {"instances": [IMAGE], "signature_name": 5},
                {"instances": []},
                {"inputs": []},
                {"instances": IMAGE},
                {"instances": 5},
                {"instances": None},
                {"instances": "image"},
                {"instances": [[1, 2, 3]]},
                {"instances": [IMAGE, [[1]]]},
                {"instances": [IMAGE, {"image": IMAGE}]},
                {"instances": [{"picture": IMAGE}]},
                {"instances": [{"image": IMAGE, "more": 1}]},
                {"inputs": {"picture": [IMAGE]}},
                {"inputs": {"image": "text"}},
                {"inputs": {"image": {"b64": "AAAA"}}},
                {"instances": [[[["a"]] * 8] * 8]},
                {"instances": [[[[True]] * 8] * 8]},
                {"instances": [[[[None]] * 8] * 8]},
                {"instances": [[[[10**400]] * 8] * 8]},
            ]
        ),
        b'{"instances": [[' + b",".join([b"[" + b",".join([b"[1e39]"] * 8) + b"]"] * 8) + b"]]}",
    ],
)
def test_a_malformed_request_is_refused_with_a_reason_and_the_server_goes_on(client: TestClient, body: bytes) -> None:
    answer = client.post(f"{MODEL}:predict", content=body)
    assert answer.status_code == 400, answer.text
    assert set(answer.json()) == {"error"}
    assert len(answer.json()["error"]) > 10
    assert client.post(f"{MODEL}:predict", json={"instances": [IMAGE]}).status_code == 200


def test_what_is_not_served_is_not_found(client: TestClient) -> None:
    for path in ("/v1/models/other", f"{MODEL}/versions/2", f"{MODEL}/versions/one/metadata", "/v1/nothing"):
        answer = client.get(path)
        assert answer.status_code == 404
        assert set(answer.json()) == {"error"}
    assert client.post("/v1/models/other:predict", json={"instances": [IMAGE]}).status_code == 404


def test_a_wrong_method_and_a_body_that_is_too_large_are_refused(client: TestClient) -> None:
    assert client.get(f"{MODEL}:predict").status_code in (404, 405)
    assert client.post(MODEL).status_code == 405
    assert client.post(f"{MODEL}:predict", content=b" " * (server.MAX_BODY + 1)).status_code == 413


def test_scores_of_a_large_batch_are_probabilities(client: TestClient, data: Dataset) -> None:
    served = client.post(f"{MODEL}:predict", json={"instances": images(data, 360)}).json()["predictions"]
    assert all(math.isclose(sum(row), 1, abs_tol=1e-4) for row in served)
