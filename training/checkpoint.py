"""A trained checkpoint as torch runs it, un-fused: the reference that an export is compared with. Needs torch."""

from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from ultralytics.nn.tasks import load_checkpoint

from firewarden.errors import DatasetError, ModelMismatch
from firewarden.inference.session import NetworkOutput
from firewarden.training.pillow import restore_pillow_open

restore_pillow_open()


def read_checkpoint(path: Path) -> dict[str, Any]:
    """What training wrote; raises DatasetError where the file is damaged."""
    try:
        return dict(torch.load(path, map_location="cpu", weights_only=False))
    except Exception as error:  # torch raises one of many, by where the file ends
        raise DatasetError(
            f"{path} cannot be read ({type(error).__name__}: {error}), expected a whole checkpoint. Copy best.pt over it, which "
            "the run goes on from as well, or start anew."
        ) from error


class TorchSession:
    """The NMS-free head of a checkpoint behind the same `run` as an ONNX session; `top_k` rows a photo."""

    def __init__(self, checkpoint: Path, *, top_k: int) -> None:
        self._module, _ = load_checkpoint(checkpoint, device="cpu")
        head = self._module.model[-1]
        if getattr(head, "one2one_cv2", None) is None:
            raise ModelMismatch(
                f"{checkpoint} has no one-to-one head, expected an end-to-end detector. Train from yolo26 weights."
            )
        self._module.eval()
        self._module.end2end = True
        head.max_det = top_k
        self._top_k = head.postprocess
        head.postprocess = self._keep_raw
        self._raw: Any = None

    @property
    def class_names(self) -> tuple[str, ...]:
        return tuple(self._module.names.values())

    def run(self, batch: NDArray[np.float32]) -> NetworkOutput:
        """Rows of a batch (b, 3, h, w) float32 RGB in [0, 1]; a checkpoint has no scene output."""
        with torch.inference_mode():
            rows, _ = self._module(torch.from_numpy(np.ascontiguousarray(batch)))
        return NetworkOutput(np.asarray(rows.numpy(), np.float32), np.empty((len(batch), 0), np.float32))

    def raw_and_rows(self, batch: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """The tensor before top-k (anchors, 4 + classes) and the rows (k, 6) of a batch of one."""
        rows = self.run(batch).rows[0]
        return np.asarray(self._raw[0].numpy(), np.float32), rows

    def _keep_raw(self, raw: Any) -> Any:
        self._raw = raw
        return self._top_k(raw)
