"""The card says what its files say: sources, licences, figures, blind spots."""

import json
from pathlib import Path
from typing import Any

import pytest

from firewarden.training.card import write_card

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
    "config": {"name": "firewarden-n", "seed": 7, "compose": {"exit_signs": 350, "indoor_ebikes": 0}},
    "arguments": {"epochs": 38},
    "versions": {"torch": "2.14.1"},
    "machine": "x86_64",
}


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
            "false_alarms_a_photo": 0.05, "reached": 0.04, "recall": 0.9, "n": 30, "clear": 60, "data": "real+made",
        }
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
            "by_origin": {
                "composed": {
                    "per_hazard": {"blocked_exit": hazard_row(40, 20, 0.95, {"far_goods": 3})},
                    "clean_photos": {"n": 20, "no_hazard": 19, "rate": 0.95, "ci": [0.9, 1.0], "left_open": 0},
                },
                "rendered": {"per_hazard": {"blocked_exit": hazard_row(8, 4, 0.25)}},
            },
        }
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


@pytest.fixture
def card(tmp_path: Path) -> str:
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
    (run / "run.json").write_text(json.dumps(RUN))
    (exported / "evaluation.json").write_text(json.dumps(EVALUATION))
    (exported / "parity.json").write_text(json.dumps(PARITY))
    return write_card(exported, run=run, data=data).read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "sentence",
    [
        "| open_doors | CC BY 4.0 | 1 | 1 |",
        "| some\\|repo | none stated | 1 | 0 |",
        "**Licences are mixed and partly unstated**: 1 of 2 train photos",
        "**Made pictures were used for training** (350 exit signs)",
        "mAP50 0.500 [0.400, 0.600], mAP50-95 0.250,",
        "| door | 36 | 0.700 [0.600, 0.800] | 0.700 | 0.700 | 0.700 | 0.31 |",
        "| chain_lock | 0 | - | - | - | - | 0.31 |",
        "expect nothing to be found: chain_lock.",
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
        "| blocked_exit | 0.05 | 0.040 | 0.900 | 30 | 60 | real+made |",
        "| door | 99 | isotonic | 0.250 [0.200, 0.300] | 0.050 |",
        "Checkpoint, calibration and thresholds were chosen on these same photos",
    ],
)
def test_the_card_says(card: str, sentence: str) -> None:
    assert sentence in card


def test_a_hazard_that_nobody_judged_is_not_in_the_card(card: str) -> None:
    assert "corridor_clutter" not in card
