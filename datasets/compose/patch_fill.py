"""Mending a filled hole: PatchMatch (Barnes 2009) inside a coarse-to-fine vote (Wexler 2007).

Every square about the hole looks up its nearest square outside, overlapping squares vote for each pixel, and this repeats from
a small copy of the window to the full one. Lines that run into the hole (skirting boards, bricks, joints) go on in it.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Floats = NDArray[np.float32]
Index = NDArray[np.int64]
_RADIUS = 3  # squares of 7 x 7
_COARSEST_PX = 12  # narrow side of the hole in the smallest copy
_SEARCHED_PX = 70  # beyond this narrow side squares are no longer looked up, only voted anew
_ROUNDS = (6, 4, 2)  # vote rounds a level, from the smallest copy on
_STEPS = np.array([(0, 1), (0, -1), (1, 0), (-1, 0), (0, 4), (0, -4), (4, 0), (-4, 0)], np.int64)


def mend_by_patches(guess: Floats, hole: Mask, forbidden: Mask, rng: np.random.Generator) -> Floats | None:
    """The picture `guess` (h, w, 3), already filled in `hole` (h, w), with the fill remade of squares from outside `hole` and
    `forbidden`. None where there is too little to take from. Pixels outside the hole stay as they are."""
    levels = _pyramid(guess, hole, forbidden)
    filled: Floats | None = None
    field: Index | None = None
    for number, (small, gap, blocked) in enumerate(levels):
        if _squares_outside(gap | blocked).sum() < 30:
            return None
        start = small if filled is None else _grown(filled, small, gap)
        field = None if field is None else _grown_field(field, small.shape[:2])
        narrow = min(np.ptp(axis) + 1 for axis in np.nonzero(gap))
        rounds = _ROUNDS[min(number, len(_ROUNDS) - 1)]
        search = field is None or bool(narrow <= _SEARCHED_PX)
        filled, field = _vote(start, gap, blocked, field, rng, rounds if search else 1, search=search)
    return filled


def _pyramid(picture: Floats, hole: Mask, forbidden: Mask) -> list[tuple[Floats, Mask, Mask]]:
    """Copies from the smallest to the full one; masks grow to whole pixels."""
    narrow = min(np.ptp(axis) + 1 for axis in np.nonzero(hole))
    levels = [(picture, hole, forbidden)]
    while narrow > 2 * _COARSEST_PX and min(levels[-1][0].shape[:2]) > 40:
        narrow = narrow // 2
        last, gap, blocked = levels[-1]
        wh = (last.shape[1] + 1) // 2, (last.shape[0] + 1) // 2
        small = cv2.resize(last, wh, interpolation=cv2.INTER_AREA)
        shares = (cv2.resize(m.astype(np.float32), wh, interpolation=cv2.INTER_AREA) for m in (gap, blocked))
        covered = [np.asarray(share > 0) for share in shares]
        levels.append((np.asarray(small, np.float32), covered[0], covered[1]))
    return levels[::-1]


def _squares_outside(blocked: Mask) -> Mask:
    """Centres of squares that lie wholly outside `blocked` and inside the picture."""
    side = 2 * _RADIUS + 1
    free = cv2.dilate(blocked.astype(np.uint8), np.ones((side, side), np.uint8)) == 0
    return _without_rim(np.asarray(free))


def _without_rim(mask: Mask) -> Mask:
    inner = np.zeros_like(mask)
    inner[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS] = mask[_RADIUS:-_RADIUS, _RADIUS:-_RADIUS]
    return inner


def _grown(filled: Floats, picture: Floats, gap: Mask) -> Floats:
    large = cv2.resize(filled, picture.shape[1::-1], interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.where(gap[..., None], large, picture), np.float32)


def _grown_field(field: Index, hw: tuple[int, ...]) -> Index:
    twice = field.repeat(2, axis=0).repeat(2, axis=1)[: hw[0], : hw[1]] * 2
    return np.asarray(twice, np.int64)


def _vote(
    picture: Floats,
    gap: Mask,
    blocked: Mask,
    field: Index | None,
    rng: np.random.Generator,
    rounds: int,
    *,
    search: bool,
) -> tuple[Floats, Index]:
    """Look up and vote `rounds` times; returns the picture and the offsets (h, w, 2) from each square to its source."""
    sources = _squares_outside(gap | blocked)
    side = 2 * _RADIUS + 1
    wanted = _without_rim(np.asarray(cv2.dilate(gap.astype(np.uint8), np.ones((side, side), np.uint8)) > 0))
    at = np.argwhere(wanted)
    to = _first_sources(at, field, sources, rng)
    for _ in range(rounds):
        own = _squares(picture, at)
        cost = _distance(own, picture, to)
        if search:
            to, cost = _look_up(picture, own, at, to, cost, sources, rng)
        picture = _mean_of_votes(picture, gap, at, to, cost)
    found = np.zeros((*gap.shape, 2), np.int64)
    found[at[:, 0], at[:, 1]] = to - at
    return picture, found


def _first_sources(at: Index, field: Index | None, sources: Mask, rng: np.random.Generator) -> Index:
    free = np.argwhere(sources)
    drawn = free[rng.integers(len(free), size=len(at))]
    if field is None:
        return drawn
    old = at + field[at[:, 0], at[:, 1]]
    return np.where(_is_source(old, sources)[:, None], old, drawn)


def _is_source(points: Index, sources: Mask) -> Mask:
    h, w = sources.shape
    y, x = points[:, 0], points[:, 1]
    inside = (y >= 0) & (y < h) & (x >= 0) & (x < w)
    return np.asarray(inside & sources[y.clip(0, h - 1), x.clip(0, w - 1)])


def _squares(picture: Floats, centres: Index) -> Floats:
    """Squares (n, side * side * 3) about centres that keep `_RADIUS` from the border."""
    steps = np.arange(-_RADIUS, _RADIUS + 1)
    rows = centres[:, 0, None, None] + steps[None, :, None]
    columns = centres[:, 1, None, None] + steps[None, None, :]
    side = len(steps)
    return np.asarray(
        picture[rows, columns].reshape(len(centres), side * side * picture.shape[2]), np.float32
    )


def _look_up(
    picture: Floats, own: Floats, at: Index, to: Index, cost: Floats, sources: Mask, rng: np.random.Generator
) -> tuple[Index, Floats]:
    """Better sources for every square: those of its neighbours, moved along, then random ones ever nearer to its own."""
    number = np.full(sources.shape, -1, np.int64)
    number[at[:, 0], at[:, 1]] = np.arange(len(at))
    h, w = sources.shape
    for _ in range(2):
        for step in _STEPS:
            near = (at - step).clip(0, (h - 1, w - 1))
            neighbour = number[near[:, 0], near[:, 1]]
            candidate = np.where((neighbour >= 0)[:, None], to[neighbour] + step, to)
            to, cost = _keep_better(own, picture, to, cost, candidate, sources)
        reach = float(max(h, w)) / 2
        while reach >= 1:
            candidate = to + np.rint(rng.uniform(-reach, reach, to.shape)).astype(np.int64)
            to, cost = _keep_better(own, picture, to, cost, candidate, sources)
            reach /= 4
    return to, cost


def _keep_better(
    own: Floats, picture: Floats, to: Index, cost: Floats, candidate: Index, sources: Mask
) -> tuple[Index, Floats]:
    tried = np.nonzero(_is_source(candidate, sources) & (candidate != to).any(axis=1))[0]
    found = _distance(own[tried], picture, candidate[tried])
    better = found < cost[tried]
    to, cost = to.copy(), cost.copy()
    to[tried[better]], cost[tried[better]] = candidate[tried[better]], found[better]
    return to, cost


def _distance(own: Floats, picture: Floats, to: Index) -> Floats:
    difference = own - _squares(picture, to)
    return np.asarray(np.einsum("ij,ij->i", difference, difference) / own.shape[1], np.float32)


def _mean_of_votes(picture: Floats, gap: Mask, at: Index, to: Index, cost: Floats) -> Floats:
    """Every square writes its source over itself; the better it fits, the more it counts."""
    spread = max(float(np.percentile(cost, 30)), 3.0)
    weight = np.exp(-cost / (2 * spread)) + 1e-4
    total, known = np.zeros_like(picture), np.zeros(gap.shape, np.float32)
    for dy in range(-_RADIUS, _RADIUS + 1):
        for dx in range(-_RADIUS, _RADIUS + 1):  # at one step distinct squares write to distinct pixels
            y, x = at[:, 0] + dy, at[:, 1] + dx
            total[y, x] += picture[to[:, 0] + dy, to[:, 1] + dx] * weight[:, None]
            known[y, x] += weight
    voted = total / np.maximum(known, 1e-6)[..., None]
    return np.asarray(np.where((gap & (known > 0))[..., None], voted, picture), np.float32)
