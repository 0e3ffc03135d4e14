"""`firewarden data` as its users run it: files written, rows printed, exit codes."""

import json
import re
import shlex
import sys
from pathlib import Path

import pytest
from PIL import Image
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from tiny_data import Photo, build_data_folder, register_file
from tiny_model import build_model_folder

from firewarden.cli_data import data_app
from firewarden.datasets.manifest import read_manifest, shared_places
from firewarden.datasets.register import read_register
from firewarden.datasets.register_page import sources_page
from firewarden.errors import DatasetError

DOOR = (CLASSES.index("door"), 0.5, 0.5, 0.4, 0.6)


@pytest.fixture
def register(tmp_path: Path) -> Path:
    return register_file(tmp_path / "register")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photos = [
        Photo(s, labels=(DOOR,), place=f"place{n % 4}", hw=(64, 96 + n)) for n, s in enumerate("abcdefgh")
    ]
    return build_data_folder(tmp_path / "data", photos, CLASSES)


def run(*args: object):
    return CliRunner().invoke(data_app, [str(arg) for arg in args])


def refusal(*args: object) -> str:
    done = run(*args)
    assert isinstance(done.exception, DatasetError), done.output
    return str(done.exception)


def labelme_folder(tmp_path: Path) -> Path:
    labels = tmp_path / "labelme"
    for name in ("hall/cam1_01", "hall/cam1_02", "yard/cam2_01"):
        path = labels / f"{name}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (200, 100), (90, 120, 150)).save(path)
        shape = {"label": "gate", "shape_type": "rectangle", "points": [[20, 10], [60, 50]]}
        table = {"imagePath": path.name, "imageHeight": 100, "imageWidth": 200, "shapes": [shape]}
        path.with_suffix(".json").write_text(json.dumps(table))
    (labels / "classes.txt").write_text("\n".join(CLASSES))
    return labels


def test_import_writes_a_folder_that_validates(tmp_path: Path, register: Path) -> None:
    labels, out = labelme_folder(tmp_path), tmp_path / "new"
    common = ("--source", "drawn-photos", "--register", register, "--map", "gate=door", "--prefix", "x_")
    done = run(
        "import", "labelme", labels, "--out", out, *common, "--place-group", "{parent}_{prefix}",
        "--classes", labels / "classes.txt", "--scene", "lobby", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    assert (summary["photos"], summary["boxes"], summary["places"], summary["places_given"]) == (
        3,
        3,
        2,
        True,
    )
    assert summary["unchecked_classes"] == [name for name in CLASSES if name != "door"]
    records = read_manifest(out)
    assert [(r.file, r.place_group, r.scene, r.source) for r in records] == [
        ("images/x_hall_cam1_01.jpg", "hall_cam1", "lobby", "drawn"),
        ("images/x_hall_cam1_02.jpg", "hall_cam1", "lobby", "drawn"),
        ("images/x_yard_cam2_01.jpg", "yard_cam2", "lobby", "drawn"),
    ]
    report = json.loads(run("validate", out, "--register", register, "--json").stdout)
    assert (report["errors"], report["hashes_checked"], report["counts"]["duplicate"]) == (0, True, 1)
    again = ("import", "labelme", labels, "--out", out, *common)
    assert "holds a data set already" in refusal(*again)
    assert "names are taken" in refusal(*again, "--append")


def test_import_takes_class_names_with_spaces(tmp_path: Path, register: Path) -> None:
    labels, out = labelme_folder(tmp_path), tmp_path / "new"
    (labels / "classes.txt").write_text("exit sign\ndoor\n")
    done = run(
        "import", "labelme", labels, "--out", out, "--source", "drawn", "--register", register,
        "--map", "gate=exit sign", "--classes", labels / "classes.txt", "--json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["unchecked_classes"] == ["door"]


def test_import_says_that_places_were_made_up(tmp_path: Path, register: Path) -> None:
    labels = labelme_folder(tmp_path)
    done = run(
        "import", "labelme", labels, "--out", tmp_path / "new", "--source", "drawn", "--register", register,
        "--map", "gate=door", "--classes", labels / "classes.txt", "--checked", "all",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    assert "3 photos, 3 boxes, 3 places" in done.stdout
    assert "Each photo counts as a place of its own" in done.stdout and "Not checked" not in done.stdout


@pytest.mark.parametrize(
    ("options", "message"),
    [
        pytest.param(
            ("--source", "frames", "--map", "gate=door"), "is not in the register", id="no recorded basis"
        ),
        pytest.param(("--source", "drawn", "--map", "gate=wall"), "got 'gate=wall'", id="unknown class"),
        pytest.param(("--source", "drawn", "--map", "door"), r"got classes ['gate']", id="class not mapped"),
        pytest.param(
            ("--source", "drawn", "--map", "gate=door", "--split", "valid"), "got split 'valid'", id="split"
        ),
        pytest.param(
            ("--source", "drawn", "--map", "gate=door", "--checked", "wall"), "got ['wall']", id="checked"
        ),
        pytest.param(
            ("--source", "drawn", "--map", "gate=door", "--place-group", "{x}"), "got field '{x}'", id="field"
        ),
    ],
)
def test_import_refuses_before_it_writes(tmp_path: Path, register: Path, options, message: str) -> None:
    labels, out = labelme_folder(tmp_path), tmp_path / "new"
    classes = ("--classes", labels / "classes.txt", "--register", register)
    assert message in refusal("import", "labelme", labels, "--out", out, *options, *classes)
    assert not out.exists()


def test_the_first_commands_of_the_docs_work_when_pasted(tmp_path: Path, monkeypatch) -> None:
    page = (Path(__file__).resolve().parents[1] / "docs" / "data.md").read_text(encoding="utf-8")
    (tmp_path / "my-sources.toml").write_text(re.search(r"```toml\n(.*?)```", page, re.DOTALL)[1])
    lines = re.search(r"```sh\n(.*?)```", page, re.DOTALL)[1].splitlines()
    names = ["hall/a.jpg", "hall/b.jpg", "yard/c.jpg"]
    for number, name in enumerate(names):
        (tmp_path / "photos" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (200, 100), (90 * number, 120, 150)).save(tmp_path / "photos" / name)
    classes = enumerate(("car", "door", "crowd", "cat"))
    table = {
        "images": [{"id": n, "file_name": name, "width": 200, "height": 100} for n, name in enumerate(names)],
        "categories": [{"id": number, "name": name} for number, name in classes],
        "annotations": [
            {"id": n, "image_id": n % 3, "category_id": n % 4, "bbox": [20, 10, 40, 60]} for n in range(12)
        ],
    }
    (tmp_path / "annotations.json").write_text(json.dumps(table))
    monkeypatch.chdir(tmp_path)
    pasted = [shlex.split(line)[2:] for line in lines if " complete " not in line]  # that one needs weights
    assert [words[0] for words in pasted] == ["import", "validate", "split", "stats", "show"]
    for words in pasted:
        done = run(*words)
        assert done.exit_code == 0, (words, done.output, done.exception)
        if words[0] == "validate":
            assert "3 photos: 0 errors" in done.stdout
    records = read_manifest(tmp_path / "data" / "new")
    assert {(r.place_group, r.source) for r in records} == {("hall", "my-source"), ("yard", "my-source")}
    assert {r.split for r in records} == {"train", "val"}  # what training reads


def test_an_unknown_source_is_told_where_and_with_what_to_register_it(tmp_path: Path, register: Path) -> None:
    labels = labelme_folder(tmp_path)
    words = ("import", "labelme", labels, "--out", tmp_path / "new", "--source", "mine", "--map", "gate=door")
    told = refusal(*words)
    assert "the packaged sources.toml" in told and "--register" in told and "licence_stated" in told
    assert str(register) in refusal(*words, "--register", register)


def test_validate_exit_codes_and_files(tmp_path: Path, folder: Path, register: Path) -> None:
    sound = ("validate", folder, "--register", register)
    assert run(*sound, "--strict").exit_code == 0
    (folder / "labels" / "a.txt").write_text("4 0.9 0.5 0.4 0.6\n")
    assert run(*sound).exit_code == 0
    done = run(*sound, "--strict", "--html", tmp_path / "r.html", "--report", tmp_path / "r.json")
    assert done.exit_code == 1
    assert "error Boxes that leave the frame: 1" in done.stdout and "images/a.png: label door" in done.stdout
    assert json.loads((tmp_path / "r.json").read_text())["errors"] == 1
    assert (tmp_path / "r.html").read_text().startswith("<!doctype html>")
    assert "--model says which" in refusal(*sound, "--model", "x")
    assert "manifest.csv is missing" in refusal("validate", labelme_folder(tmp_path))


def test_a_source_without_entry_fails_the_gate(folder: Path) -> None:
    report = json.loads(
        (done := run("validate", folder, "--strict", "--json")).stdout
    )  # the packaged register
    assert done.exit_code == 1
    assert report["counts"]["not_registered"] == 1


def test_suspicious_labels_by_a_real_session(tmp_path: Path, folder: Path, register: Path) -> None:
    """The tiny model sees a carton where each photo (96 x 64 px and a little wider) is labelled door."""
    model = build_model_folder(
        tmp_path / "tiny", CLASSES, [(19.2, 12.8, 44.8, 40.0, 0.9, CLASSES.index("carton"))]
    )
    done = run("validate", folder, "--register", register, "--suspicious", "--model", model, "--json")
    report = json.loads(done.stdout)
    assert report["labels_compared"]
    assert report["counts"]["label_doubtful"] == 8
    assert report["counts"]["class_doubtful"] + report["counts"]["label_missing"] == 8


def test_split_writes_a_new_manifest_and_leaves_the_old(tmp_path: Path, folder: Path, register: Path) -> None:
    before, out = (folder / "manifest.csv").read_text(), tmp_path / "new" / "manifest.csv"
    args = ("split", folder, "--out", out, "--shares", "train=0.5,val=0.5", "--register", register)
    done = run(*args, "--json")
    assert json.loads(done.stdout)["shares"]["val"]["door"] == 0.5
    assert shared_places(read_manifest(out.parent)) == frozenset()
    assert (folder / "manifest.csv").read_text() == before
    assert "exists" in refusal(*args)
    assert "50.0 %" in run(*args, "--force").stdout
    assert "expected some of" in refusal(*args, "--force", "--licences", "MIT")
    assert json.loads(run(*args, "--force", "--licences", "none-stated", "--json").stdout)["photos"] == 8
    assert "no photo" in refusal(*args, "--force", "--licences", "none-stated", "--clear-only")
    assert "give --licences too" in refusal(*args, "--force", "--clear-only")


def test_stats_show_and_hash(tmp_path: Path, folder: Path) -> None:
    assert json.loads(run("stats", folder, "--split", "train", "--json").stdout)["photos"]["train"] == 8
    assert "boxes by class" in run("stats", folder).stdout
    assert "got 'dev', expected one of" in refusal("stats", folder, "--split", "dev")
    assert "holds no photo of split 'val'" in refusal("stats", folder, "--split", "val")
    nothing = refusal(
        "stats", folder, "--licences", "MIT"
    )  # by the packaged register, which lacks the source
    assert "passes --licences MIT; it holds 8 not registered" in nothing
    shown = run("show", folder, "--out", tmp_path / "s.png", "--count", 3, "--class", "door", "--json")
    assert len(json.loads(shown.stdout)["photos"]) == 3
    assert Image.open(tmp_path / "s.png").format == "PNG"
    run("show", folder, "--out", tmp_path / "s.JPG", "--count", 1)
    assert Image.open(tmp_path / "s.JPG").format == "JPEG"
    assert "ends in one of ['.jpeg', '.jpg', '.png']" in refusal("show", folder, "--out", tmp_path / "s.bmp")
    assert "got no photos" in refusal("show", folder, "--out", tmp_path / "s.png", "--class", "carton")
    assert "--class: got 'wall'" in refusal("show", folder, "--out", tmp_path / "s.png", "--class", "wall")
    assert json.loads(run("hash", folder, "--json").stdout)["photos"] == 8


def test_sources_prints_the_page(tmp_path: Path, register: Path) -> None:
    page = sources_page(read_register(register))
    assert run("sources", "--register", register).stdout == page
    run("sources", "--register", register, "--out", tmp_path / "S.md")
    assert (tmp_path / "S.md").read_text(encoding="utf-8") == page
    (entry,) = json.loads(run("sources", "--register", register, "--json").stdout)
    assert entry["id"] == "drawn-photos"


def test_sources_counts_a_folder_into_a_register(folder: Path, register: Path) -> None:
    assert "name it with --register" in refusal("sources", "--count", folder)
    page = run("sources", "--register", register, "--count", folder).stdout
    assert "| none stated | 8 | 0 | 4 | `" in page
    assert run("validate", folder, "--register", register, "--strict").exit_code == 0
    (folder / "images" / "a.png").write_bytes((folder / "images" / "b.png").read_bytes())
    assert "files of this source differ" in run("validate", folder, "--register", register).stdout
