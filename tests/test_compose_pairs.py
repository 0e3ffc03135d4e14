"""Pairs on disk: what differs is the edit alone, expectations are what the rules make of the labels, splits stay apart."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw
from typer.testing import CliRunner

pytest.importorskip("cv2", reason="composing needs OpenCV: install firewarden[train]")
sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from tiny_data import Photo, build_data_folder

from firewarden.cli_compose import parse_kinds
from firewarden.cli_data import data_app
from firewarden.datasets.compose.ground import Ground
from firewarden.datasets.compose.missing_extinguisher import remove_extinguishers
from firewarden.datasets.compose.save import write_composed
from firewarden.datasets.compose.sources import Sources
from firewarden.datasets.compose.wall_fill import fill_hole
from firewarden.datasets.labels import LabelRows, read_labels
from firewarden.detections import Detections
from firewarden.errors import DatasetError
from firewarden.findings import InspectionContext, Outcome, SceneEstimate, Source, Text
from firewarden.inference.hazards import find_hazards
from firewarden.inference.rules import Rules
from firewarden.inference.view import View

HW = (360, 480)
SIGN_BOX, BOTTLE_BOX, DOOR_BOX = (220, 60, 250, 84), (215, 130, 255, 230), (170, 60, 300, 270)
COUNTS = {"missing_extinguisher": 2, "blocked_exit": 2, "pedal_bicycles": 1, "chain_locks": 1}


def row(name: str, box: tuple[int, int, int, int]) -> tuple[int, float, float, float, float]:
    h, w = HW
    x0, y0, x1, y1 = box
    return CLASSES.index(name), (x0 + x1) / 2 / w, (y0 + y1) / 2 / h, (x1 - x0) / w, (y1 - y0) / h


def room(seed: int) -> np.ndarray:
    """A wall with a little grain above a darker floor, RGB."""
    rng = np.random.default_rng(seed)
    wall = np.full((*HW, 3), 190.0)
    wall[270:] = (110, 100, 95)
    return (wall + rng.normal(0, 2, wall.shape)).clip(0, 255).astype(np.uint8)


def extinguisher_photo(seed: int) -> Image.Image:
    picture = Image.fromarray(room(seed))
    draw = ImageDraw.Draw(picture)
    draw.rectangle((220, 60, 249, 83), fill=(200, 20, 30))
    draw.rounded_rectangle((220, 145, 250, 229), 9, fill=(190, 15, 20))
    draw.line([(222, 200), (216, 150), (235, 132), (254, 140)], fill=(20, 20, 20), width=5)
    return picture


def door_photo(seed: int) -> Image.Image:
    picture = Image.fromarray(room(seed))
    ImageDraw.Draw(picture).rectangle((170, 60, 299, 269), fill=(120, 85, 60))
    return picture


def carton_photo(colour: tuple[int, int, int]) -> Image.Image:
    picture = Image.fromarray(room(9))
    corners = [(180, 120), (260, 90), (340, 120), (340, 220), (260, 250), (180, 220)]
    ImageDraw.Draw(picture).polygon(corners, fill=colour)
    return picture


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """For each split a wall with an extinguisher, a door, and cartons of the split's own colour."""
    pictures, photos = {}, []
    for split, colour in (("train", (60, 90, 200)), ("val", (60, 190, 70))):
        held = Photo(
            f"{split}_held", split, [row("extinguisher_sign", SIGN_BOX), row("extinguisher", BOTTLE_BOX)]
        )
        door = Photo(f"{split}_door", split, [row("door", DOOR_BOX)])
        carton = Photo(f"{split}_carton", split, [row("carton", (180, 90, 340, 250))], scene="close_up")
        photos += [held, door, carton]
        pictures |= {held.stem: extinguisher_photo(len(photos)), door.stem: door_photo(len(photos)), carton.stem: carton_photo(colour)}  # fmt: skip
    folder = build_data_folder(tmp_path_factory.mktemp("pairs") / "real", photos, CLASSES)
    for stem, picture in pictures.items():
        picture.save(folder / "images" / f"{stem}.png")
    return folder


@pytest.fixture(scope="module")
def composed(tmp_path_factory: pytest.TempPathFactory, source: Path) -> dict[str, Path]:
    out = tmp_path_factory.mktemp("composed")
    for split in ("train", "val"):
        sources = Sources(source, source.parent / "cutouts", split, out / "cache")
        assert write_composed(sources, COUNTS, out / split, seed=5) >= 2 * sum(COUNTS.values())
    return {split: out / split for split in ("train", "val")}


def ground_of(source: Path, stem: str) -> Ground:
    sources = Sources(source, source, stem.split("_")[0], None)
    return sources.ground(next(r for r in sources.records if r.stem == stem))


def manifest_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "manifest.csv").open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def expectations(folder: Path) -> dict[str, dict]:
    return json.loads((folder / "expect.json").read_text(encoding="utf-8"))


def test_removal_takes_the_extinguisher_and_nothing_else(source: Path) -> None:
    ground = ground_of(source, "train_held")
    emptied = remove_extinguishers(ground)
    assert emptied is not None
    assert [ground.classes[c] for c in emptied.labels.class_id] == ["extinguisher_sign"]
    changed = (emptied.photo != ground.photo).any(axis=2)
    rows, columns = np.nonzero(changed)
    margin = 0.12 * 40 + 2 + 9  # of the box's width, and the feathered rim
    assert columns.min() >= 215 - margin and columns.max() <= 255 + margin
    assert rows.min() >= 130 - margin and rows.max() <= 230 + margin
    assert not changed[60:84, 220:250].any()  # the sign
    fill = emptied.photo[130:230, 215:255].astype(float)
    assert np.abs(fill.mean(axis=(0, 1)) - 190).max() < 4  # wall, neither red nor black
    assert 1 < fill.std() < 6  # with its grain


def test_an_extinguisher_with_something_before_it_stays(source: Path) -> None:
    ground = ground_of(source, "train_held")
    chair = row("furniture", (225, 180, 250, 225))
    table = np.vstack([ground.labels.cxcywh, np.array(chair[1:], np.float32)])
    blocked = LabelRows(np.append(ground.labels.class_id, chair[0]), table)
    assert (
        remove_extinguishers(Ground(ground.photo, blocked, ground.ignore, ground.record, ground.classes))
        is None
    )


def test_boards_run_on_through_a_filled_hole() -> None:
    """A wall of grey above a dark skirting board: the hole's rows come back as their neighbours are."""
    photo = np.full((200, 300, 3), 200, np.uint8)
    photo[140:] = 60
    broken, hole = photo.copy(), np.zeros((200, 300), bool)
    hole[90:170, 120:170] = True
    broken[hole] = (0, 0, 255)
    filled = fill_hole(broken, hole, np.zeros_like(hole))
    assert filled is not None and filled.residual < 5
    wrong = np.abs(filled.photo.astype(int) - photo).max(axis=2) > 12
    assert wrong[hole].mean() < 0.05


def test_no_fill_where_nothing_continues_the_wall() -> None:
    noise = (
        np.random.default_rng(0)
        .integers(0, 255, (6, 8, 3))
        .repeat(20, axis=0)
        .repeat(20, axis=1)
        .astype(np.uint8)
    )
    hole = np.zeros((120, 160), bool)
    hole[30:90, 50:110] = True
    assert fill_hole(noise, hole, np.zeros_like(hole)) is None


def test_a_pair_differs_in_its_edit_alone(composed: dict[str, Path]) -> None:
    """Blur, noise and recompression are the same for both: away from the edit not one pixel differs."""
    pairs = 0
    expected = expectations(composed["train"])
    for stem, entry in expected.items():
        if entry["variant"] != "removed":
            continue
        pictures = [read_picture(composed["train"], name) for name in (stem, f"{entry['pair']}_untouched")]
        differs = (pictures[0] != pictures[1]).any(axis=2)
        assert differs[140:220, 225:245].mean() > 0.9
        differs[100:260, 180:290] = False
        assert not differs.any()
        pairs += 1
    assert pairs > 0


def read_picture(folder: Path, stem: str) -> np.ndarray:
    return np.asarray(Image.open(folder / "images" / f"{stem}.jpg"))


@pytest.mark.parametrize("split", ["train", "val"])
def test_expectations_are_what_the_rules_make_of_the_labels(
    composed: dict[str, Path], rules: Rules, split: str
) -> None:
    seen: set[str] = set()
    for stem, entry in expectations(composed[split]).items():
        rows = read_labels(composed[split] / "labels" / f"{stem}.txt")
        found = Detections(rows.xyxy(HW), np.full(len(rows), 0.9, np.float32), rows.class_id)
        scene = SceneEstimate(entry["scene"], Source.PERSON, 1.0, False, Text("", ""))
        findings = find_hazards(View(found, CLASSES, {}, 0.25, HW), scene, rules, InspectionContext())
        hazards = {finding.hazard for finding in findings if finding.outcome is Outcome.HAZARD}
        assert set(entry["hazards"]) <= hazards, stem
        assert hazards <= {*entry["hazards"], *entry["optional_hazards"]}, stem
        seen.update(entry["hazards"])
    assert {"missing_extinguisher", "blocked_exit"} <= seen


def test_every_pair_has_its_untouched_photo_and_one_place(composed: dict[str, Path]) -> None:
    for split, folder in composed.items():
        expected, rows = expectations(folder), manifest_rows(folder)
        assert {Path(r["file"]).stem for r in rows} == set(expected)
        places = {Path(r["file"]).stem: r["place_group"] for r in rows}
        for pair in {entry["pair"] for entry in expected.values()}:
            members = [stem for stem, entry in expected.items() if entry["pair"] == pair]
            clean = [s for s in members if expected[s]["variant"] in ("untouched", "clear")]
            assert len(clean) == 1 and not expected[clean[0]]["hazards"]
            assert len({places[stem] for stem in members}) == 1
        assert {r["split"] for r in rows} == {split}
        assert all(r["source"].startswith("composed ") and r["licence"] == "none stated" for r in rows)


def test_cutouts_and_grounds_come_from_the_split_alone(composed: dict[str, Path]) -> None:
    for split, folder in composed.items():
        rows = manifest_rows(folder)
        parts = {part for r in rows for part in r["parts"].split()}
        assert parts == {f"{split}_carton"}
        assert {(bool(r["parts"]), r["part_sources"]) for r in rows} == {(False, ""), (True, "drawn")}
        assert {r["place_group"] for r in rows} <= {f"{split}_held", f"{split}_door"}


def test_one_seed_gives_the_same_bytes_with_and_without_a_cache(
    composed: dict[str, Path], source: Path, tmp_path: Path
) -> None:
    counts = {"missing_extinguisher": 1, "blocked_exit": 2}
    write_composed(Sources(source, source, "train", None), counts, tmp_path, seed=5)
    pictures = sorted((tmp_path / "images").iterdir())
    assert len(pictures) >= 4
    for path in pictures:
        assert path.read_bytes() == (composed["train"] / "images" / path.name).read_bytes()


def test_compose_from_the_command_line(source: Path, tmp_path: Path) -> None:
    words = [
        "compose",
        "--data",
        source,
        "--out",
        tmp_path / "out",
        "--kinds",
        "chain_locks=1",
        "--sheet",
        tmp_path / "s.png",
    ]
    done = CliRunner().invoke(data_app, [str(word) for word in words])
    assert done.exit_code == 0, done.output
    assert len(list((tmp_path / "out" / "images").iterdir())) == 2
    assert Image.open(tmp_path / "s.png").width > 700
    again = CliRunner().invoke(data_app, [str(word) for word in words])
    assert isinstance(again.exception, DatasetError) and "--force" in str(again.exception)
    words[words.index("chain_locks=1")] = "pedal_bicycles=1"
    assert CliRunner().invoke(data_app, [*map(str, words), "--force"]).exit_code == 0
    stems = {path.stem for path in (tmp_path / "out" / "images").iterdir()}
    assert stems == {
        "compose_bicycle_00000_untouched",
        "compose_bicycle_00000_bicycle",
    }  # no e-bike to cut, none left over


@pytest.mark.parametrize(
    "text", ["", "blocked_exit", "blocked_exit=x", "blocked_exit=1,blocked_exit=2", "blocked_exit=0"]
)
def test_bad_counts_are_refused(text: str) -> None:
    with pytest.raises(DatasetError, match="--kinds"):
        parse_kinds(text)


def test_an_unknown_kind_is_refused_by_name(source: Path, tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="flying_carpets"):
        write_composed(Sources(source, source, "train", None), {"flying_carpets": 1}, tmp_path, seed=0)
