"""Things set on a floor one after the other: scale, light, contact shadow, and what stays visible of each and of the photo."""

from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.compose.cutouts import Cutout
from firewarden.datasets.compose.ground import Box, Ground, Picture, Row, rows_of
from firewarden.datasets.labels import LabelRows, concat_rows
from firewarden.datasets.paste import cover_mask, match_light, match_sharpness, paste

Mask = NDArray[np.bool_]
_MIN_VISIBLE_SHARE = 0.25  # of a thing: less of it is no fair label
_HIDDEN_SHARE = 0.6  # of a ground row: more hidden is no fair label
_MIN_VISIBLE_LINE = 0.05  # a row or column of a hidden box counts as seen from this share on


@dataclass(slots=True)
class Figure:
    """One thing that was set in: the pixels (h, w) it covers, those of them that later things left visible, and where it
    stands before the photo's own things."""

    name: str
    stem: str
    covered: Mask
    visible: Mask
    in_front: Mask

    @property
    def visible_share(self) -> float:
        """Visible part of what lies inside the picture."""
        return float(self.visible.sum() / max(int(self.covered.sum()), 1))


@dataclass(slots=True)
class Stage:
    """A ground being painted on. Set far things first: later ones cover earlier ones."""

    ground: Ground
    photo: Picture
    figures: list[Figure] = field(default_factory=list)

    @classmethod
    def on(cls, ground: Ground) -> "Stage":
        """A stage on a copy of the ground's photo."""
        return cls(ground, ground.photo.copy())

    def stand(
        self,
        cutout: Cutout,
        foot: tuple[float, float],
        height_px: float,
        rng: np.random.Generator,
        *,
        squeeze: float = 1.0,
    ) -> Figure | None:
        """Set a cut-out with the middle of its base at `foot` (x, y); None where hardly any of it is inside."""
        figure = resize_to_height(cutout.bgra, height_px, squeeze)
        x, y = round(foot[0] - figure.shape[1] / 2), round(foot[1] - figure.shape[0])
        return self._place(cutout, figure, x, y, rng, shadow=True)

    def _place(
        self, cutout: Cutout, bgra: Picture, x: int, y: int, rng: np.random.Generator, *, shadow: bool
    ) -> Figure | None:
        h, w = self.photo.shape[:2]
        covered = cover_mask((h, w), bgra, x, y)
        spot = self.photo[max(y, 0) : y + bgra.shape[0], max(x, 0) : x + bgra.shape[1]]
        if not spot.size or covered.sum() < 0.2 * (bgra[..., 3] > 127).sum():
            return None
        lit = match_sharpness(match_light(bgra, spot, rng, glow=False), self.ground.photo)
        if shadow:
            cast_shadow(self.photo, bgra, x, y, rng)
        if paste(self.photo, lit, x, y) is None:
            return None
        for figure in self.figures:
            figure.visible &= ~covered
        self.figures.append(Figure(cutout.name, cutout.stem, covered, covered.copy(), np.ones_like(covered)))
        return self.figures[-1]

    def bring_forward(self, box: Box) -> None:
        """Show the ground's own pixels of a box again: what it holds stands nearer than everything set so far."""
        x0, y0, x1, y1 = (max(round(v), 0) for v in box)
        self.photo[y0:y1, x0:x1] = self.ground.photo[y0:y1, x0:x1]
        for figure in self.figures:
            figure.visible[y0:y1, x0:x1] = False
            figure.in_front[y0:y1, x0:x1] = False

    @property
    def covered(self) -> Mask:
        """Pixels (h, w) that any figure covers."""
        total = np.zeros(self.ground.hw, bool)
        for figure in self.figures:
            total |= figure.covered & figure.in_front
        return total

    def label(self) -> tuple[LabelRows, LabelRows]:
        """Labels and ignore regions of the finished picture: tight boxes of what is visible."""
        classes, covered = self.ground.classes, self.covered
        seen = [f for f in self.figures if f.visible_share >= _MIN_VISIBLE_SHARE]
        faint = [f for f in self.figures if 0 < f.visible_share < _MIN_VISIBLE_SHARE]
        kept, lost = trim_hidden(self.ground.labels, self.ground.hw, covered)
        added = rows_of([_row(classes, f) for f in seen], self.ground.hw)
        unsure = rows_of([_row(classes, f) for f in faint], self.ground.hw)
        return concat_rows(kept, added), concat_rows(self.ground.ignore, lost, unsure)


def _row(classes: tuple[str, ...], figure: Figure) -> Row:
    return classes.index(figure.name), mask_box(figure.visible)


def mask_box(mask: Mask) -> Box:
    """Tight xyxy box of a mask that is not empty."""
    rows, columns = np.nonzero(mask)
    return float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1)


def trim_hidden(rows: LabelRows, hw: tuple[int, int], covered: Mask) -> tuple[LabelRows, LabelRows]:
    """Ground rows under `covered`: boxes cut to what is still seen, and those that are mostly hidden."""
    kept, lost = [], []
    for class_id, box in zip(rows.class_id.tolist(), rows.xyxy(hw), strict=True):
        x0, y0, x1, y1 = (round(float(v)) for v in box)
        inside = covered[max(y0, 0) : y1, max(x0, 0) : x1]
        whole = float(box[0]), float(box[1]), float(box[2]), float(box[3])
        if not inside.size or not inside.any():
            kept.append((class_id, whole))
        elif inside.mean() > _HIDDEN_SHARE:
            lost.append((class_id, whole))
        else:
            kept.append((class_id, _trim(whole, ~inside)))
    return rows_of(kept, hw), rows_of(lost, hw)


def _trim(box: Box, seen: Mask) -> Box:
    """The box without the rows and columns at its edges where next to nothing is seen."""
    rows = np.nonzero(seen.mean(axis=1) >= _MIN_VISIBLE_LINE)[0]
    columns = np.nonzero(seen.mean(axis=0) >= _MIN_VISIBLE_LINE)[0]
    if not len(rows) or not len(columns):
        return box
    x0, y0, x1, y1 = box
    left, right = columns[0], seen.shape[1] - 1 - columns[-1]
    top, bottom = rows[0], seen.shape[0] - 1 - rows[-1]
    return x0 + float(left), y0 + float(top), x1 - float(right), y1 - float(bottom)


def resize_to_height(bgra: Picture, height_px: float, squeeze: float = 1.0) -> Picture:
    """A cut-out at this height in pixels (at least 2), its width times `squeeze`."""
    scale = max(height_px, 2.0) / bgra.shape[0]
    wh = max(round(bgra.shape[1] * scale * squeeze), 2), max(round(bgra.shape[0] * scale), 2)
    way = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return np.asarray(cv2.resize(bgra, wh, interpolation=way), np.uint8)


def cast_shadow(photo: Picture, bgra: Picture, x: int, y: int, rng: np.random.Generator) -> None:
    """Darken the floor at the base of a cut-out with its top left at (x, y): a narrow contact line and a wide soft pool."""
    h, w = photo.shape[:2]
    alpha = (bgra[..., 3] > 127).astype(np.float32)
    base = base_line(alpha > 0)
    mask = np.zeros((h, w), np.float32)
    depth = max(2, round(0.05 * bgra.shape[0]))
    for column in np.nonzero(base >= 0)[0]:
        px, py = x + int(column), y + int(base[column])
        if 0 <= px < w and base[column] > 0.72 * bgra.shape[0]:
            mask[max(py - depth, 0) : max(min(py + depth, h), 0), px] = 1.0
    soft = max(bgra.shape[1] / 14, 1.5)
    wide = cv2.GaussianBlur(mask, (0, 0), soft) * float(rng.uniform(0.35, 0.6))
    close = cv2.GaussianBlur(mask, (0, 0), max(soft / 5, 0.8)) * float(rng.uniform(0.3, 0.5))
    shade = 1 - np.maximum(wide, close).clip(0, 0.8)
    photo[:] = (photo * shade[..., None]).astype(np.uint8)


def base_line(mask: Mask) -> NDArray[np.int64]:
    """Lowest set row of each column (w,); -1 where a column is empty."""
    h = mask.shape[0]
    return np.where(mask.any(axis=0), h - 1 - mask[::-1].argmax(axis=0), -1).astype(np.int64)


def drop_shadow(photo: Picture, bgra: Picture, x: int, y: int, rng: np.random.Generator) -> None:
    """The soft shadow on a wall of something flat on it, down and to one side; `bgra` goes to (x, y) afterwards."""
    h, w = photo.shape[:2]
    size = max(max(bgra.shape[:2]) / 16, 1.2)
    dx, dy = float(rng.uniform(-1, 1)) * size, float(rng.uniform(0.3, 1)) * size
    moved = np.array([[1, 0, x + dx], [0, 1, y + dy]], np.float32)
    mask = cv2.warpAffine(bgra[..., 3].astype(np.float32) / 255, moved, (w, h))
    soft = cv2.GaussianBlur(mask, (0, 0), size * 0.7) * float(rng.uniform(0.25, 0.5))
    photo[:] = (photo * (1 - soft[..., None])).astype(np.uint8)
