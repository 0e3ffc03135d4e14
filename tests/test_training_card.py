"""The card says what its files say: sources, licences, figures, blind spots."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from firewarden.training.card import CardFacts, card_text, trained_on, write_card
from firewarden.training.card_hazards import hazard_sections
from firewarden.training.card_provenance import made_pictures, starting_weights
from firewarden.training.run_folder import made_parts
from firewarden.training.seen import Seen, seen_by

CLASSES = ("door", "ebike", "chain_lock")
RUN: dict[str, Any] = {
    "name": "firewarden-n",
    "started_at": "2026-11-21T23:41:37+00:00",
    "git_sha": "c47b89a",
    "dataset_sha256": "d" * 64,
    "train_photos": 41,
    "val_photos": 2,
    "classes": list(CLASSES),
    "weights": "yolo26n.pt",
    "weights_sha256": "9" * 64,
    "command": "firewarden train c.yaml",
    "extra": [
        {
            "name": "composed", "photos": 12, "sha256": "a" * 64, "origins": {"composed": 12},
            "made_by": "firewarden data compose composed",
        },
        {
            "name": "composed", "photos": 5, "sha256": "b" * 64, "origins": {"rendered": 1, "composed": 4},
            "made_by": None,
        },
        {"name": "synth", "photos": 6, "sha256": "c" * 64},
    ],
    "parent": {
        "config": {"name": "b", "seed": 6}, "git_sha": "f00", "epochs_done": 0, "finished_at": "2026-11-21", "dataset_sha256": "2",
        "averaged": [
            {"run": "a", "share": 0.5, "sha256": "a" * 64}, {"run": "b", "share": 0.5, "sha256": "b" * 64}
        ],
        "arguments": {"epochs": 6, "imgsz": 640},
        "parent": {
            "config": {"name": "a", "seed": 5}, "git_sha": "f01", "epochs_done": 3, "dataset_sha256": "1",
            "arguments": {"epochs": 4, "imgsz": 512}, "weights_sha256": "5" * 64,
        },
    },
    "config": {"name": "firewarden-n", "seed": 7, "compose": {"exit_signs": 350, "indoor_ebikes": 0}},
    "arguments": {"epochs": 38},
    "versions": {"torch": "2.14.1"},
    "machine": "x86_64",
}  # fmt: skip
SCENE = {
    "cross_validated_n": 40.0, "cross_validated_accuracy": 0.981, "val_n": 8.0, "val_accuracy": 0.865,
    "val_recall_elevator_car": 0.0, "strength": 0.01, "temperature": 0.5,
}  # fmt: skip


def class_row(n: int, map50: float | None, ci: list[float] | None) -> dict[str, Any]:
    figures = dict.fromkeys(("map50_95", "precision", "recall"), map50)
    return {"n": n, "map50": map50, "ci_map50": ci, "ci_map50_95": None, "operating_point": 0.31, **figures}


def hazard_row(
    judged: int, n: int, rate: float | None, negatives: dict[str, int] | None = None
) -> dict[str, Any]:
    """A hazard with one figure for all rates, and `negatives` false alarms in four look-alikes each."""
    return {
        "judged_photos": judged, "n": n, "precision": rate, "recall": rate, "fp_per_image": rate, "needs_site_check": 1,
        "ci": {"precision": None, "recall": None, "fp_per_image": None},
        "hard_negatives": {
            name: {"photos": 4, "false_alarms": alarms, "rate": alarms / 4, "ci": None}
            for name, alarms in (negatives or {}).items()
        },
        "pairs": {"n": n, "right": 1, "rate": None, "ci": None},
    }  # fmt: skip


def cords(n: int, reached: int) -> dict[str, Any]:
    """Cords of which `reached` have both ends, twice as many their source end, three times as many their sink end."""
    ends = {
        f"{end}_ends": {"cables": n, "reached": k * reached, "rate": k * reached / n, "ci": [0.0, 1.0]}
        for k, end in enumerate(("both", "source", "sink"), 1)
    }
    stray = {"photos": 4, "with_box": 1, "rate": 0.25, "ci": None}
    length = {"points": 10, "covered": 4, "rate": 0.4, "ci": None}
    return {"reach": 0.03, **ends, "length": length, "stray_photos": stray}


EVALUATION: dict[str, Any] = {
    "model_sha256": "a" * 64,
    "data": "real",
    "data_sha256": "b" * 64,
    "split": "val",
    "images": 2,
    "excluded_shared_places": 5,
    "map50": 0.5,
    "map50_95": 0.25,
    "ci_map50": [0.4, 0.6],
    "ci_map50_95": None,
    "per_class": {
        "door": class_row(36, 0.7, [0.6, 0.8]),
        "ebike": class_row(4, 0.3, None),
        "chain_lock": class_row(0, None, None),
    },
    "machine": "one core",
    "versions": {},
    "command": "firewarden export",
    "origin": "real",
    "per_hazard": {"blocked_exit": hazard_row(9, 2, 0.5), "corridor_clutter": hazard_row(0, 0, None)},
    "hazard_budgets": {
        "blocked_exit": {
            "false_alarms_a_photo": 0.05,
            "by_origin": {
                "real": {"false_alarms_a_photo": 0.04, "recall": None, "n": 0, "clear": 60, "data": "real"},
                "composed": {
                    "false_alarms_a_photo": 0.02, "recall": 0.9, "n": 30, "clear": 80, "clear_places": 19, "data": "made",
                },
            },
        }
    },
    "scene": {
        "n": 11, "accuracy": 0.25, "ci": None, "indoor_outdoor": {"accuracy": 1.0, "ci": None},
        "confusion": {"elevator_car": {"indoor": 6, "unknown": 2}, "indoor": {"indoor": 3}},
    },
    "calibration": {
        "exits": {
            "classes": ["door"], "n": 99, "kind": "isotonic", "ece_before": 0.25, "ci_ece_before": [0.2, 0.3],
            "ece_after": 0.05, "ci_ece_after": None,
        }
    },
    "also_on": [
        {
            "data": "made",
            "data_sha256": "c" * 64,
            "images": 60,
            "chose_thresholds": True,
            "made_by": "firewarden data compose made --seed 3",
            "by_origin": {
                "composed": {
                    "images": 50, "map50": 0.125, "map50_95": 0.0625, "ci_map50": None, "ci_map50_95": None,
                    "per_class": {"door": class_row(7, 0.125, None), "power_cable": class_row(0, None, None)},
                    "cables": cords(8, 2),
                    "box_sizes": {"door": {"n": 31, "width": 1.085, "height": 0.99}},
                    "ebikes_indoors": {"n": 12, "map50": 0.875, "ci_map50": [0.5, 1.0]},
                    "per_hazard": {"blocked_exit": hazard_row(40, 20, 0.95, {"far_goods": 3})},
                    "clean_photos": {"n": 20, "no_hazard": 19, "rate": 0.95, "ci": [0.9, 1.0], "left_open": 0},
                },
                "rendered": {"per_hazard": {"blocked_exit": hazard_row(8, 4, 0.25)}},
            },
        },
        {
            "data": "aside",
            "data_sha256": "e" * 64,
            "images": 3,
            "chose_thresholds": False,
            "made_by": None,
            "origin": "rendered",
            "per_hazard": {},
        },
    ],
}  # fmt: skip
PARITY: dict[str, Any] = {
    "passed": True,
    "tolerance": {"rtol": 0.001, "atol": 0.001},
    "tensors": [
        {"input_hw": [640, 480], "before_top_k": {"max_abs": 1e-5}},
        {"input_hw": [320, 256], "before_top_k": {"max_abs": 3e-5}},
    ],
    "map": {"onnx_map50_95": 0.25, "checkpoint_map50_95": 0.251, "allowed_points": 0.5},
}


def card_of(record: dict[str, Any], tmp_path: Path, scene: dict[str, float] = SCENE) -> str:
    """40 doors and 2 e-bikes in train: one photo of each of two sources, plus one val photo."""
    data, run, exported = (tmp_path / name for name in ("data", "run", "out"))
    for folder in (data / "labels", run, exported):
        folder.mkdir(parents=True)
    (data / "classes.txt").write_text("\n".join(CLASSES))
    (data / "labels" / "a.txt").write_text("0 0.5 0.5 0.1 0.1\n" * 40)
    (data / "labels" / "b.txt").write_text("1 0.5 0.5 0.1 0.1\n" * 2)
    (data / "labels" / "c.txt").write_text("2 0.5 0.5 0.1 0.1\n" * 99)  # val: must not count as trained
    (data / "manifest.csv").write_text(
        "file,split,source,licence,place_group,scene\n"
        "images/a.jpg,train,open_doors,CC BY 4.0,p,corridor\n"
        "images/b.jpg,train,some|repo,none stated,q,corridor\n"
        "images/c.jpg,val,open_doors,CC BY 4.0,r,corridor\n"
    )
    (run / "run.json").write_text(json.dumps(record))
    (exported / "evaluation.json").write_text(json.dumps(EVALUATION))
    (exported / "parity.json").write_text(json.dumps(PARITY))
    (exported / "scene.json").write_text(json.dumps(scene))
    return write_card(exported, run=run, data=data).read_text(encoding="utf-8")


@pytest.fixture
def card(tmp_path: Path) -> str:
    return card_of(RUN, tmp_path)


@pytest.mark.parametrize(
    "sentence",
    [
        "| open_doors | CC BY 4.0 | 1 | 1 |",
        "| some\\|repo | none stated | 1 | 0 |",
        "**Licences are mixed and partly unstated**: 1 of 2 train photos",
        "**1 of 1 val photos come from sources that stand in train, too.** No place stands in both",
        "**Made pictures were used for training** (350 exit signs)",
        "| `composed aaaaaa` | composed | 12 | `aaaaaaaaaaaa` | `firewarden data compose composed` |",
        "| `composed bbbbbb` | 4 composed + 1 rendered | 5 | `bbbbbbbbbbbb` | - |",
        "| `synth` | - | 6 | `cccccccccccc` | - |",
        f"Starting weights: `yolo26n.pt`, sha256 `{'5' * 64}`: YOLO26n trained on COCO by Ultralytics (AGPL-3.0), as given",
        "mAP50 0.500 [0.400, 0.600], mAP50-95 0.250,",
        "| door | 36 | 0.700 [0.600, 0.800] | 0.700 | 0.700 | 0.700 | 0.31 |",
        "| chain_lock | 0 | - | - | - | - | 0.31 |",
        "learned from made pictures alone: chain_lock.",
        "Fewer than 30 objects in real train photos: ebike (2).",
        "Not measured, no labelled object: chain_lock.",
        "figures mean little: ebike (4).",
        "Left out because another split shows the same place: 5.",
        "**passed**. Largest difference before top-k 3e-05 over input shapes 320x256, 640x480",
        "code at commit `c47b89a`, config `firewarden-n`, seed 7",
        "never means that a place is safe",
        "| `real`, real | blocked_exit | 9 | 2 | 0.500 | 0.500 | 0.500 | 1 of 2 | 1 |",
        "| `made`, composed | blocked_exit | 40 | 20 | 0.950 | 0.950 | 0.950 | 1 of 20 | 1 |",
        "| `made`, rendered | blocked_exit | 8 | 4 | 0.250 | 0.250 | 0.250 | 1 of 4 | 1 |",
        "| `made`, composed | far goods | blocked_exit | 4 | 3 | 0.750 |",
        "- `made`, composed: photos without a hazard that get none 0.950 [0.900, 1.000] (19 of 20)",
        "| blocked_exit | `real`, real | yes | 0.05 | 0.040 | 60 | 60 | - | 0 |",
        "| blocked_exit | `made`, composed | no | 0.05 | 0.020 | 19 | 80 | 0.900 | 30 |",
        "| data | held to the budget | false alarms allowed a photo | reached, counted by place |",
        "Rates differ from those under Hazards, which count every picture",
        "## Ablation\n\nWhat each kind of made pictures does, in short runs that differ in their pictures alone",
        "`benchmarks/results/ablation.md`",
        "### Classes on `made`, composed\n\n50 pictures: mAP50 0.125, mAP50-95 0.062. Not measured, no labelled object: power_cable.",
        "| door | 7 | 0.125 | 0.125 | 0.125 | 0.125 | 0.31 |",
        "| `made`, composed | 8 | 0.250 [0.000, 1.000] | 0.500 [0.000, 1.000] | 0.750 [0.000, 1.000] | 0.400 | 0.250 (1 of 4) |",
        "| `made`, composed | door | 31 | 1.085 | 0.990 |",
        "- `made`, composed: e-bikes in photos taken indoors: mAP50 0.875 [0.500, 1.000] (12 labelled)",
        "| `real`, real | no cord drawn | not measured |",
        "| all | pram indoors | indoor_ebike | 0 | - | not measured |",
        "| `real`, real | far goods | blocked_exit | 0 | - | not measured |",
        "- `made`, 60 pictures, sha256 `cccccccccccc`: also served to choose thresholds; made by `firewarden data compose",
        "- `aside`, 3 pictures, sha256 `eeeeeeeeeeee`: chose nothing\n",
        "(made pictures joined the fit), several views of each; the network saw these tags in training, so new places are told worse: 40 pictures, accuracy 0.981.",
        "- Scene output on tagged val photos, none of them made: 8 pictures, accuracy 0.865, recall elevator car 0.000.",
        "- Scene output, its fit: strength 0.010, temperature 0.500.",
        "never told right: elevator car 0 of 8 on `real`, real (told: indoor 6, unknown 2).",
        "- trained by `firewarden train c.yaml`",
        "- before it: the mean of 0.50 of `a` (sha256 `aaaaaaaaaaaa`), 0.50 of `b` (sha256 `bbbbbbbbbbbb`), the last part",
        "the last part of it config `b`, seed 6, at commit `f00`: a finished run of 6 epochs at 640 px",
        "- before it: config `a`, seed 5, at commit `f01`: 3 of 4 epochs at 512 px",
        "| door | 99 | isotonic | 0.250 [0.200, 0.300] | 0.050 |",
        "Checkpoint, the scene output's strength, calibration and thresholds were chosen on these same photos",
    ],
)
def test_the_card_says(card: str, sentence: str) -> None:
    assert sentence in card


def test_a_model_without_scene_output_says_so(tmp_path: Path) -> None:
    card = card_of(RUN, tmp_path, scene={"cross_validated_n": 0.0})
    assert "- No scene output: no real train photo had a scene tag." in card
    assert "Scene output on" not in card and "Checkpoint, calibration and thresholds were chosen" in card


def test_a_hazard_that_nobody_judged_is_not_in_the_card(card: str) -> None:
    assert "corridor_clutter" not in card


@pytest.mark.parametrize(
    ("averaged", "parent", "sha256"),
    [
        pytest.param([], None, "1" * 64, id="the run began with the file"),
        pytest.param([{"run": "yolo26n", "sha256": "7" * 64}], {"weights": "yolo26n.pt"}, "7" * 64, id="it entered a mean"),
        pytest.param([], {"weights": "yolo26n.pt"}, None, id="nobody kept it"),
    ],
)  # fmt: skip
def test_the_sha256_of_the_starting_weights_is_that_of_the_oldest_run(
    averaged: list[dict[str, str]], parent: dict[str, Any] | None, sha256: str | None
) -> None:
    run = {"weights": "yolo26n.pt", "weights_sha256": "1" * 64, "averaged": averaged, "parent": parent}
    told = starting_weights(run)
    assert told.startswith(
        f"Starting weights: `yolo26n.pt`, sha256 {f'`{sha256}`' if sha256 else 'not kept'}: YOLO26n"
    )


def test_starting_weights_of_another_name_have_no_source() -> None:
    assert starting_weights({"weights": "mine.pt", "weights_sha256": "1"}).endswith("`1`: source not stated.")


@pytest.mark.parametrize(
    ("real", "composed", "held", "counted"),
    [
        # one alarm in 20 keeps within 0.05
        pytest.param((60, 60), (80, 20), ("yes", "yes"), ("60", "20"), id="places enough in both"),
        pytest.param((60, 60), (80, 19), ("yes", "no"), ("60", "19"), id="many pictures of few places bind nothing"),
        pytest.param((19, 19), (80, 19), ("together",) * 2, ("19", "19"), id="all together where none has enough"),
        pytest.param((60, None), (80, None), ("yes", "-"), ("60", "-"), id="an older export knows real photos alone"),
        pytest.param((60, None), (19, None), ("yes", "no"), ("60", "-"), id="too few pictures are too few places"),
    ],
)  # fmt: skip
def test_the_card_says_which_data_the_budget_was_held_to(
    real: tuple[int, int | None],
    composed: tuple[int, int | None],
    held: tuple[str, str],
    counted: tuple[str, str],
) -> None:
    by_origin = {
        origin: {"data": origin, "false_alarms_a_photo": 0.0, "n": 0, "clear": clear}
        | ({} if places is None else {"clear_places": places})
        for origin, (clear, places) in (("real", real), ("composed", composed))
    }
    budgets = {"blocked_exit": {"false_alarms_a_photo": 0.05, "by_origin": by_origin}}
    card = hazard_sections({**EVALUATION, "hazard_budgets": budgets}, {})
    rows = [line.split(" | ") for line in card.splitlines() if line.startswith("| blocked_exit")]
    assert [(row[2], row[5], row[6]) for row in rows] == [
        (held[0], counted[0], str(real[0])), (held[1], counted[1], str(composed[0])),
    ]  # fmt: skip


def test_the_card_holds_no_copy_of_the_ablation(card: str) -> None:
    """It grew old in the card: the rows are in the results alone."""
    section = card.partition("## Ablation")[2].partition("\n## ")[0]
    assert section and "|" not in section
    root = Path(__file__).resolve().parents[1]
    assert all((root / name).is_file() for name in re.findall(r"`(benchmarks/\S+)`", section))


def test_a_card_without_made_pictures_says_so() -> None:
    assert made_pictures({"config": {}}) == "No composed or rendered pictures were used."


def test_a_run_by_licence_counts_the_photos_it_was_given(tmp_path: Path) -> None:
    lines = [
        "file,split,source,licence,place_group,scene",
        "images/a.png,val,jerryshen0523__campus-scooter-detection,MIT (repository),campus,",
        "images/b.png,train,trungnguyencs__Exit-Sign-Detector,none stated,building,",
    ]
    (tmp_path / "manifest.csv").write_text("\n".join(lines) + "\n")
    chosen = {"licences": {"chosen": ["MIT"], "clear_only": False}}
    assert [len(trained_on(run, tmp_path)) for run in ({}, {"licences": None}, chosen)] == [2, 2, 1]


def test_a_card_of_a_model_trained_on_from_a_shipped_one_names_what_that_one_saw(tmp_path: Path) -> None:
    """The run of the card becomes the parent of one that saw no made picture itself."""
    before = {**RUN, "arguments": {"epochs": 38, "imgsz": 640}}
    child = {**RUN, "extra": [], "restored": {"model": "firewarden-n", "sha256": "ab" * 32}, "parent": before}
    text = card_of(child, tmp_path)
    assert "**Trained on from `firewarden-n`**, sha256 `abababababab`" in text
    assert "trained on from the shipped file of `firewarden-n`, sha256 `abababababab`" in text
    assert "| `synth` | - | 6 |" in text
    assert "No composed or rendered pictures" not in text
    assert "No object in any real train photo of this run, learned from made pictures alone" in text


def seen(objects: dict[str, int], *rows: tuple[str, str, str, int]) -> dict[str, Any]:
    """What a run keeps of its photos: (source, licence, split, count)."""
    keys = ("source", "licence", "split", "photos")
    return {"photos": [dict(zip(keys, row, strict=True)) for row in rows], "objects": objects, "untold": []}


SEEN = seen(
    {"door": 40, "ebike": 0, "chain_lock": 0},
    ("open_doors", "CC BY 4.0", "train", 7), ("open_doors", "CC BY 4.0", "val", 2),
)  # fmt: skip
BEFORE = seen(
    {"door": 9, "ebike": 31, "chain_lock": 2},
    ("open_doors", "CC BY 4.0", "train", 3), ("old frames", "none stated", "train", 5),
)  # fmt: skip


def test_the_card_names_what_the_run_recorded_whatever_folder_it_is_written_beside(tmp_path: Path) -> None:
    card = card_of({**RUN, "parent": None, "seen": SEEN}, tmp_path)
    assert "| open_doors | CC BY 4.0 | 7 | 2 |" in card and "some\\|repo" not in card
    assert "0 of 7 train photos" in card and "the most photos" not in card
    assert "Fewer than 30 objects in real train photos: none." in card
    assert "learned from made pictures alone: ebike, chain_lock." in card


def test_the_card_of_a_run_by_licence_names_what_its_start_saw_too(tmp_path: Path) -> None:
    """Of each source and class the larger count of the two runs."""
    parent = {**RUN, "parent": None, "seen": BEFORE, "arguments": {"epochs": 1, "imgsz": 640}}
    chosen = {"chosen": ["MIT"], "clear_only": False}  # nothing of the folder beside it passes
    card = card_of({**RUN, "parent": parent, "seen": SEEN, "licences": chosen}, tmp_path)
    assert "| old frames | none stated | 5 | 0 |" in card and "| open_doors | CC BY 4.0 | 7 | 2 |" in card
    assert "5 of 12 train photos" in card and "the most photos that one of the runs" in card
    assert "learned from made pictures alone: none." in card and "real train photos: chain_lock (2)." in card


def test_the_card_says_which_runs_kept_no_record(tmp_path: Path) -> None:
    parent = {**RUN, "name": "older", "parent": None, "arguments": {"epochs": 1, "imgsz": 640}}
    card = card_of({**RUN, "parent": parent, "seen": SEEN}, tmp_path)
    assert "**Not all is known**: `older`, before this run, kept no record of their photos." in card
    assert "No object in any real train photo of this run" in card


def test_a_class_that_only_a_run_before_knew_is_not_in_the_card(tmp_path: Path) -> None:
    """A class that no record counts has no object."""
    parent = {**RUN, "parent": None, "seen": seen({"crane": 3}), "arguments": {"epochs": 1, "imgsz": 640}}
    told = seen({"door": 40, "ebike": 5})
    card = card_of({**RUN, "parent": parent, "seen": told}, tmp_path)
    assert "learned from made pictures alone: chain_lock." in card
    assert "objects in real train photos: ebike (5)." in card and "crane" not in card


def test_a_shipped_start_that_kept_no_record_stays_in_the_cards_of_later_runs(tmp_path: Path) -> None:
    restored = {"model": "shipped-m", "sha256": "ab" * 32}
    first = {
        **RUN,
        "parent": None,
        "seen": BEFORE,
        "restored": restored,
        "arguments": {"epochs": 1, "imgsz": 640},
    }
    later = {**RUN, "parent": first, "seen": SEEN}
    for number, run in enumerate((first, later)):
        card = card_of(run, tmp_path / str(number))
        assert "**Trained on from `shipped-m`**, sha256 `abababababab`" in card
        assert ("the most photos that one of the runs" in card) == (run is later)
    mean = {**RUN, "parent": None, "seen": {**SEEN, "untold": ["shipped-m"]}}
    assert "**Not all is known**: `shipped-m`, before this run" in card_of(mean, tmp_path / "mean")


@pytest.mark.parametrize(
    ("parent", "told"),
    [
        pytest.param({"seen": BEFORE}, "real train photos: chain_lock (2).", id="all kept a record"),
        pytest.param({}, "real train photos of this run: none.", id="this one alone did"),
        pytest.param({"seen": BEFORE, "parent": {"name": "old"}}, "real train photos counted above: chain_lock (2).", id="some"),
    ],
)  # fmt: skip
def test_objects_are_said_to_be_of_the_runs_that_they_are_of(
    tmp_path: Path, parent: dict[str, Any], told: str
) -> None:
    """All but the last went on from the shipped model by a record of it."""
    lineage = {"git_sha": "f00", "dataset_sha256": "2", "config": {"name": "b", "seed": 6}}
    lineage["arguments"] = {"epochs": 1, "imgsz": 640}
    if "parent" in parent:
        parent = {**parent, "parent": {**lineage, **parent["parent"]}}
    start = {"restored": {"model": "firewarden-n", "sha256": "ab" * 32}}
    card = card_of({**RUN, **start, "parent": {**lineage, **parent}, "seen": SEEN}, tmp_path)
    assert f"Fewer than 30 objects in {told}" in card
    assert ("the most photos" in card) == ("seen" in parent)


@pytest.mark.parametrize(("untold", "merged"), [([], True), (["a"], False)])
def test_a_mean_counts_the_most_of_its_runs_where_two_kept_a_record(
    tmp_path: Path, untold: list[str], merged: bool
) -> None:
    parts = [{"run": name, "share": 0.5, "sha256": "a" * 64} for name in "ab"]
    run = {**RUN, "parent": None, "averaged": parts, "seen": {**SEEN, "untold": untold}}
    assert ("the most photos that one of the runs" in card_of(run, tmp_path)) == merged


REAL_PART = {"name": "more", "photos": 4, "sha256": "e" * 64, "origins": {"real": 4}, "made_by": None}
BARE_PART = {"name": "bare", "photos": 3, "sha256": "f" * 64, "origins": {"unstated": 3}, "made_by": None}


def test_further_folders_of_photos_are_not_called_made(tmp_path: Path) -> None:
    run = {**RUN, "parent": None, "extra": [REAL_PART, BARE_PART], "config": {"name": "a", "seed": 1}}
    card = card_of({**run, "seen": SEEN}, tmp_path)
    assert "No composed or rendered pictures were used. Further folders of photos were:\n\n| folder |" in card
    assert "| `more` | real | 4 |" in card and "| `bare` | unstated | 3 |" in card
    assert "not in the table above" not in card and "## Ablation" not in card
    assert "No object in any real train photo, expect nothing to be found: ebike, chain_lock." in card


def test_a_folder_that_a_command_made_or_that_nothing_is_known_of_may_be_made() -> None:
    old = {"name": "old", "sha256": "0"}
    drawn = {**BARE_PART, "sha256": "1", "made_by": "firewarden data synth drawn"}
    mixed = {**REAL_PART, "sha256": "2", "origins": {"real": 1, "composed": 3}}
    assert made_parts({"extra": [REAL_PART, old, drawn, BARE_PART, mixed]}) == [old, drawn, mixed]


def test_photos_of_no_stated_licence_are_among_those_that_are_unclear(tmp_path: Path) -> None:
    told = seen(
        {"door": 40}, ("more", "not stated", "train", 3), ("blank", "", "train", 2), ("a", "MIT", "train", 4)
    )
    card = card_of({**RUN, "parent": None, "seen": told}, tmp_path)
    assert "5 of 9 train photos" in card and "| more | not stated | 3 | 0 |" in card


def test_the_card_says_which_runs_used_a_share_of_their_pictures(tmp_path: Path) -> None:
    parent = {
        **RUN,
        "parent": None,
        "seen": {**BEFORE, "fractions": {"b": 0.5}},
        "arguments": {"epochs": 1, "imgsz": 640},
    }
    run = {**RUN, "parent": parent, "seen": {**SEEN, "fractions": {"a": 0.1}}}
    assert "the first by file name: 0.1 in `a`, 0.5 in `b`. Train photos" in card_of(run, tmp_path / "both")
    assert "Not all train pictures" not in card_of({**RUN, "parent": None, "seen": SEEN}, tmp_path / "all")


def test_a_difference_of_nothing_is_nothing(tmp_path: Path) -> None:
    tensors = [
        {"input_hw": [640, 480], "before_top_k": {"max_abs": 0.0}}, {"input_hw": [320, 256], "before_top_k": {"max_abs": 0.0}}
    ]  # fmt: skip
    facts = CardFacts(RUN, EVALUATION, {**PARITY, "tensors": tensors}, (), Seen())
    assert "Largest difference before top-k 0 over" in card_text(facts)
    tensors[0]["before_top_k"] = {"max_abs": None}  # not finite
    assert "Largest difference before top-k inf over" in card_text(facts)


def test_a_record_of_older_times_tells_nothing_of_photos() -> None:
    """The shipped model's, as it would be without its count."""
    shipped = Path(__file__).resolve().parents[1] / "models" / "firewarden-n"
    record = json.loads((shipped / "training.json").read_text(encoding="utf-8"))
    assert seen_by({**record, "seen": None}) is None
    record.pop("seen", None)
    assert seen_by(record) is None
