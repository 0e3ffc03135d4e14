"""A model folder whose network answers a fixed table of rows: the answer is known, no weights are needed."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from firewarden.models.manifest import ModelManifest, write_manifest


def build_model_folder(
    folder: Path,
    class_names: Sequence[str],
    rows: Sequence[Sequence[float]],
    *,
    scene: Sequence[float] = (),
    scene_names: Sequence[str] = (),
    named_in_graph: Sequence[str] | None = None,
) -> Path:
    """Write model.onnx and model.toml. `rows` are x0, y0, x1, y1, confidence, class id in input pixels of a 64 px input.

    The graph is: (mean of the picture) * 0 + rows, so that it depends on its input as a real one does.
    """
    folder.mkdir(parents=True, exist_ok=True)
    table = np.array(rows, np.float32).reshape(1, -1, 6)
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Add", ["rows", "nothing"], ["output0"]),
    ]
    outputs = [helper.make_tensor_value_info("output0", TensorProto.FLOAT, [1, table.shape[1], 6])]
    constants = [numpy_helper.from_array(np.float32(0), "zero"), numpy_helper.from_array(table, "rows")]
    if scene:
        nodes.append(helper.make_node("Add", ["scene_row", "nothing"], ["scene"]))
        constants.append(numpy_helper.from_array(np.array([scene], np.float32), "scene_row"))
        outputs.append(helper.make_tensor_value_info("scene", TensorProto.FLOAT, [1, len(scene)]))
    images = helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, "h", "w"])
    model = helper.make_model(
        helper.make_graph(nodes, "tiny", [images], outputs, constants),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=9,
    )
    names = named_in_graph if named_in_graph is not None else class_names
    helper.set_model_props(model, {"names": str(dict(enumerate(names)))})
    onnx.save(model, str(folder / "model.onnx"))
    write_manifest(
        ModelManifest(
            id="tiny", folder=folder, sha256=hashlib.sha256((folder / "model.onnx").read_bytes()).hexdigest(),
            class_names=tuple(class_names), input_size=64, stride=32, layout="end2end", operating_points={},
            default_operating_point=0.25, licence="AGPL-3.0-or-later", dataset_sha256="0" * 64, git_sha="unknown",
            metrics={}, created="2026-01-01T00:00:00+00:00", scene_names=tuple(scene_names),
        )
    )  # fmt: skip
    return folder
