"""Evaluation of a data folder with a detector whose answers are written down."""

import json
import subprocess
import sys
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as PillowImage
from rich.console import Console

from firewarden.detections import Detections
from firewarden.errors import DatasetError
from firewarden.findings import (
    Assessment,
    Finding,
    InspectionContext,
    Outcome,
    Routing,
    SceneEstimate,
    Source,
    Text,
    Verdict,
)
from firewarden.inference.detector import Sight
from firewarden.inference.image import Image
from firewarden.inspection import InspectionResult
from firewarden.models.manifest import ModelManifest
from firewarden.training.evaluate import EvaluationReport, OnePassDetector, evaluate
from firewarden.training.report import print_evaluation

SILENT = Text("", "")
BOX = (40.0, 20.0, 80.0, 60.0)  # of a 200 x 100 photo: centre 0.3 0.4, size 0.2 0.4
LABEL = "0.3 0.4 0.2 0.4"
MANIFEST = ModelManifest(
    id="written-down",
    folder=Path(),
    sha256="0" * 64,
    class_names=("door", "carton"),
    input_size=64,
    stride=32,
    layout="end2end",
    operating_points={"door": 0.5},
    default_operating_point=0.25,
    licence="AGPL-3.0-or-later",
    dataset_sha256="",
    git_sha="",
    metrics={},
)


@dataclass(frozen=True)
class BrightDetector:
    """Finds a door at BOX on photos brighter than 128, and a carton there on the others; confidence 0.6."""

    rows: int = 1
    manifest: ModelManifest = MANIFEST

    def see(self, image: Image) -> Sight:
        class_id = 0 if image.pixels.mean() > 128 else 1
        rows = Detections(
            np.tile(np.array(BOX, np.float32), (self.rows, 1)),
            np.full(self.rows, 0.6, np.float32),
            np.full(self.rows, class_id, np.int64),
        )
        return Sight(rows, {})


@dataclass
class SceneInspector:
    """Reports an indoor e-bike exactly when it is told that the photo is a lift."""

    def inspect_image(self, image: Image, context: InspectionContext) -> InspectionResult:
        lift = context.scene == "elevator_car"
        outcome = Outcome.HAZARD if lift else Outcome.NEEDS_SECOND_FRAME
        return InspectionResult(
            image_sha256=image.sha256,
            image_hw=image.original_hw,
            detections=Detections.empty(),
            class_names=MANIFEST.class_names,
            scene=SceneEstimate("unknown", Source.MODEL, 0.0, True, SILENT),
            context=context,
            findings=(Finding("indoor_ebike", outcome, BOX, 0.5, SILENT),),
            assessments=(Assessment(outcome, None, None, (), Routing.HUMAN_REVIEW),),
            questions=(),
            verdict=Verdict.FOLLOW_UP,
            notice=SILENT,
            model_id="",
            model_sha256="",
            rules_version="",
            timings_ms={},
        )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Photos bright_1, bright_2 (a door each) and dark_1 (a door that the detector calls a carton)."""
    root = tmp_path / "photos"
    for name in ("images", "labels", "ignore"):
        (root / name).mkdir(parents=True)
    for stem, level in (("bright_1", 200), ("bright_2", 220), ("dark_1", 20)):
        PillowImage.new("RGB", (200, 100), (level, level, level)).save(root / "images" / f"{stem}.png")
        (root / "labels" / f"{stem}.txt").write_text(f"0 {LABEL}\n")
    return root


def add_manifest(folder: Path, rows: list[tuple[str, str, str]]) -> None:
    lines = [f"images/{stem}.png,{split},source,licence,{place},corridor" for stem, split, place in rows]
    (folder / "manifest.csv").write_text(
        "file,split,source,licence,place_group,scene\n" + "\n".join(lines) + "\n"
    )


def run(folder: Path, **options: Any) -> EvaluationReport:
    return evaluate(BrightDetector(), None, folder, draws=20, **options)


def test_figures_of_three_photos(folder: Path) -> None:
    report = run(folder)
    door, carton = report.metrics.per_class["door"], report.metrics.per_class["carton"]
    # two of three doors at precision 1: recall points 0.00 to 0.66
    assert (door.n, door.map50, door.recall) == (3, pytest.approx(67 / 101), pytest.approx(2 / 3))
    assert (carton.n, carton.map50, carton.precision) == (0, None, 0.0)
    assert (report.images, report.split, report.data, report.unreadable) == (3, None, "photos", ())


def test_the_operating_points_are_those_of_the_manifest(folder: Path) -> None:
    per_class = run(folder).metrics.per_class
    assert (per_class["door"].operating_point, per_class["carton"].operating_point) == (0.5, 0.25)


def test_ignore_files_are_honoured(folder: Path) -> None:
    (folder / "ignore" / "dark_1.txt").write_text("1 0.5 0.5 1 1\n")  # cartons were not checked there
    assert run(folder).metrics.per_class["carton"].precision is None


def test_label_ids_follow_the_folders_own_class_list(folder: Path) -> None:
    (folder / "classes.txt").write_text("carton\ndoor\n")
    carton = run(folder).metrics.per_class["carton"]  # label 0 is a carton here
    assert (carton.n, carton.recall) == (3, pytest.approx(1 / 3))


def test_a_split_leaves_out_places_that_another_split_shows(folder: Path) -> None:
    add_manifest(folder, [("bright_1", "val", "p"), ("bright_2", "train", "p"), ("dark_1", "val", "q")])
    strict, kept = run(folder, split="val"), run(folder, split="val", keep_shared_places=True)
    assert (strict.images, strict.excluded_shared_places, strict.metrics.map50) == (1, 1, 0.0)
    assert (kept.images, kept.excluded_shared_places) == (2, 0)


def test_photos_without_a_place_group_are_all_measured(folder: Path) -> None:
    add_manifest(folder, [("bright_1", "val", ""), ("bright_2", "train", ""), ("dark_1", "val", "")])
    report = run(folder, split="val")
    assert (report.images, report.excluded_shared_places) == (2, 0)


def test_a_split_of_which_its_places_leave_nothing_is_refused(folder: Path) -> None:
    add_manifest(folder, [("bright_1", "val", "p"), ("bright_2", "train", "p"), ("dark_1", "val", "p")])
    with pytest.raises(DatasetError, match="all 2 photos of split 'val' show places that other splits show"):
        run(folder, split="val")


@pytest.mark.parametrize("split", ["vall", "test"])
def test_a_split_without_photos_is_refused_with_those_that_have_some(folder: Path, split: str) -> None:
    add_manifest(folder, [("bright_1", "val", "p"), ("bright_2", "train", "q"), ("dark_1", "val", "r")])
    with pytest.raises(
        DatasetError, match=rf"no photo of split '{split}', expected one of \['train', 'val'\]"
    ):
        run(folder, split=split)


@pytest.mark.parametrize(("split", "named"), [(None, ", all splits;"), ("val", ", split val;")])
def test_the_terminal_says_what_was_measured(folder: Path, split: str | None, named: str) -> None:
    add_manifest(folder, [(stem, "val", stem) for stem in ("bright_1", "bright_2", "dark_1")])
    printed = StringIO()
    print_evaluation(Console(file=printed, width=300), run(folder, split=split))
    assert named in printed.getvalue().splitlines()[0]


def test_places_of_the_manifest_are_resampled_without_a_split_too(folder: Path) -> None:
    assert run(folder).metrics.ci_map50 is not None  # each photo a place of its own
    add_manifest(folder, [(stem, "val", "p") for stem in ("bright_1", "bright_2", "dark_1")])
    assert run(folder).metrics.ci_map50 is None


def test_at_most_300_detections_are_measured(folder: Path) -> None:
    report = evaluate(BrightDetector(rows=301), None, folder, draws=2)
    curve = report.metrics.per_class["door"].curve
    assert (curve.true_positives + curve.false_positives).tolist() == [600]


def expectations(folder: Path) -> Path:
    lift = {"hazards": ["indoor_ebike"], "optional_hazards": [], "scene": "elevator_car"}
    path = folder / "expect.json"
    path.write_text(json.dumps({"bright_1": lift, "dark_1": {"hazards": [], "scene": "corridor"}}))
    return path


@pytest.mark.parametrize(("told", "recall", "asked"), [(True, 1.0, 2), (False, 0.0, 3)])
def test_the_expected_scene_is_told_only_on_request(
    folder: Path, told: bool, recall: float, asked: int
) -> None:
    expectations(folder)
    report = evaluate(BrightDetector(), SceneInspector(), folder, use_expected_scene=told, draws=20)
    score = report.per_hazard["indoor_ebike"]
    assert (score.n, score.judged_photos, score.recall) == (1, 2, recall)
    assert (score.needs_second_frame, report.expected_scene_used) == (asked, told)


def test_expectations_may_lie_elsewhere(folder: Path, tmp_path: Path) -> None:
    elsewhere = expectations(folder).rename(tmp_path / "expect_val.json")
    without = evaluate(BrightDetector(), SceneInspector(), folder, draws=5).per_hazard["indoor_ebike"]
    named = evaluate(BrightDetector(), SceneInspector(), folder, expect=elsewhere, draws=5)
    assert (without.recall, named.per_hazard["indoor_ebike"].recall) == (None, 0.0)


def test_origins_are_never_mixed(folder: Path) -> None:
    rows = {"bright_1": {"hazards": []}, "dark_1": {"hazards": [], "origin": "composed"}}
    (folder / "expect.json").write_text(json.dumps(rows))
    table = run(folder).to_json()
    assert table["by_origin"].keys() == {"real", "composed"}
    assert (table["origin"], table["images"], table["map50"]) == ("real", 2, 1.0)  # both bright doors
    made = table["by_origin"]["composed"]
    assert (made["images"], made["map50"], made["per_class"]["door"]["n"]) == (1, 0.0, 1)


def test_one_origin_is_named_and_not_repeated(folder: Path) -> None:
    rows = {stem: {"hazards": [], "origin": "rendered"} for stem in ("bright_1", "bright_2", "dark_1")}
    (folder / "expect.json").write_text(json.dumps(rows))
    table = run(folder).to_json()
    assert (table["origin"], table["images"], "by_origin" in table) == ("rendered", 3, False)


def test_the_source_of_the_manifest_names_an_origin_too(folder: Path) -> None:
    lines = ["file,split,source,licence,place_group,scene"]
    sources = {"bright_1": "real_photos", "bright_2": "composed on lo_", "dark_1": "rendered"}
    lines += [f"images/{stem}.png,val,{source},l,{stem},corridor" for stem, source in sources.items()]
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    for split in (None, "val"):
        assert list(run(folder, split=split).by_origin) == ["real", "composed", "rendered"]


@pytest.mark.parametrize("split", [None, "val"])
def test_a_manifest_with_a_byte_order_mark_gives_the_same_figures(folder: Path, split: str | None) -> None:
    lines = ["file,split,source,licence,place_group,scene"]
    sources = {"bright_1": "composed on lo_", "bright_2": "composed on lo_", "dark_1": "real_photos"}
    lines += [f"images/{stem}.png,val,{source},l,{source},corridor" for stem, source in sources.items()]
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    before = run(folder, split=split).to_json()
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n", encoding="utf-8-sig")
    assert run(folder, split=split).to_json() == before
    assert before["by_origin"]["composed"]["ci_map50"] is None  # two pictures of one place


def test_a_manifest_that_names_no_files_is_refused(folder: Path) -> None:
    (folder / "manifest.csv").write_text("photo,source\nimages/bright_1.png,composed\n")
    with pytest.raises(DatasetError, match=r"got columns \['photo', 'source'\], expected a column 'file'"):
        run(folder)


def test_photos_without_hazard_that_get_none(folder: Path) -> None:
    """The inspector reports an e-bike in told lifts only: one of three photos without a hazard, one open one left out."""
    lift = {"hazards": [], "scene": "elevator_car"}
    rows = {
        "bright_1": lift,
        "bright_2": {"hazards": [], "scene": "corridor"},
        "dark_1": {**lift, "optional_hazards": ["indoor_ebike"]},
    }
    (folder / "expect.json").write_text(json.dumps(rows))
    report = evaluate(BrightDetector(), SceneInspector(), folder, use_expected_scene=True, draws=50)
    assert report.to_json()["clean_photos"] == {
        "n": 2, "no_hazard": 1, "rate": 0.5, "ci": (0.0, 1.0), "left_open": 1,
    }  # fmt: skip


def test_scenes_are_judged_only_where_the_system_had_to_tell(folder: Path) -> None:
    expectations(folder)
    told = evaluate(BrightDetector(), SceneInspector(), folder, use_expected_scene=True, draws=5)
    asked = evaluate(BrightDetector(), SceneInspector(), folder, draws=5)
    assert told.figures.scene is None
    score = asked.figures.scene
    assert score is not None and (score.exact.n, score.exact.count, score.unknown) == (2, 0, 2)


def test_detector_and_inspector_share_one_pass(folder: Path) -> None:
    seen: list[Image] = []

    class Counting:
        manifest = MANIFEST

        def see(self, image: Image) -> Sight:
            seen.append(image)
            return BrightDetector().see(image)

    once = OnePassDetector(Counting())
    picture = Image(np.zeros((8, 8, 3), np.uint8), (8, 8), "", "image/png")
    first, again = once.see(picture), once.see(picture)
    once.see(Image(np.zeros((8, 8, 3), np.uint8), (8, 8), "", "image/png"))
    assert first is again and len(seen) == 2


def test_an_unreadable_photo_is_named_and_left_out(folder: Path) -> None:
    (folder / "images" / "dark_1.png").write_bytes(b"no picture")
    report = run(folder)
    assert (report.images, report.unreadable) == (2, ("dark_1.png",))
    assert report.metrics.per_class["door"].n == 2


def test_the_data_hash_follows_the_labels(folder: Path) -> None:
    before = run(folder).data_sha256
    assert run(folder).data_sha256 == before
    (folder / "labels" / "dark_1.txt").write_text("")
    assert run(folder).data_sha256 != before


def test_the_report_is_plain_json_with_the_promised_keys(folder: Path) -> None:
    expectations(folder)
    report = evaluate(BrightDetector(), SceneInspector(), folder, draws=5, command="firewarden evaluate")
    table = json.loads(json.dumps(report.to_json(), allow_nan=False))
    promised = "model_id model_sha256 data split images excluded_shared_places map50 map50_95 machine versions command"
    assert set(promised.split()) <= table.keys()
    assert {"n", "map50", "map50_95", "recall", "ci_map50"} <= table["per_class"]["door"].keys()
    assert {"n", "precision", "recall", "fp_per_image", "ci"} <= table["per_hazard"]["indoor_ebike"].keys()


def test_progress_counts_up_to_the_total(folder: Path) -> None:
    seen: list[tuple[int, int]] = []
    run(folder, on_photo=lambda done, total: seen.append((done, total)))
    assert seen == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("classes.txt", "door\nsofa\n", r"names \['sofa'\]"),
        ("labels/dark_1.txt", f"2 {LABEL}\n", "expected 0 to 1"),
        ("ignore/dark_1.txt", f"-1 {LABEL}\n", "expected 0 to 1"),
    ],
)
def test_labels_the_model_cannot_know_are_refused(folder: Path, file: str, text: str, message: str) -> None:
    (folder / file).write_text(text)
    with pytest.raises(DatasetError, match=message):
        run(folder)


def test_a_photo_of_the_manifest_that_is_gone_is_named(folder: Path) -> None:
    add_manifest(folder, [("bright_9", "val", "p")])
    with pytest.raises(DatasetError, match="bright_9"):
        run(folder, split="val")


@pytest.mark.parametrize("module", ["metrics", "evaluate", "operating_points", "promote", "card"])
def test_measuring_needs_no_torch(module: str) -> None:
    code = (
        f"import sys, firewarden.training.{module}\n"
        "heavy = {'torch', 'ultralytics', 'onnx', 'yaml'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
