"""Label files: what is written is read back, and a damaged line is named."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.datasets.labels import (
    LabelRows,
    concat_rows,
    label_rows,
    list_images,
    read_classes,
    read_labels,
    write_labels,
)
from firewarden.errors import DatasetError

share = st.integers(0, 1_000_000).map(lambda millionths: millionths / 1_000_000)
some_rows = st.lists(st.tuples(st.integers(0, 31), share, share, share, share), max_size=5)


@given(rows=some_rows)
def test_rows_come_back_to_six_decimals(rows, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.mktemp("labels") / "a.txt"
    write_labels(path, label_rows(rows))
    again = read_labels(path)
    assert again.class_id.tolist() == [row[0] for row in rows]
    np.testing.assert_allclose(again.cxcywh, np.array([row[1:] for row in rows]).reshape(-1, 4), atol=1e-6)


def test_a_file_holds_one_row_a_line(tmp_path: Path) -> None:
    write_labels(tmp_path / "a.txt", label_rows([(3, 0.5, 0.25, 1, 0.125), (0, 0, 0, 0, 0)]))
    assert (tmp_path / "a.txt").read_text() == (
        "3 0.500000 0.250000 1.000000 0.125000\n0 0.000000 0.000000 0.000000 0.000000\n"
    )


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("0 0.5 0.5 0.1", id="a number is missing"),
        pytest.param("0 0.5 0.5 0.1 0.1 0.9", id="a number too many"),
        pytest.param("door 0.5 0.5 0.1 0.1", id="a name for an id"),
        pytest.param("1.5 0.5 0.5 0.1 0.1", id="half a class"),
        pytest.param("0 0.5 0,5 0.1 0.1", id="a decimal comma"),
    ],
)
def test_a_damaged_line_is_named(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"0 0.5 0.5 0.1 0.1\n\n{line}\n")
    with pytest.raises(DatasetError) as caught:
        read_labels(path)
    assert str(caught.value).startswith(f"{path}:3: got {line!r}")


def test_a_byte_order_mark_is_no_part_of_a_row_or_a_name(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("3 0.5 0.25 1 0.125\n", encoding="utf-8-sig")
    (tmp_path / "classes.txt").write_text("door\n电动车\n", encoding="utf-8-sig")
    assert read_labels(tmp_path / "a.txt").class_id.tolist() == [3]
    assert read_classes(tmp_path) == ("door", "电动车")


def test_a_name_may_hold_spaces(tmp_path: Path) -> None:
    (tmp_path / "classes.txt").write_text("exit sign\r\n\n door \n")
    assert read_classes(tmp_path) == ("exit sign", "door")


@pytest.mark.parametrize("content", [None, "", "\n  \n"], ids=["missing", "empty", "blank lines"])
def test_no_rows_are_rows(tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "a.txt"
    if content is not None:
        path.write_text(content)
    rows = read_labels(path)
    assert len(rows) == 0
    assert rows.xyxy((480, 640)).shape == (0, 4)


@pytest.mark.parametrize(
    ("row", "image_hw", "corners"),
    [
        pytest.param((0.5, 0.5, 1, 1), (100, 200), (0, 0, 200, 100), id="the whole picture"),
        pytest.param((0.25, 0.5, 0.5, 0.5), (100, 200), (0, 25, 100, 75), id="left half, middle rows"),
        pytest.param((0.5, 0.125, 0.5, 0.25), (80, 40), (10, 0, 30, 20), id="portrait, top"),
    ],
)
def test_corners_are_pixels_of_the_photo(row, image_hw, corners) -> None:
    assert label_rows([(0, *row)]).xyxy(image_hw).tolist() == [list(corners)]


def test_parts_are_joined_in_order() -> None:
    one, two = label_rows([(4, 0.1, 0.1, 0.1, 0.1)]), label_rows([(2, 0.2, 0.2, 0.2, 0.2), (9, 0, 0, 0, 0)])
    joined = concat_rows(one, label_rows([]), two)
    assert joined.class_id.tolist() == [4, 2, 9]
    assert joined.cxcywh[1].tolist() == pytest.approx([0.2] * 4)
    assert (joined.class_id.dtype, joined.cxcywh.dtype) == (np.int64, np.float32)
    assert len(concat_rows(label_rows([]), label_rows([]))) == 0


def test_rows_are_frozen_and_of_one_length() -> None:
    with pytest.raises(ValueError, match="read-only"):
        label_rows([(0, 0.5, 0.5, 0.5, 0.5)]).cxcywh[0, 0] = 1
    with pytest.raises(DatasetError, match=r"shape \(1, 4\), expected \(2, 4\)"):
        LabelRows(np.zeros(2, np.int64), np.zeros((1, 4), np.float32))


def test_a_folder_names_what_it_lacks(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"classes\.txt is missing"):
        read_classes(tmp_path)
    with pytest.raises(DatasetError, match="images is missing"):
        list_images(tmp_path)


def test_images_are_pictures_only_sorted_by_name(tmp_path: Path) -> None:
    (tmp_path / "images").mkdir()
    for name in ("b.JPG", "a.png", "notes.txt", "c.webp", "._a.png"):
        (tmp_path / "images" / name).write_bytes(b"")
    assert [path.name for path in list_images(tmp_path)] == ["a.png", "b.JPG", "c.webp"]
