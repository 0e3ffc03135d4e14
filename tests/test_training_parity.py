"""Parity comparisons, worked out by hand; the tensor before top-k is found in a hand-built graph."""

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="parity needs onnx: install firewarden[dev] or firewarden[train]")

from firewarden.errors import ModelMismatch
from firewarden.training.parity import (
    compare_map,
    difference,
    parity_report,
    pre_top_k_name,
    unmatched_rows,
)


def row(x: float, confidence: float, class_id: int = 0) -> list[float]:
    return [x, 0, x + 10, 10, confidence, class_id]


def table(*rows: list[float]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 6)


@pytest.mark.parametrize(
    ("got", "max_abs", "max_rel", "within"),
    [
        ([100.0, 0.5], 0.0, 0.0, True),
        ([100.09, 0.5], 0.09, 0.0009, True),  # allowed: 0.001 + 0.001 * 100
        ([100.11, 0.5], 0.11, 0.0011, False),
        ([100.0, 0.502], 0.002, 0.004, False),  # allowed: 0.001 + 0.001 * 0.5
        ([100.0, float("nan")], float("nan"), float("nan"), False),
    ],
)
def test_difference(got: list[float], max_abs: float, max_rel: float, within: bool) -> None:
    found = difference(np.array([100.0, 0.5], np.float32), np.array(got, np.float32))
    assert found.within is within
    assert found.max_abs == pytest.approx(max_abs, rel=1e-2, nan_ok=True)
    assert found.max_rel == pytest.approx(max_rel, rel=1e-2, nan_ok=True)


def test_another_shape_is_never_within() -> None:
    assert not difference(np.zeros(3, np.float32), np.zeros(4, np.float32)).within


@pytest.mark.parametrize(
    ("got", "expected"),
    [
        pytest.param(
            table(row(0, 0.9), row(50, 0.5), row(90, 0.1)), (0, 2), id="equal; the weakest is left out"
        ),
        pytest.param(table(row(50, 0.5), row(0, 0.9), row(90, 0.1)), (0, 2), id="order does not matter"),
        pytest.param(table(row(0, 0.9), row(50, 0.5), row(70, 0.1)), (0, 2), id="another weakest row"),
        pytest.param(table(row(0, 0.9), row(51, 0.5), row(90, 0.1)), (1, 2), id="a box one pixel off"),
        pytest.param(table(row(0, 0.9), row(50, 0.5, 1), row(90, 0.1)), (1, 2), id="another class"),
        pytest.param(table(), (3, 3), id="no rows at all"),
    ],
)
def test_unmatched_rows(got: np.ndarray, expected: tuple[int, int]) -> None:
    assert unmatched_rows(table(row(0, 0.9), row(50, 0.5), row(90, 0.1)), got) == expected


@pytest.mark.parametrize(
    ("reference", "got", "within"),
    [(0.400, 0.404, True), (0.404, 0.400, True), (0.400, 0.394, False), (None, 0.4, False)],
)
def test_map_may_differ_by_half_a_point(reference: float | None, got: float, within: bool) -> None:
    assert compare_map(reference, got)["within"] is within


def tensor_row(hw: tuple[int, int], within: bool = True) -> dict[str, object]:
    return {"input_hw": list(hw), "within": within}


@pytest.mark.parametrize(
    ("tensors", "map_within", "passed"),
    [
        ([tensor_row((64, 64)), tensor_row((32, 32))], True, True),
        ([tensor_row((64, 64)), tensor_row((64, 64))], True, False),
        ([tensor_row((64, 64)), tensor_row((32, 32), within=False)], True, False),
        ([tensor_row((64, 64)), tensor_row((32, 32))], False, False),
        ([], True, False),
    ],
)
def test_parity_needs_two_shapes_and_everything_within(
    tensors: list[dict[str, object]], map_within: bool, passed: bool
) -> None:
    assert parity_report(tensors, {"within": map_within}, {})["passed"] is passed


def head(reduce_type: str) -> onnx.ModelProto:
    node, value = onnx.helper.make_node, onnx.helper.make_tensor_value_info
    nodes = [
        node("Identity", ["images"], ["raw"]),
        node("Split", ["raw", "sizes"], ["boxes", "scores"], axis=2),
        node(reduce_type, ["scores"], ["best"], axes=[2], keepdims=0),
        node("TopK", ["best", "k"], ["values", "index"], axis=1),
    ]
    constants = [
        onnx.numpy_helper.from_array(np.array([4, 2], np.int64), "sizes"),
        onnx.numpy_helper.from_array(np.array([1], np.int64), "k"),
    ]
    floats = onnx.TensorProto.FLOAT
    graph = onnx.helper.make_graph(
        nodes, "head", [value("images", floats, [1, 3, 6])], [value("values", floats, None)], constants
    )
    return onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])


def test_the_tensor_before_top_k_is_what_is_split() -> None:
    assert pre_top_k_name(head("ReduceMax")) == "raw"


def test_another_head_is_refused() -> None:
    with pytest.raises(ModelMismatch, match="no ReduceMax"):
        pre_top_k_name(head("ReduceMean"))
