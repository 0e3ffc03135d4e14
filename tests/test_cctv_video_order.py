"""Recordings whose pictures are decoded in another order than they are shown in, or at odd times: each is taken at its own.
Every picture shows its number."""

import sys
import threading
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av", reason="PYAV ABSENT: pip install 'firewarden[video]'")
sys.path.insert(0, str(Path(__file__).parent))
import av
from cctv_recordings import file_source, read, seconds
from cctv_stage import Actor, Stage, camera
from video_clips import BEGAN, number_of, numbered, turned, without_its_start, write

from firewarden.cctv.events import EventChange
from firewarden.cctv.runner import Runner
from firewarden.cctv.video_source import CaptureState
from firewarden.inference.image import Image
from firewarden.inference.inspector import Inspector

REORDERED = {"preset": "veryfast", "bf": "3", "b_strategy": "0"}
H265 = {
    "preset": "ultrafast",
    "x265-params": "bframes=3:b-adapt=0:keyint=20:min-keyint=20:log-level=none:pools=1",
}
OPEN = "bframes=3:keyint=20:min-keyint=20:open-gop=1"
KINDS = {
    "H.264": {"options": REORDERED},
    "open groups": {"options": REORDERED | {"x264-params": OPEN}},
    "interlaced": {"options": REORDERED | {"x264-params": "tff=1"}},
    "10 bits": {"options": REORDERED, "pix_fmt": "yuv420p10le"},
    "H.265": {"options": H265, "codec": "libx265"},
    "H.265, open groups": {
        "options": H265 | {"x265-params": H265["x265-params"] + ":open-gop=1"}, "codec": "libx265", "pix_fmt": "yuv420p10le",
    },
}  # fmt: skip


def taken(clip: Path, every_s: float) -> list[tuple[int, float]]:
    """Number and time of each picture of a recording that has nothing wrong."""
    samples, counts = read(clip, every_s)
    assert (counts.state, counts.last_error, counts.corrupt) == (CaptureState.FINISHED, None, 0)
    return list(zip([number_of(s.pixels) for s in samples], seconds(samples), strict=True))


@pytest.fixture(scope="module", params=KINDS)
def kind(request) -> dict:
    codec = KINDS[request.param].get("codec", "libx264")
    if codec not in av.codecs_available:
        pytest.skip(f"{codec} ABSENT from this PyAV")
    return KINDS[request.param]


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_every_picture_has_its_own_time(tmp_path, kind, suffix):
    """10 s at 10 fps, a key frame every 2 s: looks every 4 s fall on key frames, and 0.1 s takes all to the last one."""
    clip = write(tmp_path / f"a.{suffix}", numbered(100), gop=20, **kind)
    assert is_reordered(clip)
    assert taken(clip, 4.0) == [(0, 0.0), (40, 4.0), (80, 8.0)]
    assert taken(clip, 0.1) == [(n, n / 10) for n in range(100)]


def is_reordered(clip: Path) -> bool:
    with av.open(str(clip)) as container:
        stamps = [packet.pts for packet in container.demux(video=0) if packet.size]
    return stamps != sorted(stamps)


def test_a_minute_as_the_encoder_makes_it_gives_seven_pictures(tmp_path):
    """One in 10 s, key frames 10 s apart. The first group is decoded whole: 9 s is early enough, 20 s would be late."""
    clip = write(tmp_path / "a.mp4", numbered(300), fps=5, gop=50, options=REORDERED)
    assert [at for _, at in taken(clip, 10.0)] == [0.0, 9.0, 10.0, 20.0, 30.0, 40.0, 50.0]


@pytest.mark.parametrize("gop", [10, 40], ids=["key frames", "everything"])
def test_no_picture_is_lost_where_times_begin_anew(tmp_path, gop):
    """Two recordings of 2 s at 10 fps joined, pictures 0 to 39; those held back at the joint have no unit of time."""
    clips = [write(tmp_path / f"{n}.ts", numbered(20, n), gop=gop, options=REORDERED) for n in (0, 20)]
    joined = tmp_path / "joined.ts"
    joined.write_bytes(b"".join(clip.read_bytes() for clip in clips))
    samples, counts = read(joined, every_s=0.1)
    assert [number_of(s.pixels) for s in samples] == list(range(40))
    assert seconds(samples) == [n / 10 for n in range(40)]
    assert counts.state is CaptureState.FINISHED and "begin anew" in counts.last_error
    alone = read(joined, every_s=1.0)[0]
    assert [number_of(s.pixels) / 10 for s in alone] == seconds(alone) and len(alone) >= 4


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_one_picture_a_second_is_decoded_seconds_before_it_is_shown(tmp_path, suffix):
    clip = write(tmp_path / f"a.{suffix}", numbered(60), fps=1, gop=10, options=REORDERED)
    assert taken(clip, 1.0) == [(n, float(n)) for n in range(60)]
    assert taken(clip, 20.0) == [(0, 0.0), (20, 20.0), (40, 40.0)]


def test_a_key_frame_that_does_not_come_costs_no_picture(tmp_path):
    """Key frames at 0, 1, 2 and then 20 s, a look every 4 s: what follows the third one is decoded after all."""
    clip = write(tmp_path / "a.mp4", numbered(240), gop=1000, keys=(0, 10, 20, 200), options=REORDERED)
    assert [n for n, _ in taken(clip, 4.0)] == [0, 36, 76, 116, 156, 196, 236]


@pytest.mark.parametrize("suffix", ["mp4", "mkv"])
def test_pictures_at_changing_distances(tmp_path, suffix):
    """Two seconds at 10 fps, then one picture every 0.5 s; a look every 0.5 s."""

    def time_ms(number: int) -> int:
        return number * 100 if number < 20 else 2000 + (number - 20) * 500

    clip = write(tmp_path / f"a.{suffix}", numbered(40), gop=100, options=REORDERED, time_ms=time_ms)
    assert taken(clip, 0.5) == [
        (0, 0),
        (5, 0.5),
        (10, 1),
        (15, 1.5),
        *((n, time_ms(n) / 1000) for n in range(20, 40)),
    ]


def test_what_an_edit_list_leaves_out_is_not_missed(tmp_path):
    """10 s less 3: the file still holds the second before, from the key frame on, for the decoder alone."""
    clip = write(tmp_path / "a.mp4", numbered(100), gop=20, options=REORDERED, began=BEGAN)
    assert taken(without_its_start(clip, 3), 0.1) == [(n + 30, n / 10) for n in range(70)]
    assert read(clip, 0.1)[0][0].at == BEGAN


def test_a_part_of_a_longer_recording_is_whole(tmp_path):
    """Matroska tells when it ends, not how long it is: 10 s from 60 s on end at 70."""
    clip = write(tmp_path / "a.mkv", numbered(100), options=REORDERED, time_ms=lambda n: 60_000 + n * 100)
    assert taken(clip, 0.1) == [(n, n / 10) for n in range(100)]


@pytest.mark.parametrize("every_s", [0.1, 1.0], ids=["everything", "key frames"])
@pytest.mark.parametrize(
    ("cosine", "sine", "back"),
    [(0, 1, lambda p: np.rot90(p, 1)), (-1, 0, lambda p: np.rot90(p, 2)), (0, -1, lambda p: np.rot90(p, -1))],
    ids=["a quarter clockwise", "half", "a quarter the other way"],
)
def test_a_recording_of_a_telephone_is_turned_upright(
    tmp_path, cosine: int, sine: int, back: Callable, every_s
):
    clip = turned(write(tmp_path / "a.mp4", numbered(20), options=REORDERED), cosine, sine)
    samples, _ = read(clip, every_s)
    assert {s.pixels.shape for s in samples} == {(108, 192, 3) if cosine else (192, 108, 3)}
    assert [number_of(back(s.pixels)) / 10 for s in samples] == seconds(samples)


class Eyes(Stage):
    """A stage whose detector goes by the pixels it is given: a dark field is the e-bike."""

    def see(self, image: Image):
        h, w = image.pixels_hw
        dark = image.pixels[h // 2 : 4 * h // 5, 7 * w // 20 : 11 * w // 20].mean() < 80
        self.now_s = 30.0 if dark else 0.0
        return super().see(image)


@pytest.mark.parametrize("suffix", ["mp4", "mkv", "ts"])
def test_a_change_in_a_recording_becomes_an_event_of_its_time(tmp_path, rules, suffix):
    """90 s at 5 fps, a key frame and a look every 2 s; an e-bike stands there from 30 s on."""
    bike = Actor("ebike", (0.3, 0.4, 0.6, 0.9), start_s=30)

    def pictures():
        stage = Stage([bike])
        for number in range(450):
            stage.now_s = number / 5
            yield stage.draw()

    clip = write(tmp_path / f"a.{suffix}", pictures(), fps=5, gop=10, options=REORDERED, began=BEGAN)
    changes: list[EventChange] = []
    sink = type("Sink", (), {"write": lambda self, change: changes.append(change)})()
    watched = camera(sample_every_s=2.0)
    runner = Runner([(watched, file_source(clip, every_s=2.0))], Inspector(Eyes([bike]), rules), sink)
    runner.run(threading.Event(), for_s=240)
    (status,) = runner.statuses()
    assert (status.state, status.problems, status.last_error) == (CaptureState.FINISHED, (), None)
    assert 45 <= status.taken <= 47
    assert [(c.kind.value, c.event.hazard) for c in changes] == [("opened", "indoor_ebike")]
    began = read(clip, 2.0)[0][0].at
    assert changes[0].event.first_seen == began + timedelta(seconds=30)
