"""How long it takes to get pixels out of a JPEG, by decoder, on one core."""

import importlib
import io
import time
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

import numpy as np
import simplejpeg
from PIL import Image as PillowImage

from firewarden.benchmarks.photos import BenchPhoto
from firewarden.benchmarks.stats import latency_of, ratio_of_rounds
from firewarden.inference.image import decode_image

OURS = "firewarden, as served"
Decoder = Callable[[bytes], object]


def decoders(min_long_side: int) -> tuple[dict[str, Decoder], dict[str, str]]:
    """Decoders by name, and why others are absent. `min_long_side` px is what the network's input needs."""
    found: dict[str, Decoder] = {
        OURS: lambda data: decode_image(data, min_long_side=min_long_side, sha256="-"),
        "simplejpeg, full": lambda data: simplejpeg.decode_jpeg(data, colorspace="BGR"),
        "Pillow, full": lambda data: np.asarray(PillowImage.open(io.BytesIO(data)).convert("RGB")),
        "Pillow, draft": lambda data: _pillow_draft(data, min_long_side),
    }
    try:
        cv2: Any = importlib.import_module("cv2")
    except ModuleNotFoundError:
        return found, {"OpenCV": "not installed"}
    buffer = np.frombuffer
    found["OpenCV, full"] = lambda data: cv2.imdecode(buffer(data, np.uint8), cv2.IMREAD_COLOR)
    found["OpenCV, half"] = lambda data: cv2.imdecode(buffer(data, np.uint8), cv2.IMREAD_REDUCED_COLOR_2)
    return found, {}


def measure_decoders(
    ways: Mapping[str, Decoder], photos: Sequence[BenchPhoto], *, rounds: int, seconds: float
) -> list[dict[str, Any]]:
    """One row a decoder and photo: percentiles over all rounds, and how many times as long as ours it takes."""
    rows = []
    for photo in photos:
        spent: dict[str, list[list[float]]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                spent[name].append(_times(way, photo.data, seconds))
        middle = {name: [median(times) for times in spent[name]] for name in ways}
        rows += [
            {
                "photo": photo.name,
                "decoder": name,
                **latency_of([second for times in spent[name] for second in times]).to_json(),
                "of_ours": ratio_of_rounds(middle[name], middle[OURS]).to_json(),
            }
            for name in ways
        ]
    return rows


def _times(way: Decoder, data: bytes, seconds: float) -> list[float]:
    """Durations of one decoding after the other, the first of which does not count."""
    way(data)
    times: list[float] = []
    until = time.perf_counter() + seconds
    while not times or time.perf_counter() < until:
        start = time.perf_counter()
        way(data)
        times.append(time.perf_counter() - start)
    return times


def _pillow_draft(data: bytes, min_long_side: int) -> object:
    picture = PillowImage.open(io.BytesIO(data))
    scale = min(1.0, min_long_side / max(picture.size))
    picture.draft("RGB", (int(picture.width * scale), int(picture.height * scale)))
    return np.asarray(picture.convert("RGB"))
