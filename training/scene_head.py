"""A scene output for an exported detector: pooled backbone features, one linear layer, softmax.

The features (backbone maps of three scales) come almost free with the detector's pass. Scene tags of the data are merged where they are thin; the layer
is fitted on train photos (several views of each) and made pictures.
"""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from firewarden.datasets.manifest import read_manifest, split_records
from firewarden.inference.detector import to_batch
from firewarden.inference.image import decode_image
from firewarden.inference.letterbox import Letterbox
from firewarden.inference.session import SCENE_OUTPUT
from firewarden.training.scene_fit import NO_SCENES, SceneHead, Seen, fit_scene_head
from firewarden.training.scenes import SCENES, scene_index

EMBEDDING_OUTPUT = "embedding"
logger = logging.getLogger(__name__)
_MOST_MADE = 400  # pictures of one made folder that join the fit, evenly drawn: real places decide


@dataclass(frozen=True, slots=True)
class _Sample:
    path: Path
    scene: int
    place: str


def attach_scene_head(
    model_path: Path, data: Path, made: Sequence[Path], *, input_size: int, stride: int
) -> SceneHead:
    """Add `embedding` and `scene` outputs to the ONNX file in place; returns the fitted head.

    `made` are data folders of composed or rendered pictures: those of their train split join the fit. Where no train photo
    of `data` has a scene tag, the file stays as it is, which is logged as a warning, and the head names no scene.
    """
    train = tagged(data, "train")
    if not train:
        logger.warning(
            "%s: no train photo has a scene tag, so the model gets no scene output. Fill the column scene of manifest.csv "
            "and export again if it shall tell the kind of place.",
            data,
        )
        return NO_SCENES
    model = onnx.load(str(model_path))
    add_embedding(model)
    onnx.save(model, str(model_path))
    drawn = [sample for folder in made for sample in _thin_out(tagged(folder, "train"))]
    head = fit_scene_head(
        _embed_all(model_path, train, input_size, stride, views=3),
        _embed_all(model_path, tagged(data, "val"), input_size, stride, views=1),
        SCENES,
        made=_embed_all(model_path, drawn, input_size, stride, views=3) if drawn else None,
    )
    add_scene(model, head)
    onnx.checker.check_model(model)
    onnx.save(model, str(model_path))
    return head


def add_embedding(model: onnx.ModelProto) -> None:
    """Pool the backbone's feature maps to one output (batch, c): the last one, which the first upsampling of the neck
    reads, and those that the neck joins to each upsampled map."""
    graph = model.graph
    upsampled = [node for node in graph.node if node.op_type == "Resize"]
    if not upsampled:
        raise ValueError("the graph has no Resize node, expected a YOLO neck behind the backbone")
    maps = [upsampled[0].input[0]]
    for resize in upsampled:
        join = next((n for n in graph.node if n.op_type == "Concat" and resize.output[0] in n.input), None)
        maps += [name for name in join.input if name != resize.output[0]] if join is not None else []
    pooled = [f"embedding_pooled_{level}" for level in range(len(maps))]
    for source, target in zip(maps, pooled, strict=True):
        graph.node.append(helper.make_node("GlobalAveragePool", [source], [target]))
    graph.node.append(helper.make_node("Concat", pooled, ["embedding_joined"], axis=1))
    graph.node.append(helper.make_node("Flatten", ["embedding_joined"], [EMBEDDING_OUTPUT], axis=1))
    graph.output.append(
        helper.make_tensor_value_info(EMBEDDING_OUTPUT, TensorProto.FLOAT, ["batch", "channels"])
    )


def add_scene(model: onnx.ModelProto, head: SceneHead) -> None:
    """Add the linear layer and softmax behind the embedding as output `scene` (batch, s)."""
    graph = model.graph
    graph.initializer.append(numpy_helper.from_array(head.weight, "scene_weight"))
    graph.initializer.append(numpy_helper.from_array(head.bias, "scene_bias"))
    graph.node.extend(
        [
            helper.make_node(
                "Gemm", [EMBEDDING_OUTPUT, "scene_weight", "scene_bias"], ["scene_logits"], transB=1
            ),
            helper.make_node("Softmax", ["scene_logits"], [SCENE_OUTPUT], axis=1),
        ]
    )
    graph.output.append(
        helper.make_tensor_value_info(SCENE_OUTPUT, TensorProto.FLOAT, ["batch", len(head.names)])
    )


def tagged(folder: Path, split: str) -> list[_Sample]:
    """Photos of a split whose scene tag says what kind of place they show."""
    return [
        _Sample(folder / record.file, scene, record.place)
        for record in split_records(read_manifest(folder), split)
        if (scene := scene_index(record.scene)) is not None
    ]


def _thin_out(samples: Sequence[_Sample]) -> list[_Sample]:
    """At most `_MOST_MADE` of them, evenly drawn."""
    step = max(1, -(-len(samples) // _MOST_MADE))
    return list(samples[::step])


def _embed_all(
    model_path: Path, samples: Sequence[_Sample], input_size: int, stride: int, *, views: int
) -> Seen:
    session = onnxruntime.InferenceSession(str(model_path), providers=["CPUExecutionProvider"])
    rows, labels, places = [], [], []
    for index, sample in enumerate(samples):
        picture = decode_image(sample.path.read_bytes(), min_long_side=input_size).pixels
        for view in _views(picture, np.random.default_rng(index), views):
            box = Letterbox.fit((view.shape[0], view.shape[1]), input_size, stride)
            batch = to_batch(box.apply_image(view))
            rows.append(session.run([EMBEDDING_OUTPUT], {session.get_inputs()[0].name: batch})[0][0])
            labels.append(sample.scene)
            places.append(sample.place)
    features = np.stack(rows) if rows else np.empty((0, 0))
    return Seen(features.astype(np.float32), np.array(labels, np.int64), places)


def _views(picture: NDArray[np.uint8], rng: np.random.Generator, count: int) -> Iterator[NDArray[np.uint8]]:
    """The picture itself, then random crops of at least half its sides, mirrored and relit."""
    yield picture
    h, w = picture.shape[:2]
    for _ in range(count - 1):
        ch, cw = int(h * rng.uniform(0.5, 1)), int(w * rng.uniform(0.5, 1))
        top, left = int(rng.integers(0, h - ch + 1)), int(rng.integers(0, w - cw + 1))
        crop = picture[top : top + ch, left : left + cw][:, :: int(rng.choice([-1, 1]))]
        yield np.asarray((crop * rng.uniform(0.5, 1.3)).clip(0, 255), np.uint8)
