"""A checkpoint behind the detector that serves: same letterbox, same decoder, no export in between. Needs torch."""

from pathlib import Path

from firewarden.inference.detector import OnnxDetector
from firewarden.models.manifest import LICENCE, ModelManifest, file_sha256
from firewarden.training.checkpoint import TorchSession

STRIDE = 32
_TOP_K = 300


def open_checkpoint(path: Path, *, input_size: int, operating_point: float = 0.25) -> OnnxDetector:
    """A detector over `path` at `input_size` px, a multiple of 32; its class names are those of the checkpoint."""
    session = TorchSession(path, top_k=_TOP_K)
    manifest = ModelManifest(
        id=path.stem.lower(),
        folder=path.parent,
        sha256=file_sha256(path),
        class_names=session.class_names,
        input_size=input_size,
        stride=STRIDE,
        layout="end2end",
        operating_points={},
        default_operating_point=operating_point,
        licence=LICENCE,
        dataset_sha256="",
        git_sha="",
        metrics={},
    )
    return OnnxDetector(manifest, session)
