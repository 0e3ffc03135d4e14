"""A finished asset: its objects standing on z = 0 round the origin, nose towards +y. Metres."""

from dataclasses import dataclass
from typing import Any

Point = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class Built:
    """Blender objects of one asset and its outer `size`: width along x, length along y, height.

    `class_name` is the evidence class, "" for a thing without one; `attribution` names author and licence of a shape
    that is not the project's own.
    """

    things: tuple[Any, ...]
    size: Point
    class_name: str = ""
    kind: str = ""
    attribution: str = ""
