"""The command as its users run it: rows, exit codes, errors in one line."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from test_inference_inspector import ROWS, SCENES, photo
from tiny_model import build_model_folder

from firewarden.cli import app, main
from firewarden.errors import HazardError
from firewarden.jobs import processes
from firewarden.ledger.database import build_engine, prepare


@pytest.fixture
def model(tmp_path):
    return str(
        build_model_folder(tmp_path / "tiny", CLASSES, ROWS, scene=(0.9, 0.08, 0.02), scene_names=SCENES)
    )


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    (folder / "good.jpg").write_bytes(photo())
    return folder


def run(*args: object):
    return CliRunner().invoke(app, [str(arg) for arg in args])


def test_one_json_row_a_photo(model, photos):
    (photos / "bad.png").write_bytes(b"text")
    done = run("inspect", photos, "--json", "--model", model)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.exit_code == 2
    assert set(rows[0]) == {"path", "error"} and rows[0]["path"].endswith("bad.png")
    keys = {
        "path",
        "image_hw",
        "detections",
        "findings",
        "risk_level",
        "model_id",
        "rules_version",
        "schema_version",
        "timings_ms",
    }
    assert keys <= set(rows[1]) and rows[1]["risk_level"] == "general"


@pytest.mark.parametrize(("level", "code"), [("low", 1), ("general", 1), ("elevated", 0), ("major", 0)])
def test_fail_on(model, photos, level, code):
    assert (
        run("inspect", photos, "--model", model, "--venue-type", "office", "--fail-on", level).exit_code
        == code
    )


def test_people_output_names_rule_and_question(model, photos):
    done = run("inspect", photos, "--model", model)
    assert "EB-B2" in done.stdout and "电梯轿厢内有 1 辆电动自行车" in done.stdout and "?" in done.stdout


def test_annotated_pictures_are_written(model, photos, tmp_path):
    done = run("inspect", photos, "--model", model, "--save-annotated", tmp_path / "out")
    (written,) = (tmp_path / "out").iterdir()
    assert done.exit_code == 0 and written.read_bytes()[:3] == b"\xff\xd8\xff"


def test_people_output_asks_every_question_and_words_every_level(model, photos):
    shown = run("inspect", photos, "--model", model, "--venue-type", "office")
    asked = [line for line in shown.stdout.splitlines() if line.startswith("  ? ")]
    row = json.loads(run("inspect", photos, "--json", "--model", model, "--venue-type", "office").stdout)
    assert len(asked) == len(row["questions"]) > 4
    assert any("现在是否有人在内" in line for line in asked), "it decides the highest level"
    assert "一般风险" in shown.stdout and "（系统提示） General risk" in shown.stdout


def test_people_output_words_every_outcome(tmp_path, photos):
    closed = (16, 16, 48, 48, 0.9, CLASSES.index("fire_cabinet"))
    cabinet = build_model_folder(tmp_path / "cabinet", CLASSES, [closed])
    shown = run("inspect", photos, "--model", cabinet).stdout
    assert "无法判定 Cannot be assessed" in shown and "not_assessable" not in shown


@pytest.mark.parametrize("letter", ["a", "长"])
def test_a_long_name_is_cut_in_the_name_of_its_annotated_picture(model, photos, tmp_path, letter):
    stem = letter * (246 // len(letter.encode()))
    (photos / "good.jpg").rename(photos / f"{stem}.jpg")
    done = run("inspect", photos, "--model", model, "--save-annotated", tmp_path / "out")
    (written,) = (tmp_path / "out").iterdir()
    name, sha256 = written.stem.rsplit("-", 1)
    assert done.exit_code == 0 and len(sha256) == 8
    assert name == letter * (200 // len(letter.encode()))  # 200 letters of one byte, 66 of three


def test_an_annotated_picture_that_cannot_be_written_does_not_end_the_run(model, photos, tmp_path):
    (photos / "worse.jpg").write_bytes(photo())
    digest = hashlib.sha256(photo()).hexdigest()[:8]
    (tmp_path / "out" / f"good-{digest}.jpg").mkdir(parents=True)
    done = run("inspect", photos, "--model", model, "--save-annotated", tmp_path / "out")
    assert done.exit_code == 2 and "its annotated picture was not written" in done.stderr
    assert "good.jpg: AI" in done.stdout and "worse.jpg: AI" in done.stdout
    assert (tmp_path / "out" / f"worse-{digest}.jpg").is_file()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        pytest.param(["--venue-type", "castle"], "unknown venue type 'castle'", id="venue"),
        pytest.param(["--scene", "moon"], "unknown scene 'moon'", id="scene"),
        pytest.param(["--fact", "haunted"], "unknown fact 'haunted'", id="fact"),
        pytest.param(["--model", "no-such-model"], "no-such-model", id="model"),
        pytest.param(["--rules", "missing.yaml"], "missing.yaml", id="rules"),
    ],
)
def test_wrong_words_are_one_line_and_exit_code_2(model, photos, arguments, says, monkeypatch, capsys):
    given = arguments if "--model" in arguments else ["--model", model, *arguments]
    monkeypatch.setattr(sys, "argv", ["firewarden", "inspect", str(photos), *given])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert says in capsys.readouterr().err


def test_an_empty_folder_is_bad_input(model, tmp_path):
    empty = tmp_path / "empty"
    empty.mkdir()
    assert run("inspect", empty, "--model", model).exit_code == 2


def test_a_person_can_vouch_for_a_fact(model, photos):
    done = run("inspect", photos, "--json", "--model", model, "--fact", "display_for_sale")
    row = json.loads(done.stdout)
    assert row["findings"][0]["outcome"] == "not_a_hazard" and row["risk_level"] is None


def test_a_command_of_the_training_stack_says_what_is_missing(monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(sys.modules, "cv2", None)  # as on a serving-only install
    for name in [
        name
        for name in sys.modules
        if name.startswith(("firewarden.training.train", "firewarden.datasets.compose"))
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delitem(sys.modules, "firewarden.datasets.paste", raising=False)
    monkeypatch.setattr(sys, "argv", ["firewarden", "train", str(tmp_path / "x.yaml")])
    with pytest.raises(SystemExit) as stop:
        main()
    assert stop.value.code == 2
    assert "pip install -e '.[train]'" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [["keys", "add", "--role", "owner"], ["cctv", "cameras", "import", "cameras.csv"]],
    ids=" ".join,
)
def test_a_file_where_a_folder_belongs_is_one_line(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("", encoding="utf-8")
    (tmp_path / "cameras.csv").write_text("id,name,venue,venue_type,scene\n", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["firewarden", *command, "--data-dir", str(tmp_path / "file")])
    with pytest.raises(SystemExit) as ended:
        main()
    told = capsys.readouterr().err.splitlines()
    assert ended.value.code == 2
    assert "File exists" in told[-1] and not any("Traceback" in line for line in told)


def test_a_folder_that_cannot_be_made_is_one_line(model, photos, tmp_path, monkeypatch, capsys):
    (tmp_path / "file").write_text("", encoding="utf-8")
    args = ["inspect", str(photos), "--model", model, "--save-annotated", str(tmp_path / "file")]
    monkeypatch.setattr(sys, "argv", ["firewarden", *args])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and "File exists" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        (
            "KEEP_INSPECTIONS_DAYS",
            "-1",
            "FIREWARDEN_KEEP_INSPECTIONS_DAYS: Input should be greater than or equal",
        ),
        ("AUTH", "perhaps-s3cret", "FIREWARDEN_AUTH: Input should be a valid boolean"),
        ("DATABASE_URL", "s3cret", "FIREWARDEN_DATABASE_URL is no address of a database, expected sqlite"),
        (
            "DATABASE_URL",
            "mysql://u:s3cret@h/x",
            "got a database of the kind 'mysql', expected sqlite or postgresql",
        ),
    ],
)
def test_a_wrong_setting_is_one_line(name, value, told, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("FIREWARDEN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv(f"FIREWARDEN_{name}", value)
    for command in (("keys", "list"), ("worker", "--until-done"), ("serve", "--port", "0")):
        monkeypatch.setattr("sys.argv", ["firewarden", *command])
        with pytest.raises(SystemExit) as caught:
            main()
        said = capsys.readouterr().err
        assert caught.value.code == 2 and told in said and "s3cret" not in said


def test_a_database_that_is_none_is_one_line(tmp_path, monkeypatch, capsys):
    (tmp_path / "firewarden.db").write_text("this is no database", encoding="utf-8")
    monkeypatch.setattr(sys, "argv", ["firewarden", "cctv", "events", "list", "--data-dir", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
    assert "the database cannot be used: file is not a database" in capsys.readouterr().err


@pytest.mark.parametrize(
    "command",
    [
        ["worker", "--until-done"],
        ["cctv", "events", "list"],
        ["cctv", "cameras", "list"],
        ["cctv", "deliver", "--once"],
        ["cctv", "retain"],
    ],
    ids=" ".join,
)
@pytest.mark.parametrize("there", [False, True], ids=["nothing there", "a folder without a database"])
def test_a_mistyped_data_folder_is_told_and_nothing_made(command, there, tmp_path, monkeypatch, capsys):
    if there:
        (tmp_path / "typo").mkdir()
    monkeypatch.setattr(sys, "argv", ["firewarden", *command, "--data-dir", str(tmp_path / "typo")])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and "there is no database at" in capsys.readouterr().err
    assert [path.name for path in tmp_path.rglob("*")] == (["typo"] if there else [])


@pytest.mark.parametrize(
    ("options", "named"),
    [
        (("--photos", "x"), "--photos without --tune"),
        (("--data-dir", "x", "--accept-int8"), "--data-dir and --accept-int8 without --tune"),
    ],
)
def test_doctor_takes_options_of_tuning_with_it_alone(options, named):
    refused = run("doctor", *options)
    assert isinstance(refused.exception, HazardError) and named in str(refused.exception)


def test_tuning_measures_nothing_where_its_choice_cannot_be_stored(model, tmp_path, monkeypatch):
    def measured(*_: object, **__: object) -> None:
        raise AssertionError("measured before the data folder was tried")

    monkeypatch.setattr("firewarden.inference.tune.tune", measured)
    (tmp_path / "file").write_text("", encoding="utf-8")
    tuned = run("doctor", "--tune", "--model", model, "--data-dir", tmp_path / "file" / "data")
    assert isinstance(tuned.exception, NotADirectoryError)


def test_what_was_imported_is_listed_with_whole_ids(tmp_path):
    register = tmp_path / "cameras.csv"
    name = "c" * 60
    register.write_text(
        f"id,name,venue,venue_type,scene\n{name},corridor,v-1,office,evacuation_corridor\n", encoding="utf-8"
    )
    data = ("--data-dir", tmp_path / "data")
    assert run("cctv", "cameras", "import", register, *data).exit_code == 0
    (_, row) = run("cctv", "cameras", "list", *data).stdout.splitlines()
    assert row.split() == [name, "corridor", "v-1", "evacuation_corridor", "10", "30"]
    assert json.loads(run("cctv", "cameras", "list", *data, "--json").stdout)["cameras"][0]["id"] == name


@pytest.mark.skipif(sys.platform != "linux", reason="other systems take no such name")
@pytest.mark.parametrize(("encoding", "name"), [("utf-8", b"\xe9.jpg"), ("gbk", "ñ.jpg".encode())])
@pytest.mark.parametrize("options", [(), ("--json",)], ids=["text", "json"])
def test_a_name_that_cannot_be_printed_is_escaped(model, photos, encoding, name, options):
    os.rename(os.fsencode(photos / "good.jpg"), os.fsencode(photos) + b"/" + name)  # noqa: PTH104
    line = [sys.executable, "-P", "-m", "firewarden", "inspect", str(photos), "--model", model, *options]
    environment = os.environ | {"PYTHONIOENCODING": f"{encoding}:strict"}
    done = subprocess.run(line, env=environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    if options:
        assert Path(json.loads(done.stdout.decode(encoding))["path"]).name == os.fsdecode(name)
    else:
        assert b"\\udce9.jpg" in done.stdout or b"\\xf1.jpg" in done.stdout


def test_a_worker_takes_photos_as_large_as_the_service_does(tmp_path, monkeypatch):
    recipes = []
    monkeypatch.setattr(processes, "run_workers", lambda recipe, number: recipes.append(recipe))
    monkeypatch.setenv("FIREWARDEN_MAX_PIXELS", "120000000")
    prepare(build_engine(make_url(f"sqlite:///{tmp_path / 'firewarden.db'}")))
    assert run("worker", "--data-dir", tmp_path).exit_code == 0
    assert [recipe.factory.max_pixels for recipe in recipes] == [120_000_000]
