"""Opening an ONNX Runtime session: the one place where providers, threads and the graph's signature are decided."""

import ast
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from firewarden.errors import ModelMismatch
from firewarden.models.manifest import ModelManifest

SCENE_OUTPUT = "scene"


@dataclass(frozen=True, slots=True, eq=False)
class NetworkOutput:
    """What one run gives. `rows (batch, k, 6)`: x_min, y_min, x_max, y_max in input pixels, confidence, class id.
    `scene (batch, s)`: probabilities of the manifest's scene names; s = 0 for a network without a scene output."""

    rows: NDArray[np.float32]
    scene: NDArray[np.float32]


class ModelSession(Protocol):
    """`run` takes a batch (batch, 3, h, w) float32, RGB in [0, 1]."""

    def run(self, batch: NDArray[np.float32]) -> NetworkOutput: ...


class OnnxSession:
    """ONNX Runtime on the CPU. Sessions are thread-safe; `threads` are those of one run (None: all cores)."""

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or 0
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        if threads == 1:
            options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self._input = self._session.get_inputs()[0].name
        self.metadata: dict[str, str] = dict(self._session.get_modelmeta().custom_metadata_map)
        outputs = {output.name: output for output in self._session.get_outputs()}
        self.output_shape = tuple(self._session.get_outputs()[0].shape)
        self.scene_count = int(outputs[SCENE_OUTPUT].shape[1]) if SCENE_OUTPUT in outputs else 0
        self._wanted = [self._session.get_outputs()[0].name] + ([SCENE_OUTPUT] if self.scene_count else [])

    def run(self, batch: NDArray[np.float32]) -> NetworkOutput:
        rows, *scene = self._session.run(self._wanted, {self._input: batch})
        return NetworkOutput(rows, scene[0] if scene else np.empty((len(rows), 0), np.float32))


def open_session(manifest: ModelManifest, *, threads: int | None = None) -> OnnxSession:
    """Open the model of a verified manifest, check that the graph is what the manifest says, and warm it up."""
    session = OnnxSession(manifest.model_path, threads=threads)
    check_signature(session, manifest)
    session.run(np.zeros((1, 3, manifest.stride * 4, manifest.stride * 4), np.float32))
    return session


def check_signature(session: OnnxSession, manifest: ModelManifest) -> None:
    """Compare output layout and class names of graph and manifest; raises ModelMismatch."""
    if len(session.output_shape) != 3 or session.output_shape[2] != 6:
        raise ModelMismatch(
            f"{manifest.model_path}: output is {session.output_shape}, expected (batch, k, 6) for layout "
            f"{manifest.layout!r}. Export with `firewarden export`."
        )
    if session.scene_count != len(manifest.scene_names):
        raise ModelMismatch(
            f"{manifest.folder}: model.toml names {len(manifest.scene_names)} scenes {manifest.scene_names}, the network "
            f"gives {session.scene_count}. Re-export, or fix the manifest."
        )
    named = session.metadata.get("names")
    names = tuple(ast.literal_eval(named).values()) if named else manifest.class_names
    if names != manifest.class_names:
        raise ModelMismatch(
            f"{manifest.folder}: model.toml names {len(manifest.class_names)} classes {manifest.class_names}, the ONNX "
            f"metadata {len(names)} {names}. Re-export, or fix the manifest."
        )
