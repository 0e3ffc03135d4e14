"""Static int8 quantisation for ONNX Runtime: QuantizeLinear / DequantizeLinear pairs round what its int8 kernels compute."""

import re
import tempfile
from functools import partial
from pathlib import Path

import onnx
from onnxruntime.quantization import QuantFormat, QuantType, quantize_static

from firewarden.training.quantise_bias import centre_class_scores
from firewarden.training.quantise_photos import QuantisePhotos
from firewarden.training.quantise_ranges import METHOD, write_ranges
from firewarden.training.quantise_rounding import round_weights
from firewarden.training.quantise_scope import float_patterns, with_node_names
from firewarden.training.quantise_silu import with_fused_silu

MAX_PHOTOS = 100  # for ranges and rounding; more made no difference


def quantise_onnx(
    model_path: Path,
    target: Path,
    photos: QuantisePhotos,
    *,
    float_stages: int = 3,
) -> tuple[str, int]:
    """Write an int8 model; returns the method in words and how many photos it used.

    Weights: signed, 7 bits, a scale for each channel, rounded for their convolution's output; activations: unsigned 8 bits,
    the pair with the fastest kernels. With 7 bits no sum of products saturates on processors without VNNI instructions. In
    floating point stay the head and the first `float_stages` stages, whose first three are no faster in 8 bits.
    """
    model = onnx.load(str(model_path))
    patterns = float_patterns(model, stages=float_stages, whole_head=True)  # unnamed nodes tell, too
    model = with_fused_silu(with_node_names(model))
    _write_pairs(model, target, photos.at_most(MAX_PHOTOS), [re.compile(pattern) for pattern in patterns])
    quantised = onnx.load(str(target))
    round_weights(model, quantised, photos.at_most(MAX_PHOTOS))
    centre_class_scores(model, quantised, photos)
    onnx.save(quantised, str(target))
    return (
        "ONNX Runtime static QDQ, U8S8, 7-bit weights by channel rounded for their convolution's output, quantiles of "
        f"activations, class scores centred; SiLU, the head and the first {float_stages} stage(s) in fp32"
    ), len(photos)


ONNX_RECIPES = (quantise_onnx, partial(quantise_onnx, float_stages=5))


def _write_pairs(
    model: onnx.ModelProto, target: Path, photos: QuantisePhotos, kept: list[re.Pattern[str]]
) -> None:
    """Write `model` with pairs round everything but the nodes named in `kept`, weights rounded one by one."""
    with tempfile.TemporaryDirectory() as folder:
        named, ranges = Path(folder) / "named.onnx", Path(folder) / "ranges.json"
        onnx.save(model, str(named))
        write_ranges(model, ranges, photos)
        quantize_static(
            str(named),
            str(target),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            nodes_to_exclude=[n.name for n in model.graph.node if any(p.match(n.name) for p in kept)],
            calibrate_method=METHOD,
            calibration_cache_path=ranges,
        )
