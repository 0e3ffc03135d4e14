"""Clips for a simulation: pictures as a camera would show them, H.264, each held for a while with the noise of a sensor;
a frozen camera's and a damaged one's."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import islice
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageOps

from firewarden.cctv.frame import Pixels
from firewarden.errors import DatasetError
from firewarden.inference.batch import is_photo_name

_NOISE = 3.0  # grey values, standard deviation
_HEAD = 4096  # bytes left whole, so that the file can be opened
_SEED = 7
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClipPlan:
    """Pictures of `wh` pixels at `fps`, a key frame every `key_s`, each picture held for `hold_s`, `frames` in all."""

    wh: tuple[int, int]
    fps: float
    hold_s: float
    frames: int
    key_s: float = 1.0


def write_clip(path: Path, pictures: Iterable[Pixels], plan: ClipPlan) -> None:
    """Write frames `(h, w, 3)` RGB to an MPEG-TS file, one after the other."""
    with av.open(str(path), "w") as container:
        rate = Fraction(plan.fps).limit_denominator(1000)
        options = {"preset": "ultrafast", "qp": "26", "tune": "zerolatency", "sc_threshold": "0"}
        stream = container.add_stream("h264", rate=rate, options=options)
        stream.width, stream.height = plan.wh
        stream.pix_fmt, stream.gop_size = "yuv420p", max(1, round(plan.key_s * plan.fps))
        stream.codec_context.thread_count = 1  # one slice a picture, as cameras send it
        for pixels in pictures:
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


def held(stills: Sequence[Pixels], plan: ClipPlan) -> Iterator[Pixels]:
    """The frames of a clip: each still for its while, no two frames alike."""
    random = np.random.default_rng(_SEED)
    noise = [random.normal(0, _NOISE, stills[0].shape[:2] + (1,)).astype(np.int16) for _ in range(3)]
    frames_each = max(1, round(plan.hold_s * plan.fps))
    for number in range(plan.frames):
        still = stills[number // frames_each % len(stills)]
        yield np.clip(still + noise[number % len(noise)], 0, 255).astype(np.uint8)


def still_pictures(folder: Path, wh: tuple[int, int], count: int) -> list[Pixels]:
    """The first pictures of a folder that can be read, cut to the shape of a camera's. Raises DatasetError for what is no
    folder."""
    if not folder.is_dir():
        raise DatasetError(f"{folder}: no such folder; name one with JPEG, PNG or WebP pictures, or none")
    paths = sorted(p for p in folder.iterdir() if is_photo_name(p.name))
    readable = (still for path in paths if (still := _fitted(path, wh)) is not None)
    return list(islice(readable, count))


def _fitted(path: Path, wh: tuple[int, int]) -> Pixels | None:
    """None for a file that holds no whole picture."""
    try:
        with Image.open(path) as opened:
            upright = ImageOps.exif_transpose(opened).convert("RGB")
    except (OSError, SyntaxError, Image.DecompressionBombError):
        _log.warning("%s cannot be read as a picture; left out", path)
        return None
    return np.asarray(ImageOps.fit(upright, wh), np.uint8)


def drawn_corridor(wh: tuple[int, int], count: int = 3) -> list[Pixels]:
    """A corridor with a door at its end, empty and with boxes left in it."""
    return [_corridor(wh, boxes) for boxes in range(count)]


def _corridor(wh: tuple[int, int], boxes: int) -> Pixels:
    w, h = wh
    picture = Image.new("RGB", wh, (176, 172, 162))
    draw = ImageDraw.Draw(picture)
    left, right, top, bottom = 0.38 * w, 0.62 * w, 0.3 * h, 0.62 * h
    draw.polygon([(0, h), (w, h), (right, bottom), (left, bottom)], fill=(120, 116, 110))
    draw.polygon([(0, 0), (w, 0), (right, top), (left, top)], fill=(210, 210, 206))
    draw.rectangle((left, top, right, bottom), fill=(150, 148, 140))
    draw.rectangle((0.45 * w, 0.38 * h, 0.55 * w, bottom), fill=(96, 84, 70))
    for number in range(boxes):
        x = (0.15 + 0.16 * number) * w
        draw.rectangle(
            (x, 0.66 * h, x + 0.13 * w, 0.9 * h), fill=(168, 128, 84), outline=(90, 70, 50), width=4
        )
    return np.asarray(picture, np.uint8)


def damage(clip: Path, target: Path, *, hits: int) -> None:
    """A copy with so many bytes overwritten, anywhere behind its head."""
    data = np.frombuffer(clip.read_bytes(), np.uint8).copy()
    random = np.random.default_rng(_SEED)
    places = random.integers(min(_HEAD, len(data) - 1), len(data), hits)
    data[places] = random.integers(0, 256, len(places))
    target.write_bytes(data.tobytes())
