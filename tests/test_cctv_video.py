"""Video files and what is decoded of them: sampling, clocks, damage, pictures of another size."""

import sys
import threading
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random

import numpy as np
import pytest

pytest.importorskip("av", reason="PYAV ABSENT: pip install 'firewarden[video]'")
sys.path.insert(0, str(Path(__file__).parent))
from video_clips import BEGAN, WH, moving, put_ahead, write

from firewarden.cctv import video_reader
from firewarden.cctv.simulate_clips import damage
from firewarden.cctv.stream_address import parse_address, read_address
from firewarden.cctv.stream_backoff import Backoff
from firewarden.cctv.video_capture import capture
from firewarden.cctv.video_clock import file_start, produced_at, settle
from firewarden.cctv.video_outbox import Outbox
from firewarden.cctv.video_reader import Sample
from firewarden.cctv.video_sampling import Sampling
from firewarden.cctv.video_source import Capture, CaptureState, Source
from firewarden.errors import PolicyError


def read(path: Path, every_s: float = 1.0) -> tuple[list[Sample], Capture]:
    """Every sample of a file, and its counts."""
    source = Source("cam-1", parse_address(str(path), told="test"), every_s)
    counts, samples = Capture("cam-1"), []
    capture(source, counts, lambda _, sample: samples.append(sample), threading.Event())
    return samples, counts


def seconds(samples: list[Sample]) -> list[float]:
    return [round((sample.at - samples[0].at).total_seconds(), 2) for sample in samples]


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
        ],
        ids=["told", "told with offset", "from the time of writing", "told badly"],
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


class TestFiles:
    def test_a_recording_is_sampled_by_its_own_clock(self, tmp_path):
        clip = write(tmp_path / "a.mp4", moving(80), began=BEGAN)
        samples, counts = read(clip)
        assert [sample.at for sample in samples[:2]] == [BEGAN, BEGAN + timedelta(seconds=0.9)]
        assert len(samples) == 8 == counts.taken
        assert samples[0].pixels.shape == (WH[1], WH[0], 3)
        assert counts.state is CaptureState.FINISHED and counts.last_error is None

    def test_key_frames_alone_give_the_same_pictures_as_decoding_everything(self, tmp_path, monkeypatch):
        clip = write(tmp_path / "a.mp4", moving(80), began=BEGAN)
        alone, _ = read(clip, every_s=2.0)
        monkeypatch.setattr(Sampling, "with_key", lambda self, t: self)
        monkeypatch.setattr(video_reader, "_KEY_WITHIN", 0)
        whole, _ = read(clip, every_s=2.0)
        assert seconds(alone) == [0.0, 2.0, 4.0, 6.0]
        assert seconds(whole) == [0.0, 1.8, 3.8, 5.8, 7.8]
        reference = {s.at: s.pixels for s in read(clip, every_s=0.1)[0]}
        for sample in alone + whole:
            assert np.array_equal(sample.pixels, reference[sample.at])

    def test_slow_sampling_decodes_few_packets(self, tmp_path, monkeypatch):
        clip = write(tmp_path / "a.mp4", moving(100), began=BEGAN)
        decoded = []
        plain = video_reader.Reader._take
        monkeypatch.setattr(
            video_reader.Reader, "_take", lambda self, *given: decoded.append(1) or plain(self, *given)
        )
        samples, _ = read(clip, every_s=3.0)
        assert len(samples) == 4
        assert len(decoded) == 10 + 3  # the first group of pictures, then three key frames

    def test_a_picture_of_another_size_comes_through(self, tmp_path):
        first, second = write(tmp_path / "a.ts", moving(20)), write(tmp_path / "b.ts", moving(20, (160, 96)))
        joined = tmp_path / "c.ts"
        joined.write_bytes(first.read_bytes() + second.read_bytes())
        samples, _ = read(joined, every_s=0.5)
        assert {sample.pixels.shape for sample in samples} == {(180, 320, 3), (96, 160, 3)}

    @pytest.mark.parametrize("gop", [1, 40], ids=["key frames alone", "everything is decoded"])
    def test_times_that_begin_anew_go_on_from_the_last_one(self, tmp_path, gop):
        """Two recordings of 2 s at 10 fps, the second one's clock set back to the first one's start: 4 s in all."""
        clips = [write(tmp_path / f"{n}.ts", moving(20), gop=gop) for n in range(2)]
        joined = tmp_path / "joined.ts"
        joined.write_bytes(b"".join(clip.read_bytes() for clip in clips))
        samples, counts = read(joined, every_s=0.1)
        assert seconds(samples) == [n / 10 for n in range(40)]
        assert counts.clock_off == 20 and "begin anew" in counts.last_error
        assert counts.state is CaptureState.FINISHED

    @pytest.mark.parametrize("gop", [1, 40], ids=["key frames alone", "everything is decoded"])
    @pytest.mark.parametrize(
        ("packets", "ahead_s"),
        [(range(1, 2), 18_000), (range(20, 21), 18_000), (range(20, 24), 18_000), (range(20, 21), -1.9)],
        ids=["the second", "one", "four in a row", "one behind"],
    )
    def test_times_hours_away_are_set_right(self, tmp_path, gop, packets, ahead_s):
        """6 s at 10 fps: the pictures with wrong times get those between their neighbours, and no other moves."""
        clip = put_ahead(write(tmp_path / "a.ts", moving(60), gop=gop), packets, ahead_s)
        samples, counts = read(clip, every_s=0.1)
        assert seconds(samples) == [n / 10 for n in range(60)]
        assert counts.clock_off == len(packets) and "set right" in counts.last_error
        assert counts.state is CaptureState.FINISHED

    def test_a_replay_does_not_wait_hours_for_one_packet(self, tmp_path):
        clip = put_ahead(write(tmp_path / "a.ts", moving(20)), range(10, 11), 18_000)
        source = Source("cam-1", parse_address(str(clip), told="test"), 0.1, replay=True)
        stop, samples = threading.Event(), []

        def post(_, sample):
            samples.append(sample)
            if len(samples) == 18:
                stop.set()

        playing = threading.Thread(target=capture, args=(source, Capture("cam-1"), post, stop), daemon=True)
        playing.start()
        playing.join(30)
        stuck = playing.is_alive()
        stop.set()
        assert not stuck

    def test_a_pause_of_a_recording_is_believed(self, tmp_path):
        clip = put_ahead(write(tmp_path / "a.ts", moving(60)), range(20, 60), 18_000)
        samples, counts = read(clip, every_s=0.1)
        assert seconds(samples) == [n / 10 + 18_000 * (n >= 20) for n in range(60)]
        assert counts.clock_off == 0

    def test_a_huge_picture_is_scaled_down(self, tmp_path, monkeypatch):
        monkeypatch.setattr(video_reader, "MAX_PIXELS", 160 * 90)
        samples, _ = read(write(tmp_path / "a.mp4", moving(10)))
        assert samples[0].pixels.shape == (90, 160, 3)

    def test_a_truncated_recording_gives_what_it_has_and_fails(self, tmp_path):
        clip = write(tmp_path / "a.mkv", moving(100), began=BEGAN)
        clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
        samples, counts = read(clip)
        assert 2 <= len(samples) < 10
        assert counts.state is CaptureState.FAILED
        assert "cut off after" in counts.last_error

    @pytest.mark.parametrize("content", [b"", b"no video at all" * 100], ids=["empty", "text"])
    def test_what_is_no_video_fails_without_its_path(self, tmp_path, content):
        path = tmp_path / "secret-name.mp4"
        path.write_bytes(content)
        samples, counts = read(path)
        assert (samples, counts.state) == ([], CaptureState.FAILED)
        assert counts.last_error.startswith("cannot be opened") and "secret" not in counts.last_error

    def test_a_missing_file_fails(self, tmp_path):
        _, counts = read(tmp_path / "none.mp4")
        assert counts.last_error == "cannot be opened: No such file or directory"

    @pytest.mark.parametrize("seed", [1, 6, 7])
    def test_streams_that_damage_made_up_do_not_end_the_reading(self, tmp_path, seed):
        """One byte in fifty of the middle half overwritten: packets then announce streams that nobody opened."""
        clip, random = write(tmp_path / "a.ts", moving(60, (160, 96))), Random(seed)
        data = bytearray(clip.read_bytes())
        for place in range(len(data) // 4, 3 * len(data) // 4):
            if random.random() < 0.02:
                data[place] = random.randrange(256)
        clip.write_bytes(data)
        samples, counts = read(clip, every_s=0.1)
        assert "internal" not in counts.last_error and counts.state is CaptureState.FINISHED
        assert counts.corrupt > 0 and samples[-1].at - samples[0].at > timedelta(seconds=5)

    @pytest.mark.parametrize(("faults", "state"), [(7, CaptureState.FINISHED), (8, CaptureState.FAILED)])
    def test_reading_is_begun_afresh_a_bounded_number_of_times(self, tmp_path, monkeypatch, faults, state):
        clip, left = write(tmp_path / "a.ts", moving(20)), [None] * faults
        plain = video_reader.Reader._step

        def step(reader, read_next, what):
            packet = plain(reader, read_next, what)
            if left and packet is not None and packet.size:
                left.pop()
                raise IndexError
            return packet

        monkeypatch.setattr(video_reader.Reader, "_step", step)
        _, counts = read(clip)
        assert counts.state is state and counts.corrupt >= faults

    def test_damage_is_counted_and_damaged_pictures_are_left_out(self, tmp_path):
        clip = write(tmp_path / "a.ts", moving(200))
        damage(clip, tmp_path / "b.ts", hits=60)
        samples, counts = read(tmp_path / "b.ts", every_s=0.2)
        assert counts.errors + counts.corrupt > 0
        assert 0 < len(samples) < 100


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
