"""`firewarden batch` as its users run it: the rows of `inspect`, one each, also after a kill in the middle."""

# ruff: noqa: F811 - fixtures come from batch_stage

import json
import shutil
import signal
import subprocess
import sys
import warnings
import zipfile
from importlib.resources import files
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from batch_stage import command, model, photos, rows_of  # noqa: F401
from test_api_fakes import open_client
from test_bulk_sources import write_tar, write_zip
from test_inference_inspector import photo

from firewarden.api.serve import build_inspector
from firewarden.api.settings import Settings
from firewarden.bulk.engine import Effort, run
from firewarden.bulk.items import HeldReader, Item
from firewarden.bulk.ledger import Ledger
from firewarden.bulk.scorer import ScorerFactory

KILLED = """
import os, signal, sys
from pathlib import Path
from firewarden.bulk.engine import Effort, run
from firewarden.bulk.ledger import Ledger
from firewarden.bulk.scorer import ScorerFactory
from firewarden.bulk.sources import source_items

def items():
    for number, item in enumerate(source_items([sys.argv[1]])):
        if number == 60:
            os.kill(os.getpid(), signal.SIGKILL)
        yield item

run(items(), ScorerFactory(Path(sys.argv[2])), Ledger(Path(sys.argv[3]), sync_rows=8), effort=Effort(1, 1))
"""


def test_rows_are_byte_for_byte_those_of_inspect(model, photos, tmp_path):
    context = ("--venue-type", "office", "--fact", "only_exit", "--min-confidence", 0.1)
    out = tmp_path / "o.jsonl"
    done = command("batch", photos, "--out", out, "--model", model, "--workers", 2, *context)
    inspected = command("inspect", photos, "--json", "--model", model, *context)
    assert done.exit_code == inspected.exit_code == 2  # one picture is none
    expected = {}
    for line in inspected.stdout.splitlines():
        row = json.loads(line)
        row.pop("timings_ms", None)
        expected[row["path"]] = json.dumps(row, ensure_ascii=False)
    batch = rows_of(out)
    columns = [row.pop("batch") for row in batch.values()]
    assert {path: json.dumps(row, ensure_ascii=False) for path, row in batch.items()} == expected
    assert len(expected) == 4 and len({c["id"] for c in columns}) == 4 and all(c["sha256"] for c in columns)


def test_the_service_says_the_same_of_a_picture(model, photos, tmp_path):
    out = tmp_path / "o.jsonl"
    command("batch", photos, "--out", out, "--model", model, "--venue-type", "office")
    pipeline = build_inspector(Settings(data_dir=tmp_path / "data", model=str(model)))
    with open_client(tmp_path, pipeline) as (client, _):
        for path, row in rows_of(out).items():
            said = client.post(
                "/v1/inspections",
                content=Path(path).read_bytes(),
                headers={"content-type": "image/jpeg"},
                params={"venue_type": "office"},
            ).json()
            if "error" in row:
                assert said["detail"].startswith(row["error"])
                continue
            told = {name: value for name, value in row.items() if name not in ("path", "batch")}
            assert {name: said[name] for name in told} == told


def test_killed_in_the_middle_and_resumed_gives_the_same_rows(model, tmp_path):
    folder, out = tmp_path / "photos", tmp_path / "o.jsonl"
    folder.mkdir()
    for number in range(70):
        (folder / f"{number:03d}.jpg").write_bytes(photo(64, 64) if number % 9 else b"no picture")
    state = tmp_path / "o.jsonl.state"
    killed = subprocess.run(
        [sys.executable, "-P", "-c", KILLED, folder, model, state], check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    part = state / "part-000001.jsonl"
    kept = part.read_bytes().count(b"\n")
    assert 8 <= kept < 60
    with part.open("ab") as file:
        file.write(b'{"path": "torn')
    resumed = json.loads(command("batch", folder, "--out", out, "--model", model, "--json").stdout)
    assert (resumed["skipped"], resumed["scored_now"] + resumed["skipped"]) == (
        kept,
        62 + kept // 9 + (kept % 9 > 0),
    )
    whole = tmp_path / "whole.jsonl"
    command("batch", folder, "--out", whole, "--model", model)
    assert rows_of(out) == rows_of(whole) and len(rows_of(out)) == 70
    assert not state.exists()


def test_changed_bytes_are_scored_again_and_unread_inputs_tried_again(model, photos, tmp_path):
    out, gone = tmp_path / "o.jsonl", photos / "gone.jpg"
    told = json.loads(command("batch", photos, gone, "--out", out, "--model", model, "--json").stdout)
    assert (told["inputs"], told["failed"], told["unread"]) == (5, 2, 1)
    gone.write_bytes(photo(128, 128))
    (photos / "one.jpg").write_bytes(photo(320, 320))
    told = json.loads(command("batch", photos, gone, "--out", out, "--model", model, "--json").stdout)
    assert (told["scored_now"], told["skipped"], told["overlaps"], told["unread"]) == (2, 3, 1, 0)
    assert rows_of(out)[str(photos / "one.jpg")]["image_hw"] == [320, 320]
    again = command("batch", photos, "--out", out, "--model", model)
    assert again.exception is not None and "finished" in str(again.exception)
    assert command("batch", photos / "one.jpg", "--out", out, "--model", model, "--overwrite").exit_code == 0
    assert len(rows_of(out)) == 1


def test_a_manifest_with_cameras_duplicates_and_an_unknown_venue(model, photos, tmp_path):
    table, out = tmp_path / "cams.csv", tmp_path / "o.jsonl"
    table.write_text(
        "path,camera,venue,scene\nphotos/one.jpg,c1,office,outdoor_open\nphotos/one.jpg,c2,,\n"
        "photos/sub/two.png,c2,castle,\n",
        encoding="utf-8",
    )
    told = json.loads(command("batch", table, "--out", out, "--model", model, "--json").stdout)
    assert (told["inputs"], told["failed"], told["cameras"]) == (3, 2, 2)
    rows = rows_of(out)
    one = rows[str(photos / "one.jpg")]
    assert (
        one["batch"]["camera"] == "c1" and one["scene"]["source"] == "register" and one["risk_level"] is None
    )
    twice = rows[f"{photos / 'one.jpg'} (row 3 of cams.csv)"]
    assert twice["error"].startswith("row 3 of cams.csv repeats row 2 of cams.csv")
    assert "unknown venue type 'castle'" in rows[str(photos / "sub" / "two.png")]["error"]


def test_a_table_whose_name_is_no_utf8(model, photos, tmp_path):
    """As an archive of Chinese Windows leaves it when it is unpacked elsewhere."""
    table = tmp_path / b"\xc7\xe5\xb5\xa5.csv".decode(errors="surrogateescape")
    table.write_text("path,time\nphotos/one.jpg,\nphotos/one.jpg,\nphotos/bad.jpg,never\n")
    out, page = tmp_path / "o.jsonl", tmp_path / "o.html"
    done = command("batch", table, "--out", out, "--model", model, "--report", page, "--json")
    assert done.exit_code == 2 and not isinstance(done.exception, UnicodeError)
    found = rows_of(out)
    assert len(found) == 3 and found[str(photos / "one.jpg")]["risk_level"] == "general"
    twice = next(row["error"] for path, row in found.items() if "(row 3" in path)
    assert "repeats row 2 of \\udcc7" in twice
    assert "repeats row 2" in page.read_text(encoding="utf-8")


def test_rules_that_changed_without_a_new_version_are_scored_anew(model, photos, tmp_path):
    rules, out = tmp_path / "rules.yaml", tmp_path / "o.jsonl"
    shipped = (files("firewarden.inference") / "rules.yaml").read_text(encoding="utf-8")
    rules.write_text(shipped, encoding="utf-8")
    args = (
        "batch",
        photos / "one.jpg",
        photos / "gone.jpg",
        "--out",
        out,
        "--model",
        model,
        "--rules",
        rules,
        "--json",
    )
    assert json.loads(command(*args).stdout)["scored_now"] == 1
    again = json.loads(command(*args).stdout)
    assert (again["scored_now"], again["skipped"]) == (0, 1)
    rules.write_text(shipped.replace("min_short_side_px: 160", "min_short_side_px: 161"), encoding="utf-8")
    assert json.loads(command(*args).stdout)["scored_now"] == 1


def test_a_faulty_row_takes_no_picture_from_a_good_one_and_tells_its_own_cause(model, photos, tmp_path):
    table, out = tmp_path / "cams.csv", tmp_path / "o.jsonl"
    rows = ["c2,yesterday,", "c3,,castle", "c4,2026-04-30,office", "c5,,office", "c6,1970-01-01,"]
    table.write_text("path,camera,time,venue\n" + "".join(f"photos/one.jpg,{row}\n" for row in rows))
    told = json.loads(command("batch", table, "--out", out, "--model", model, "--json").stdout)
    assert (told["inputs"], told["failed"]) == (5, 4)
    found = rows_of(out)
    assert found.pop(str(photos / "one.jpg"))["batch"]["camera"] == "c4"
    causes = {2: "'yesterday' is not ISO", 3: "venue type 'castle'", 5: "repeats row 4", 6: "before 2000"}
    assert len(found) == 4
    for number, cause in causes.items():
        error = found[f"{photos / 'one.jpg'} (row {number} of cams.csv)"]["error"]
        assert error.startswith(f"row {number} of cams.csv") and cause in error


def test_a_folder_and_a_manifest_of_it_give_one_row_a_picture_whatever_the_order(model, photos, tmp_path):
    table = tmp_path / "cams.csv"
    table.write_text(
        "path,camera,time,scene\nphotos/one.jpg,c1,2026-04-30T08:00:00,outdoor_open\n"
        "photos/three.webp,c1,yesterday,\n"
    )
    wholes = []
    for number, sources in enumerate([(photos, table), (table, photos)]):
        out = tmp_path / f"{number}.jsonl"
        told = json.loads(command("batch", *sources, "--out", out, "--model", model, "--json").stdout)
        assert (told["inputs"], told["failed"], told["overlaps"]) == (5, 2, 1)
        wholes.append(rows_of(out))
    assert wholes[0] == wholes[1]
    one = wholes[0][str(photos / "one.jpg")]
    assert (one["batch"]["camera"], one["batch"]["time"]) == ("c1", "2026-04-30T08:00:00")
    assert one["scene"]["source"] == "register" and "verdict" in wholes[0][str(photos / "three.webp")]
    assert "'yesterday'" in wholes[0][f"{photos / 'three.webp'} (row 3 of cams.csv)"]["error"]


def test_what_no_second_try_would_cure_is_final_and_the_state_goes(model, photos, tmp_path):
    unsafe = {"../up.jpg": photo(64, 64), "good.jpg": photo(64, 64)}
    tar = write_tar(tmp_path / "a.tar", unsafe, links={"link.jpg": "/etc/passwd"})
    packed = write_zip(tmp_path / "b.zip", {"zeros.jpg": bytes(4 * 10**6)})
    torn = tmp_path / "c.zip"
    torn.write_bytes(b"PK\x03\x04 and no more")
    table, out = tmp_path / "cams.csv", tmp_path / "o.jsonl"
    table.write_text("path,time\nphotos/one.jpg,\nphotos/one.jpg,\nphotos/three.webp,yesterday\n,\n")
    sources = (tar, packed, torn, table)
    told = json.loads(command("batch", *sources, "--out", out, "--model", model, "--json").stdout)
    assert (told["inputs"], told["failed"], told["unread"]) == (9, 7, 0)
    ids = [row["batch"]["id"] for row in rows_of(out).values()]
    assert len(set(ids)) == 9 and None not in ids
    assert not (tmp_path / "o.jsonl.state").exists()
    gone = photos / "gone.jpg"
    again = command("batch", *sources, gone, "--out", out, "--model", model, "--overwrite", "--json")
    assert json.loads(again.stdout)["unread"] == 1 and rows_of(out)[str(gone)]["batch"]["id"] is None
    assert (tmp_path / "o.jsonl.state").exists()


def test_a_refused_member_takes_no_name_from_a_sound_one(model, tmp_path):
    tar = write_tar(tmp_path / "a.tar", {"x.jpg": photo()}, links={"x.jpg": "/etc/passwd"})
    packed = tmp_path / "b.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # two members of one name
        archive.writestr("y.jpg", bytes(4 * 10**6))
        archive.writestr("y.jpg", photo(200, 300))
    out = tmp_path / "o.jsonl"
    assert command("batch", tar, packed, "--out", out, "--model", model).exit_code == 2
    rows = rows_of(out)
    assert "it is a link" in rows.pop(f"{tar}!x.jpg (member 1 of a.tar)")["error"]
    assert "zip bomb" in rows.pop(f"{packed}!y.jpg (member 1 of b.zip)")["error"]
    assert {path: "verdict" in row for path, row in rows.items()} == {
        f"{tar}!x.jpg": True,
        f"{packed}!y.jpg": True,
    }


def test_limit_continues_and_min_level_keeps_errors(model, photos, tmp_path):
    tar, out = (
        write_tar(tmp_path / "a.tar", {f"{i}.jpg": photo(64, 64) for i in range(5)}),
        tmp_path / "o.jsonl",
    )
    command("batch", tar, "--out", out, "--model", model, "--limit", 2)
    assert set(rows_of(out)) == {f"{tar}!0.jpg", f"{tar}!1.jpg"}
    told = json.loads(command("batch", tar, "--out", out, "--model", model, "--json").stdout)
    assert (told["skipped"], told["inputs"]) == (2, 5)
    done = command("batch", photos, "--out", tmp_path / "l.jsonl", "--model", model, "--min-level", "major")
    assert done.exit_code == 2 and set(rows_of(tmp_path / "l.jsonl")) == {str(photos / "bad.jpg")}
    done = command("batch", tar, "--out", tmp_path / "f.jsonl", "--model", model, "--fail-on", "general")
    assert done.exit_code == 1


def test_a_run_killed_while_its_state_is_deleted_leaves_none(model, photos, tmp_path, monkeypatch):
    """What is left of it does not stand in the way of the next run."""
    rmtree = shutil.rmtree

    def killed(folder, *args, **kwargs):
        if not Path(folder).exists():
            return
        next(Path(folder).glob("part-*")).unlink()
        raise KeyboardInterrupt

    out = tmp_path / "o.jsonl"
    monkeypatch.setattr(shutil, "rmtree", killed)
    command("batch", photos / "one.jpg", "--out", out, "--model", model)
    monkeypatch.setattr(shutil, "rmtree", rmtree)
    assert len(rows_of(out)) == 1 and not (tmp_path / "o.jsonl.state").exists()
    again = command("batch", photos / "one.jpg", "--out", out, "--model", model)
    assert "finished" in str(again.exception)
    assert command("batch", photos / "one.jpg", "--out", out, "--model", model, "--overwrite").exit_code == 0
    assert {path.name for path in tmp_path.iterdir()} == {"photos", "o.jsonl"}


def test_overwrite_waits_for_a_run_that_writes(model, photos, tmp_path):
    out = tmp_path / "o.jsonl"
    running = Ledger(tmp_path / "o.jsonl.state")
    running.write({"path": "x", "batch": {"id": "x"}})
    running.sync()
    other = command("batch", photos / "one.jpg", "--out", out, "--model", model, "--overwrite")
    assert "another run is writing" in str(other.exception) and not out.exists()
    running.claim("x", "")
    assert len(list(running.lines())) == 1
    running.close()


def test_one_file_cannot_take_rows_and_report(model, photos, tmp_path):
    out = tmp_path / "o.jsonl"
    done = command("batch", photos, "--out", out, "--report", photos / ".." / "o.jsonl", "--model", model)
    assert "expected two files" in str(done.exception) and not out.exists()


def test_memory_is_bounded_by_the_queues(model, tmp_path):
    """The lister is held back while nobody scores: at most what the queues and threads can hold is read ahead."""
    listed = 0

    def items():
        nonlocal listed
        for number in range(120):
            listed += 1
            yield Item(f"k{number}", HeldReader(photo_bytes))

    photo_bytes, ahead = photo(64, 64), []
    ledger = Ledger(tmp_path / "s")
    tally = run(
        items(),
        ScorerFactory(model),
        ledger,
        effort=Effort(2, 1),
        on_progress=lambda t: ahead.append(listed - t.done),
    )
    ledger.close()
    assert tally.scored == 120 and max(ahead) <= 64 + 12


def test_an_error_of_the_sink_stops_every_thread_and_is_told(model, tmp_path):
    class Full(Ledger):
        def write(self, row):
            raise OSError("no room")

    ledger = Full(tmp_path / "s")
    with pytest.raises(OSError, match="no room"):
        run((Item(f"k{i}", HeldReader(b"x")) for i in range(500)), ScorerFactory(model), ledger)
    ledger.close()
