"""A run folder is told from other folders, and who names another one hears which runs there are."""

import json
import os
import sys
from pathlib import Path

import pytest

from firewarden.cli import main
from firewarden.errors import DatasetError
from firewarden.training.run_folder import ancestry, made_parts, make_run_folder, read_record, shipped_start


def write_run(folder: Path, made_s: int = 0) -> Path:
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"name": folder.name}))
    os.utime(folder, (made_s, made_s))
    return folder


def test_the_record_of_a_run(tmp_path: Path) -> None:
    assert read_record(write_run(tmp_path / "run")) == {"name": "run"}


def test_another_folder_is_told_the_runs_below_it_the_newest_last(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"run\.json is missing.*below this one there is none"):
        read_record(tmp_path)
    for number in range(8):
        write_run(tmp_path / f"run{number}", made_s=100 - number)
    (tmp_path / "other").mkdir()
    with pytest.raises(DatasetError) as refused:
        read_record(tmp_path)
    newest = ", ".join(str(tmp_path / f"run{number}") for number in (5, 4, 3, 2, 1, 0))
    assert str(refused.value).endswith(f"is no run folder. Name one of the runs below it: {newest}.")


def test_made_pictures_of_all_runs_before_count_once_and_the_oldest_first() -> None:
    old, new, both = ({"name": name, "sha256": name * 64} for name in "abc")
    oldest = {"name": "first", "extra": [old, both]}
    run = {"name": "third", "extra": [both, new], "parent": {"name": "second", "parent": oldest}}
    assert [record["name"] for record in ancestry(run)] == ["third", "second", "first"]
    assert [part["name"] for part in made_parts(run)] == ["a", "c", "b"]


def test_the_newest_shipped_model_of_a_lineage_is_what_it_went_on_from() -> None:
    run = {"parent": {"restored": {"model": "new"}, "parent": {"restored": {"model": "old"}}}}
    assert shipped_start(run) == {"model": "new"}
    assert shipped_start({"parent": {}}) is None


@pytest.mark.parametrize(("text", "told"), [("{", "is damaged"), ("[]", "holds a list")])
def test_a_record_that_is_none_is_told(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(DatasetError, match=told):
        read_record(tmp_path)


@pytest.mark.parametrize(
    ("words", "needs"),
    [
        (("train", ".", "--resume"), "cv2"),
        (("train", ".", "--finish"), "cv2"),
        (("average", ".", ".", "--out", "mean"), "torch"),
    ],
    ids=" ".join,
)
def test_commands_say_which_runs_there_are(words, needs, tmp_path, monkeypatch, capsys) -> None:
    pytest.importorskip(needs, reason=f"training needs {needs}: install firewarden[train]")
    write_run(tmp_path / "run7")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["firewarden", *words])
    with pytest.raises(SystemExit) as ended:
        main()
    told = " ".join(capsys.readouterr().err.split())
    assert ended.value.code == 2
    assert "run.json is missing, so . is no run folder" in told and "run7" in told
    assert "first epoch" not in told and [path.name for path in tmp_path.iterdir()] == ["run7"]


def test_a_run_without_a_checkpoint_is_told(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="checkpoints need torch: install firewarden[train]")
    from firewarden.training.average import average_runs

    with pytest.raises(DatasetError, match=r"holds no last\.pt or best\.pt"):
        average_runs([write_run(tmp_path / "run")], [1.0], tmp_path / "mean")


def test_runs_begun_in_the_same_second_get_a_folder_each(tmp_path: Path) -> None:
    names = [make_run_folder(tmp_path / "runs", "n-20261124-060000").name for _ in range(3)]
    assert names == ["n-20261124-060000", "n-20261124-060000-2", "n-20261124-060000-3"]
