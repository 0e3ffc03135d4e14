"""Factories that turn short lists into spine types, and the folder of shared photos where there is one."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest

from firewarden.detections import Detections
from firewarden.findings import SceneEstimate, Source, Text
from firewarden.inference.rules import Rules
from firewarden.inference.rules_file import load_rules
from firewarden.inference.view import View

CLASSES = (
    "person", "bicycle", "ebike", "vehicle", "door", "exit_sign", "extinguisher", "extinguisher_sign",
    "extinguisher_bracket", "fire_cabinet", "carton", "furniture", "clutter", "power_cable", "power_strip", "chain_lock",
)  # fmt: skip
Spec = tuple[str, tuple[float, float, float, float]] | tuple[str, tuple[float, float, float, float], float]


@pytest.fixture(scope="session")
def rules() -> Rules:
    return load_rules()


@pytest.fixture
def view_of() -> Callable[..., View]:
    """view_of([("door", (x0, y0, x1, y1)), ("carton", box, confidence)]): a 1000 x 1000 px picture; confidence 0.9."""

    def build(specs: Sequence[Spec], image_hw: tuple[int, int] = (1000, 1000)) -> View:
        detections = Detections(
            np.array([spec[1] for spec in specs], np.float32).reshape(-1, 4),
            np.array([spec[2] if len(spec) > 2 else 0.9 for spec in specs], np.float32),
            np.array([CLASSES.index(spec[0]) for spec in specs], np.int64),
        )
        return View(detections, CLASSES, {}, 0.25, image_hw)

    return build


@pytest.fixture
def scene_of() -> Callable[[str], SceneEstimate]:
    """A scene that a person named."""
    return lambda name: SceneEstimate(name, Source.PERSON, 1.0, False, Text("", ""))


@pytest.fixture(scope="session")
def shared_photos() -> Path:
    """The labelled real photos; tests on them skip loudly where they are absent."""
    folder = Path(
        os.environ.get("FIREWARDEN_SHARED_DATA", Path(__file__).resolve().parents[2] / "shared" / "data")
    )
    if not (folder / "real" / "images").is_dir():
        pytest.skip(f"SHARED PHOTOS ABSENT: {folder}; set FIREWARDEN_SHARED_DATA to run this test")
    return folder / "real"
