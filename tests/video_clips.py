"""Clips drawn in the test, H.264 as a camera sends it: one slice a picture, a key frame every so often."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np

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


def write(
    path: Path, pictures: Iterable[np.ndarray], *, fps: int = 10, gop: int = 10, began: datetime | None = None
) -> Path:
    """Write BGR pictures of one size; the kind of file goes by its suffix."""
    with av.open(str(path), "w") as container:
        if began is not None:
            container.metadata["creation_time"] = began.strftime("%Y-%m-%dT%H:%M:%S.000000Z")
        stream = container.add_stream("h264", rate=fps, options={"preset": "ultrafast", "sc_threshold": "0"})
        stream.codec_context.thread_count, stream.gop_size = 1, gop
        for number, pixels in enumerate(pictures):
            if number == 0:
                stream.height, stream.width = pixels.shape[:2]
                stream.pix_fmt = "yuv420p"
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="bgr24")))
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
