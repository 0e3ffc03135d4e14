"""What a batch says while it runs and when it is done, and what wrong options get."""

# ruff: noqa: F811 - fixtures come from batch_stage

import json
import sys
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console

sys.path.insert(0, str(Path(__file__).parent))
from batch_stage import command, model, photos  # noqa: F401

from firewarden.bulk import console
from firewarden.bulk.console import line_a_minute, print_batch, shown_progress
from firewarden.bulk.engine import Tally
from firewarden.bulk.job import JobResult
from firewarden.bulk.summary import Summary
from firewarden.cli import main


def test_without_a_terminal_there_is_a_line_a_minute():
    """600 inputs: 120 in the first minute, 20 more within 61 s, none in a minute, 460 at the end."""
    lines, now_s = [], [0.0]
    show = line_a_minute(lines.append, 600, lambda: now_s[0])
    for now_s[0], tally in [
        (1, Tally(scored=1)),
        (60, Tally(scored=100, failed=15, skipped=5)),
        (61, Tally(scored=101, failed=15, skipped=5)),
        (120, Tally(scored=120, failed=15, skipped=5)),
        (180, Tally(scored=120, failed=15, skipped=5)),
    ]:
        show(tally)
    assert lines == [
        "120 of 600 inputs, 15 not scored, 2.0/s, 0:04:00 left",
        "140 of 600 inputs, 15 not scored, 0.3/s, 0:23:00 left",
        "140 of 600 inputs, 15 not scored, 0.0/s",
    ]
    printed = StringIO()
    with shown_progress(Console(file=printed), None) as show:
        show(Tally(scored=1))
    assert printed.getvalue() == "", "a short batch says nothing"


def test_json_on_stdout_has_its_progress_on_stderr(model, photos, tmp_path, monkeypatch):
    monkeypatch.setattr(console, "_LINE_EVERY_S", 0.0)
    told = command("batch", photos, "--out", tmp_path / "o.jsonl", "--model", model, "--json")
    assert json.loads(told.stdout)["inputs"] == 4
    assert told.stderr.splitlines()[-1].startswith("4 of 4 inputs, 1 not scored, ")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("--engine", "spark", "--out", "o.jsonl"), "expected one of local, ray"),
        (("--out", "o.xml"), "ends in .jsonl or .parquet"),
        (("--out", "o.jsonl", "--scene", "castle"), "unknown scene 'castle'"),
    ],
)
def test_bad_options_are_one_line(model, photos, tmp_path, monkeypatch, capsys, args, told):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["firewarden", "batch", str(photos), "--model", str(model), *args])
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    assert told in " ".join(capsys.readouterr().err.split())
    assert [path.name for path in tmp_path.iterdir()] == ["photos"]


@pytest.mark.parametrize(
    ("bad", "told"), [(5, ""), (6, "and 1 more errors, each a row of o.jsonl"), (9, "and 4 more")]
)
def test_errors_beyond_the_first_five_are_counted(model, tmp_path, bad, told):
    (tmp_path / "photos").mkdir()
    for number in range(bad):
        (tmp_path / "photos" / f"{number}.jpg").write_bytes(b"text")
    done = command("batch", tmp_path / "photos", "--out", tmp_path / "o.jsonl", "--model", model)
    printed = " ".join(done.stdout.split())
    assert printed.count(" error ") == 5 and told in printed
    assert ("more errors" in printed) is bool(told)


@pytest.mark.parametrize(
    ("unread", "told"),
    [
        (0, None),
        (1, "1 input could not be read; the same command tries it again"),
        (2, "2 inputs could not be read; the same command tries them again"),
    ],
)
def test_unread_inputs_are_counted_in_words(unread, told):
    printed = StringIO()
    result = JobResult(Summary(), Tally(failed=unread, unread=unread))
    print_batch(Console(file=printed, width=200), result, Path("o.jsonl"))
    last = printed.getvalue().splitlines()[-1].strip()
    assert last == told if told else "could not be read" not in last
