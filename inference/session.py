"""The network as the rest sees it, whichever runtime computes it: open it, run a batch, get rows and scene.

One file for each runtime (`runtime_onnx`, `runtime_openvino`, `runtime_gpu`) decides its providers and threads; they are
imported when they are wanted, as not all need be installed.
"""

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol
from weakref import WeakValueDictionary

import numpy as np
from numpy.typing import NDArray

from firewarden.errors import ModelMismatch
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.models.manifest import ModelManifest

ROWS_OUTPUT = "detections"  # in older files it is the first one, whatever its name
SCENE_OUTPUT = "scene"


@dataclass(frozen=True, slots=True, eq=False)
class NetworkOutput:
    """What one run gives. `rows (batch, k, 6)`: x_min, y_min, x_max, y_max in input pixels, confidence, class id.
    `scene (batch, s)`: probabilities of the manifest's scene names; s = 0 for a network without a scene output."""

    rows: NDArray[np.float32]
    scene: NDArray[np.float32]


class ModelSession(Protocol):
    """`run` takes a batch (batch, 3, h, w) float32, RGB in [0, 1]. Thread-safe."""

    def run(self, batch: NDArray[np.float32]) -> NetworkOutput: ...


@dataclass(frozen=True, slots=True)
class Signature:
    """What a file says about its network: shape of the rows with None (or a name) for a free axis, number of scenes, and
    the metadata it carries."""

    row_shape: tuple[int | str | None, ...]
    scene_count: int
    metadata: Mapping[str, str] = field(default_factory=dict)


class OpenedSession(ModelSession, Protocol):
    """A session that knows its file's signature."""

    @property
    def signature(self) -> Signature: ...


_references: WeakValueDictionary[str, OpenedSession] = WeakValueDictionary()  # by SHA-256 of the model


def open_session(
    manifest: ModelManifest,
    *,
    runtime: RuntimeChoice | None = None,
    threads: int | None = None,
    cache_dir: Path | None = None,
) -> OpenedSession:
    """Open the model of a verified manifest, check that the file is what the manifest says, and warm it up.

    Without `runtime` it is ONNX Runtime in fp32. `threads` win over those of the choice. `cache_dir` keeps what a
    runtime compiles (TensorRT). Raises HazardError where the runtime is absent or cannot do what was chosen.
    """
    choice = runtime or RuntimeChoice()
    session = open_runtime(manifest, replace(choice, threads=threads or choice.threads), cache_dir)
    check_signature(session.signature, manifest)
    session.run(np.zeros((1, 3, manifest.stride * 4, manifest.stride * 4), np.float32))
    if choice.precision == "fp32":
        _references[manifest.sha256] = session
    return session


def find_reference(manifest: ModelManifest) -> OpenedSession | None:
    """An fp32 session of this model that the process has open, whatever its runtime: a second one would hold weights and
    buffers twice. None where there is none, or not any more."""
    return _references.get(manifest.sha256)


def open_runtime(
    manifest: ModelManifest, choice: RuntimeChoice, cache_dir: Path | None = None
) -> OpenedSession:
    """The session of one runtime, neither checked nor warm."""
    path = model_file(manifest, choice)
    if choice.runtime == "openvino":
        from firewarden.inference.runtime_openvino import OpenVinoSession

        return OpenVinoSession(path, choice)
    if choice.runtime in ("cuda", "tensorrt"):
        from firewarden.inference.runtime_gpu import open_gpu_session

        return open_gpu_session(path, choice, cache_dir=cache_dir)
    from firewarden.inference.runtime_onnx import OnnxSession

    return OnnxSession(path, threads=choice.threads)


def model_file(manifest: ModelManifest, choice: RuntimeChoice) -> Path:
    """The file that a choice reads: the verified artefact made for it, or the model itself; raises ModelMismatch."""
    return manifest.artefact_path(choice.key) if choice.precision == "int8" else manifest.model_path


def check_signature(signature: Signature, manifest: ModelManifest) -> None:
    """Compare output layout and class names of graph and manifest; raises ModelMismatch."""
    if len(signature.row_shape) != 3 or signature.row_shape[2] != 6:
        raise ModelMismatch(
            f"{manifest.model_path}: output is {signature.row_shape}, expected (batch, k, 6) for layout "
            f"{manifest.layout!r}. Export with `firewarden export`."
        )
    if signature.scene_count != len(manifest.scene_names):
        raise ModelMismatch(
            f"{manifest.folder}: model.toml names {len(manifest.scene_names)} scenes {manifest.scene_names}, the network "
            f"gives {signature.scene_count}. Re-export, or fix the manifest."
        )
    named = signature.metadata.get("names")
    names = tuple(ast.literal_eval(named).values()) if named else manifest.class_names
    if names != manifest.class_names:
        raise ModelMismatch(
            f"{manifest.folder}: model.toml names {len(manifest.class_names)} classes {manifest.class_names}, the ONNX "
            f"metadata {len(names)} {names}. Re-export, or fix the manifest."
        )
