"""Some of many, spread over all of them: by hand."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from tiny_data import Photo, build_data_folder

from firewarden.training.even_steps import evenly


@pytest.mark.parametrize(
    ("of", "count", "expected"),
    [
        pytest.param(10, 4, [0, 2, 5, 7], id="0, 2.5, 5, 7.5"),
        pytest.param(7, 4, [0, 1, 3, 5], id="not the first four"),
        pytest.param(6, 3, [0, 2, 4], id="whole steps"),
        pytest.param(3, 3, [0, 1, 2], id="as many as there are"),
        pytest.param(2, 9, [0, 1], id="fewer than wanted"),
        pytest.param(0, 3, [], id="none"),
        pytest.param(5, 0, [], id="none wanted"),
    ],
)
def test_steps(of: int, count: int, expected: list[int]) -> None:
    assert evenly(range(of), count) == expected


def test_photos_to_compare_tensors_on_come_from_the_whole_of_val(tmp_path: Path) -> None:
    pytest.importorskip("onnx", reason="parity needs onnx: install firewarden[dev] or firewarden[train]")
    from firewarden.training.parity import parity_photos

    folder = build_data_folder(tmp_path, [Photo(f"v{n}", "val") for n in range(7)], ("door",))
    assert [path.stem for path in parity_photos(folder, 4)] == ["v0", "v1", "v3", "v5"]
