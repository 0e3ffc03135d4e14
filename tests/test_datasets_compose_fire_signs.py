"""Plates that mark no extinguisher, and hose cabinets: where they hang, what is labelled, what stays untouched."""

import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("cv2", reason="composing needs OpenCV: install firewarden[train]")
sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from tiny_data import Photo, build_data_folder

from firewarden.datasets.compose.composed import Composed
from firewarden.datasets.compose.fire_sign_drawing import draw_hose_cabinet, draw_other_sign
from firewarden.datasets.compose.fire_signs import make_fire_signs
from firewarden.datasets.compose.sources import Sources

EXTINGUISHER, CABINET = CLASSES.index("extinguisher"), CLASSES.index("fire_cabinet")
HW = (480, 640)
BOTTLE = (EXTINGUISHER, 0.5, 0.6, 0.06, 0.2)  # 96 px high for 0.55 m


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[np.ndarray, Composed]]:
    """(ground, picture) of forty draws on one grey wall with an extinguisher."""
    folder = tmp_path_factory.mktemp("walls")
    build_data_folder(folder, [Photo("wall", labels=[BOTTLE], hw=HW)], CLASSES)
    sources = Sources(folder, folder / "absent", "train", None)
    ground = sources.pick(sources.records_with("extinguisher"), np.random.default_rng(0)).photo
    drawn = (make_fire_signs(sources, np.random.default_rng(seed), seed) for seed in range(40))
    return [(ground, pictures[0]) for pictures in drawn if pictures]


def test_a_plain_wall_takes_something_in_nearly_every_draw(made) -> None:
    assert len(made) >= 36


def test_plates_get_no_label_and_cabinets_theirs(made) -> None:
    classes = [picture.labels.class_id.tolist() for _, picture in made]
    assert all(row[0] == EXTINGUISHER and set(row[1:]) <= {CABINET} for row in classes)
    assert any(len(row) == 1 for row in classes) and any(len(row) > 1 for row in classes)


def test_cabinets_are_as_large_as_cabinets_beside_the_extinguisher(made) -> None:
    """0.6 to 1.2 m where 0.55 m are 96 px: 105 to 209 px, and a little for the tilt."""
    for _, picture in made:
        boxes = picture.labels.xyxy(HW)[picture.labels.class_id == CABINET]
        heights = boxes[:, 3] - boxes[:, 1]
        assert ((heights > 100) & (heights < 225)).all()


def test_what_is_labelled_is_never_covered_but_may_lie_in_a_shadow(made) -> None:
    """A shadow takes half of the light at most and adds none."""
    for ground, picture in made:
        x0, y0, x1, y1 = picture.labels.xyxy(HW)[0].astype(int)
        before, after = (p[y0:y1, x0:x1].astype(int) for p in (ground, picture.picture))
        assert (after <= before).all() and (after >= before // 2 - 1).all()
        assert (picture.picture != ground).any()


def test_nothing_is_claimed_about_the_photo_below(made) -> None:
    for _, picture in made:
        assert not picture.expect.hazards
        assert "missing_extinguisher" in picture.expect.optional_hazards


def test_a_photo_without_a_plain_wall_gives_nothing(tmp_path: Path) -> None:
    build_data_folder(
        tmp_path, [Photo("wall", labels=[(EXTINGUISHER, 0.5, 0.5, 0.98, 0.98)], hw=HW)], CLASSES
    )
    sources = Sources(tmp_path, tmp_path / "absent", "train", None)
    assert make_fire_signs(sources, np.random.default_rng(1), 1) == []


@pytest.mark.parametrize("draw", [draw_other_sign, draw_hose_cabinet])
def test_drawings_differ_and_are_opaque(draw) -> None:
    drawn = [draw(np.random.default_rng(seed)) for seed in range(12)]
    assert all(d.shape[2] == 4 and (d[..., 3] == 255).all() and min(d.shape[:2]) >= 50 for d in drawn)
    assert len({d.tobytes() for d in drawn}) == 12
