"""What is read of video files: sampling, their clocks, damage, pictures of another size."""

import sys
import threading
from datetime import timedelta
from pathlib import Path
from random import Random

import numpy as np
import pytest

pytest.importorskip("av", reason="PYAV ABSENT: pip install 'firewarden[video]'")
sys.path.insert(0, str(Path(__file__).parent))
from cctv_recordings import read, seconds
from video_clips import BEGAN, WH, moving, put_ahead, turned, write

from firewarden.cctv import video_frames, video_reader
from firewarden.cctv.runner_status import find_problems
from firewarden.cctv.simulate_clips import damage
from firewarden.cctv.stream_address import parse_address
from firewarden.cctv.video_capture import capture
from firewarden.cctv.video_due import Due
from firewarden.cctv.video_sampling import Sampling
from firewarden.cctv.video_source import Capture, CaptureState, Source


def test_a_recording_is_sampled_by_its_own_clock(tmp_path):
    clip = write(tmp_path / "a.mp4", moving(80), began=BEGAN)
    samples, counts = read(clip)
    assert [sample.at for sample in samples[:2]] == [BEGAN, BEGAN + timedelta(seconds=0.9)]
    assert len(samples) == 8 == counts.taken
    assert samples[0].pixels.shape == (WH[1], WH[0], 3)
    assert counts.state is CaptureState.FINISHED and counts.last_error is None


def test_key_frames_alone_give_the_same_pictures_as_decoding_everything(tmp_path, monkeypatch):
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


def test_slow_sampling_decodes_few_packets(tmp_path, monkeypatch):
    clip = write(tmp_path / "a.mp4", moving(100), began=BEGAN)
    decoded = []
    plain = video_reader.Reader._take
    monkeypatch.setattr(
        video_reader.Reader, "_take", lambda self, *given: decoded.append(1) or plain(self, *given)
    )
    samples, _ = read(clip, every_s=3.0)
    assert len(samples) == 4
    assert len(decoded) == 10 + 3  # the first group of pictures, then three key frames


def test_a_picture_of_another_size_comes_through(tmp_path):
    first, second = write(tmp_path / "a.ts", moving(20)), write(tmp_path / "b.ts", moving(20, (160, 96)))
    joined = tmp_path / "c.ts"
    joined.write_bytes(first.read_bytes() + second.read_bytes())
    samples, _ = read(joined, every_s=0.5)
    assert {sample.pixels.shape for sample in samples} == {(180, 320, 3), (96, 160, 3)}


@pytest.mark.parametrize("gop", [1, 40], ids=["key frames alone", "everything is decoded"])
def test_times_that_begin_anew_go_on_from_the_last_one(tmp_path, gop):
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
def test_times_hours_away_are_set_right(tmp_path, gop, packets, ahead_s):
    """6 s at 10 fps: the pictures with wrong times get those between their neighbours, and no other moves."""
    clip = put_ahead(write(tmp_path / "a.ts", moving(60), gop=gop), packets, ahead_s)
    samples, counts = read(clip, every_s=0.1)
    assert seconds(samples) == [n / 10 for n in range(60)]
    assert counts.clock_off == len(packets) and "set right" in counts.last_error
    assert counts.state is CaptureState.FINISHED


def test_a_replay_does_not_wait_hours_for_one_packet(tmp_path):
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


def test_a_pause_of_a_recording_is_believed(tmp_path):
    clip = put_ahead(write(tmp_path / "a.ts", moving(60)), range(20, 60), 18_000)
    samples, counts = read(clip, every_s=0.1)
    assert seconds(samples) == [n / 10 + 18_000 * (n >= 20) for n in range(60)]
    assert counts.clock_off == 0


def test_a_huge_picture_is_scaled_down(tmp_path, monkeypatch):
    monkeypatch.setattr(video_frames, "MAX_PIXELS", 160 * 90)
    samples, _ = read(write(tmp_path / "a.mp4", moving(10)))
    assert samples[0].pixels.shape == (90, 160, 3)
    samples, _ = read(turned(tmp_path / "a.mp4", 0, 1))
    assert samples[0].pixels.shape == (160, 90, 3)


def test_a_truncated_recording_gives_what_it_has_and_fails(tmp_path):
    clip = write(tmp_path / "a.mkv", moving(100), began=BEGAN)
    clip.write_bytes(clip.read_bytes()[: clip.stat().st_size // 2])
    samples, counts = read(clip)
    assert 2 <= len(samples) < 10
    assert counts.state is CaptureState.FAILED
    assert "cut off after" in counts.last_error


@pytest.mark.parametrize("content", [b"", b"no video at all" * 100], ids=["empty", "text"])
def test_what_is_no_video_fails_without_its_path(tmp_path, content):
    path = tmp_path / "secret-name.mp4"
    path.write_bytes(content)
    samples, counts = read(path)
    assert (samples, counts.state) == ([], CaptureState.FAILED)
    assert counts.last_error.startswith("cannot be opened") and "secret" not in counts.last_error


def test_a_missing_file_fails(tmp_path):
    _, counts = read(tmp_path / "none.mp4")
    assert counts.last_error == "cannot be opened: No such file or directory"


@pytest.mark.parametrize("seed", [1, 6, 7])
def test_streams_that_damage_made_up_do_not_end_the_reading(tmp_path, seed):
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
def test_reading_is_begun_afresh_a_bounded_number_of_times(tmp_path, monkeypatch, faults, state):
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


def test_damage_is_counted_and_damaged_pictures_are_left_out(tmp_path):
    clip = write(tmp_path / "a.ts", moving(200))
    damage(clip, tmp_path / "b.ts", hits=60)
    samples, counts = read(tmp_path / "b.ts", every_s=0.2)
    assert counts.errors + counts.corrupt > 0
    assert 0 < len(samples) < 100


class TestMissingPictures:
    def due(self, *times: float) -> int:
        due = Due(10.0)
        for t in times:
            due = due.with_picture(t)
        return due.count

    def test_what_is_due_by_hand(self):
        assert self.due(*range(61)) == 7
        assert self.due(0, 60, 120) == 3, "a picture a minute: no more than there are"
        assert self.due(*range(11), *range(3600, 3611)) == 4, "a pause owes nothing"

    @pytest.mark.parametrize(
        ("taken", "damaged", "told"),
        [(100, 0, False), (89, 0, False), (88, 0, True), (50, 39, False), (49, 500, True), (0, 0, True)],
        ids=["all", "a tenth late", "more", "damage explains it", "half are damaged", "none"],
    )
    def test_what_is_told(self, taken, damaged, told):
        missing = Due(1.0, count=100).missing(taken, damaged)
        assert missing == (f"gave {taken} of the 100 pictures that were due" if told else None)

    def test_an_empty_one_misses_nothing(self):
        assert Due(1.0).missing(0, 0) is None

    def test_pictures_lost_without_a_word_fail_the_recording(self, tmp_path, monkeypatch):
        monkeypatch.setattr(video_reader, "shown_at", lambda frame, time_base: float("nan"))
        samples, counts = read(write(tmp_path / "a.mp4", moving(100)), every_s=1.0)
        assert len(samples) == 1 and counts.state is CaptureState.FAILED
        assert counts.last_error == "gave 1 of the 10 pictures that were due"

    def test_pictures_too_small_to_look_at_fail_it_too(self, tmp_path):
        samples, counts = read(write(tmp_path / "a.mp4", moving(40, (30, 30))), every_s=1.0)
        assert samples == [] and counts.corrupt == 10 + 3  # the first group, then key frames
        assert counts.last_error == "gave 0 of the 4 pictures that were due"
        assert find_problems((), counts) == ("failed", "unreadable")
