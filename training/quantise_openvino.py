"""Post-training int8 quantisation for OpenVINO with NNCF (extra `quantise`).

The result is OpenVINO's own format: it reads ONNX files with quantise / dequantise pairs too, but computed wrong answers
from them where a quantised tensor is split, added to and joined again, as this network does throughout (2026.4.1).
"""

import importlib.util
import logging
from functools import partial
from pathlib import Path

import onnx

from firewarden.inference.openvino_silence import silence_openvino
from firewarden.training.quantise_photos import QuantisePhotos
from firewarden.training.quantise_scope import float_patterns

# Quantised, the product of SiLU would be cut off its sigmoid, and both off the convolution that they are fused with.
_SILU_PRODUCT = r".*/act/Mul$"


def is_installed() -> bool:
    """Whether OpenVINO and NNCF are there."""
    return all(importlib.util.find_spec(name) is not None for name in ("openvino", "nncf"))


def quantise_openvino(
    model_path: Path, target: Path, photos: QuantisePhotos, *, float_stages: int = 3
) -> tuple[str, int]:
    """Write `target` (.xml) and the weights beside it (.bin); returns the method in words and how many photos it used.

    The first `float_stages` stages of the network stay in floating point: left alone, NNCF gives the first layer 7-bit
    weights on a CPU, and that alone was most of the loss.
    """
    silence_openvino()
    import nncf
    import openvino

    logging.getLogger("nncf").setLevel(logging.WARNING)
    model = onnx.load(str(model_path), load_external_data=False)
    patterns = [*float_patterns(model, stages=float_stages), _SILU_PRODUCT]
    quantised = nncf.quantize(
        openvino.Core().read_model(str(model_path)),
        nncf.Dataset(photos, lambda batch: {0: batch}),
        preset=nncf.QuantizationPreset.MIXED,
        target_device=nncf.TargetDevice.CPU,
        subset_size=len(photos),
        fast_bias_correction=True,
        ignored_scope=nncf.IgnoredScope(patterns=patterns, validate=False),
    )
    openvino.save_model(quantised, str(target), compress_to_fp16=False)
    words = (
        f"NNCF {nncf.__version__} post-training, mixed preset, fast bias correction, the first "
        f"{float_stages} stage(s) in fp32"
    )
    return words, len(photos)


OPENVINO_RECIPES = (
    partial(quantise_openvino, float_stages=2),
    quantise_openvino,
    partial(quantise_openvino, float_stages=5),
)
