"""A second look, closer: crops of a large photo round what a cord can reach, where thin cords are lost at full view."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from firewarden.detections import Detections
from firewarden.geometry import Boxes, clip_boxes, iou_batch
from firewarden.inference.decode import DUPLICATE_IOU, drop_duplicates
from firewarden.inference.detector import Detector, Sight
from firewarden.inference.image import Image
from firewarden.models.manifest import ModelManifest

TILE_CLASSES = ("power_cable", "power_strip", "extinguisher_bracket", "chain_lock")
CORDED_CLASSES = ("ebike", "vehicle", "power_strip")


@dataclass(frozen=True, slots=True)
class TileSettings:
    """How to look again. `max_tiles` 0: never. Only `classes` are taken from tiles.

    A photo is looked at again when its long side is at least `min_enlargement` times the network's input. Crops are boxes
    of `around`, the surest first, grown by `grow_up` heights and `grow_sides` widths, and to `least_share` of the photo's
    long side where they are smaller: round a strip alone no cord would show. Cords also hang out of windows, but there is
    no class for windows: they are seen where a vehicle or strip is near.
    """

    max_tiles: int = 2
    classes: tuple[str, ...] = TILE_CLASSES
    around: tuple[str, ...] = CORDED_CLASSES
    min_enlargement: float = 1.25
    min_confidence: float = 0.25
    grow_up: float = 1.0
    grow_sides: float = 0.5
    grow_down: float = 0.1
    least_share: float = 0.25


class TilingDetector:
    """A detector that looks again, closer, at the surroundings of vehicles and strips. Scene and all other classes stay as they were."""

    def __init__(self, detector: Detector, settings: TileSettings) -> None:
        self._detector = detector
        self._settings = settings

    @property
    def manifest(self) -> ModelManifest:
        return self._detector.manifest

    def see(self, image: Image) -> Sight:
        """The full view, with what tiles add: detections in original pixels by falling confidence."""
        sight = self._detector.see(image)
        tiles = self._tiles(sight.detections, image)
        if not tiles:
            return sight
        parts = [self._see_tile(image, tile) for tile in tiles]
        return Sight(merge([sight.detections, *parts]), sight.scene)

    def _tiles(self, detections: Detections, image: Image) -> list[tuple[int, int, int, int]]:
        settings, manifest = self._settings, self.manifest
        large = max(image.pixels_hw) >= settings.min_enlargement * manifest.input_size
        names = [name for name in settings.around if name in manifest.class_names]
        if not large or not settings.max_tiles or not names:
            return []
        rows = detections.rows_of([manifest.class_names.index(name) for name in names])
        rows = rows[detections.confidence[rows] >= settings.min_confidence]
        regions = tile_regions(detections.xyxy[rows], image.original_hw, settings)
        scale = image.pixels_hw[0] / image.original_hw[0]
        return [_whole_pixels(region, scale, image.pixels_hw) for region in regions]

    def _see_tile(self, image: Image, tile: tuple[int, int, int, int]) -> Detections:
        """What one crop, given in decoded pixels, shows of the wanted classes, in original pixels."""
        x0, y0, x1, y1 = tile
        crop = np.ascontiguousarray(image.pixels[y0:y1, x0:x1])
        found = self._detector.see(Image(crop, (y1 - y0, x1 - x0), image.sha256, image.media_type)).detections
        wanted = [n for n, name in enumerate(self.manifest.class_names) if name in self._settings.classes]
        found = found[found.rows_of(wanted)]
        step = (
            np.array(image.original_hw, np.float32)[[1, 0, 1, 0]]
            / np.array(image.pixels_hw, np.float32)[[1, 0, 1, 0]]
        )
        boxes = (found.xyxy + np.array([x0, y0, x0, y0], np.float32)) * step
        return Detections(clip_boxes(boxes, image.original_hw), found.confidence, found.class_id)


def decode_side(input_size: int, settings: TileSettings | None) -> int:
    """Pixels of the long side that a photo must be decoded to: with tiles twice the network's, so that they show more."""
    return 2 * input_size if settings is not None and settings.max_tiles else input_size


def tile_regions(things: Boxes, image_hw: tuple[int, int], settings: TileSettings) -> Boxes:
    """Regions (n <= max_tiles, 4) round boxes (m, 4), in their order; a region mostly inside an earlier one is left out,
    and so is one as large as three quarters of the picture: the full view shows it as well."""
    w, h = things[:, 2] - things[:, 0], things[:, 3] - things[:, 1]
    sides, up, down = settings.grow_sides * w, settings.grow_up * h, settings.grow_down * h
    grown = things + np.stack([-sides, -up, sides, down], axis=1)
    grown = _at_least(grown, settings.least_share * max(image_hw))
    grown = clip_boxes(np.asarray(grown, np.float32), image_hw)
    longest = (grown[:, 2:] - grown[:, :2]).max(axis=1, initial=0)
    grown = grown[longest <= 0.75 * max(image_hw)]
    kept: list[int] = []
    for number in range(len(grown)):
        clash = iou_batch(grown[number : number + 1], grown[np.array(kept, np.int64)])
        if len(kept) < settings.max_tiles and not (clash > 0.5).any():
            kept.append(number)
    return np.asarray(grown[np.array(kept, np.int64)], np.float32)


def _at_least(boxes: Boxes, side: float) -> Boxes:
    """Boxes (n, 4), those whose longer side is below `side` made squares of that side about their middle."""
    centre, half = (boxes[:, :2] + boxes[:, 2:]) / 2, (boxes[:, 2:] - boxes[:, :2]) / 2
    half = np.where(half.max(axis=1, keepdims=True) < side / 2, side / 2, half)
    return np.asarray(np.hstack([centre - half, centre + half]), np.float32)


def merge(parts: Sequence[Detections]) -> Detections:
    """All rows by falling confidence, repeated ones of a class dropped."""
    boxes = np.concatenate([part.xyxy for part in parts])
    confidence = np.concatenate([part.confidence for part in parts])
    class_id = np.concatenate([part.class_id for part in parts])
    order = np.argsort(-confidence, kind="stable")
    return drop_duplicates(
        Detections(boxes[order], confidence[order], class_id[order]), iou_threshold=DUPLICATE_IOU
    )


def _whole_pixels(region: Boxes, scale: float, pixels_hw: tuple[int, int]) -> tuple[int, int, int, int]:
    h, w = pixels_hw
    x0, y0 = (int(np.floor(v * scale)) for v in region[:2])
    x1, y1 = (int(np.ceil(v * scale)) for v in region[2:])
    return max(x0, 0), max(y0, 0), min(x1, w), min(y1, h)
