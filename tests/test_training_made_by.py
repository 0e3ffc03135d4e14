"""What a run's further folders are: read from the folders that its pictures are linked from."""

import json
from pathlib import Path
from typing import Any

import pytest

from firewarden.errors import DatasetError
from firewarden.training.made_by import read_made_by, with_parts_told


def add_folder(folder: Path, sources: dict[str, str], made_by: str | None = None) -> Path:
    (folder / "images").mkdir(parents=True)
    rows = ["file,split,source,licence,place_group,scene"]
    for stem, source in sources.items():
        (folder / "images" / f"{stem}.jpg").touch()
        rows.append(f"images/{stem}.jpg,train,{source},none,{stem},indoor")
    (folder / "manifest.csv").write_text("\n".join(rows) + "\n")
    if made_by is not None:
        (folder / "made_by.json").write_text(made_by)
    return folder


def link(run: Path, folder: Path, *stems: str) -> None:
    images = run / "data" / "train" / "images"
    images.mkdir(parents=True, exist_ok=True)
    for stem in stems:
        for copy in (stem, f"{stem}__1"):  # listed twice: one picture
            (images / f"{copy}.jpg").symlink_to(folder / "images" / f"{stem}.jpg")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ('{"command": "firewarden data synth out", "seed": 3}', "firewarden data synth out"),
        ('{"command": ["firewarden", "data", "synth"]}', "firewarden data synth"),
        ('{"seed": 3}', None),
        ('{"command": ""}', None),
        ("[]", None),
        (None, None),
    ],
)
def test_the_command_of_a_folder(tmp_path: Path, text: str | None, command: str | None) -> None:
    assert read_made_by(add_folder(tmp_path / "made", {}, text)) == command


def test_a_broken_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match=r"made_by\.json"):
        read_made_by(add_folder(tmp_path / "made", {}, "{"))


def test_older_records_are_completed_from_linked_pictures(tmp_path: Path) -> None:
    """Two of three pictures of one folder were listed; two folders of one name cannot be told apart."""
    sources = {"a": "composed x", "b": "rendered", "c": "rendered"}
    mixed = add_folder(tmp_path / "mixed", sources, '{"command": "make"}')
    twins = [add_folder(tmp_path / side / "twin", {"t": "composed"}) for side in ("left", "right")]
    run = tmp_path / "run"
    link(run, add_folder(tmp_path / "target", {"d": "rendered"}), "d")  # the run knew it by another name
    link(run, mixed, "a", "b")
    link(run, twins[0], "t")
    (run / "data" / "train" / "images" / "other.jpg").symlink_to(twins[1] / "images" / "t.jpg")
    record: dict[str, Any] = {
        "name": "r",
        "extra": [{"name": "mixed", "photos": 2}, {"name": "twin"}, {"name": "gone", "photos": 3}],
    }
    record["extra"].append({"name": "alias", "photos": 1})
    assert with_parts_told(record, run) == {
        "name": "r",
        "extra": [
            {"name": "mixed", "photos": 2, "origins": {"composed": 1, "rendered": 1}, "made_by": "make"},
            {"name": "twin"},
            {"name": "gone", "photos": 3},
            {"name": "alias", "photos": 1, "origins": {"rendered": 1}, "made_by": None},
        ],
    }


def test_what_a_record_says_is_kept(tmp_path: Path) -> None:
    folder = add_folder(tmp_path / "made", {"a": "rendered"}, json.dumps({"command": "later"}))
    link(tmp_path / "run", folder, "a")
    told = {"name": "made", "origins": {"composed": 1}, "made_by": None}
    assert with_parts_told({"extra": [told]}, tmp_path / "run") == {"extra": [told]}
    assert with_parts_told({"name": "older"}, tmp_path / "run") == {"name": "older"}
