"""A SavedModel behind TensorFlow Serving's row and column formats.

Source of the formats: TensorFlow Serving, 'RESTful API' (tensorflow/serving, docs/api_rest.md).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from tensorflow.core.framework import types_pb2

SIGNATURE = "serving_default"


class BadRequest(ValueError):
    """The request does not fit the model; the message says what would."""


class ServedModel:
    """One version of a model, loaded and warm."""

    def __init__(self, name: str, path: Path) -> None:
        """path: a version directory; its name is the version."""
        self.name, self.version = name, path.name
        self._loaded = tf.saved_model.load(str(path))  # holds the variables that the signature uses
        self._signature = self._loaded.signatures[SIGNATURE]
        self._inputs: dict[str, tf.TensorSpec] = self._signature.structured_input_signature[1]
        self._signature(
            **{
                name: tf.zeros([1 if size is None else size for size in spec.shape], spec.dtype)
                for name, spec in self._inputs.items()
            }
        )

    def metadata(self) -> dict[str, Any]:
        """The answer to ``GET /v1/models/NAME/metadata``."""
        signature = {
            "inputs": {name: _describe(name, spec) for name, spec in self._inputs.items()},
            "outputs": {name: _describe(name, spec) for name, spec in self._signature.structured_outputs.items()},
            "method_name": "tensorflow/serving/predict",
        }
        return {
            "model_spec": {"name": self.name, "signature_name": "", "version": self.version},
            "metadata": {"signature_def": {"signature_def": {SIGNATURE: signature}}},
        }

    def status(self) -> dict[str, Any]:
        """The answer to ``GET /v1/models/NAME``."""
        healthy = {"error_code": "OK", "error_message": ""}
        return {"model_version_status": [{"version": self.version, "state": "AVAILABLE", "status": healthy}]}

    def predict(self, body: Any) -> dict[str, Any]:
        """The answer to ``POST /v1/models/NAME:predict``. Raises BadRequest."""
        if not isinstance(body, dict):
            raise BadRequest("the request body must be a JSON object")
        if unknown := set(body) - {"instances", "inputs", "signature_name"}:
            raise BadRequest(f"unknown key {sorted(unknown)[0]!r}; allowed: instances, inputs, signature_name")
        if body.get("signature_name", SIGNATURE) != SIGNATURE:
            raise BadRequest(f"unknown signature_name {body['signature_name']!r}; allowed: {SIGNATURE}")
        if ("instances" in body) == ("inputs" in body):
            raise BadRequest("the request body must have either 'instances' (rows) or 'inputs' (columns)")
        rows = "instances" in body
        columns = self._columns_of_rows(body["instances"]) if rows else self._columns(body["inputs"])
        tensors = {name: self._tensor(name, values) for name, values in columns.items()}
        sizes = {name: int(tensor.shape[0]) for name, tensor in tensors.items()}
        if len(set(sizes.values())) > 1:
            raise BadRequest(f"inputs differ in their number of examples: {sizes}")
        outputs = {name: tensor.numpy().tolist() for name, tensor in self._signature(**tensors).items()}
        if not rows:
            return {"outputs": next(iter(outputs.values())) if len(outputs) == 1 else outputs}
        if len(outputs) == 1:
            return {"predictions": next(iter(outputs.values()))}
        return {"predictions": [dict(zip(outputs, row, strict=True)) for row in zip(*outputs.values(), strict=True)]}

    def _columns_of_rows(self, instances: Any) -> dict[str, list[Any]]:
        if not isinstance(instances, list) or not instances:
            raise BadRequest("'instances' must be a list with at least one example")
        named = [isinstance(instance, dict) for instance in instances]
        if all(named):
            for position, instance in enumerate(instances):
                if set(instance) != set(self._inputs):
                    raise BadRequest(f"instances[{position}] has {sorted(instance)}; expected {sorted(self._inputs)}")
            return {name: [instance[name] for instance in instances] for name in self._inputs}
        if any(named) or len(self._inputs) != 1:
            raise BadRequest(f"every instance must be an object with {sorted(self._inputs)}")
        return {next(iter(self._inputs)): instances}

    def _columns(self, inputs: Any) -> dict[str, Any]:
        if isinstance(inputs, dict):
            if set(inputs) != set(self._inputs):
                raise BadRequest(f"'inputs' has {sorted(inputs)}; expected {sorted(self._inputs)}")
            return inputs
        if len(self._inputs) != 1:
            raise BadRequest(f"'inputs' must be an object with {sorted(self._inputs)}")
        return {next(iter(self._inputs)): inputs}

    def _tensor(self, name: str, values: Any) -> tf.Tensor:
        spec = self._inputs[name]
        wanted = f"{spec.dtype.name} of shape {_shape(spec)}"
        try:
            array = np.asarray(values)
            if array.dtype.kind not in "iuf":
                raise BadRequest(f"input {name!r} must be {wanted}; got values that are not numbers of one shape")
            with np.errstate(over="ignore"):  # told below
                array = array.astype(spec.dtype.as_numpy_dtype)
            if not np.isfinite(array).all():
                raise BadRequest(f"input {name!r} must be {wanted}; a number is too large for it")
        except (ValueError, OverflowError) as error:
            raise BadRequest(f"input {name!r} must be {wanted}; its lists differ in length") from error
        if not spec.shape.is_compatible_with(array.shape):
            raise BadRequest(f"input {name!r} must be {wanted}; got shape {list(array.shape)}")
        if array.shape[0] == 0:
            raise BadRequest(f"input {name!r} holds no example")
        return tf.constant(array)


def _shape(spec: tf.TensorSpec) -> list[int]:
    return [-1 if size is None else size for size in spec.shape]


def _describe(name: str, spec: tf.TensorSpec) -> dict[str, Any]:
    dims = [{"size": str(size), "name": ""} for size in _shape(spec)]
    return {
        "dtype": types_pb2.DataType.Name(spec.dtype.as_datatype_enum),
        "tensor_shape": {"dim": dims, "unknown_rank": False},
        "name": f"{SIGNATURE}_{name}:0",
    }
