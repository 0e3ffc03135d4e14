"""A checkpoint as an ONNX graph: the NMS-free head, free axes, trimmed metadata, outputs named for what they are."""

import shutil
import tempfile
from pathlib import Path
from typing import Any

import onnx

from firewarden.inference.session import ROWS_OUTPUT

OPSET = 17  # read by every runtime that is still maintained
MAX_ROWS = 300
STRIDES = (8, 16, 32)
_KEPT_METADATA = ("version", "license", "stride", "task", "head", "imgsz", "names", "channels", "end2end")


def export_onnx(checkpoint: Path, target: Path, *, input_size: int) -> None:
    """Write the NMS-free head as ONNX with free batch, height and width; metadata is trimmed to what readers check.

    The trainer's exporter writes beside its checkpoint, so it works on a copy in a temporary folder.
    """
    from ultralytics import YOLO

    from firewarden.training.pillow import restore_pillow_open

    restore_pillow_open()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "model.pt"
        shutil.copyfile(checkpoint, copy)
        written = YOLO(str(copy)).export(
            format="onnx",
            nms=False,  # the one-to-one head; the default exports the one-to-many head for an external NMS
            dynamic=True,
            imgsz=input_size,
            simplify=True,
            opset=OPSET,
            max_det=row_count(input_size),
            device="cpu",
        )
        onnx.save(_tidied(onnx.load(written), input_size), str(target))


def row_count(input_size: int) -> int:
    """Rows the exported top-k yields: 300, or as many anchors as the thinnest letterboxed input has, if fewer."""
    thinnest = sum((input_size // stride) * (max(STRIDES) // stride) for stride in STRIDES)
    return min(MAX_ROWS, thinnest)


def _tidied(model: Any, input_size: int) -> Any:
    """Drop dates, paths and settings from the metadata, so that one checkpoint gives one sha256; name the output
    axes for what they are."""
    kept = {p.key: p.value for p in model.metadata_props if p.key in _KEPT_METADATA}
    del model.metadata_props[:]
    onnx.helper.set_model_props(model, kept)
    name_rows(model)
    batch, rows, columns = model.graph.output[0].type.tensor_type.shape.dim
    batch.dim_param, rows.dim_value, columns.dim_value = "batch", row_count(input_size), 6
    return model


def name_rows(model: Any) -> None:
    """Call the first output of a graph `detections`, in place, wherever it is written or read."""
    old = model.graph.output[0].name
    model.graph.output[0].name = ROWS_OUTPUT
    for node in model.graph.node:
        for names in (node.input, node.output):
            names[:] = [ROWS_OUTPUT if name == old else name for name in names]
