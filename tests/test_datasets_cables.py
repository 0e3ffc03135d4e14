"""Cable polylines: the file, the box round a whole cord, the boxes round its pieces."""

import json
from pathlib import Path

import numpy as np
import pytest

from firewarden.datasets.cable_pieces import cut_pieces, piece_rows
from firewarden.datasets.cables import Cable, read_cables, thick_box, whole_rows, write_cables
from firewarden.errors import DatasetError

POWER = 13
STRAIGHT = Cable(np.array([[0.05, 0.5], [0.95, 0.5]], np.float32), "power", "none", "vehicle")
BENT = Cable(np.array([[0.1, 0.0], [0.3, 0.4], [0.9, 0.5]], np.float32), "power", "above", "vehicle")
WIRE = Cable(np.array([[0, 0.1], [1, 0.1]], np.float32), "telecom", "none", "none")


def test_cables_survive_the_file(tmp_path: Path) -> None:
    write_cables(tmp_path / "a.json", [BENT, WIRE])
    back = read_cables(tmp_path / "a.json")
    assert [(c.kind, c.source, c.sink) for c in back] == [
        ("power", "above", "vehicle"),
        ("telecom", "none", "none"),
    ]
    np.testing.assert_allclose(back[0].points, BENT.points, atol=1e-5)


def test_a_picture_without_a_file_has_no_cables(tmp_path: Path) -> None:
    assert read_cables(tmp_path / "none.json") == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("{", "no JSON", id="half a file"),
        pytest.param("{}", "expected a list", id="not a list"),
        pytest.param('[{"kind": "power"}]', "cable 0", id="no points"),
        pytest.param(
            '[{"points": [[0, 0]], "kind": "power", "source": "none", "sink": "none"}]', "n >= 2", id="one point"
        ),
        pytest.param(
            '[{"points": [[0, 0], [1, 1]], "kind": "rope", "source": "none", "sink": "none"}]', "'rope'", id="kind"
        ),
        pytest.param(
            '[{"points": [[0, 0], [1, 1]], "kind": "power", "source": "moon", "sink": "none"}]', "'moon'", id="source"
        ),
        pytest.param(
            '[{"points": [[0, 0], [1, null]], "kind": "power", "source": "none", "sink": "none"}]', "number", id="null"
        ),
    ],
)  # fmt: skip
def test_a_damaged_file_says_what_is_wrong(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(DatasetError, match=said) as caught:
        read_cables(tmp_path / "a.json")
    assert "a.json" in str(caught.value)


def test_one_thick_box_a_power_cord_and_none_for_wires() -> None:
    """960 px long: a level cord is 864 px wide and 12 px thick: 0.9 x 12 / 480."""
    rows = whole_rows([STRAIGHT, WIRE], (480, 960), POWER)
    assert rows.class_id.tolist() == [POWER]
    np.testing.assert_allclose(rows.cxcywh[0], [0.5, 0.5, 0.9, 0.025], atol=1e-5)


def test_a_thick_box_at_the_edge_is_moved_inside() -> None:
    """A level cord on the upper edge: 20 px of 100 below it, none above."""
    box = thick_box(np.array([[0.2, 0.0], [0.6, 0.0]], np.float32), (100, 100), 20)
    assert box == pytest.approx((0.4, 0.1, 0.4, 0.2))


def test_pieces_of_a_level_cord() -> None:
    """900 px of cord in steps of 90: ten pieces; inner ones 15 % longer, those at the ends half of that; 12.5 px thick."""
    rows = piece_rows([STRAIGHT, WIRE], (1000, 1000), POWER)
    boxes = rows.xyxy((1000, 1000))
    assert rows.class_id.tolist() == [POWER] * 10
    np.testing.assert_allclose(boxes[:, 2] - boxes[:, 0], [96.75] + [103.5] * 8 + [96.75], atol=0.01)
    np.testing.assert_allclose(boxes[:, 3] - boxes[:, 1], 12.5, atol=0.01)
    assert (boxes[1:, 0] < boxes[:-1, 2]).all()


def test_a_piece_is_as_thick_as_it_is_told() -> None:
    boxes = piece_rows([STRAIGHT], (1000, 1000), POWER, piece_share=0.3, min_px=50).xyxy((1000, 1000))
    assert len(boxes) == 3
    np.testing.assert_allclose(boxes[:, 3] - boxes[:, 1], 50, atol=0.01)


def test_a_short_cord_is_one_piece() -> None:
    short = Cable(np.array([[0.5, 0.5], [0.52, 0.5]], np.float32), "power", "none", "none")
    assert len(piece_rows([short], (640, 480), POWER)) == 1


@pytest.mark.parametrize("image_hw", [(480, 640), (832, 400)])
def test_pieces_cover_the_cord_in_order(image_hw: tuple[int, int]) -> None:
    boxes = piece_rows([BENT], image_hw, POWER).xyxy(image_hw)
    dense = np.concatenate(
        [np.linspace(a, b, 200) for a, b in zip(BENT.points, BENT.points[1:], strict=False)]
    )
    points = dense * (image_hw[1], image_hw[0])
    inside = (points[:, None] >= boxes[None, :, :2] - 0.01).all(axis=2) & (
        points[:, None] <= boxes[None, :, 2:] + 0.01
    ).all(axis=2)
    assert inside.any(axis=1).all()
    first, last = inside.argmax(axis=1), inside.shape[1] - 1 - inside[:, ::-1].argmax(axis=1)
    assert (np.diff(first) >= 0).all() and (np.diff(last) >= 0).all()


def test_pieces_are_equally_long() -> None:
    """Lengths in pixels of 1000 x 500: legs of (200, 200) and (600, 50) px; 883 px in pieces of 100 makes nine."""
    pieces = cut_pieces(BENT.points, (500, 1000), piece_px=100)
    lengths = [np.linalg.norm(np.diff(piece * (1000, 500), axis=0), axis=1).sum() for piece in pieces]
    whole = np.hypot(200, 200) + np.hypot(600, 50)
    assert len(pieces) == 9
    np.testing.assert_allclose(lengths[1:-1], 1.15 * whole / 9, rtol=1e-3)


def test_no_cables_give_no_rows() -> None:
    assert len(piece_rows([], (10, 10), POWER)) == 0 == len(whole_rows([], (10, 10), POWER))


def test_the_entry_is_plain_json() -> None:
    assert json.loads(json.dumps(WIRE.to_json()))["points"] == [[0.0, 0.1], [1.0, 0.1]]
