"""The folder a run trains from, built from a data folder of drawn photos."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import yaml

sys.path.insert(0, str(Path(__file__).parent))
from tiny_data import Photo, build_data_folder, write_rows

from firewarden.datasets.labels import label_rows
from firewarden.training.training_set import TrainingSet, build_training_set, code_ignore, coded_names

CLASSES = ("door", "exit_sign", "carton")
PHOTOS = (
    Photo("hall", labels=[(0, 0.5, 0.5, 0.2, 0.4)], ignore=[(2, 0.5, 0.5, 1, 1)], place="office"),
    Photo("lift", labels=[(2, 0.25, 0.5, 0.1, 0.1)], source="someone__PaddlePaddle-frames"),
    Photo("bare"),
    Photo("office", "val", labels=[(0, 0.5, 0.5, 0.2, 0.4)], place="office"),
    Photo("stairs", "val", labels=[(1, 0.5, 0.25, 0.1, 0.1)], source="someone__PaddlePaddle-frames"),
    Photo("kept", "test"),
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return build_data_folder(tmp_path / "real", PHOTOS, CLASSES)


@pytest.fixture
def composed(tmp_path: Path) -> Path:
    """A composed folder: no manifest, one photo."""
    folder = build_data_folder(
        tmp_path / "composed", [Photo("sign", labels=[(1, 0.5, 0.5, 0.5, 0.5)])], CLASSES
    )
    (folder / "manifest.csv").unlink()
    return folder


def stems(folder: Path) -> list[str]:
    return sorted(path.stem for path in folder.iterdir())


def test_ignore_rows_follow_with_raised_class_ids() -> None:
    labels = label_rows([(2, 0.1, 0.2, 0.3, 0.4)])
    ignore = label_rows([(0, 0.5, 0.5, 1, 1), (2, 0.6, 0.6, 0.1, 0.1)])
    coded = code_ignore(labels, ignore, 3)
    assert coded.class_id.tolist() == [2, 3, 5]
    np.testing.assert_array_equal(coded.cxcywh, np.concatenate([labels.cxcywh, ignore.cxcywh]))
    assert len(code_ignore(label_rows([]), label_rows([]), 3)) == 0


def test_a_coded_id_has_the_name_of_its_class() -> None:
    assert coded_names(iter(("door", "carton"))) == ["door", "carton", "ignore_door", "ignore_carton"]


def test_train_and_val_are_linked_with_coded_labels(source: Path, tmp_path: Path) -> None:
    prepared = build_training_set(source, None, tmp_path / "out", {})
    assert (prepared.train_count, prepared.val_count, prepared.classes) == (3, 1, CLASSES)
    assert stems(tmp_path / "out" / "train" / "images") == ["bare", "hall", "lift"]
    for link in (tmp_path / "out").rglob("*.png"):
        assert link.is_symlink() and link.resolve() == (source / "images" / link.name).resolve()
    labels = tmp_path / "out" / "train" / "labels"
    assert (labels / "hall.txt").read_text() == (
        "0 0.500000 0.500000 0.200000 0.400000\n5 0.500000 0.500000 1.000000 1.000000\n"
    )
    assert (labels / "bare.txt").read_text() == ""


def test_val_photos_of_a_place_that_train_shows_are_left_out(source: Path, tmp_path: Path) -> None:
    build_training_set(source, None, tmp_path / "out", {})
    assert stems(tmp_path / "out" / "val" / "images") == ["stairs"]  # not office, nor the test photo


def test_rare_sources_are_listed_as_often_as_asked(source: Path, tmp_path: Path) -> None:
    prepared = build_training_set(source, None, tmp_path / "out", {"PaddlePaddle": 3, "nobody": 9})
    assert prepared.train_count == 5
    for part in ("images", "labels"):
        assert stems(tmp_path / "out" / "train" / part) == ["bare", "hall", "lift", "lift__1", "lift__2"]
    labels = tmp_path / "out" / "train" / "labels"
    assert (labels / "lift__2.txt").read_text() == (labels / "lift.txt").read_text() != ""
    assert prepared.val_count == 1  # val is never repeated


def test_the_largest_of_two_fitting_repeats_counts(source: Path, tmp_path: Path) -> None:
    assert build_training_set(source, None, tmp_path, {"Paddle": 4, "frames": 2}).train_count == 2 + 4


def test_composed_photos_join_train_once(source: Path, composed: Path, tmp_path: Path) -> None:
    prepared = build_training_set(source, composed, tmp_path / "out", {"drawn": 2})
    assert (prepared.train_count, prepared.val_count) == (2 * 2 + 1 + 1, 1)
    assert (tmp_path / "out" / "train" / "images" / "sign.png").resolve() == (
        composed / "images" / "sign.png"
    ).resolve()


def test_the_trainer_file_names_both_halves(source: Path, tmp_path: Path) -> None:
    table = yaml.safe_load(build_training_set(source, None, tmp_path / "out", {}).yaml_path.read_text())
    assert table == {
        "path": str((tmp_path / "out").resolve()),
        "train": "train",
        "val": "val",
        "names": dict(enumerate([*CLASSES, "ignore_door", "ignore_exit_sign", "ignore_carton"])),
    }


def change_label(folder: Path) -> None:
    write_rows(folder / "labels" / "lift.txt", [(2, 0.26, 0.5, 0.1, 0.1)])


def change_class(folder: Path) -> None:
    write_rows(folder / "labels" / "lift.txt", [(1, 0.25, 0.5, 0.1, 0.1)])


def move_label_to_ignore(folder: Path) -> None:
    (folder / "labels" / "lift.txt").rename(folder / "ignore" / "lift.txt")


def change_photo(folder: Path) -> None:
    shutil.copy(folder / "images" / "hall.png", folder / "images" / "bare.png")


def change_val_label(folder: Path) -> None:
    (folder / "labels" / "stairs.txt").unlink()


def add_left_out_label(folder: Path) -> None:
    write_rows(folder / "labels" / "office.txt", [])


@pytest.mark.parametrize(
    ("change", "differs"),
    [
        (change_label, True),
        (change_class, True),
        (move_label_to_ignore, True),
        (change_photo, True),
        (change_val_label, True),
        (add_left_out_label, False),
    ],
)
def test_the_hash_is_of_what_is_used(source: Path, tmp_path: Path, change, differs: bool) -> None:
    def build(name: str) -> TrainingSet:
        return build_training_set(source, None, tmp_path / name, {})

    before = build("before").sha256
    assert build("again").sha256 == before and len(before) == 64
    change(source)
    assert (build("after").sha256 != before) is differs


def test_composed_photos_are_in_the_hash(source: Path, composed: Path, tmp_path: Path) -> None:
    without = build_training_set(source, None, tmp_path / "without", {}).sha256
    assert build_training_set(source, composed, tmp_path / "with", {}).sha256 != without
