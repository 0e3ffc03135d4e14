"""`firewarden cctv run` as a process: SIGTERM, failures, what is printed and what never is."""

import json
import signal
import sys
import time
import urllib.request
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import pytest
from rich.console import Console
from typer.testing import CliRunner

pytest.importorskip("av", reason="PYAV ABSENT: pip install 'firewarden[video]'")
sys.path.insert(0, str(Path(__file__).parent))
from cctv_events import NOW, change
from cctv_recordings import command, lift_with_ebike, metric, status
from rtsp_server import free_port

from firewarden.api.cctv_stores import open_cctv
from firewarden.api.settings import Settings
from firewarden.cctv import console_run
from firewarden.cctv.console_run import print_statuses
from firewarden.cctv.health import Health
from firewarden.cli import app
from firewarden.errors import HazardError
from firewarden.inference.rules_file import load_rules


def test_sigterm_drains_and_no_secret_is_shown(tmp_path):
    port = free_port()
    options = [
        "--events",
        str(tmp_path / "e.jsonl"),
        "--state",
        str(tmp_path / "s"),
        "--metrics-port",
        str(port),
        "--json",
    ]
    process = command(tmp_path, *options, "--replay", address=str(lift_with_ebike(tmp_path)))
    try:
        end = time.monotonic() + 120
        frames = 0.0
        while frames < 2 and time.monotonic() < end:
            time.sleep(0.3)
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                    frames = metric(answer.read().decode(), "firewarden_cctv_frames_total")
            except OSError:
                assert process.poll() is None
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 0, err
    (told,) = json.loads(out)["cameras"]
    assert told["health"]["frames"] >= 2 and told["backlog"] == 0
    assert (tmp_path / "s" / "cam-1.json").exists()
    assert "lift.mp4" not in out + err


def test_a_recording_that_failed_is_told_and_the_exit_code_is_2(tmp_path):
    (tmp_path / "secret.mp4").write_bytes(b"no video at all" * 100)
    process = command(
        tmp_path, "--events", str(tmp_path / "e.jsonl"), "--json", address=str(tmp_path / "secret.mp4")
    )
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2 and json.loads(out)["cameras"][0]["state"] == "failed"
    (line,) = err.splitlines()
    assert line.startswith("camera cam-1: the recording failed: cannot be opened") and "secret" not in err


def test_the_printed_table_counts_pictures_of_wrong_times():
    printed = StringIO()
    print_statuses(
        Console(width=200, file=printed),
        [replace(status(), health=Health(frames=12, inferences=2, skipped=3, late=4, ahead=3))],
    )
    assert printed.getvalue().split()[-8:] == ["reading", "12", "2", "3", "4", "3", "0", "0"]


def test_what_begins_is_said_and_a_failure_stands_on_a_line_of_its_own(tmp_path):
    (tmp_path / "secret.mp4").write_bytes(b"no video at all")
    process = command(tmp_path, "--events", str(tmp_path / "e.jsonl"), address=str(tmp_path / "secret.mp4"))
    out, err = process.communicate(timeout=120)
    began, failed = err.splitlines()
    assert began.startswith("watching 1 cameras (Ctrl-C or SIGTERM ends it); events go to ")
    assert "the recording failed: cannot be opened" in failed
    assert len(out.splitlines()) == 2 and out.splitlines()[1].split()[-2:] == ["silent,", "failed"]


def test_pictures_in_the_database_are_kept_as_the_register_file_says(tmp_path, monkeypatch):
    """31 days old: one camera of the file keeps its pictures for 30 days, the other for 90."""
    opened = NOW - timedelta(days=31)

    def watch(cameras, inspector, sink, watching):
        for camera, shade in zip(cameras, (10, 200), strict=True):
            sink.write(change("closed", camera.id, camera.id, opened=opened, shade=shade))
        return []

    monkeypatch.setattr(console_run, "run_cameras", watch)
    register = tmp_path / "cameras.csv"
    rows = "".join(f"c{days},hall,v,office,evacuation_corridor,{days},env:A\n" for days in (30, 90))
    register.write_text(f"id,name,venue,venue_type,scene,retention_days,url\n{rows}")
    done = CliRunner().invoke(app, ["cctv", "run", str(register), "--data-dir", str(tmp_path)])
    assert done.exit_code == 0, done.output
    stores = open_cctv(Settings(data_dir=tmp_path))
    assert stores.tidy(load_rules().cctv.register).pictures == 1
    assert [stores.events.find(name).picture is None for name in ("c30", "c90")] == [True, False]


def test_a_register_without_a_camera_is_one_line(tmp_path):
    (tmp_path / "none.yaml").write_text("cameras: []\n")
    told = CliRunner().invoke(
        app, ["cctv", "run", str(tmp_path / "none.yaml"), "--events", str(tmp_path / "e.jsonl")]
    )
    assert isinstance(told.exception, HazardError) and "no cameras" in str(told.exception)


@pytest.mark.parametrize("address", ["", "gopher://guard:hidden@h/1"], ids=["not set", "not an address"])
def test_an_address_that_is_none_ends_with_one_line(tmp_path, address):
    process = command(tmp_path, "--events", str(tmp_path / "e.jsonl"), address=address)
    out, err = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "cam-1" in err and "CAM_1" in err and "hidden" not in out + err and "Traceback" not in err
