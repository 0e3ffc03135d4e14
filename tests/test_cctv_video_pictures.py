"""Key frames that come in several packets, as from servers that send parameter sets before every slice."""

import re
import sys
import threading
from fractions import Fraction
from pathlib import Path

import pytest

pytest.importorskip("av", reason="PYAV ABSENT: pip install 'firewarden[video]'")
sys.path.insert(0, str(Path(__file__).parent))
import av
from cctv_recordings import read
from rtsp_server import RtspServer, missing_part
from video_clips import moving, write

from firewarden.cctv.stream_address import parse_address
from firewarden.cctv.video_capture import capture
from firewarden.cctv.video_pictures import Coding, coding_of, join, whole_pictures
from firewarden.cctv.video_source import Capture, Source

H264 = Coding(is_h264=True, length_bytes=0)
SPS, FIRST, MORE, P_FIRST = b"\0\0\1\x67\x42", b"\0\0\1\x65\x88", b"\0\0\1\x65\x48", b"\0\0\1\x41\x9a"


def packet(data: bytes, at: int | None = None, key: bool = False) -> av.Packet:
    made = av.Packet(data)
    made.pts = made.dts = at
    made.time_base, made.is_keyframe = Fraction(1, 10), key
    return made


END = packet(b"")


def handed_on(packets: list[av.Packet]) -> tuple[list[tuple[bytes, int]], int]:
    """(data, packets read until then) of each picture, and how many packets came too late."""
    read_on, late = [0], []

    def coming():
        for one in packets:
            read_on[0] += 1
            yield one

    told = [(bytes(p), read_on[0]) for p in whole_pictures(coming(), H264, lambda: late.append(1)) if p.size]
    return told, len(late)


class TestPackets:
    @pytest.mark.parametrize(
        ("coding", "data", "expected"),
        [
            (H264, SPS + FIRST, True),
            (H264, SPS + MORE, False),
            (H264, SPS, None),
            (H264, b"", None),
            (Coding(True, 4), b"\0\0\0\2\x67\x42\0\0\0\2\x65\x48", False),
            (Coding(True, 2), b"\0\2\x67\x42\0\2\x65\x88", True),
            (
                Coding(False, 0),
                b"\0\0\1\x40\1\x0c\0\0\1\x26\1\xaf",
                True,
            ),  # a parameter set, then an IDR slice
            (Coding(False, 0), b"\0\0\1\x26\1\x2f", False),
        ],
        ids=[
            "first",
            "later",
            "no slice",
            "empty",
            "lengths of 4",
            "lengths of 2",
            "H.265",
            "later in H.265",
        ],
    )
    def test_the_first_slice_of_a_picture_is_told_by_its_first_bit(self, coding, data, expected):
        assert coding.begins(data) is expected

    @pytest.mark.parametrize(
        ("codec", "extradata", "expected"),
        [
            ("h264", None, H264),
            ("h264", SPS + b"\0", H264),
            ("h264", b"\1\x42\0\x1e\xff\xe1", Coding(True, 4)),
            ("hevc", b"\1" + b"\0" * 20 + b"\xfd", Coding(False, 2)),
            ("mjpeg", None, None),
        ],
    )
    def test_how_units_are_laid_out(self, codec, extradata, expected):
        assert coding_of(codec, extradata) == expected

    def test_from_the_second_picture_on_none_waits_for_the_next_one(self):
        key = [packet(SPS + FIRST, None, True), packet(MORE, 0, True), packet(MORE, 0, True)]
        later = [packet(SPS + FIRST, 20, True), packet(MORE, None, True), packet(MORE, 20, True)]
        told, late = handed_on([*key, packet(P_FIRST, 10), *later, END])
        whole = SPS + FIRST + MORE + MORE
        assert told == [(whole, 4), (P_FIRST, 5), (whole, 7)] and late == 0

    def test_pictures_of_one_packet_pass_one_by_one(self):
        keys = [packet(SPS + FIRST, n, True) for n in range(4)]
        told, _ = handed_on([*keys, END])
        assert [after for _, after in told] == [2, 2, 3, 4]
        assert next(whole_pictures(keys[1:], None, lambda: None)) is keys[1]

    def test_more_packets_than_before_are_told_late_once(self):
        single = [packet(FIRST, n, True) for n in range(2)]
        double = [p for n in (2, 3, 4) for p in (packet(FIRST, n, True), packet(MORE, n, True))]
        told, late = handed_on([*single, *double, END])
        assert [data for data, _ in told] == [FIRST, FIRST, FIRST, FIRST + MORE, FIRST + MORE]
        assert late == 1

    def test_a_lost_packet_costs_its_picture_alone(self):
        """Of pictures of two packets the third lacks its second one, the fifth its first one."""
        pairs = [[packet(FIRST, n, True), packet(MORE, n, True)] for n in range(7)]
        del pairs[2][1], pairs[4][0]
        told, late = handed_on([p for pair in pairs for p in pair] + [END])
        whole = FIRST + MORE
        assert [data for data, _ in told] == [whole, whole, FIRST, whole, MORE, whole, whole] and late == 0

    def test_parameter_sets_of_their_own_go_with_the_next_picture(self):
        told, _ = handed_on([packet(P_FIRST, 0), packet(SPS, 1), packet(FIRST, 1, True), END])
        assert [data for data, _ in told] == [P_FIRST, SPS + FIRST]

    def test_no_stream_fills_the_memory(self):
        told, _ = handed_on([packet(FIRST, 0, True), *[packet(MORE, 0, True)] * 1000, END])
        assert max(len(data) for data, _ in told) == len(FIRST) + 127 * len(MORE)

    def test_a_joined_packet_has_the_first_time_and_clock_of_its_parts(self):
        parts = [packet(SPS + FIRST), packet(MORE, 30, True)]
        assert not parts[0].has_sidedata("prft")
        joined = join(parts)
        assert (joined.pts, joined.dts, joined.time_base, joined.is_keyframe) == (
            30,
            30,
            Fraction(1, 10),
            True,
        )


@pytest.fixture(scope="module")
def sliced(tmp_path_factory) -> Path:
    """5 s at 10 fps with four slices a picture, a key frame every second."""
    return write(tmp_path_factory.mktemp("sliced") / "a.ts", moving(50), slices=4)


def with_sets_before_slices(clip: Path, path: Path) -> Path:
    """The clip as a server sends it that repeats parameter sets before every slice of a key frame: each a packet."""
    with av.open(str(clip)) as source, av.open(str(path), "w") as out:
        stream = out.add_stream_from_template(source.streams.video[0])
        for picture in source.demux(source.streams.video[0]):
            parts = parted(bytes(picture)) if picture.is_keyframe else [bytes(picture)]
            if path.suffix == ".ts":  # one packet there, that the library takes apart again
                parts = [b"".join(parts)]
            for part in parts:
                one = packet(part, picture.pts, picture.is_keyframe)
                one.dts, one.time_base, one.stream = picture.dts, picture.time_base, stream
                if one.size:
                    out.mux(one)
    return path


def parted(data: bytes) -> list[bytes]:
    """A key frame cut before each of its later slices, the parameter sets put before them."""
    units = [b"\0\0\0\1" + unit for unit in re.split(rb"\x00\x00\x00?\x01", data)[1:]]
    kinds = [unit[4] & 31 for unit in units]
    sets = b"".join(u for u, kind in zip(units, kinds, strict=True) if kind in (7, 8))
    slices = [n for n, kind in enumerate(kinds) if kind == 5]
    return [b"".join(units[: slices[0] + 1]), *[sets + units[n] for n in slices[1:]]]


def decoded(clip: Path) -> set[bytes]:
    with av.open(str(clip)) as container:
        return {frame.to_ndarray(format="bgr24").tobytes() for frame in container.decode(video=0)}


@pytest.mark.parametrize("every_s", [0.1, 2.0], ids=["everything is decoded", "key frames alone"])
@pytest.mark.parametrize("suffix", ["ts", "mkv"])
def test_a_recording_of_split_key_frames_is_read_whole(sliced, tmp_path, suffix, every_s):
    clip = with_sets_before_slices(sliced, tmp_path / f"split.{suffix}")
    with av.open(str(clip)) as container:
        packets = sum(1 for p in container.demux(video=0) if p.size)
    assert packets == 45 + 5 * 4, "each key frame is four packets to the library"
    samples, counts = read(clip, every_s)
    assert len(samples) == (50 if every_s == 0.1 else 3)
    assert {sample.pixels.tobytes() for sample in samples} <= decoded(sliced)
    assert (counts.errors, counts.corrupt, counts.last_error) == (0, 0, None)


def test_a_server_that_splits_key_frames_is_watched(sliced):
    missing = missing_part()
    if missing is not None:
        pytest.skip(
            f"RTSP SERVER ABSENT ({missing}); apt-get install the packages tests/rtsp_server.py names"
        )
    counts, stop, samples = Capture("a"), threading.Event(), []

    def post(_, sample) -> None:
        samples.append(sample)
        if len(samples) == 3:
            stop.set()

    with RtspServer(sliced) as server:
        source = Source("a", parse_address(server.url, told="test"), 1.0)
        reading = threading.Thread(target=capture, args=(source, counts, post, stop), daemon=True)
        reading.start()
        reading.join(60)
        stop.set()
    assert len(samples) >= 3 and {s.pixels.tobytes() for s in samples} <= decoded(sliced)
    assert (counts.errors, counts.corrupt) == (0, 0)
