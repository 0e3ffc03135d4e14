"""The motion gate: a look is spent when the picture changed against a slow background, and now and then anyway.

The picture is reduced to grey blocks and its light evened out by one gain, so that a lamp or a cloud is no change. A
block that is always restless (flicker, leaves) raises its own bound. What was seen at the last look is remembered: a
thing that only stands there asks for no further look.
"""

import math
from dataclasses import dataclass, replace
from datetime import datetime
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from firewarden.cctv.frame import Pixels
from firewarden.inference.cctv_rules import MotionRules

Blocks = NDArray[np.float32]  # (grid_h, grid_w) mean grey of each block


@dataclass(frozen=True, slots=True, eq=False)
class Gate:
    """What the gate remembers. None before the first frame."""

    background: Blocks | None = None
    previous: Blocks | None = None
    noise: Blocks | None = None  # usual difference between one frame and the next
    looked_at: Blocks | None = None  # picture of the last look
    last_at: datetime | None = None
    last_look_at: datetime | None = None
    owed: int = 0  # looks still to be spent on the last change


@dataclass(frozen=True, slots=True)
class Opening:
    """Why a look is due; none of them: skip. `changed` counts blocks."""

    changed: int
    due: bool
    owed: bool

    def wants_look(self, rules: MotionRules) -> bool:
        return self.due or self.owed or self.changed >= rules.min_blocks


def to_blocks(pixels: Pixels, *, grid_w: int, grid_h: int) -> Blocks:
    """Mean grey of each block, from 3 x 3 points of it: the cost does not grow with the picture. Grey is the green
    channel, which makes up most of luma and is the least noisy one of a sensor."""
    rows, columns = _points(pixels.shape[0], grid_h), _points(pixels.shape[1], grid_w)
    grey = pixels[rows[:, None], columns, 1].astype(np.float32)
    grey = grey[0::3] + grey[1::3] + grey[2::3]
    grey = grey[:, 0::3] + grey[:, 1::3] + grey[:, 2::3]
    return np.asarray(grey / 9, np.float32)


@lru_cache(maxsize=64)
def _points(length: int, blocks: int) -> NDArray[np.int64]:
    """Three evenly spaced pixels in each block along one side."""
    return ((np.arange(blocks * 3) + 0.5) * length / (blocks * 3)).astype(np.int64)


def observe(
    gate: Gate, blocks: Blocks, at: datetime, rules: MotionRules, *, watched: bool = False
) -> tuple[Gate, Opening]:
    """Compare one frame and let the background follow it. The first frame is always due.

    While something is `watched`, a picture that went back to the background is a change, too: it may have gone.
    """
    if gate.background is None or gate.previous is None or gate.noise is None or gate.last_at is None:
        fresh = Gate(blocks, blocks, np.zeros_like(blocks), last_at=at, owed=rules.looks_after_change)
        return fresh, Opening(0, True, False)
    changed = _changed_blocks(gate, blocks, rules, watched)
    due = gate.last_look_at is None or (at - gate.last_look_at).total_seconds() >= rules.every_s
    opening = Opening(changed, due, gate.owed > 0)
    share = 1 - math.exp(-(at - gate.last_at).total_seconds() / rules.background_s)
    most = rules.noise_step_factor * rules.threshold_grey  # one passer-by is no noise
    step = np.minimum(_difference(blocks, gate.previous, rules), most)
    return (
        replace(
            gate,
            background=gate.background + share * (blocks - gate.background),
            previous=blocks,
            noise=gate.noise + share * (step - gate.noise),
            last_at=at,
            owed=rules.looks_after_change if changed >= rules.min_blocks else gate.owed,
        ),
        opening,
    )


def with_look(gate: Gate, blocks: Blocks, at: datetime) -> Gate:
    """The gate after a look was spent on this frame."""
    return replace(gate, looked_at=blocks, last_look_at=at, owed=max(0, gate.owed - 1))


def _changed_blocks(gate: Gate, blocks: Blocks, rules: MotionRules, watched: bool) -> int:
    """Blocks that differ from what was looked at last and, unless something is watched, from the background."""
    assert gate.background is not None and gate.noise is not None
    bound = np.maximum(rules.threshold_grey, rules.noise_factor * gate.noise)
    changed = np.ones(blocks.shape, np.bool_)
    if gate.looked_at is not None:
        changed &= _difference(blocks, gate.looked_at, rules) > bound
    if gate.looked_at is None or not watched:
        changed &= _difference(blocks, gate.background, rules) > bound
    return int(changed.sum())


def _difference(blocks: Blocks, reference: Blocks, rules: MotionRules) -> Blocks:
    """Absolute difference once the light is evened out: the median gain is taken out, the mean set to one grey."""
    light, known = blocks + rules.dark_grey, reference + rules.dark_grey
    ratios, middle = (light / known).ravel(), blocks.size // 2
    gain = float(np.partition(ratios, middle)[middle])
    scale = min(rules.reference_grey / max(rules.dark_grey, float(reference.mean())), rules.scale_lte)
    return np.asarray(np.abs(light * np.float32(scale / gain) - known * np.float32(scale)), np.float32)
