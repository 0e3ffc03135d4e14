"""Int8 for ONNX Runtime: weights rounded for what they compute, shared ranges, class scores put back, by hand and by property."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES

onnx = pytest.importorskip("onnx", reason="quantising needs onnx: install firewarden[quantise]")
from onnx import TensorProto, helper, numpy_helper
from tiny_data import Photo, build_data_folder
from tiny_model import build_model_folder

from firewarden.errors import DatasetError
from firewarden.models.manifest import load_manifest
from firewarden.training.quantise_bias import centre_class_scores
from firewarden.training.quantise_photos import choose_photos
from firewarden.training.quantise_ranges import moved_together
from firewarden.training.quantise_rounding import _largest, round_weights, rounded_rows
from firewarden.training.quantise_scope import class_convolutions

ALIKE = np.array([[1.0, 1.0], [1.0, 1.0]])  # two inputs that always go together
APART = np.eye(2)


@pytest.mark.parametrize(
    ("weights", "covariance", "top", "expected"),
    [
        pytest.param([[0.4, 0.4]], APART, 127, [[0, 0]], id="inputs apart: each to its nearest"),
        pytest.param([[0.4, 0.4]], ALIKE, 127, [[0, 1]], id="alike: 0.4 is lost, 0.4 + 0.4 rounds to 1"),
        pytest.param([[0.6, 0.6]], ALIKE, 127, [[1, 0]], id="alike: 0.4 too much, 0.6 - 0.4 rounds to 0"),
        pytest.param([[9.0, 1.0]], ALIKE, 7, [[7, 3]], id="what is cut off goes to the other"),
        pytest.param([[0.4, 0.4], [2.0, -3.0]], ALIKE, 127, [[0, 1], [2, -3]], id="rows on their own"),
    ],
)
def test_weights_make_up_for_what_others_lost(
    weights: list[list[float]], covariance: Any, top: int, expected: list[list[int]]
) -> None:
    rows = np.array(weights)
    found = rounded_rows(rows, np.ones(len(rows)), covariance, top)
    assert found.tolist() == expected
    halved = rounded_rows(rows / 2, np.full(len(rows), 0.5), covariance, top)
    assert halved.tolist() == expected  # a scale of a half: the same steps


def convolution(groups: int) -> Any:
    rng = np.random.default_rng(0)
    weight = rng.normal(0, 0.3, (8, 4 // groups, 3, 3)).astype(np.float32)
    node = helper.make_node(
        "Conv",
        ["images", "w", "b"],
        ["y"],
        kernel_shape=[3, 3],
        pads=[1, 1, 1, 1],
        strides=[2, 2],
        group=groups,
    )
    graph = helper.make_graph(
        [node],
        "convolution",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 4, "h", "w"])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(weight, "w"), numpy_helper.from_array(np.zeros(8, np.float32), "b")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def in_steps(model: Any, scale: float) -> Any:
    """The constants of an int8 file of `convolution`, weights rounded to the nearest."""
    weight = numpy_helper.to_array(model.graph.initializer[0])
    whole = np.rint(weight / scale).astype(np.int8)
    return helper.make_model(
        helper.make_graph([], "int8", [], [], [
            numpy_helper.from_array(whole, "w_quantized"),
            numpy_helper.from_array(np.full(8, scale, np.float32), "w_scale"),
            numpy_helper.from_array(np.zeros(8, np.int32), "b_quantized"),
            numpy_helper.from_array(np.full(8, 1e-4, np.float32), "b_quantized_scale"),
        ])
    )  # fmt: skip


def computed(model: Any, constants: Any, photo: Any) -> Any:
    """What the convolution says with the weights and bias of int8 constants."""
    held = {each.name: numpy_helper.to_array(each) for each in constants.graph.initializer}
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    weight = held["w_quantized"] * held["w_scale"].reshape(-1, 1, 1, 1)
    bias = held["b_quantized"] * held["b_quantized_scale"]
    copy.graph.initializer[0].CopyFrom(numpy_helper.from_array(weight.astype(np.float32), "w"))
    copy.graph.initializer[1].CopyFrom(numpy_helper.from_array(bias.astype(np.float32), "b"))
    return answered(copy, photo)


def answered(model: Any, photo: Any) -> Any:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {"images": photo})[0]


def smooth_photo(seed: int) -> Any:
    """Neighbouring pixels alike, as in photos: (1, 4, 24, 24)."""
    coarse = np.random.default_rng(seed).random((1, 4, 6, 6), np.float32)
    return np.repeat(np.repeat(coarse, 4, axis=2), 4, axis=3)


@pytest.mark.parametrize("groups", [1, 2, 4])
def test_a_convolution_rounded_for_its_output_errs_far_less_on_other_pictures(groups: int) -> None:
    model = convolution(groups)
    nearest, fitted = in_steps(model, 0.05), in_steps(model, 0.05)
    assert round_weights(model, fitted, [smooth_photo(seed) for seed in range(6)]) == 1
    other = smooth_photo(99)
    right = answered(model, other)
    errors = [np.square(computed(model, each, other) - right).mean() for each in (nearest, fitted)]
    assert 0 < errors[1] < 0.5 * errors[0]


def joined(*specs: tuple[str, str, list[str], list[str]]) -> Any:
    nodes = [helper.make_node(op, read, written, name=name) for op, name, read, written in specs]
    return helper.make_model(helper.make_graph(nodes, "joined", [], []))


def test_tensors_that_hold_the_same_numbers_share_a_range() -> None:
    model = joined(
        ("Split", "/model.2/Split", ["a", "sizes"], ["b", "c"]),
        ("Conv", "/model.2/conv/Conv", ["c", "w"], ["d"]),
        ("Concat", "/model.2/Concat", ["b", "d"], ["e"]),
        ("MaxPool", "/model.3/MaxPool", ["f"], ["g"]),
        ("Concat", "/model.9/Concat", ["g", "h"], ["i"]),
        ("TopK", "/model.9/TopK", ["i", "k"], ["j", "l"]),
    )
    groups = moved_together(model, list("abcdefghij"))
    assert sorted(sorted(group) for group in groups) == [["a", "b", "c", "d", "e"], ["f", "g"]]


def test_class_branches_are_found_by_name() -> None:
    model = joined(
        ("Conv", "/model.2/cv1/conv/Conv", ["a", "w"], ["b"]),
        ("Conv", "/model.10/cv1/conv/Conv", ["b", "w"], ["c"]),
        ("Conv", "/model.23/one2one_cv2.0/one2one_cv2.0.2/Conv", ["c", "w"], ["d"]),
        ("Conv", "/model.23/one2one_cv3.0/one2one_cv3.0.1/one2one_cv3.0.1.1/conv/Conv", ["c", "w"], ["e"]),
        ("Conv", "/model.23/one2one_cv3.0/one2one_cv3.0.2/Conv", ["e", "w"], ["f"]),
        ("TopK", "/model.23/TopK", ["f", "k"], ["g", "h"]),
    )
    assert [node.output[0] for node in class_convolutions(model)] == ["f"]


def scores(bias: list[float]) -> Any:
    """images (1, 1, h, w) -> two classes, each the picture plus its bias, by a head's last convolution."""
    nodes = [
        helper.make_node("Conv", ["images", "w", "b"], ["y"], name="/model.1/one2one_cv3.0/one2one_cv3.0.2/Conv", kernel_shape=[1, 1]),
        helper.make_node("ReduceMax", ["y"], ["best"], name="/model.1/ReduceMax", keepdims=0, axes=[1, 2]),
        helper.make_node("TopK", ["best", "one"], ["values", "places"], name="/model.1/TopK"),
    ]  # fmt: skip
    graph = helper.make_graph(
        nodes,
        "scores",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 1, "h", "w"])],
        [helper.make_tensor_value_info("values", TensorProto.FLOAT, None)],
        [
            numpy_helper.from_array(np.ones((2, 1, 1, 1), np.float32), "w"),
            numpy_helper.from_array(np.array(bias, np.float32), "b"),
            numpy_helper.from_array(np.array([1]), "one"),
        ],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)


def test_class_scores_are_put_back_by_their_mean_gap_where_something_is_seen() -> None:
    """One place above the floor for class 0 in each of 15 photos, 0.4 too low; class 1 is never seen."""
    photo = np.full((1, 1, 5, 5), -9.0, np.float32)
    photo[0, 0, 2, 2] = 1.0
    exact, low = scores([0.0, -6.0]), scores([-0.4, -6.4])
    shift = centre_class_scores(exact, low, [photo] * 15)
    np.testing.assert_allclose(shift, [0.4 * 15 / (15 + 5), 0.0], atol=1e-6)
    bias = numpy_helper.to_array(low.graph.initializer[1])
    np.testing.assert_allclose(bias, [-0.4 + 0.3, -6.4], atol=1e-6)

    moved = np.roll(photo, 1, axis=3)  # its neighbour is the surest cell: no gap
    assert np.abs(centre_class_scores(exact, scores([0.0, -6.0]), [moved])).max() == 0


def test_a_network_without_a_known_head_keeps_its_scores() -> None:
    model = convolution(1)
    assert centre_class_scores(model, model, []).size == 0


def test_half_of_the_pictures_are_made_ones(tmp_path: Path) -> None:
    manifest = load_manifest(build_model_folder(tmp_path / "tiny", CLASSES, [(16, 16, 48, 48, 0.9, 0)]))
    listed = {
        name: build_data_folder(
            tmp_path / name, [Photo(f"{name}{i}", split, hw=(64, 64)) for i in range(6)], CLASSES
        )
        for name, split in (("real", "train"), ("one", "train"), ("two", "train"), ("none", "val"))
    }
    photos = choose_photos(manifest, listed["real"], 8, [listed["one"], listed["two"]])
    assert [path.stem[:-1] for path in photos.paths] == ["real"] * 4 + ["one"] * 2 + ["two"] * 2
    with pytest.raises(DatasetError, match="none"):
        choose_photos(manifest, listed["real"], 8, [listed["none"]])


@pytest.mark.parametrize(
    ("before", "top"),
    [([1, -64], 64), ([64, 3], 64), ([-65, 3], 127), ([127, -127], 127), ([-128, 0], 127)],
)
def test_as_many_steps_are_used_as_the_quantiser_left_room_for(before: list[int], top: int) -> None:
    assert _largest(np.array(before, np.int8)) == top


def test_the_largest_weight_of_a_channel_keeps_all_its_steps() -> None:
    """Weights of 1 and -0.5 in steps of 1/64: 64 and -32, so nothing is cut off."""
    rows = rounded_rows(
        np.array([[1.0, -0.5]]), np.array([1 / 64]), APART, _largest(np.array([64, -32], np.int8))
    )
    assert rows.tolist() == [[64, -32]]
