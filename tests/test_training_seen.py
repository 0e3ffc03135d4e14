"""Which photos a run counts as seen: photos alone, each once, of folders without a manifest too."""

import sys
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("cv2", reason="recipes compose photos, which needs OpenCV: install firewarden[train]")

sys.path.insert(0, str(Path(__file__).parent))
from tiny_data import Photo, build_data_folder

from firewarden.training.recipe import read_recipe
from firewarden.training.seen import Seen, merge_seen, with_fraction
from firewarden.training.train import _start_record
from firewarden.training.training_set import ExtraFolder, PartRecord, TrainingSet, build_training_set

CLASSES = ("door", "carton")
DOOR, CARTON = (0, 0.5, 0.5, 0.2, 0.4), (1, 0.25, 0.5, 0.1, 0.1)
PHOTOS = (
    Photo("hall", labels=[DOOR]),
    Photo("edit", labels=[DOOR], source="composed drawn"),
    Photo("stairs", "val", labels=[DOOR]),
    Photo("edited", "val", labels=[DOOR], source="composed drawn"),
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return build_data_folder(tmp_path / "real", PHOTOS, CLASSES)


def bare(folder: Path) -> Path:
    """A further folder of two photos without a manifest."""
    build_data_folder(folder, [Photo("a", labels=[CARTON, CARTON]), Photo("b", labels=[DOOR])], CLASSES)
    (folder / "manifest.csv").unlink()
    return folder


def test_made_pictures_are_no_photos_in_either_split(source: Path, tmp_path: Path) -> None:
    seen = build_training_set(source, (), tmp_path / "out", {}).seen
    assert seen.photos == {("drawn", "none stated", "train"): 1, ("drawn", "none stated", "val"): 1}
    assert seen.objects == {"door": 1, "carton": 0}


def test_photos_of_a_folder_without_manifest_are_counted_under_its_name(source: Path, tmp_path: Path) -> None:
    seen = build_training_set(source, [ExtraFolder(bare(tmp_path / "rendered"))], tmp_path / "out", {}).seen
    assert seen.photos["rendered", "not stated", "train"] == 2 and seen.of_split("train") == 3
    assert seen.objects == {"door": 1 + 1, "carton": 2}


def test_a_folder_without_manifest_that_a_command_made_holds_no_photo(source: Path, tmp_path: Path) -> None:
    folder = bare(tmp_path / "synth")
    (folder / "made_by.json").write_text('{"command": "firewarden data synth synth"}')
    seen = build_training_set(source, [ExtraFolder(folder)], tmp_path / "out", {}).seen
    assert seen.of_split("train") == 1 and seen.objects == {"door": 1, "carton": 0}


def test_a_photo_in_two_folders_counts_once(source: Path, tmp_path: Path) -> None:
    """By file name and source: a photo of the same name and another source is another photo."""
    again = build_data_folder(
        tmp_path / "again", [Photo("hall", labels=[DOOR]), Photo("lift", labels=[CARTON])], CLASSES
    )
    other = build_data_folder(tmp_path / "other", [Photo("hall", labels=[DOOR], source="else")], CLASSES)
    seen = build_training_set(source, [ExtraFolder(again), ExtraFolder(other)], tmp_path / "out", {}).seen
    assert seen.photos["drawn", "none stated", "train"] == 2 and seen.of_split("train") == 3
    assert seen.objects == {"door": 2, "carton": 1}


@pytest.mark.parametrize(
    ("fraction", "share"),
    [
        pytest.param(0.1, {"a": 0.1}, id="share"),
        pytest.param(50, {"a": 0.25}, id="50 of 200 pictures"),
        pytest.param([0.5, 0.1], {"a": 0.5}, id="train and val"),
        pytest.param([], {}, id="empty list"),
        pytest.param(300, {}, id="more than there are"),
        pytest.param(1, {}, id="1 is all"),
        pytest.param(None, {}, id="not set"),
    ],
)
def test_the_share_of_pictures_that_a_trainer_uses(fraction: Any, share: dict[str, float]) -> None:
    assert with_fraction(Seen(), "a", fraction, 200).fractions == share


def test_the_record_of_a_run_keeps_the_share_and_what_starts_from_it_too() -> None:
    config = Path(__file__).resolve().parents[1] / "training" / "configs" / "fine-tune.yaml"
    recipe = read_recipe(config, Path("data"))
    real = PartRecord("real", "0", 20, 20, None)
    prepared = TrainingSet(Path("data.yaml"), CLASSES, "0", 20, 2, (real,), Seen())
    record = _start_record(recipe, prepared, {"fraction": 0.5}, {}, None)
    assert record["seen"]["fractions"] == {recipe.name: 0.5}
    newer = {**record, "seen": Seen(fractions={recipe.name: 0.25, "b": 0.1}).to_json()}
    assert merge_seen([newer, record]).fractions == {recipe.name: 0.25, "b": 0.1}
