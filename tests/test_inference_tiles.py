"""Looking again, closer: a detector that sees patches of colour of 6 px and more in its 64 px input."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firewarden.detections import Detections
from firewarden.inference.detector import Sight
from firewarden.inference.image import Image
from firewarden.inference.letterbox import Letterbox
from firewarden.inference.tiles import TileSettings, TilingDetector, decode_side, merge, tile_regions
from firewarden.models.manifest import ModelManifest

NAMES = ("ebike", "power_cable", "door")
SHADES = ((255, 0, 0), (0, 255, 0), (0, 0, 255))  # one a class
SETTINGS = TileSettings(max_tiles=2)
MANIFEST = ModelManifest(
    id="patches", folder=Path(), sha256="", class_names=NAMES, input_size=64, stride=32, layout="end2end",
    operating_points={}, default_operating_point=0.25, licence="", dataset_sha256="", git_sha="", metrics={},
)  # fmt: skip


class PatchDetector:
    """One box round all pixels of a class's shade, where it is at least 6 px wide and high in the input."""

    def __init__(self) -> None:
        self.looks: list[tuple[int, int]] = []

    @property
    def manifest(self) -> ModelManifest:
        return MANIFEST

    def see(self, image: Image) -> Sight:
        self.looks.append(image.pixels_hw)
        letterbox = Letterbox.fit(image.pixels_hw, 64, 32, image.original_hw)
        content = letterbox.apply_image(image.pixels)
        rows = [(n, patch(content, shade)) for n, shade in enumerate(SHADES)]
        rows = [(n, box) for n, box in rows if box is not None and min(box[2] - box[0], box[3] - box[1]) >= 6]
        found = letterbox.undo_boxes(np.array([box for _, box in rows], np.float32).reshape(-1, 4))
        return Sight(
            Detections(found, np.full(len(rows), 0.8, np.float32), np.array([n for n, _ in rows], np.int64)),
            {"indoor": 0.1 * len(self.looks)},
        )


def patch(pixels, shade):
    y, x = np.nonzero((np.abs(pixels.astype(int) - shade) < 90).all(axis=2))
    return (x.min(), y.min(), x.max() + 1, y.max() + 1) if len(x) else None


def photo(scale=1.0):
    """640 x 640: a vehicle of 160 x 160 px at the lower left, a cord patch of 40 px above it (4 px in the input), a door
    patch of 40 px beside the cord."""
    pixels = np.full((640, 640, 3), 114, np.uint8)
    pixels[440:600, 80:240] = SHADES[0]
    pixels[340:380, 120:160] = SHADES[1]
    pixels[340:380, 180:220] = SHADES[2]
    step = round(1 / scale)
    return Image(np.ascontiguousarray(pixels[::step, ::step]), (640, 640), "0" * 64, "image/png")


def names(sight):
    return sorted(NAMES[c] for c in sight.detections.class_id)


def test_a_small_cord_is_found_in_a_tile_and_lies_where_it_is():
    """The tile is x 0..320, y 280..616 of 640: a cord of 40 px is 7.6 px there. The door patch is as large, but doors are
    not taken from tiles."""
    plain, tiled = PatchDetector(), PatchDetector()
    assert names(plain.see(photo())) == ["ebike"]
    sight = TilingDetector(tiled, SETTINGS).see(photo())
    assert names(sight) == ["ebike", "power_cable"]
    cord = sight.detections.xyxy[sight.detections.class_id == 1][0]
    np.testing.assert_allclose(cord, [120, 340, 160, 380], atol=6)
    assert tiled.looks == [(640, 640), (336, 320)]
    assert sight.scene == {"indoor": 0.1}  # of the full view


def test_boxes_of_tiles_are_in_original_pixels_after_a_scaled_decode():
    sight = TilingDetector(PatchDetector(), SETTINGS).see(photo(scale=0.5))
    cord = sight.detections.xyxy[sight.detections.class_id == 1][0]
    np.testing.assert_allclose(cord, [120, 340, 160, 380], atol=8)


@pytest.mark.parametrize(
    "settings",
    [
        pytest.param(TileSettings(max_tiles=0), id="switched off"),
        pytest.param(TileSettings(min_enlargement=11.0), id="640 px are less than 11 x 64"),
        pytest.param(TileSettings(around=("door",)), id="no vehicle in view"),
        pytest.param(TileSettings(around=("tram",)), id="a class the model does not have"),
        pytest.param(TileSettings(min_confidence=0.9), id="a vehicle too faint"),
    ],
)
def test_no_second_look(settings):
    detector = PatchDetector()
    sight = TilingDetector(detector, settings).see(photo())
    assert names(sight) == ["ebike"] and len(detector.looks) == 1


def test_tiles_round_vehicles_by_hand():
    """1000 x 1000: 100 wide, 200 high, grown by 50 to each side, 200 up, 20 down; clipped at the edges."""
    vehicles = np.array([[400, 500, 500, 700], [0, 100, 100, 300]], np.float32)
    regions = tile_regions(vehicles, (1000, 1000), SETTINGS)
    assert regions.tolist() == [[350, 300, 550, 720], [0, 0, 150, 320]]


def test_round_a_strip_there_is_room_for_its_cord():
    """1600 x 1000: a strip of 60 x 20 grown to 120 x 42 about (500, 491) is less than a quarter of 1600: 400 x 400. At the
    edge the square is clipped."""
    strips = np.array([[470, 490, 530, 510], [0, 40, 60, 60]], np.float32)
    regions = tile_regions(strips, (1000, 1600), SETTINGS)
    np.testing.assert_allclose(regions, [[300, 291, 700, 691], [0, 0, 230, 241]], atol=1e-3)


@pytest.mark.parametrize(
    "name", [pytest.param(name, id=name) for name in ("ebike", "vehicle", "power_strip")]
)
def test_what_a_cord_can_reach_is_looked_at_again(name: str, monkeypatch: pytest.MonkeyPatch):
    """The patch of 160 px counts as each of them in turn; round a door there is no second look."""
    for called, looks in ((name, 2), ("door", 1)):
        detector = PatchDetector()
        named = replace(MANIFEST, class_names=(called, *NAMES[1:2], "carton"))
        monkeypatch.setattr(PatchDetector, "manifest", property(lambda _, named=named: named))
        TilingDetector(detector, SETTINGS).see(photo())
        assert len(detector.looks) == looks


@pytest.mark.parametrize(
    ("vehicles", "count"),
    [
        pytest.param([], 0, id="no vehicles"),
        pytest.param([(400, 500, 500, 700), (410, 500, 510, 700)], 1, id="side by side they share one"),
        pytest.param([(10, 10, 60, 60), (300, 300, 350, 350), (800, 800, 850, 850)], 2, id="two at most"),
        pytest.param([(100, 300, 700, 900)], 0, id="a vehicle that fills the picture needs no tile"),
    ],
)
def test_how_many_tiles(vehicles, count):
    regions = tile_regions(np.array(vehicles, np.float32).reshape(-1, 4), (1000, 1000), SETTINGS)
    assert len(regions) == count


def test_merging_drops_repeated_rows_and_keeps_the_order():
    """IoU 0.81 of the two cords: the surer one stays; the same box of another class stays too."""
    full = Detections(np.array([[0, 0, 100, 100]], np.float32), np.array([0.5], np.float32), np.array([1]))
    near = Detections(
        np.array([[0, 0, 90, 90], [0, 0, 100, 100]], np.float32), np.array([0.9, 0.4], np.float32), np.array([1, 0])
    )  # fmt: skip
    merged = merge([full, near])
    assert merged.confidence.tolist() == pytest.approx([0.9, 0.4]) and merged.class_id.tolist() == [1, 0]
    assert merge([merged]) == merged


def test_photos_are_decoded_larger_only_for_tiles():
    assert [decode_side(640, s) for s in (None, TileSettings(), replace(SETTINGS, max_tiles=0))] == [
        640,
        1280,
        640,
    ]
