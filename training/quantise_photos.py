"""The photos that activations are measured on when a model is quantised."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.manifest import read_manifest, split_records
from firewarden.errors import DatasetError
from firewarden.inference.image import decode_image
from firewarden.inference.tune import prepare_picture
from firewarden.models.manifest import ModelManifest
from firewarden.training.even_steps import evenly


@dataclass(frozen=True, slots=True)
class QuantisePhotos:
    """Train photos as the network gets them when it serves: iterating gives (1, 3, h, w) float32, one photo at a time, as
    often as wanted."""

    manifest: ModelManifest
    paths: tuple[Path, ...]

    def __len__(self) -> int:
        return len(self.paths)

    def __iter__(self) -> Iterator[NDArray[np.float32]]:
        size = self.manifest.input_size
        for path in self.paths:
            yield prepare_picture(self.manifest, decode_image(path.read_bytes(), min_long_side=size))

    def at_most(self, count: int) -> "QuantisePhotos":
        """Every nth of them, so that no more than `count` remain."""
        return QuantisePhotos(self.manifest, self.paths[:: max(1, -(-len(self.paths) // count))])


def choose_photos(
    manifest: ModelManifest, data: Path, count: int, made: Sequence[Path] = ()
) -> QuantisePhotos:
    """`count` train photos at even steps through the manifest.csv of `data`; with folders of `made` train pictures, half of
    them from those, as photos alone hardly show what is rare. Raises DatasetError where a folder has none."""
    shown = count // 2 if made else 0
    paths = evenly(_listed(data), count - shown)
    for folder in made:
        paths += evenly(_listed(folder), max(1, shown // len(made)))
    return QuantisePhotos(manifest, tuple(paths))


def _listed(data: Path) -> list[Path]:
    paths = [data / record.file for record in split_records(read_manifest(data), "train")]
    if not paths:
        raise DatasetError(f"{data}: manifest.csv lists no train photo, expected some to calibrate on.")
    return paths
