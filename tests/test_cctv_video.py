"""What is decoded of a video and when it was taken: sampling, clocks, addresses, waits, and what is handed over."""

import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="PYAV ABSENT: pip install 'firewarden[video]'")
sys.path.insert(0, str(Path(__file__).parent))
from video_clips import BEGAN

from firewarden.cctv.stream_address import parse_address, read_address
from firewarden.cctv.stream_backoff import Backoff
from firewarden.cctv.video_capture import capture
from firewarden.cctv.video_clock import file_start, produced_at, settle
from firewarden.cctv.video_frames import Sample
from firewarden.cctv.video_outbox import Outbox
from firewarden.cctv.video_sampling import Sampling
from firewarden.cctv.video_source import Capture, Source
from firewarden.errors import PolicyError


class TestSampling:
    def test_everything_is_decoded_until_two_key_frames_are_known_to_be_close_enough(self):
        sampling = Sampling(10.0)
        modes = []
        for t in (0.0, 2.0, 4.0, 20.0, 22.0):  # key frames; one gap of 16 s
            sampling = sampling.with_key(t)
            modes.append(sampling.keys_only)
        assert modes == [False, True, True, False, True]

    def test_key_frames_farther_apart_than_samples_are_not_enough(self):
        assert not Sampling(1.0).with_key(0).with_key(2.0).keys_only
        assert (
            not Sampling(30.0).with_key(0).with_key(32.0).keys_only
        )  # three of them would never fall into 60 s

    def test_samples_keep_their_beat_on_a_stream_of_another_one(self):
        sampling, taken = Sampling(1.0), []
        for number in range(100):  # 25 fps for 4 s
            t = number / 25
            if sampling.is_due(t):
                sampling, taken = sampling.with_taken(t), [*taken, t]
        assert taken == [0.0, 0.92, 1.92, 2.92, 3.92]  # as soon as they are due but for a tenth

    @pytest.mark.parametrize(
        ("key_s", "every_s", "expected"),
        [
            pytest.param(12.0, 30.0, [0, 24, 48, 72, 96], id="two of 12 s, not three"),
            pytest.param(25.0, 30.0, [0, 25, 50, 75, 100], id="one of 25 s, not two"),
            pytest.param(2.0, 5.0, [0, 4, 8, 12, 16, 20], id="two of 2 s, not three"),
            pytest.param(2.0, 10.0, [0, 10, 20, 30], id="five of 2 s: the asked pace"),
            pytest.param(0.5, 1.0, [0, 1, 2, 3], id="two of half a second: the asked pace"),
        ],
    )
    def test_key_frames_come_no_later_than_asked_rather_sooner(self, key_s, every_s, expected):
        sampling, taken = Sampling(every_s), []
        for number in range(1000):
            t = number * key_s
            sampling = sampling.with_key(t)
            if sampling.is_due(t) and t <= expected[-1]:
                sampling, taken = sampling.with_taken(t), [*taken, t]
        assert taken == expected

    def test_key_frames_that_come_a_little_unevenly_keep_the_asked_pace(self):
        sampling, taken = Sampling(1.0), []
        for t in (0, 0.52, 1.03, 1.5, 2.04, 2.51, 3.05):
            sampling = sampling.with_key(t)
            if sampling.is_due(t):
                sampling, taken = sampling.with_taken(t), [*taken, t]
        assert taken == [0, 1.03, 2.04, 3.05]

    def test_after_a_gap_one_picture_is_taken_not_all_that_were_missed(self):
        sampling = Sampling(1.0).with_taken(0.0)
        assert sampling.is_due(30.0)
        assert not sampling.with_taken(30.0).is_due(30.5)

    def test_after_a_jump_back_the_next_picture_is_taken(self):
        assert Sampling(10.0).with_taken(100.0).is_due(0.0)


class TestClock:
    modified = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)

    @pytest.mark.parametrize(
        ("metadata", "expected"),
        [
            ({"creation_time": "2026-03-02T08:00:00.000000Z"}, BEGAN),
            ({"creation_time": "2026-03-02T16:00:00+08:00"}, BEGAN),
            ({}, modified - timedelta(seconds=30)),
            ({"creation_time": "yesterday"}, modified - timedelta(seconds=30)),
            ({"creation_time": "2026-03-02T17:00:00Z"}, modified - timedelta(seconds=30)),
            ({"creation_time": "2026-03-02T09:00:30Z"}, modified + timedelta(seconds=30)),
        ],
        ids=[
            "told",
            "told with offset",
            "from the time of writing",
            "told badly",
            "local time",
            "a little off",
        ],
    )
    def test_when_a_recording_began(self, metadata, expected):
        assert file_start(metadata, self.modified, 30.0) == expected

    @pytest.mark.parametrize(
        ("ahead_s", "expected_s", "off"),
        [(-2, -2, False), (-60, 0, True), (3600, 0, True), (1, 0, False)],
        ids=["a little old", "too old", "another time zone", "a little ahead is now"],
    )
    def test_a_stream_is_believed_within_ten_seconds(self, ahead_s, expected_s, off):
        told = BEGAN + timedelta(seconds=ahead_s)
        assert settle(told, BEGAN) == (BEGAN + timedelta(seconds=expected_s), off)

    def test_after_one_wrong_time_a_slow_clock_goes_on_where_it_was(self):
        """A camera 8 s behind, a picture a second, one time 5 h ahead: receipt alone would be later than the next 8."""
        times, lag = [], timedelta(0)
        for number, ahead_s in enumerate((-8, -8, 18_000, -8, -8)):
            received = BEGAN + timedelta(seconds=number)
            at, _ = settle(received + timedelta(seconds=ahead_s), received, lag)
            lag = received - at
            times.append((at - BEGAN).total_seconds())
        assert times == [-8, -7, -6, -5, -4]

    def test_without_a_clock_the_time_of_receipt_counts(self):
        assert settle(None, BEGAN) == (BEGAN, False)

    def test_producer_reference_time_is_read(self):
        micros = int(BEGAN.timestamp() * 1e6)
        assert produced_at(micros.to_bytes(8, sys.byteorder) + b"\x18\0\0\0" + b"\0" * 4) == BEGAN
        assert produced_at(b"short") is None
        assert produced_at(b"\xff" * 7 + b"\x7f" + b"\0" * 8) is None  # the year 294247


class TestAddress:
    @pytest.mark.parametrize(
        ("text", "url", "transport"),
        [
            ("rtsp://u:p@10.0.0.1/1", "rtsp://u:p@10.0.0.1/1", "rtsp_tcp"),
            ("rtsp+udp://u:p@10.0.0.1/1", "rtsp://u:p@10.0.0.1/1", "rtsp_udp"),
            ("https://a/b.m3u8", "https://a/b.m3u8", "http"),
            ("/archive/a.mp4", "file:/archive/a.mp4", "file"),
            ("file:///archive/a.mp4", "file:/archive/a.mp4", "file"),
        ],
    )
    def test_what_is_opened(self, text, url, transport):
        address = parse_address(text, told="x")
        assert (address.url, address.transport) == (url, transport)

    @pytest.mark.parametrize(
        "text",
        [
            "concat:/etc/passwd|/a",
            "pipe:0",
            "archive/a.mp4",
            "rtsp:/hidden",
            "data://hidden",
            "rtsp://[hidden",
        ],
    )
    def test_anything_else_is_refused_and_not_repeated(self, text):
        with pytest.raises(PolicyError) as refused:
            parse_address(text, told="env:CAM_1")
        assert "env:CAM_1" in str(refused.value) and "hidden" not in str(refused.value)
        assert "passwd" not in str(refused.value)

    def test_the_secret_comes_from_a_variable_or_a_file(self, tmp_path):
        secret = tmp_path / "cam"
        secret.write_text("rtsp://u:p@h/1\n")
        assert read_address("env:CAM", {"CAM": "rtsp://u:p@h/1"}) == read_address(f"file:{secret}", {})

    @pytest.mark.parametrize("reference", ["env:CAM", "file:/nowhere/cam", None, "rtsp://u:hidden@h/1"])
    def test_no_secret_is_told(self, reference):
        with pytest.raises(PolicyError) as refused:
            read_address(reference, {})
        assert "hidden" not in str(refused.value)

    def test_no_repr_shows_it(self):
        assert "hidden" not in repr(Source("a", parse_address("rtsp://u:hidden@h/1", told="x"), 1.0))


def test_waits_grow_to_three_seconds_and_to_minutes_after_a_refusal():
    backoff, refused = Backoff(), Backoff()
    waits = [backoff.next_s() for _ in range(5)]
    for wait, expected in zip(waits, (0.5, 1, 2, 3, 3), strict=True):
        assert 0.8 * expected <= wait <= 1.2 * expected
    assert refused.next_s(refused=True) >= 24  # a locked account is worse than a late picture
    backoff.reset()
    assert backoff.next_s() <= 0.6
    for _ in range(6):
        backoff.next_s()
    assert (
        backoff.next_s(refused=True) <= 36
    )  # a camera that starts up refuses once: the first refusal all the same
    assert 48 <= backoff.next_s(refused=True) <= 72


def test_a_lost_connection_is_no_damage():
    stop, damaged = threading.Event(), Capture("a", errors=1, error_at=5.0)
    nobody = Source("a", parse_address("rtsp://127.0.0.1:9/nobody", told="test"), 1.0)
    threading.Timer(0.5, stop.set).start()
    capture(nobody, damaged, lambda *_: None, stop)
    assert damaged.failures > 0 and "refused" in damaged.last_error
    assert damaged.error_at == 5.0  # else it would be told as unreadable


class TestOutbox:
    def sample(self, number: int) -> Sample:
        return Sample(np.zeros((2, 2, 3), np.uint8), BEGAN + timedelta(seconds=number), 0.0)

    def sent(self, outbox: Outbox) -> list[int]:
        pictures = []
        outbox.close()
        outbox.send_all(lambda picture, _: pictures.append(picture.at.second), lambda beat: None)
        return pictures

    def test_a_late_live_picture_is_replaced_and_counted(self):
        counts = {"a": Capture("a")}
        outbox = Outbox(counts)
        live = Source("a", parse_address("rtsp://h/1", told="x"), 1.0)
        for number in range(5):
            outbox.post(live, self.sample(number))
        assert self.sent(outbox) == [4]
        assert counts["a"].dropped == 4

    def test_pictures_of_files_wait(self):
        counts = {"a": Capture("a")}
        outbox = Outbox(counts)
        file = Source("a", parse_address("/a.mp4", told="x"), 1.0)
        posting = threading.Thread(target=lambda: [outbox.post(file, self.sample(n)) for n in range(3)])
        posting.start()
        pictures = []

        def close_after_three(picture, _):
            pictures.append(picture.at.second)
            if len(pictures) == 3:
                outbox.close()

        outbox.send_all(close_after_three, lambda beat: None)
        posting.join()
        assert pictures == [0, 1, 2] and counts["a"].dropped == 0

    def test_counts_are_told_while_pictures_keep_coming(self):
        counts = {"a": Capture("a")}
        outbox = Outbox(counts)
        live = Source("a", parse_address("rtsp://h/1", told="x"), 1.0)
        beats = []

        def next_one(picture, _):
            time.sleep(0.05)
            if len(beats) >= 2:
                outbox.close()
            else:
                outbox.post(live, self.sample(0))

        outbox.post(live, self.sample(0))
        outbox.send_all(next_one, beats.append)
        assert [beat.last for beat in beats] == [False, False, True]
