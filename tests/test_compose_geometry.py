"""What compositions believe about the rules is what the rules say: bounds, zones, covered shares; what stays visible."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="composing needs OpenCV: install firewarden[train]")

from firewarden.datasets.compose import judged
from firewarden.datasets.compose.cutouts import Cutout
from firewarden.datasets.compose.ground import Ground, floor_at_door, rows_of
from firewarden.datasets.compose.standing import Stage, trim_hidden
from firewarden.datasets.labels import label_rows
from firewarden.inference import predicates
from firewarden.inference.rules import Rules

DOOR = np.array(
    [100, 100, 200, 300], np.float32
)  # 100 x 200: zone from y 300 to 420, 100 px wide there, 120 at its end
CLASSES = ("door", "carton", "exit_sign")


def boxes(*rows: tuple[float, ...]) -> np.ndarray:
    return np.array(rows, np.float32).reshape(-1, 4)


@pytest.mark.parametrize(
    ("placed", "cover", "overlap"),
    [
        # zone area (100 + 120) / 2 * 120 = 13200
        pytest.param(boxes((100, 330, 200, 420)), 100 * 40 / 13200, 0.0, id="the foot of a box: 0.4 of its width, more than a third of its height"),
        pytest.param(boxes((100, 240, 200, 300)), 0.0, 0.6, id="against the door: 60 of its lower 100 rows"),
        pytest.param(boxes((100, 270, 150, 360)), 50 * 30 / 13200, 50 * 30 / 10000, id="half the width, both shares; lower third"),
        pytest.param(boxes((210, 240, 300, 305)), 0.0, 0.0, id="beside the door"),
        pytest.param(boxes((100, 200, 200, 425)), 0.0, 0.0, id="base 125 px below, beyond 0.6 door heights: far before it"),
        pytest.param(boxes((100, 200, 200, 269)), 0.0, 0.0, id="base 31 px above, beyond 0.15 door heights: not on the floor"),
        pytest.param(boxes(), 0.0, 0.0, id="nothing"),
    ],
)  # fmt: skip
def test_obstruction_by_hand(placed: np.ndarray, cover: float, overlap: float) -> None:
    found = judged.obstruction(DOOR, placed)
    assert found == pytest.approx((cover, overlap), abs=0.02)


def test_obstruction_is_what_the_rule_predicates_compute(rules: Rules) -> None:
    rel = next(r for r in rules.relations if r.id == "REL-BE")
    rng = np.random.default_rng(0)
    seen = set()
    for _ in range(60):
        corner = rng.uniform((60, 180), (190, 330), (3, 2))
        placed = np.hstack([corner, corner + rng.uniform(20, 130, (3, 2))]).astype(np.float32)
        bounds = {"base_below_lte_h": rel.base_below_lte_h, "base_above_lte_h": rel.base_above_lte_h}
        near = placed[predicates.stands_at_door(DOOR, placed, **bounds)]
        zone = predicates.egress_zone(DOOR, depth_h=rel.zone_depth_h, far_width_w=rel.zone_far_width_w)
        cover = predicates.zone_cover(zone, near, lower_part=rel.lower_part, lower_part_w=rel.lower_part_w)
        overlap = predicates.covered_share(predicates.lower_half(DOOR), near)
        assert judged.obstruction(DOOR, placed) == pytest.approx((cover, overlap), abs=1e-6)
        said = cover >= rel.cover_gte or overlap >= rel.lower_half_overlap_gte
        assert judged.is_obstructed(cover, overlap) == said
        seen.add(said)
    assert seen == {True, False}


def test_bounds_are_those_of_the_rule_file(rules: Rules) -> None:
    exits, points = (next(r for r in rules.relations if r.id == name) for name in ("REL-BE", "REL-ME"))
    assert (
        exits.sign_above_lte_h, exits.sign_below_top_lte_h, exits.sign_dx_lt_w
    ) == (judged.DOOR_SIGN_ABOVE_H, judged.DOOR_SIGN_BELOW_H, judged.DOOR_SIGN_DX_W)  # fmt: skip
    assert (points.sign_dx_lte_w, points.sign_below_lte_h) == (judged.SIGN_DX_W, judged.SIGN_BELOW_H)
    assert (points.bracket_dx_lte_w, points.bracket_below_lte_h) == (
        judged.BRACKET_DX_W,
        judged.BRACKET_BELOW_H,
    )
    assert (points.zone_in_frame_gte, points.occluded_lt) == (judged.POINT_IN_FRAME, judged.POINT_OCCLUDED)
    assert set(judged.OCCLUDERS) == set(points.occluders)


@pytest.mark.parametrize(
    ("sign", "speaks"),
    [
        pytest.param((140, 60, 170, 80), True, id="above the middle"),
        pytest.param((140, 165, 170, 175), True, id="on the leaf, 65 px below the top"),
        pytest.param((140, 175, 170, 185), False, id="too far down the leaf"),
        pytest.param((230, 60, 250, 80), False, id="90 px aside, bound 75"),
        pytest.param((190, 60, 210, 80), False, id="nearer to the next door"),
    ],
)  # fmt: skip
def test_a_sign_speaks_for_the_nearest_door_it_can_mark(sign: tuple[float, ...], speaks: bool) -> None:
    doors = np.vstack([DOOR, boxes((200, 100, 260, 300))])
    assert judged.is_signed(DOOR, boxes(sign), doors) == speaks


@pytest.mark.parametrize(
    ("sign", "hides", "seen"),
    [
        pytest.param((200, 50, 240, 70), (), True, id="zone x 140-300, y 50-190: inside"),
        pytest.param((40, 50, 80, 70), (), False, id="zone begins at x -20"),
        pytest.param((200, 300, 240, 320), (), False, id="zone ends at y 440"),
        pytest.param((200, 50, 240, 70), ((140, 50, 190, 190),), False, id="50 of 160 columns hidden"),
        pytest.param((200, 50, 240, 70), ((140, 50, 180, 190),), True, id="40 of 160 columns hidden"),
    ],
)  # fmt: skip
def test_where_an_extinguisher_must_show(sign: tuple[float, ...], hides: tuple, seen: bool) -> None:
    assert judged.point_is_seen(np.array(sign, np.float32), boxes(*hides), (400, 400)) == seen


def test_the_floor_grows_towards_the_camera() -> None:
    floor = floor_at_door(DOOR)
    assert floor.scale_at(300) == pytest.approx(200 / 2.05)
    assert floor.scale_at(450) == pytest.approx(200 / 2.05 + 100)  # 150 rows below, camera at 1.5 m


def cutout(h: int, w: int, name: str = "carton") -> Cutout:
    bgra = np.full((h, w, 4), 255, np.uint8)
    bgra[..., :3] = (40, 80, 120)
    return Cutout(bgra, name, "somewhere")


def stage() -> Stage:
    photo = np.full((400, 400, 3), 180, np.uint8)
    door = rows_of([(0, (100, 100, 200, 300))], (400, 400))
    return Stage.on(Ground(photo, door, label_rows([]), None, CLASSES))


def test_later_things_cut_earlier_ones_and_the_door_to_what_is_seen() -> None:
    scene, rng = stage(), np.random.default_rng(0)
    scene.stand(cutout(60, 60), (150, 310), 60, rng)  # x 120-180, y 250-310
    scene.stand(cutout(40, 60), (150, 320), 40, rng)  # y 280-320, hides its lower half
    labels, ignore = scene.label()
    assert len(ignore) == 0 and labels.class_id.tolist() == [0, 1, 1]
    found = labels.xyxy((400, 400))
    assert found[1] == pytest.approx((120, 250, 180, 280), abs=2)
    assert found[2] == pytest.approx((120, 280, 180, 320), abs=2)
    assert found[0] == pytest.approx((100, 100, 200, 300), abs=0.1)  # seen left and right of the cartons


def test_what_hides_most_of_a_box_sends_it_to_ignore() -> None:
    rows = rows_of([(0, (0, 0, 100, 100)), (1, (0, 100, 100, 200))], (200, 200))
    covered = np.zeros((200, 200), bool)
    covered[35:100, :100] = True  # 65 of the first box's 100 rows
    covered[150:, :100] = True  # the lower half of the second
    kept, lost = trim_hidden(rows, (200, 200), covered)
    assert lost.class_id.tolist() == [0] and kept.class_id.tolist() == [1]
    assert kept.xyxy((200, 200))[0] == pytest.approx((0, 100, 100, 150))


def test_a_door_leaf_brought_forward_hides_what_stands_behind_it() -> None:
    scene, rng = stage(), np.random.default_rng(0)
    scene.stand(cutout(100, 100), (200, 290), 100, rng)  # x 150-250
    scene.bring_forward((100, 100, 200, 300))
    labels, _ = scene.label()
    assert labels.xyxy((400, 400))[1] == pytest.approx((200, 190, 250, 290), abs=2)
    assert (scene.photo[100:300, 100:200] == 180).all()


def test_no_file_of_the_package_is_long() -> None:
    for path in Path(judged.__file__).parent.glob("*.py"):
        assert len(path.read_text(encoding="utf-8").splitlines()) <= 300, path.name
