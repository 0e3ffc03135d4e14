"""Ignore rows in the trainer's warp: they stay while any of them is in view. Boxes and crops by hand."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

A = pytest.importorskip("albumentations", reason="install firewarden[train]")
pytest.importorskip("ultralytics", reason="the warp is that of ultralytics: install firewarden[train]")

from ultralytics.cfg import get_cfg
from ultralytics.data.augment import Compose, MixUp, RandomPerspective
from ultralytics.utils.instance import Instances

from firewarden.training.ignore_warp import IgnoreKeepingWarp, keep_ignored
from firewarden.training.trainer import EvidenceTrainer
from firewarden.training.training_set import coded_names

CLASSES = ("door", "ebike")
LABEL, IGNORED, SCENE = 0, len(CLASSES), 2 * len(CLASSES)
CORNER = (0.0, 0.0, 54.0, 54.0)  # the middle 100 of 200 px shows 4 x 4 px of it, less than a tenth
OUTSIDE = (0.0, 0.0, 49.0, 49.0)
HALF = (0.0, 60.0, 100.0, 100.0)  # the middle shows its right half


def middle_of(rows: list[tuple[int, tuple[float, float, float, float]]]) -> list[tuple[int, list[float]]]:
    """What the warp leaves of boxes in a picture of 200 px when it shows its middle 100 px."""
    warp = keep_ignored(
        RandomPerspective(translate=0.0, scale=(1.0, 1.0), size=(100, 100)), class_count=len(CLASSES)
    )
    labels: dict[str, Any] = {
        "img": np.zeros((200, 200, 3), np.uint8),
        "cls": np.array([[class_id] for class_id, _ in rows], np.float32).reshape(-1, 1),
        "instances": Instances(
            np.array([box for _, box in rows], np.float32).reshape(-1, 4),
            np.zeros((0, 1000, 2), np.float32),
            bbox_format="xyxy",
            normalized=False,
        ),
    }
    shown = warp(labels)
    return [
        (int(class_id), [round(float(v)) for v in box])
        for class_id, box in zip(shown["cls"].reshape(-1), shown["instances"].bboxes, strict=True)
    ]


@pytest.mark.parametrize(
    ("row", "left"),
    [
        pytest.param((LABEL, CORNER), [], id="a corner of a labelled object is dropped, as ever"),
        pytest.param((IGNORED, CORNER), [(IGNORED, [0, 0, 4, 4])], id="a corner of an ignored one stays"),
        pytest.param((SCENE, CORNER), [], id="a sliver of a photo tells no place"),
        pytest.param((IGNORED, OUTSIDE), [], id="ignored, out of view"),
        pytest.param((IGNORED + 1, HALF), [(IGNORED + 1, [0, 10, 50, 50])], id="ignored, half in view"),
        pytest.param((LABEL, HALF), [(LABEL, [0, 10, 50, 50])], id="labelled, half in view"),
    ],
)
def test_what_the_warp_leaves(row: Any, left: Any) -> None:
    assert middle_of([row]) == left


def test_each_row_is_judged_by_its_own_class_and_none_by_those_of_another_picture() -> None:
    assert middle_of([(LABEL, CORNER), (IGNORED, CORNER), (SCENE, HALF)]) == [
        (IGNORED, [0, 0, 4, 4]),
        (SCENE, [0, 10, 50, 50]),
    ]
    assert middle_of([]) == []


def test_warps_are_found_before_mixing_too() -> None:
    inner, outer = RandomPerspective(), RandomPerspective()
    keep_ignored(Compose([Compose([inner]), MixUp([], pre_transform=Compose([outer]))]), len(CLASSES))
    assert type(inner) is type(outer) is IgnoreKeepingWarp


FILL = (114, 114, 114)  # the grey that the trainer fills up with
COLOURS = ((200, 40, 40), (40, 200, 40), (40, 40, 200), (200, 200, 40))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Photos of nothing but a corner that is ignored, each in a colour and for a class of its own."""
    for part in ("images", "labels"):
        (tmp_path / "train" / part).mkdir(parents=True)
    for class_id, colour in enumerate(COLOURS):
        picture = Image.new("RGB", (96, 64), FILL)
        picture.paste(colour, (0, 0, 32, 32))
        picture.save(tmp_path / "train" / "images" / f"{class_id}.png")
        row = f"{len(COLOURS) + class_id} {16 / 96} 0.25 {32 / 96} 0.5\n"
        (tmp_path / "train" / "labels" / f"{class_id}.txt").write_text(row)
    return tmp_path


@pytest.mark.parametrize("mosaics_over", [False, True], ids=["mosaics", "after them"])
def test_in_training_what_is_ignored_stays_ignored(folder: Path, mosaics_over: bool) -> None:
    random.seed(0)
    trainer, names = EvidenceTrainer.__new__(EvidenceTrainer), coded_names([str(c) for c in COLOURS])
    trainer.data = {"names": dict(enumerate(names)), "channels": 3, "nc": len(names)}
    trainer.args = get_cfg(
        overrides={"imgsz": 64, "task": "detect", "mosaic": 1.0, "scale": 0.9, "translate": 0.5, "fliplr": 0.0,
                   "hsv_h": 0.0, "hsv_s": 0.0, "hsv_v": 0.0, "augmentations": [A.NoOp()]}
    )  # fmt: skip
    trainer.model = type("Network", (), {"stride": np.array([32])})()
    dataset = trainer.build_dataset(str(folder / "train"), batch=2)
    if mosaics_over:
        dataset.close_mosaic(trainer.args)
    for draw in range(400):
        sample = dataset[draw % len(COLOURS)]
        picture, ids = sample["img"].permute(1, 2, 0).numpy(), sample["cls"].reshape(-1).tolist()
        for class_id, colour in enumerate(COLOURS):
            area = (picture == colour).all(axis=2).sum()
            assert area < 16 or len(COLOURS) + class_id in ids, f"{area} px of what is ignored"
