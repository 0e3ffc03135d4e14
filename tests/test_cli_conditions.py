"""What surrounds a command: a reader that goes away, no home, packages that are missing, places that cannot be written."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from tiny_data import Photo, build_data_folder
from tiny_model import build_model_folder

from firewarden.cli import main
from firewarden.cli_console import check_output
from firewarden.errors import HazardError


def refusal(monkeypatch, capsys, *arguments: object) -> str:
    """What a command says on stderr before it ends with exit code 2, in one line however wide."""
    monkeypatch.setattr(sys, "argv", ["firewarden", *map(str, arguments)])
    with pytest.raises(SystemExit) as stop:
        main()
    told = capsys.readouterr().err
    assert stop.value.code == 2 and "Traceback" not in told
    return " ".join(told.replace("│", " ").split())


@pytest.mark.parametrize("arguments", [["models"], ["models", "--json"], ["data", "sources"]], ids=" ".join)
def test_a_reader_that_went_away_is_no_traceback(arguments):
    """Output as small as this is written when the command has ended: it must fail there, not when Python ends."""
    done = unread("-m", "firewarden", *arguments)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize(
    ("end", "code", "told"),
    [("raise HazardError('why')", 2, "why"), ("sys.exit(3)", 3, ""), ("sys.exit(0)", 1, "")],
    ids=["error", "exit code", "success"],
)
def test_a_reader_that_went_away_hides_no_error(end, code, told):
    app = f"def app():\n    print('a row')\n    {end}\n"
    done = unread(
        "-c",
        f"import sys\nimport firewarden.cli as cli\nfrom firewarden.errors import HazardError\n{app}cli.app = app\ncli.main()",
    )
    assert done.returncode == code and told in done.stderr and bool(told) == bool(done.stderr)
    assert "Traceback" not in done.stderr and "Broken pipe" not in done.stderr


def unread(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Python with a stdout that nobody reads."""
    reader, writer = os.pipe()
    os.close(reader)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [sys.executable, "-P", *arguments],
        check=False, stdout=writer, stderr=subprocess.PIPE, text=True, env=environment, timeout=60,
    )  # fmt: skip
    os.close(writer)
    return done


def test_a_user_without_a_home_is_told_what_to_set(monkeypatch, capsys):
    def no_home() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", no_home)
    monkeypatch.delenv("FIREWARDEN_DATA_DIR", raising=False)
    assert "Set FIREWARDEN_DATA_DIR" in refusal(monkeypatch, capsys, "keys", "list")


@pytest.mark.parametrize("command", [["run"], ["simulate", "--cameras", "1"]], ids=" ".join)
def test_cameras_without_pyav_name_the_extra(command):
    """In a process of its own: here its modules are imported already."""
    code = f"import sys; sys.modules['av'] = None; sys.argv[1:] = {['cctv', *command]}; import firewarden.__main__"
    done = subprocess.run(
        [sys.executable, "-P", "-c", code], check=False, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2 and "Traceback" not in done.stderr
    assert "video needs PyAV" in done.stderr and "pip install -e '.[video]'" in done.stderr


def test_quantise_names_its_extra_before_it_measures(tmp_path, monkeypatch, capsys):
    absent(monkeypatch, "onnx")
    told = refusal(
        monkeypatch, capsys, "quantise", "no-such-model", "--data", tmp_path, "--out", tmp_path / "o"
    )
    assert "onnx is not installed" in told and "pip install -e '.[quantise]'" in told


def test_quantise_tells_at_its_start_of_a_runtime_left_out(tmp_path, monkeypatch, capsys):
    absent(monkeypatch, "nncf")
    told = refusal(
        monkeypatch, capsys, "quantise", "no-such-model", "--data", tmp_path, "--out", tmp_path / "o"
    )
    assert (
        told.startswith("no file for OpenVINO:")
        and "nncf not installed: pip install -e '.[quantise]'" in told
    )
    assert "no-such-model" in told  # it went on


def absent(monkeypatch, package: str) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name, *rest: None if name == package else found(name, *rest)
    )


@pytest.mark.parametrize(
    "command",
    [
        ["evaluate", "--data", "nowhere", "--report"],
        ["data", "validate", "nowhere", "--html"],
        ["data", "validate", "nowhere", "--report"],
        ["batch", "nowhere", "--out", "rows.jsonl", "--report"],
    ],
    ids=" ".join,
)
def test_a_report_that_cannot_be_written_is_refused_first(command, tmp_path, monkeypatch, capsys):
    """Before the folder of photos, which is not there, is looked at."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert "file is no folder" in refusal(monkeypatch, capsys, *command, "file/deep/page.html")
    assert "is a folder, expected the name of a file" in refusal(monkeypatch, capsys, *command, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "command",
    [
        ["bench", "decode", "--out", "file"],
        ["bench", "cctv-day", "--out", "file"],
        ["cctv", "simulate", "--out", "file"],
        ["quantise", "no-such-model", "--data", "nowhere", "--out", "file"],
    ],
    ids=" ".join,
)
def test_a_folder_of_results_that_cannot_be_made_is_refused_first(command, tmp_path, monkeypatch, capsys):
    if command[0] == "cctv":
        pytest.importorskip("av", reason="PYAV ABSENT: pip install 'firewarden[video]'")
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    assert "file is no folder" in refusal(monkeypatch, capsys, *command)


@pytest.mark.parametrize("command", [["scale"], ["privacy", "--data", "nowhere"]], ids=" ".join)
def test_a_page_that_is_not_there_is_refused_first(command, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    told = refusal(monkeypatch, capsys, "bench", *command, "--page", "none.md", "--out", tmp_path)
    assert "got --page none.md" in told and not list(tmp_path.iterdir())


def test_an_output_may_lie_in_folders_that_are_to_be_made(tmp_path):
    check_output(tmp_path / "new" / "folder" / "page.html")
    (tmp_path / "old.html").write_text("before")
    check_output(tmp_path / "old.html")
    assert [path.name for path in tmp_path.iterdir()] == ["old.html"]
    with pytest.raises(HazardError, match="is a folder"):
        check_output(tmp_path)


@pytest.mark.parametrize(
    "command", [["cameras", "validate"], ["cameras", "list"], ["cameras", "import"], ["run"]], ids=" ".join
)
def test_a_register_that_is_not_there_is_said_so(command, tmp_path, monkeypatch, capsys):
    told = refusal(monkeypatch, capsys, "cctv", *command, "missing.csv")
    assert "missing.csv" in told and "does not exist" in told and "Errno" not in told


def test_an_evaluation_report_makes_its_folder(tmp_path, monkeypatch):
    """Of a tiny model on one photo; the page was lost where its folder was missing."""
    model = build_model_folder(tmp_path / "tiny", CLASSES, [(16, 16, 48, 48, 0.9, 0)])
    data = build_data_folder(tmp_path / "data", [Photo("a", labels=((0, 0.5, 0.5, 0.4, 0.6),))], CLASSES)
    page = tmp_path / "new" / "page.html"
    monkeypatch.setattr(sys, "argv", ["firewarden", "evaluate", "--model", str(model), "--data", str(data), "--report", str(page)])  # fmt: skip
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 0 and page.stat().st_size > 1000
