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


def part(name: str, photos: int, listed: int, **more: Any) -> dict[str, Any]:
    return {"name": name, "photos": photos, "listed": listed, "sha256": name[0] * 64, "share": None, **more}


PARENT = {
    "name": "stage-1", "averaged": [{"run": "x"}], "config": {"compose": {"exit_signs": 350, "lift_ebikes": 0}},
    "extra": [part("older", 7, 7)], "parent": {"config": {}, "extra": [part("older", 7, 7), part("oldest", 3, 3)]},
}  # fmt: skip
RUN: dict[str, Any] = {
    "arguments": {}, "git_sha": "c0b", "config": {"name": "abl", "seed": 4}, "weights": "coco.pt",
    "weights_sha256": "5" * 64, "real": part("photos", 40, 70), "parent": PARENT,
    "extra": [part("drawn", 8, 30, share=0.3, origins={"rendered": 8}, made_by="firewarden data synth drawn")],
}  # fmt: skip


def written(tmp_path: Path, name: str, run: dict[str, Any]) -> str:
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluation(0.5)))
    (tmp_path / "run.json").write_text(json.dumps(run))
    assert main([str(tmp_path / "ablation"), f"{name}={tmp_path / 'evaluation.json'}"]) == 0
    return (tmp_path / "ablation.md").read_text()


def test_the_pictures_of_a_row_are_those_of_its_run(tmp_path: Path) -> None:
    text = written(tmp_path, "real + rendered", RUN)
    assert "| real + rendered | `photos` | real | 40 | 70 | - | `pppppppppppp` | - |" in text
    assert (
        "| real + rendered | `drawn` | rendered | 8 | 30 | 0.3 | `dddddddddddd` | `firewarden data synth drawn` |"
        in text
    )
    assert (
        f"start: run `stage-1`, a mean, sha256 `{'5' * 64}`; made pictures it had seen: 350 exit signs, "
        in text
    )
    assert "seen: 350 exit signs, 7 of `older`, 3 of `oldest`\n" in text


def test_a_row_without_a_kept_command_has_its_folders_and_configuration(tmp_path: Path) -> None:
    text = written(tmp_path, "rows", RUN)
    assert (
        '- trained with `--extra drawn:0.3` and the configuration `{"name": "abl", "seed": 4}` (the command'
        in text
    )
    assert "trained with no further folder and" in written(tmp_path, "rows", {**RUN, "extra": []})


def test_a_kept_command_is_printed(tmp_path: Path) -> None:
    text = written(tmp_path, "rows", {**RUN, "command": "firewarden train abl.yaml --extra drawn:0.3"})
    assert "  - trained by `firewarden train abl.yaml --extra drawn:0.3`, at commit `c0b`\n" in text


@pytest.mark.parametrize("name", ["real + composed + rendered", "real", "Composed"])
def test_a_label_that_its_run_belies_is_refused(
    tmp_path: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "evaluation.json").write_text(json.dumps(evaluation(0.5)))
    (tmp_path / "run.json").write_text(json.dumps(RUN))
    assert main([str(tmp_path / "ablation"), f"{name}={tmp_path / 'evaluation.json'}"]) == 2
    assert "its run was trained on real + rendered pictures" in capsys.readouterr().err
    assert not (tmp_path / "ablation.md").exists()


def test_pictures_of_which_nobody_knows_belie_no_label(tmp_path: Path) -> None:
    unknown = {**RUN, "extra": [part("drawn", 8, 30)]}
    assert "| real + composed | `drawn` | - | 8 | 30 |" in written(tmp_path, "real + composed", unknown)


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
