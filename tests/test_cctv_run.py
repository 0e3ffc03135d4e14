"""Watching many cameras: pictures to events, metrics, a sink that fails, what is wrong with a camera."""

import json
import os
import sys
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="PYAV ABSENT: pip install 'firewarden[video]'")
sys.path.insert(0, str(Path(__file__).parent))
from cctv_recordings import file_source, lift_with_ebike, metric
from cctv_stage import HW, Actor, Stage, at, camera
from rtsp_server import free_port
from video_clips import BEGAN, write

from firewarden.cctv.confirm import Confirming
from firewarden.cctv.metrics import CameraCollector, serve_metrics
from firewarden.cctv.runner import Runner
from firewarden.cctv.runner_mailbox import Arrival, Mailbox
from firewarden.cctv.runner_state import StateFolder
from firewarden.cctv.runner_status import Pace, find_problems
from firewarden.cctv.sink import JsonLinesSink, SinkUnavailable, append_line
from firewarden.cctv.video_messages import Picture
from firewarden.cctv.video_source import Capture, CaptureState
from firewarden.errors import HazardError
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
    return lift_with_ebike(tmp_path_factory.mktemp("recording"))


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


def test_what_cannot_be_kept_of_one_camera_is_not_tried_of_the_next(recording, rules):
    """Each try waits 10 s for a database that is locked, and nobody looks whether the run is to end meanwhile."""
    asked, stop = [], threading.Event()

    class Locked(StateFolder):
        def __init__(self) -> None:
            pass

        def load(self, camera_id):
            return None

        def save(self, camera_id, state) -> bool:
            asked.append(camera_id)
            return False

    pairs = [(camera(id=name), file_source(recording, name)) for name in ("a", "b", "c")]
    runner = Runner(pairs, Inspector(Stage(), rules), Sink(), memory=Locked())
    runner._save(stop)
    assert asked == ["a"]
    stop.set()
    runner._save(stop)
    assert asked == ["a"], "it is kept at the end"


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
        assert set(row) == {"kind", "written_at", "event", "notice"}

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

    def test_the_gate_is_timed_where_it_was_the_end(self):
        pace = Pace(began_s=0.0)
        pace.note(1.0, 1.5, 0.002)
        pace.note(2.0, 2.5)
        assert list(pace.gates_s) == [0.002] and len(pace.delays_s) == 2


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


def test_a_recording_from_the_future_has_failed(rules, tmp_path):
    """Its pictures were all read and none was looked at: that is told, with the cure."""
    clip = write(tmp_path / "a.mp4", [np.zeros((180, 320, 3), np.uint8)] * 5, fps=1, gop=1)
    tomorrow_s = time.time() + 86_400
    os.utime(clip, (tomorrow_s, tomorrow_s))
    status = next(run_file(clip, rules, Sink()).statuses())
    assert (status.state, status.health.ahead) == (CaptureState.FAILED, 5)
    assert "none of its 5 pictures" in status.last_error and "failed" in status.problems
