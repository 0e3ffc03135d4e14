"""Exit signs on walls: drawn ones and crops, with other green-less signs beside them as decoys."""

from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.compose.composed import Composed, Expectation, manifest_of, rule_scene
from firewarden.datasets.compose.ground import Box, Ground, Picture, Row, rows_of
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.labels import LabelRows, concat_rows
from firewarden.datasets.paste import match_light, paste, warp
from firewarden.datasets.signs import draw_exit_sign

_HIDDEN_SHARE = 0.6  # a box covered more than this by a pasted sign is no longer a fair label
_OPEN = (
    "blocked_exit",
    "corridor_clutter",
    "indoor_ebike",
)  # signs may make an exit of a door; nobody judged the rest


def make_exit_signs(sources: Sources, rng: np.random.Generator, index: int) -> list[Composed]:
    """One picture with one to three signs; no pair, for a sign alone is no hazard."""
    if not sources.rooms:
        return []
    ground = sources.pick(sources.rooms, rng)
    added = _add_signs(ground, rng, sources)
    kept, lost = part_hidden(ground.labels, added)
    stem = f"compose_sign_{index:05d}"
    expect = Expectation(stem, "signs", rule_scene(ground), optional_hazards=_OPEN)
    return [
        Composed(
            stem, ground.photo, concat_rows(kept, added), concat_rows(ground.ignore, lost), expect,
            manifest_of(ground, sources.split),
        )
    ]  # fmt: skip


def _add_signs(ground: Ground, rng: np.random.Generator, sources: Sources) -> LabelRows:
    h, w = ground.hw
    other = sources.crops("other_sign")
    rows: list[Row] = []
    for _ in range(int(rng.integers(1, 4))):
        drawn, decoy = rng.random() < 0.75, rng.random() < 0.2 and bool(other)
        sign = sign_cutout(rng, other if decoy else sources.crops("exit_sign"), drawn=drawn and not decoy)
        side = float(np.exp(rng.uniform(np.log(0.05), np.log(0.45)))) * w
        scale = side / sign.shape[1]
        sign = np.asarray(cv2.resize(sign, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        x, y = int(rng.uniform(-0.1, 0.95) * w), int(rng.uniform(-0.03, 0.65) * h)
        things = [box for box in ground.labels.xyxy((h, w)) if _is_thing(box, (h, w))]
        taken = [*things, *(box for _, box in rows)]
        if touches(taken, (x, y, x + sign.shape[1], y + sign.shape[0])):
            continue
        box = hang(ground.photo, sign, x, y, rng, glow=drawn and rng.random() < 0.5)
        if box is not None:
            rows.append((-1 if decoy else sources.class_id("exit_sign"), box))
    return rows_of([(c, b) for c, b in rows if c >= 0], (h, w))


def hang(
    photo: Picture, sign: Picture, x: int, y: int, rng: np.random.Generator, *, glow: bool
) -> Box | None:
    """Paste a sign with its top left at (x, y), lit as the wall there; its visible box, None where it is outside."""
    spot = photo[max(y, 0) : max(y, 0) + sign.shape[0] + 1, max(x, 0) : max(x, 0) + sign.shape[1] + 1]
    if not spot.size:
        return None
    return paste(photo, match_light(sign, spot, rng, glow=glow), x, y)


def _is_thing(box: NDArray[np.float32], hw: tuple[int, int]) -> bool:
    """A labelled object small enough to keep signs off; a door that fills the picture is a wall to hang one on."""
    return float((box[2] - box[0]) * (box[3] - box[1])) < 0.25 * hw[0] * hw[1]


def sign_cutout(rng: np.random.Generator, crops: Sequence[Picture], *, drawn: bool) -> Picture:
    """A sign plate, BGRA: drawn and tilted, or a crop."""
    if drawn or not crops:
        sign = np.asarray(draw_exit_sign(rng)[..., [2, 1, 0, 3]], np.uint8)
        return warp(sign, rng, tilt=float(rng.uniform(0, 0.14)))
    crop = crops[int(rng.integers(len(crops)))]
    return np.dstack([crop, np.full(crop.shape[:2], 255, np.uint8)])


def touches(taken: Iterable[Box | NDArray[np.float32]], box: Box) -> bool:
    """Whether a box overlaps any of the others."""
    return any(min(b[2], box[2]) > max(b[0], box[0]) and min(b[3], box[3]) > max(b[1], box[1]) for b in taken)


def part_hidden(rows: LabelRows, covers: LabelRows) -> tuple[LabelRows, LabelRows]:
    """Rows that stay, and rows that lie under pasted boxes by more than `_HIDDEN_SHARE` of their own area."""
    a, b = rows.xyxy((1, 1)), covers.xyxy((1, 1))
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    inside = (np.minimum(a[:, None, 2:], b[None, :, 2:]) - top_left).clip(0).prod(axis=2)
    area = (a[:, 2:] - a[:, :2]).prod(axis=1).clip(1e-9)
    hidden = (inside / area[:, None]).sum(axis=1) > _HIDDEN_SHARE if len(b) else np.zeros(len(a), bool)
    return (
        LabelRows(rows.class_id[~hidden], rows.cxcywh[~hidden]),
        LabelRows(rows.class_id[hidden], rows.cxcywh[hidden]),
    )
