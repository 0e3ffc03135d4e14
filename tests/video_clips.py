"""Clips drawn in the test, H.264 as a camera sends it: one slice a picture, a key frame every so often."""

import struct
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
from av.video.frame import PictureType

WH = (320, 180)
BEGAN = datetime(2026, 3, 2, 8, 0, 0, tzinfo=UTC)


def moving(frames: int, wh: tuple[int, int] = WH) -> Iterator[np.ndarray]:
    """A grey wall with the noise of a sensor; a bright bar moves 2 px a frame."""
    random = np.random.default_rng(0)
    noise = [random.normal(0, 3, (wh[1], wh[0], 1)) for _ in range(5)]
    for number in range(frames):
        picture = np.clip(np.full((wh[1], wh[0], 3), 100.0) + noise[number % 5], 0, 255).astype(np.uint8)
        picture[:, number * 2 % (wh[0] - 20) :][:, :20] = 200
        yield picture


def numbered(frames: int, first: int = 0) -> Iterator[np.ndarray]:
    """Pictures that show their number as ten bright or dark fields, 192 x 108 px."""
    for number in range(first, first + frames):
        picture = np.full((108, 192, 3), 90, np.uint8)
        for bit in range(10):
            picture[16:64, bit * 19 :][:, :19] = 230 if number >> bit & 1 else 20
        yield picture


def number_of(pixels: np.ndarray) -> int:
    return sum(int(pixels[40, bit * 19 + 9].mean() > 125) << bit for bit in range(10))


def write(
    path: Path,
    pictures: Iterable[np.ndarray],
    *,
    fps: int = 10,
    gop: int = 10,
    began: datetime | None = None,
    slices: int = 1,
    codec: str = "h264",
    options: Mapping[str, str] = {},
    pix_fmt: str = "yuv420p",
    keys: Container[int] = (),
    time_ms: Callable[[int], int] | None = None,
) -> Path:
    """Write BGR pictures of one size; the kind of file goes by its suffix. `keys`: pictures that become key frames, before
    `gop` is over too; `time_ms`: when each is shown, where they are not `fps` a second."""
    with av.open(str(path), "w") as container:
        if began is not None:
            container.metadata["creation_time"] = began.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
        usual = {"preset": "ultrafast", "sc_threshold": "0", "forced-idr": "1", "slices": str(slices)}
        stream = container.add_stream(codec, rate=fps, options=usual | options)
        stream.codec_context.thread_count, stream.gop_size = 1, gop
        for number, pixels in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = pix_fmt
                if time_ms is not None:
                    stream.codec_context.time_base = Fraction(1, 1000)
            frame = av.VideoFrame.from_ndarray(pixels, format="bgr24")
            if time_ms is not None:
                frame.pts, frame.time_base = time_ms(number), Fraction(1, 1000)
            if number in keys:
                frame.pict_type = PictureType.I
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def put_ahead(clip: Path, packets: range, seconds: float) -> Path:
    """Have packets of an MPEG-TS clip lie about their time, in place; other bytes stay as they are."""
    data, number = bytearray(clip.read_bytes()), -1
    for start in range(0, len(data), 188):
        header = start + 4 + (1 + data[start + 4] if data[start + 3] & 0x20 else 0)
        if not data[start + 1] & 0x40 or data[header : header + 4] != b"\0\0\1\xe0":
            continue  # no first packet of a picture
        number += 1
        if number in packets:
            stamp = data[header + 9 : header + 14]
            ticks = (
                (stamp[0] >> 1 & 7) << 30
                | stamp[1] << 22
                | stamp[2] >> 1 << 15
                | stamp[3] << 7
                | stamp[4] >> 1
            )
            ticks += round(seconds * 90_000)
            data[header + 9 : header + 14] = bytes(
                [stamp[0] & 0xF0 | (ticks >> 30 & 7) << 1 | 1, ticks >> 22 & 255, (ticks >> 15 & 127) << 1 | 1,
                 ticks >> 7 & 255, (ticks & 127) << 1 | 1]
            )  # fmt: skip
    clip.write_bytes(data)
    return clip


def turned(clip: Path, cosine: int, sine: int) -> Path:
    """Have an MP4 clip ask to be shown turned clockwise, as telephones do."""
    data = bytearray(clip.read_bytes())
    at = data.find(b"tkhd") + 44
    data[at : at + 20] = struct.pack(">5i", cosine << 16, sine << 16, 0, -sine << 16, cosine << 16)
    clip.write_bytes(data)
    return clip


def without_its_start(clip: Path, seconds: int) -> Path:
    """An MP4 clip whose edit list leaves out its first seconds; the pictures stay in the file."""
    with av.open(str(clip)) as container:
        ticks = round(seconds / container.streams.video[0].time_base)
    data = bytearray(clip.read_bytes())
    at = data.find(b"elst") + 12
    length_ms, begins = struct.unpack(">Ii", data[at : at + 8])
    data[at : at + 8] = struct.pack(">Ii", length_ms - 1000 * seconds, begins + ticks)
    clip.write_bytes(data)
    return clip
