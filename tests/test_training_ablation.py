"""Several evaluations in one table."""

import json
from pathlib import Path
from typing import Any

import pytest

from firewarden.training.ablation import main


def hazard(n: int, precision: float | None, recall: float | None) -> dict[str, Any]:
    return {
        "n": n, "judged_photos": n, "precision": precision, "recall": recall, "fp_per_image": 0.1, "ci": {}
    }  # fmt: skip


def evaluation(door: float, by_origin: dict[str, Any] | None = None) -> dict[str, Any]:
    figures = {"origin": "real", "map50": door, "per_class": {"door": {"map50": door}},
               "per_hazard": {"blocked_exit": hazard(3, 1.0, 0.5), "indoor_ebike": hazard(0, None, None)}}  # fmt: skip
    conditions = {
        "model_sha256": "a" * 64, "data": "real", "data_sha256": "b" * 64, "split": "val", "machine": "one core",
        "command": "firewarden evaluate --data real",
    }  # fmt: skip
    several = {"by_origin": {"real": figures, **by_origin}} if by_origin else {}
    return {**conditions, **figures, **several}


def test_rows_of_two_recipes(tmp_path: Path) -> None:
    made = {
        "origin": "composed",
        "map50": 0.2,
        "per_class": {},
        "per_hazard": {"blocked_exit": hazard(9, 0.9, 0.8)},
    }
    for name, table in {"plain": evaluation(0.5), "mixed": evaluation(0.625, {"composed": made})}.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "evaluation.json").write_text(json.dumps(table))
    run = {"arguments": {"epochs": 38, "imgsz": 512}, "train_photos": 1200}
    (tmp_path / "plain" / "run.json").write_text(json.dumps(run))
    out = tmp_path / "results" / "ablation"
    rows = [f"{name}={tmp_path / name / 'evaluation.json'}" for name in ("plain", "mixed")]
    assert main([str(out), *rows]) == 0
    text = out.with_suffix(".md").read_text()
    assert "| plain | 38 | 512 | 1200 | 0.500 | - | - | - | 0.500 | - |" in text
    assert "| mixed | - | - | - | 0.625 | - | - | - | 0.625 | - |" in text
    assert "| mixed | real, real | blocked_exit | 3 | 1.000 | 0.500 | 0.100 |" in text
    assert "| mixed | real, composed | blocked_exit | 9 | 0.900 | 0.800 | 0.100 |" in text
    assert "indoor_ebike" not in text  # nobody judged it
    table = json.loads(out.with_suffix(".json").read_text())["rows"]
    assert [row["recipe"] for row in table] == ["plain", "mixed"]
    assert table[1]["hazards"].keys() == {"real, real", "real, composed"}


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("plain", "expected NAME=FILE"),
        ("plain=absent.json", "absent.json"),
        ("plain={}", "has no 'model_sha256'"),
    ],
)
def test_bad_input_is_named(
    tmp_path: Path, word: str, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "other.json").write_text("{}")
    assert main([str(tmp_path / "out"), word.format(tmp_path / "other.json")]) == 2
    assert message in capsys.readouterr().err
