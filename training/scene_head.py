"""A scene output for an exported detector: pooled backbone features, one linear layer, softmax.

The features (backbone maps of three scales) come almost free with the detector's pass. Scene tags of the data are merged where they are thin; the layer
is fitted on train photos (several views of each) and its strength chosen on val.
"""

from collections.abc import Iterator, Mapping, Sequence
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

EMBEDDING_OUTPUT = "embedding"
MERGED_SCENES: Mapping[str, str] = {  # tag in manifest.csv -> scene of the rule file
    "elevator_car": "elevator_car",
    "corridor": "evacuation_corridor",
    "stairwell": "evacuation_corridor",
    "lobby": "evacuation_corridor",
    "indoor": "indoor",
    "private_room": "indoor",
    "outdoor": "outdoor_open",
}
OUTDOOR = "outdoor_open"
SCENES = ("elevator_car", "evacuation_corridor", "indoor", OUTDOOR)
_STRENGTHS = (0.003, 0.01, 0.03, 0.1, 0.3)
Features = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class SceneHead:
    """`weight (s, c)`, `bias (s,)` of softmax(weight @ embedding + bias), scene names, and how well it did on val."""

    names: tuple[str, ...]
    weight: Features
    bias: Features
    report: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class _Sample:
    path: Path
    scene: int


def attach_scene_head(
    model_path: Path, data: Path, composed: Path | None, *, input_size: int, stride: int
) -> SceneHead:
    """Add `embedding` and `scene` outputs to the ONNX file in place; returns the fitted head."""
    model = onnx.load(str(model_path))
    add_embedding(model)
    onnx.save(model, str(model_path))
    train, val = _samples(data, composed)
    features, labels = _embed_all(model_path, train, input_size, stride, views=3)
    val_features, val_labels = _embed_all(model_path, val, input_size, stride, views=1)
    head = fit_scene_head(features, labels, val_features, val_labels, SCENES)
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


def fit_scene_head(
    features: Features, labels: NDArray[np.int64], val_features: Features, val_labels: NDArray[np.int64],
    names: Sequence[str],
) -> SceneHead:  # fmt: skip
    """Multinomial logistic regression with rare scenes weighted up; the L2 strength with the lowest val loss wins.

    Features (n, c) are standardised for the fit; the scaling is folded into the returned weights.
    """
    mean, scale = features.mean(axis=0), features.std(axis=0) + 1e-6
    x, x_val = (features - mean) / scale, (val_features - mean) / scale
    fits = [_fit(x, labels, len(names), strength) for strength in _STRENGTHS]
    losses = [_log_loss(x_val @ w.T + b, val_labels) for w, b in fits]
    best = int(np.argmin(losses))
    weight, bias = fits[best]
    predicted = (x_val @ weight.T + bias).argmax(axis=1)
    report = {
        "val_log_loss": float(losses[best]),
        "val_accuracy": float((predicted == val_labels).mean()),
        "val_accuracy_indoor_outdoor": _indoor_accuracy(predicted, val_labels, names),
        **{f"val_recall_{n}": _share(predicted[val_labels == i] == i) for i, n in enumerate(names)},
        "strength": _STRENGTHS[best],
    }
    folded = weight / scale
    return SceneHead(
        tuple(names), folded.astype(np.float32), (bias - folded @ mean).astype(np.float32), report
    )


def _fit(x: Features, labels: NDArray[np.int64], classes: int, strength: float) -> tuple[Features, Features]:
    import torch

    inputs, targets = torch.from_numpy(np.ascontiguousarray(x, np.float32)), torch.from_numpy(labels)
    counts = np.bincount(labels, minlength=classes).clip(1)
    weights = torch.tensor((counts.mean() / counts) ** 0.5, dtype=torch.float32)
    layer = torch.nn.Linear(x.shape[1], classes)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    optimizer = torch.optim.LBFGS(layer.parameters(), max_iter=200, line_search_fn="strong_wolfe")

    def closure() -> torch.Tensor:
        optimizer.zero_grad()
        loss = torch.nn.functional.cross_entropy(layer(inputs), targets, weight=weights)
        loss = loss + strength * layer.weight.square().sum()
        loss.backward()
        return loss

    optimizer.step(closure)
    return layer.weight.detach().numpy(), layer.bias.detach().numpy()


def _log_loss(logits: Features, labels: NDArray[np.int64]) -> float:
    shifted = logits - logits.max(axis=1, keepdims=True)
    log_p = shifted - np.log(np.exp(shifted).sum(axis=1, keepdims=True))
    return float(-log_p[np.arange(len(labels)), labels].mean())


def _indoor_accuracy(predicted: NDArray[np.int64], labels: NDArray[np.int64], names: Sequence[str]) -> float:
    outdoor = names.index(OUTDOOR) if OUTDOOR in names else -1
    return float(((predicted == outdoor) == (labels == outdoor)).mean())


def _share(hits: NDArray[np.bool_]) -> float:
    return float(hits.mean()) if len(hits) else 0.0


def _samples(data: Path, composed: Path | None) -> tuple[list[_Sample], list[_Sample]]:
    """Tagged train and val photos, and composed ones for train: e-bikes set into rooms and drawn lifts unlearn 'e-bike, so
    street'."""
    records = read_manifest(data)
    listed = {
        split: [
            _Sample(data / r.file, SCENES.index(MERGED_SCENES[r.scene]))
            for r in split_records(records, split)
            if r.scene in MERGED_SCENES
        ]
        for split in ("train", "val")
    }
    kinds = {"compose_ebike_*": "indoor", "compose_lift_*": "elevator_car"}
    extra = [
        _Sample(path, SCENES.index(scene))
        for pattern, scene in kinds.items()
        for path in (sorted((composed / "images").glob(pattern)) if composed is not None else [])
    ]
    return listed["train"] + extra, listed["val"]


def _embed_all(
    model_path: Path, samples: Sequence[_Sample], input_size: int, stride: int, *, views: int
) -> tuple[Features, NDArray[np.int64]]:
    session = onnxruntime.InferenceSession(str(model_path), providers=["CPUExecutionProvider"])
    rows, labels = [], []
    for index, sample in enumerate(samples):
        picture = decode_image(sample.path.read_bytes(), min_long_side=input_size).pixels
        for view in _views(picture, np.random.default_rng(index), views):
            box = Letterbox.fit((view.shape[0], view.shape[1]), input_size, stride)
            batch = to_batch(box.apply_image(view))
            rows.append(session.run([EMBEDDING_OUTPUT], {session.get_inputs()[0].name: batch})[0][0])
            labels.append(sample.scene)
    return np.stack(rows).astype(np.float32), np.array(labels, np.int64)


def _views(picture: NDArray[np.uint8], rng: np.random.Generator, count: int) -> Iterator[NDArray[np.uint8]]:
    """The picture itself, then random crops of at least half its sides, mirrored and relit."""
    yield picture
    h, w = picture.shape[:2]
    for _ in range(count - 1):
        ch, cw = int(h * rng.uniform(0.5, 1)), int(w * rng.uniform(0.5, 1))
        top, left = int(rng.integers(0, h - ch + 1)), int(rng.integers(0, w - cw + 1))
        crop = picture[top : top + ch, left : left + cw][:, :: int(rng.choice([-1, 1]))]
        yield np.asarray((crop * rng.uniform(0.5, 1.3)).clip(0, 255), np.uint8)
