"""Watching many cameras: pictures to events, metrics, a sink that fails, drain on SIGTERM, and rehearsals."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import replace
from datetime import timedelta
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console
from typer.testing import CliRunner

pytest.importorskip("av", reason="PYAV ABSENT: pip install 'firewarden[video]'")
sys.path.insert(0, str(Path(__file__).parent))
from cctv_stage import HW, Actor, Stage, at, camera
from rtsp_server import free_port
from video_clips import BEGAN, write

from firewarden.cctv import simulate
from firewarden.cctv.confirm import Confirming
from firewarden.cctv.console_run import print_statuses
from firewarden.cctv.health import Health
from firewarden.cctv.metrics import CameraCollector, serve_metrics
from firewarden.cctv.runner import Effort, Runner
from firewarden.cctv.runner_mailbox import Arrival, Mailbox
from firewarden.cctv.runner_state import StateFolder
from firewarden.cctv.runner_status import Pace, find_problems
from firewarden.cctv.simulate import CameraRun, Fault, Plan, Rehearsal, percentiles_ms, rehearse
from firewarden.cctv.sink import JsonLinesSink, SinkUnavailable, append_line
from firewarden.cctv.stream_address import parse_address
from firewarden.cctv.video_messages import Picture
from firewarden.cctv.video_source import Capture, CaptureState, Source
from firewarden.cli import app
from firewarden.errors import DatasetError, HazardError
from firewarden.inference.inspector import Inspector

PIXELS = np.zeros((2, 2, 3), np.uint8)


def arrival(camera_id: str, second: int) -> Arrival:
    return Arrival(Picture(camera_id, (2, 2), at(second), 0.0), PIXELS)


class TestMailbox:
    def test_newer_pictures_replace_older_ones_and_cameras_take_turns(self):
        mailbox = Mailbox()
        for second, name in enumerate("aabab"):
            mailbox.put(arrival(name, second), wait=False)
        taken = [mailbox.take() for _ in range(2)]
        assert [(a.picture.camera_id, a.picture.at) for a in taken] == [("a", at(3)), ("b", at(4))]
        assert (mailbox.dropped("a"), mailbox.dropped("b")) == (2, 1)

    def test_a_camera_is_with_one_thread_at_a_time(self):
        mailbox = Mailbox()
        mailbox.put(arrival("a", 0), wait=False)
        mailbox.take()
        mailbox.put(arrival("a", 1), wait=False)
        mailbox.put(arrival("b", 2), wait=False)
        assert mailbox.take().picture.camera_id == "b"
        assert mailbox.backlog("a") == 1 and not mailbox.is_idle
        mailbox.done("a")
        assert mailbox.take().picture.at == at(1)

    def test_what_waits_is_handed_out_after_closing_and_nothing_new_taken_in(self):
        mailbox = Mailbox()
        mailbox.put(arrival("a", 0), wait=False)
        mailbox.close()
        mailbox.put(arrival("b", 1), wait=True)
        assert mailbox.take().picture.camera_id == "a"
        assert mailbox.take() is None


class Sink:
    """Keeps changes; `down` refuses so many first."""

    def __init__(self, down: int = 0) -> None:
        self.changes, self.down, self._lock = [], down, threading.Lock()

    def write(self, change) -> None:
        with self._lock:
            if self.down:
                self.down -= 1
                raise SinkUnavailable("the disk is full")
            self.changes.append(change)


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    """Ten minutes of the staged place at one picture in 10 s, an e-bike in it all the time."""
    stage = Stage([Actor("ebike", (0.3, 0.4, 0.6, 0.9))])
    path = tmp_path_factory.mktemp("recording") / "lift.mp4"

    def pictures():
        for stage.now_s in range(0, 600, 10):
            yield stage.draw()

    return write(path, (p for p in pictures()), fps=1, gop=1, began=BEGAN)


def file_source(path: Path, camera_id: str = "cam-1", every_s: float = 1.0) -> Source:
    return Source(camera_id, parse_address(str(path), told="test"), every_s)


def run_file(path: Path, rules, sink, memory=None, **changes) -> Runner:
    """One pass of a recording through a runner with the fake detector."""
    stage = Stage([Actor("ebike", (0.3, 0.4, 0.6, 0.9))])
    watched = camera(sample_every_s=1.0, **changes)
    runner = Runner([(watched, file_source(path))], Inspector(stage, rules), sink, memory=memory)
    runner.run(threading.Event(), for_s=120)
    return runner


def test_a_recording_becomes_one_event_by_its_own_clock(recording, rules, tmp_path):
    sink, memory = Sink(down=2), StateFolder(tmp_path)
    runner = run_file(recording, rules, sink, memory)
    assert [(c.kind.value, c.event.hazard) for c in sink.changes] == [("opened", "indoor_ebike")]
    assert sink.changes[0].event.first_seen == BEGAN
    assert sink.changes[0].frame.hw == HW
    status = next(runner.statuses())
    assert status.state is CaptureState.FINISHED and status.problems == ()
    assert status.health.frames == 60 and status.dropped == 0 and status.backlog == 0
    kept = memory.load("cam-1")
    assert [track.event.id for track in kept.tracks] == [sink.changes[0].event.id]
    again = Sink()
    run_file(recording, rules, again, memory)
    assert again.changes == [], "what stood there before the restart is no news"


def test_a_damaged_memory_is_left_aside(tmp_path, caplog):
    memory = StateFolder(tmp_path)
    memory.save("cam-1", Confirming())
    assert memory.load("cam-1") == Confirming() and memory.load("cam-2") is None
    (tmp_path / "cam-1.json").write_text('{"schema": ')
    assert memory.load("cam-1") is None and "starts without memory" in caplog.text


def test_a_sink_that_stays_down_ends_the_run_with_its_error(recording, rules):
    stop = threading.Event()

    class Down:
        def write(self, change) -> None:
            stop.set()
            raise SinkUnavailable("the disk is full")

    stage = Stage([Actor("ebike", (0.3, 0.4, 0.6, 0.9))])
    runner = Runner([(camera(sample_every_s=1.0), file_source(recording))], Inspector(stage, rules), Down())
    with pytest.raises(SinkUnavailable, match="disk is full"):
        runner.run(stop, for_s=120)


class Broken(Stage):
    """A detector that cannot look at pictures of one brightness."""

    def see(self, image):
        if image.pixels.mean() > 250:
            raise RuntimeError("boom")
        return super().see(image)


def test_an_internal_error_costs_one_camera_its_look(recording, rules, tmp_path):
    white = write(
        tmp_path / "white.mp4", [np.full((180, 320, 3), 255, np.uint8)] * 5, fps=1, gop=1, began=BEGAN
    )
    pairs = [
        (camera(id=name, sample_every_s=1.0), file_source(path, name))
        for name, path in (("well", recording), ("white", white))
    ]
    sink = Sink()
    runner = Runner(pairs, Inspector(Broken([Actor("ebike", (0.3, 0.4, 0.6, 0.9))]), rules), sink)
    runner.run(threading.Event(), for_s=120)
    well, bad = runner.statuses()
    assert well.failed_looks == 0 and well.health.frames == 60 and len(sink.changes) == 1
    assert bad.failed_looks > 0 and "boom" in bad.last_error


class TestJsonLines:
    def test_changes_are_appended_and_hold_no_pictures(self, recording, rules, tmp_path):
        path = tmp_path / "new" / "events.jsonl"
        run_file(recording, rules, JsonLinesSink(path))
        (row,) = [json.loads(line) for line in path.read_text().splitlines()]
        assert row["kind"] == "opened" and row["event"]["hazard"] == "indoor_ebike"
        assert set(row) == {"kind", "written_at", "event"}

    def test_a_path_that_cannot_be_written_is_told(self, tmp_path):
        (tmp_path / "file").touch()
        with pytest.raises(SinkUnavailable, match="events.jsonl: cannot be written"):
            JsonLinesSink(tmp_path / "file" / "events.jsonl")

    @pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
    def test_a_full_disk_is_an_error(self):
        with pytest.raises(OSError):
            append_line(Path("/dev/full"), b"x\n")


class TestProblems:
    @pytest.mark.parametrize(
        ("capture", "expected"),
        [
            (Capture("a", CaptureState.READING), ("silent",)),
            (Capture("a", CaptureState.WAITING), ("silent", "disconnected")),
            (Capture("a", CaptureState.CONNECTING, failures=1), ("silent", "disconnected")),
            (Capture("a", CaptureState.FAILED), ("silent", "failed")),
            (Capture("a", CaptureState.FINISHED), ()),
            (Capture("a", CaptureState.READING, corrupt=1, error_at=0.0), ("silent", "unreadable")),
            (Capture("a", CaptureState.READING, corrupt=1, error_at=-61.0), ("silent",)),
        ],
        ids=[
            "reading",
            "waiting",
            "failing to connect",
            "failed",
            "a file at its end",
            "damage",
            "damage long ago",
        ],
    )
    def test_what_is_wrong(self, capture, expected):
        """`error_at` is given as seconds from now: the suite may have been running for minutes."""
        if capture.error_at is not None:
            capture = replace(capture, error_at=time.monotonic() + capture.error_at)
        assert find_problems(("silent",), capture) == expected

    def test_the_rate_is_that_of_the_last_minute(self):
        pace = Pace(began_s=0.0)
        for second in range(100):
            pace.note(second - 0.5, second)
        assert pace.fps(100.0) == pytest.approx(1.0)
        assert pace.fps(130.0) == pytest.approx(0.5)
        assert set(pace.delays_s) == {0.5} and pace.first_s == -0.5


def metric(text: str, name: str, *labels: str) -> float:
    """The value of the line with this name and all these labels."""
    (line,) = [
        line for line in text.splitlines() if line.startswith(name) and all(label in line for label in labels)
    ]
    return float(line.split()[-1])


def test_metrics_tell_every_camera(recording, rules):
    runner = run_file(recording, rules, Sink())
    port = free_port()
    with serve_metrics(runner.statuses, "127.0.0.1", port):
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
            text = answer.read().decode()
        with (
            pytest.raises(HazardError, match="--metrics-port"),
            serve_metrics(runner.statuses, "127.0.0.1", port),
        ):
            pass
    status = next(runner.statuses())
    assert metric(text, "firewarden_cctv_frames_total", 'camera="cam-1"') == 60
    assert metric(text, "firewarden_cctv_inferences_total") == status.health.inferences > 0
    skipped = metric(text, "firewarden_cctv_skipped_total", 'reason="skipped"')
    assert skipped + status.health.inferences == 60
    for name in ("dropped_total", "reconnects_total", "backlog", "restarts_total"):
        assert metric(text, f"firewarden_cctv_{name}") == 0
    assert metric(text, "firewarden_cctv_problem", 'problem="silent"') == 0
    assert metric(text, "firewarden_cctv_last_frame_age_seconds") >= 0


def test_metrics_of_no_camera_are_empty():
    assert all(not family.samples for family in CameraCollector(lambda: ()).collect())


class TestRehearsal:
    def test_three_bad_cameras_do_not_disturb_the_other_one(self, rules, tmp_path, monkeypatch):
        monkeypatch.setattr(simulate, "_SETTLE_S", 5.0)
        plan = Plan(4, 2.0, 6.0, faults=(Fault.DEAD, Fault.CORRUPT, Fault.FROZEN), wh=(320, 180), hold_s=3.0)
        stage = Stage([Actor("ebike", (0.3, 0.4, 0.6, 0.9))])
        rehearsal = rehearse(plan, Inspector(stage, rules), Effort(), tmp_path, threading.Event())
        well, dead, corrupt, frozen = rehearsal.runs
        assert well.fault is None and well.frames >= 0.8 * well.offered > 4
        assert well.dropped == 0 and well.status.problems == ()
        assert dead.status.health.frames == 0 and {"silent", "disconnected"} <= set(dead.status.problems)
        assert dead.status.failures > 1
        assert corrupt.status.errors + corrupt.status.corrupt > 0
        gap = frozen.status.last_frame_at - frozen.status.health.same_since
        assert gap > timedelta(seconds=2), (
            "no two pictures of it differ; five minutes of that are told as frozen"
        )
        told = rehearsal.to_json()
        assert told["frames"] == sum(run.frames for run in rehearsal.runs) and told["cpu_s"] > 0
        assert [run["fault"] for run in told["per_camera"]] == [None, "dead", "corrupt", "frozen"]

    @pytest.mark.parametrize(
        ("frames", "dropped", "delay_s", "keeps_up"),
        [(95, 0, 0.9, True), (94, 0, 0.1, False), (100, 1, 0.1, False), (100, 0, 1.1, False)],
        ids=["just", "too few looked at", "one dropped", "too late"],
    )
    def test_what_keeping_up_means(self, frames, dropped, delay_s, keeps_up):
        run = CameraRun(_status(), None, 100, frames, dropped, 5, (delay_s,) * 20)
        broken = CameraRun(_status(), Fault.CORRUPT, 100, 0, 50, 0, ())
        rehearsal = Rehearsal(Plan(2, 1.0, 100.0, faults=(Fault.CORRUPT,)), (run, broken), 100.0, 50.0, 0)
        assert rehearsal.keeps_up is keeps_up
        assert rehearsal.to_json()["cpu_cores"] == 0.5

    def test_percentiles_by_hand(self):
        assert percentiles_ms([n / 1000 for n in range(1, 101)]) == {"p50": 50, "p95": 95, "max": 100}
        assert percentiles_ms([]) == {"p50": 0, "p95": 0, "max": 0}

    def test_more_faults_than_cameras_are_refused(self):
        with pytest.raises(DatasetError, match="3 faults for 2 cameras"):
            Plan(2, 1.0, 1.0, faults=tuple(Fault))

    def test_a_folder_without_pictures_is_told(self, rules, tmp_path):
        with pytest.raises(DatasetError, match="no JPEG"):
            rehearse(
                Plan(1, 1.0, 1.0, folder=tmp_path),
                Inspector(Stage(), rules),
                Effort(),
                tmp_path,
                threading.Event(),
            )


def _status():
    from firewarden.cctv.runner_status import CameraStatus

    return CameraStatus(
        camera_id="a", state=CaptureState.READING, problems=(), fps=1.0, backlog=0, taken=100, dropped=0, errors=0,
        corrupt=0, clock_off=0, reconnects=0, failures=0, restarts=0, failed_looks=0, health=Health(frames=100),
        last_frame_at=None, last_frame_age_s=None, last_error=None,
    )  # fmt: skip


REGISTER = """
cameras:
  - {id: cam-1, name: corridor, venue: v, venue_type: office, scene: evacuation_corridor, sample_every_s: 0.5, url: "env:CAM_1"}
"""


def command(tmp_path: Path, *options: str, address: str, **settings) -> subprocess.Popen:
    register = tmp_path / "cameras.yaml"
    register.write_text(REGISTER)
    line = [sys.executable, "-P", "-m", "firewarden", "cctv", "run", str(register), *options]
    environment = os.environ | {"CAM_1": address, "OMP_NUM_THREADS": "1"}
    return subprocess.Popen(
        line, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **settings
    )


def test_sigterm_drains_and_no_secret_is_shown(recording, tmp_path):
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
    process = command(tmp_path, *options, "--replay", address=str(recording))
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
    (status,) = json.loads(out)["cameras"]
    assert status["health"]["frames"] >= 2 and status["backlog"] == 0
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
        [replace(_status(), health=Health(frames=12, inferences=2, skipped=3, late=4, ahead=3))],
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
