"""Tensors inside an ONNX network: asked for while it runs, and replaced in its file."""

from collections.abc import Iterable
from typing import Any

import onnx
import onnxruntime
from onnx import numpy_helper


def session_telling(model: onnx.ModelProto, names: Iterable[str]) -> onnxruntime.InferenceSession:
    """A session of `model` that also gives the tensors named `names`; ONNX Runtime finds out their types."""
    asked = onnx.ModelProto()
    asked.CopyFrom(model)
    given = {output.name for output in model.graph.output}
    asked.graph.output.extend(
        onnx.ValueInfoProto(name=name) for name in dict.fromkeys(names) if name not in given
    )
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        asked.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def put(tensor: onnx.TensorProto, value: Any) -> None:
    """Replace the numbers of an initialiser; its name stays."""
    tensor.CopyFrom(numpy_helper.from_array(value, tensor.name))
