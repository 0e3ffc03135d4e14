"""Cords drawn into photos: their shape, their look, and that rules find in the true labels what the picture is meant to show."""

import sys
from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="composing needs OpenCV: install firewarden[train]")

sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES

from firewarden.datasets.cables import Cable
from firewarden.datasets.compose.composed import Composed
from firewarden.datasets.compose.cord_drawing import CordLook, Ends, blur_of, draw_cord, is_seen, lay_cable
from firewarden.datasets.compose.cord_shape import arc_length, catenary, longest_run, smooth_path, wavered
from firewarden.datasets.compose.flying_cables import make_flying_cables
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.compose.strip_drawing import draw_charger, draw_strip, turned
from firewarden.datasets.manifest_rows import COLUMNS
from firewarden.detections import Detections
from firewarden.findings import InspectionContext, Outcome
from firewarden.inference.hazards import find_hazards
from firewarden.inference.view import View

PAIRS = 22


@pytest.mark.parametrize("end", [(300, 50), (-200, 400), (90, 20), (101, 300), (100, 20)])
@pytest.mark.parametrize("slack", [0.0, 0.05, 0.8])
def test_a_catenary_joins_its_ends(end: tuple[float, float], slack: float) -> None:
    points = (
        catenary((100, 20), end, slack=slack)
        if end != (100, 20)
        else catenary((100, 20), (99, 20), slack=slack)
    )
    target = end if end != (100, 20) else (99, 20)
    np.testing.assert_allclose(points[[0, -1]], [(100, 20), target], atol=1e-6)


def test_a_catenary_is_as_long_as_told() -> None:
    """Ends 500 px apart with 20 % slack: 600 px."""
    points = catenary((0, 0), (300, 400), slack=0.2, count=400)
    assert arc_length(points)[-1] == pytest.approx(600, rel=1e-3)


def test_a_level_catenary_sags_in_the_middle() -> None:
    """A flat one sags by width * sqrt(3 slack / 8): 1000 * sqrt(0.00375) = 61 px."""
    points = catenary((0, 100), (1000, 100), slack=0.01, count=101)
    assert points[:, 1].argmax() == 50
    assert points[:, 1].max() - 100 == pytest.approx(61.2, rel=0.02)


def test_kinks_leave_the_ends() -> None:
    rng = np.random.default_rng(0)
    straight = smooth_path(np.array([[0, 0], [50, 0], [100, 0]], np.float64))
    bent = wavered(straight, rng, amplitude=4)
    np.testing.assert_allclose(bent[[0, -1]], [(0, 0), (100, 0)], atol=1e-9)
    assert 0 < np.abs(bent[:, 1]).max() < 20


def test_the_longest_visible_run() -> None:
    points = np.arange(12, dtype=np.float64).reshape(6, 2)
    kept = longest_run(points, np.array([True, False, True, True, False, True]))
    assert kept.tolist() == [[4, 5], [6, 7]]
    assert len(longest_run(points, np.zeros(6, bool))) == 0


def test_a_drawn_cord_has_its_thickness_and_is_round() -> None:
    """A white cord of 8 px on black: 8 px of it are brighter than a quarter, and its rim is darker than its middle."""
    photo = np.zeros((60, 100, 3), np.uint8)
    look = CordLook((200, 200, 200), 8.0, blur_px=0.2)
    draw_cord(photo, np.array([[-10.0, 30], [110, 30]]), look)
    profile = photo[:, 50].mean(axis=1)
    lit = np.flatnonzero(profile > 50)
    assert 7 <= len(lit) <= 9 and lit.mean() == pytest.approx(29.5, abs=1)
    assert profile[lit[0]] < profile[lit[2:-2]].max() > profile[lit[-1]]


def test_a_cord_behind_a_vehicle_ends_at_it() -> None:
    """Right half covered: what is stored runs from 0 to 0.5."""
    photo = np.zeros((40, 100, 3), np.uint8)
    cover = np.zeros((40, 100), np.uint8)
    cover[:, 50:] = 255
    line = np.array([[-5.0, 20], [105, 20]])
    cable = lay_cable(
        photo, line, CordLook((250, 250, 250), 3), Ends("power", "none", "vehicle"), cover=cover
    )
    assert cable is not None and cable.points[:, 0].max() == pytest.approx(0.5, abs=0.05)
    assert photo[:, 53:].max() == 0 < photo[:, :47].max()


def test_a_cord_outside_the_picture_is_none() -> None:
    photo = np.zeros((40, 100, 3), np.uint8)
    assert lay_cable(photo, np.array([[-50.0, -9], [150, -9]]), CordLook((9, 9, 9), 3), Ends("line")) is None


def test_a_cord_of_the_colour_of_its_ground_is_not_seen() -> None:
    before = np.full((50, 50, 3), 120, np.uint8)
    cable = Cable(np.array([[0, 0.5], [1, 0.5]], np.float32), "power", "none", "none")
    faint, clear = before.copy(), before.copy()
    faint[24:27] = 130
    clear[24:27] = 200
    assert not is_seen(before, faint, [cable]) and is_seen(before, clear, [cable])


def test_softness_of_a_picture_grows_with_its_blur() -> None:
    rng = np.random.default_rng(1)
    squares = cv2.resize(
        rng.integers(0, 255, (12, 12), np.uint8), (240, 240), interpolation=cv2.INTER_NEAREST
    )
    sharp = np.dstack([squares] * 3)
    found = [blur_of(np.asarray(cv2.GaussianBlur(sharp, (0, 0), s), np.uint8)) for s in (0.8, 1.4, 2.0)]
    assert (
        found == pytest.approx([0.8, 1.4, 2.0], rel=0.3) and blur_of(sharp) < found[0] < found[1] < found[2]
    )


def test_strips_and_chargers_have_their_size() -> None:
    rng = np.random.default_rng(2)
    strip, charger = draw_strip(rng, 90), draw_charger(rng, 60)
    assert strip.shape[1] == 90 and 0.15 < strip.shape[0] / 90 < 0.3
    assert charger.shape[1] == 60
    upright = turned(strip, -90)
    assert upright.shape[0] == 90 and (upright[..., 3] > 127).sum() == pytest.approx(
        (strip[..., 3] > 127).sum(), rel=0.05
    )


@pytest.fixture(scope="module")
def street(tmp_path_factory: pytest.TempPathFactory) -> Sources:
    """Three outdoor photos of one dark vehicle each before a mottled wall, 320 x 320 px, and one without."""
    folder = tmp_path_factory.mktemp("street")
    for part in ("images", "labels", "ignore"):
        (folder / part).mkdir()
    (folder / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    rows = [",".join(COLUMNS)]
    for number in range(4):
        rng = np.random.default_rng(number)
        wall = cv2.resize(
            rng.integers(120, 200, (12, 12, 3), np.uint8), (320, 320), interpolation=cv2.INTER_CUBIC
        )
        x, w = 70 + 30 * number, 130
        if number < 3:
            cv2.ellipse(wall, (x + w // 2, 220), (w // 2, 60), 0, 0, 360, (60, 20, 20), -1)
            (folder / "labels" / f"s{number}.txt").write_text(
                f"2 {(x + w / 2) / 320} {220 / 320} {w / 320} {120 / 320}\n"
            )
        else:
            (folder / "labels" / f"s{number}.txt").write_text("4 0.5 0.6 0.3 0.6\n")
        cv2.imwrite(str(folder / "images" / f"s{number}.jpg"), wall)
        cells = {
            "file": f"images/s{number}.jpg",
            "split": "train",
            "scene": "outdoor",
            "place_group": f"p{number}",
        }
        rows.append(",".join(cells.get(column, "") for column in COLUMNS))
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    return Sources(folder, folder, "train", None)


@pytest.fixture(scope="module")
def pictures(street: Sources) -> list[Composed]:
    makers = (make_flying_cables(street, np.random.default_rng((0, 10, n)), n) for n in range(PAIRS))
    return [picture for made in makers for picture in made]


def test_every_kind_of_picture_is_made(pictures: list[Composed]) -> None:
    assert {p.expect.variant for p in pictures} == {"flying", "clear", "wires", "strip_alone"}
    assert len({p.stem for p in pictures}) == len(pictures)


def test_one_stream_gives_one_pair(street: Sources) -> None:
    first, second = (make_flying_cables(street, np.random.default_rng((0, 10, 3)), 3) for _ in range(2))
    assert [p.stem for p in first] == [p.stem for p in second]
    assert all((a.picture == b.picture).all() for a, b in zip(first, second, strict=True))


def test_a_pair_shares_its_place_and_differs_in_its_pixels(pictures: list[Composed]) -> None:
    clear = {p.expect.pair: p for p in pictures if p.expect.variant == "clear"}
    for picture in pictures:
        other = clear[picture.expect.pair]
        assert picture.manifest["place_group"] == other.manifest["place_group"] != ""
        assert picture is other or (picture.picture != other.picture).any()


def test_only_power_cords_are_labelled(pictures: list[Composed]) -> None:
    for picture in pictures:
        boxes = picture.labels.cxcywh[picture.labels.class_id == CLASSES.index("power_cable")]
        power = [c for c in picture.cables if c["kind"] == "power"]
        assert len(boxes) == len(power)
        for box, cable in zip(boxes, power, strict=True):
            points = np.array(cable["points"])
            assert (np.abs(points - box[:2]) <= box[2:] / 2 + 1e-3).all()
            assert points.min() >= 0 and points.max() <= 1


def test_cords_end_at_a_vehicle_or_charger(pictures: list[Composed]) -> None:
    for picture in pictures:
        if picture.expect.variant == "flying":
            assert {c["sink"] for c in picture.cables if c["kind"] == "power"} & {"vehicle", "charger"}


def test_rules_on_the_true_labels_say_what_is_expected(pictures: list[Composed], rules, scene_of) -> None:
    for picture in pictures:
        hw = picture.picture.shape[0], picture.picture.shape[1]
        sure = np.full(len(picture.labels), 0.9, np.float32)
        seen = Detections(picture.labels.xyxy(hw), sure, picture.labels.class_id)
        view = View(seen, CLASSES, {}, 0.25, hw)
        found = find_hazards(view, scene_of(picture.expect.scene or "unknown"), rules, InspectionContext())
        hazards = {f.hazard for f in found if f.outcome is Outcome.HAZARD}
        assert hazards - set(picture.expect.optional_hazards) == set(picture.expect.hazards), picture.stem


def test_a_picture_of_a_pair_says_what_wires_are(pictures: list[Composed]) -> None:
    wires = [p for p in pictures if p.expect.variant == "wires"]
    assert all("telecom_wires" in p.expect.hard_negatives and not p.expect.hazards for p in wires)
    assert all({c["kind"] for c in p.cables} <= {"telecom", "line", "hose"} for p in wires)


def test_wires_stand_in_both_halves_of_a_pair_or_in_neither(pictures: list[Composed]) -> None:
    """Else wires would tell which half shows the hazard."""
    clear = {p.expect.pair: p for p in pictures if p.expect.variant == "clear"}
    flying = [p for p in pictures if p.expect.variant == "flying"]
    wired = 0
    for picture in flying:
        other = clear[picture.expect.pair]
        assert [c for c in picture.cables if c["kind"] != "power"] == list(other.cables)
        assert ("telecom_wires" in other.expect.hard_negatives) == bool(other.cables)
        wired += bool(other.cables)
    assert 0 < wired < len(flying)


def test_no_vehicle_no_pair(tmp_path: Path, street: Sources) -> None:
    """A folder without e-bikes can only show strips that hang alone."""
    for part in ("images", "labels", "ignore"):
        (tmp_path / part).mkdir()
    (tmp_path / "classes.txt").write_text("\n".join(CLASSES) + "\n")
    (tmp_path / "manifest.csv").write_text(",".join(COLUMNS) + "\n")
    empty = Sources(tmp_path, tmp_path, "train", None)
    assert [make_flying_cables(empty, np.random.default_rng(n), n) for n in range(20)] == [[]] * 20
