"""Decoding hand-written rows, and the properties of dropping duplicates."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firewarden.detections import Detections
from firewarden.geometry import iou_batch
from firewarden.inference.decode import decode_end2end, drop_duplicates
from firewarden.inference.letterbox import Letterbox

BOX = Letterbox.fit((1000, 2000), 640, 32)  # content 320 x 640 in 320 x 640: factor 3.125, no padding


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        pytest.param([], [], id="no row"),
        pytest.param([(0, 0, 32, 64, 0.5, 3)], [(0, 0, 100, 200, 3)], id="one row in original pixels"),
        pytest.param([(0, 0, 32, 64, 0.0, 3)], [], id="zero confidence is padding"),
        pytest.param([(5, 5, 5, 9, 0.9, 3)], [], id="no area"),
        pytest.param([(-50, -50, 32, 32, 0.9, 0)], [(0, 0, 100, 100, 0)], id="clipped to the picture"),
        pytest.param([(700, 0, 800, 32, 0.9, 0)], [], id="outside the picture"),
        pytest.param(
            [(0, 0, 32, 32, 0.2, 1), (64, 64, 96, 96, 0.8, 2)], [(200, 200, 300, 300, 2), (0, 0, 100, 100, 1)],
            id="sorted by confidence",
        ),
        pytest.param(
            [(0, 0, 32, 32, 0.9, 1), (0, 0, 32, 30, 0.8, 1)], [(0, 0, 100, 100, 1)], id="IoU 0.94 of one class is one object"
        ),
        pytest.param(
            [(0, 0, 32, 32, 0.9, 1), (0, 0, 32, 30, 0.8, 2)], [(0, 0, 100, 100, 1), (0, 0, 100, 93.75, 2)],
            id="of two classes two objects",
        ),
        pytest.param(
            [(0, 0, 32, 32, 0.9, 1), (16, 0, 48, 32, 0.8, 1)], [(0, 0, 100, 100, 1), (50, 0, 150, 100, 1)],
            id="IoU 1/3 are neighbours",
        ),
    ],
)  # fmt: skip
def test_decode(rows, expected):
    found = decode_end2end(np.array(rows, np.float32).reshape(-1, 6), BOX)
    assert [(*map(float, box), int(c)) for box, c in zip(found.xyxy, found.class_id, strict=True)] == expected


def test_threshold_is_inclusive():
    raw = np.array([(0, 0, 32, 32, 0.25, 1), (64, 0, 96, 32, 0.2, 1)], np.float32)
    assert len(decode_end2end(raw, BOX, confidence_threshold=0.25)) == 1


side = st.floats(0, 900, width=32)
boxes = st.lists(st.tuples(side, side, st.integers(0, 2)), max_size=12)


@given(boxes)
def test_dropping_duplicates_is_idempotent_and_leaves_no_clash(rows):
    xyxy = np.array([(x, y, x + 100, y + 100) for x, y, _ in rows], np.float32).reshape(-1, 4)
    confidence = np.linspace(1, 0.5, len(rows), dtype=np.float32)
    found = Detections(xyxy, confidence, np.array([c for *_, c in rows], np.int64))
    once = drop_duplicates(found, iou_threshold=0.7)
    assert drop_duplicates(once, iou_threshold=0.7) == once
    clash = (iou_batch(once.xyxy, once.xyxy) > 0.7) & (once.class_id[:, None] == once.class_id[None])
    assert clash.sum() == len(once)  # each row clashes with itself only
    assert len(once) >= min(1, len(found))
