"""A place that cords are drawn into, and what was drawn."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from firewarden.datasets.cables import MIN_SIDE_SHARE, Cable
from firewarden.datasets.compose.ground import Box, rows_of
from firewarden.datasets.compose.parked import Mask, Parked
from firewarden.datasets.labels import LabelRows


@dataclass(frozen=True, slots=True, eq=False)
class CordScene:
    """A place to draw in: vehicles, the pixels (h, w) they cover, doors, pixels of a metre, softness in pixels."""

    vehicles: list[Parked]
    cover: Mask
    doors: Sequence[Box]
    px_per_m: float
    blur_px: float

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width of the picture."""
        return int(self.cover.shape[0]), int(self.cover.shape[1])

    @property
    def top_of_vehicles(self) -> float:
        """The row above which no vehicle stands."""
        return min((v.box[1] for v in self.vehicles), default=0.6 * self.hw[0])

    @property
    def may_pass_behind(self) -> bool:
        """Whether every vehicle could be parted, so that a wire behind it is hidden rightly."""
        return all(v.mask is not None for v in self.vehicles)


@dataclass(slots=True)
class Drawn:
    """What was drawn: cables, strips and chargers large enough to label, and those that are not."""

    hw: tuple[int, int]
    cables: tuple[Cable, ...] = ()
    strips: list[Box] = field(default_factory=list)

    def rows(self, class_id: int) -> LabelRows:
        """Label rows of strips and chargers."""
        return rows_of([(class_id, box) for box in self.strips if self._is_large(box)], self.hw)

    def unsure(self, class_id: int) -> LabelRows:
        """Those too small to label: to be ignored."""
        return rows_of([(class_id, box) for box in self.strips if not self._is_large(box)], self.hw)

    def _is_large(self, box: Box) -> bool:
        return min(box[2] - box[0], box[3] - box[1]) >= MIN_SIDE_SHARE * max(self.hw)
