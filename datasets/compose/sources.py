"""Where compositions take from: photos of one split, cut-outs of the same split, and the catalogue of crops."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from firewarden.datasets.compose.cutouts import Cutout, CutoutStore, Place
from firewarden.datasets.compose.ground import Ground, Picture, as_box, read_ground
from firewarden.datasets.compose.unfit import NO_FLOOR
from firewarden.datasets.compose.wall_spots import has_front_door, is_indoor
from firewarden.datasets.labels import LabelRows, read_classes, read_labels
from firewarden.datasets.licences import LicenceChoice
from firewarden.datasets.manifest import PhotoRecord, read_manifest, split_records

_ROOM_SCENES = frozenset({"corridor", "lobby", "stairwell", "private_room"})
_INDOOR_SOURCES = ("DoorDetect",)
_MIN_CUTOUT_PX = 110
_DRAWS = 25
_CLOSE_UP = {  # of the picture's height: what is taller fills a photo that shows no floor to stand on
    "extinguisher": 0.33,
    "person": 0.6,
    "clutter": 0.4,
    "exit_sign": 0.14,
}
_MAX_SHARED = 0.25  # of a box with another one


class Sources:
    """Photos, cut-outs and catalogue crops of one split. Nothing of another split can be reached through it, and nothing
    that `choice` of licences leaves out. `lent` names the catalogue sets that were asked for."""

    def __init__(
        self,
        folder: Path,
        catalogue: Path,
        split: str,
        cache: Path | None,
        choice: LicenceChoice | None = None,
    ) -> None:
        self.folder, self.split = folder, split
        self.classes = read_classes(folder)
        self.records = split_records(read_manifest(folder), split)
        if choice is not None:
            self.records = choice.choose(self.records, folder)
        self.lent: set[str] = set()
        self._choice = choice
        self._catalogue = catalogue
        self._store = CutoutStore(folder, cache)
        self._places: dict[str, tuple[Place, ...]] = {}
        self._crops: dict[str, tuple[Picture, ...]] = {}
        self.emptied: dict[
            str, Ground | None
        ] = {}  # grounds without their extinguishers, by stem; None: it would show

    @property
    def licence_options(self) -> tuple[str, ...]:
        """The words of a command that choose the same licences; none where all may be used."""
        if self._choice is None:
            return ()
        chosen = tuple(word for name in self._choice.licences for word in ("--licences", name))
        return (*chosen, "--clear-only") if self._choice.clear_only else chosen

    def class_id(self, name: str) -> int:
        """The number of a class in the labels of this data folder."""
        return self.classes.index(name)

    @cached_property
    def labels(self) -> dict[str, LabelRows]:
        """Label rows of every record of the split, by stem."""
        return {r.stem: read_labels(self.folder / "labels" / f"{r.stem}.txt") for r in self.records}

    def records_with(self, *names: str) -> tuple[PhotoRecord, ...]:
        """Records that show every one of the named classes."""
        wanted = {self.class_id(name) for name in names}
        return tuple(r for r in self.records if wanted <= set(self.labels[r.stem].class_id.tolist()))

    @cached_property
    def rooms(self) -> tuple[PhotoRecord, ...]:
        """Records of corridors, lobbies, stairs and rooms seen as wholes."""
        return tuple(
            r for r in self.records if r.scene in _ROOM_SCENES or (is_door_photo(r) and r.scene != "outdoor")
        )

    @cached_property
    def wide_rooms(self) -> tuple[PhotoRecord, ...]:
        """Those of `rooms` that no extinguisher, person, bin or sign fills: in a close-up there is no floor to stand on."""
        tallest = {self.class_id(name): share for name, share in _CLOSE_UP.items()}
        rooms = (r for r in self.rooms if r.stem not in NO_FLOOR)
        return tuple(r for r in rooms if not _is_close_up(self.labels[r.stem], tallest))

    @cached_property
    def door_walls(self) -> tuple[PhotoRecord, ...]:
        """Records tagged as taken indoors that show a whole door from the front: the wall beside it is one for sure."""
        doors = [r for r in self.records_with("door") if is_indoor(r)]
        number = self.class_id("door")
        return tuple(r for r in doors if has_front_door(self.labels[r.stem], number, self.hw(r)))

    def ground(self, record: PhotoRecord) -> Ground:
        """The photo of a record with its rows, to paint on."""
        return read_ground(self.folder, record, self.classes)

    def pick(self, records: Sequence[PhotoRecord], rng: np.random.Generator) -> Ground:
        """One of the records, as ground."""
        return self.ground(pick_record(records, rng))

    def crops(self, name: str) -> tuple[Picture, ...]:
        """Catalogue pictures of one folder (exit_sign, other_sign, extinguisher_catalogue), in it or in its images/, BGR;
        empty where it is absent or left out."""
        if self._choice is not None and not self._choice.lends(name):
            return ()
        if name not in self._crops:
            root = self._catalogue / name
            paths = sorted([*root.glob("*.jpg"), *(root / "images").glob("*.jpg")])
            found = (cv2.imread(str(path)) for path in paths if serves(path.name, self.split))
            self._crops[name] = tuple(np.asarray(p, np.uint8) for p in found if p is not None)
        if self._crops[name]:
            self.lent.add(name)
        return self._crops[name]

    @cached_property
    def source_of(self) -> dict[str, str]:
        """The source of every record of the split, by stem."""
        return {record.stem: record.source for record in self.records}

    def places_of(self, name: str) -> tuple[Place, ...]:
        """Where whole objects of a class can be cut from photos of this split; frames of lift cameras are left out."""
        if name not in self._places:
            self._places[name] = tuple(self._find_places(name))
        return self._places[name]

    def _find_places(self, name: str) -> list[Place]:
        class_id = self.class_id(name)
        places: list[Place] = []
        for record in self.records:
            rows = self.labels[record.stem]
            if class_id not in rows.class_id or record.scene == "elevator_car":
                continue
            hw = self.hw(record)
            boxes = rows.xyxy(hw)[rows.class_id == class_id]
            if record.scene == "plain_background" and len(boxes) == 1:
                places.append(Place(name, record, None))
                continue
            for box in [b for b in boxes if _is_whole(b, rows.xyxy(hw), hw)][:2]:
                places.append(Place(name, record, as_box(box)))
        return places

    def hw(self, record: PhotoRecord) -> tuple[int, int]:
        """Height and width of a record's photo in pixels."""
        with Image.open(self.folder / record.file) as photo:  # reads the header only
            return photo.height, photo.width

    def draw_cutout(self, names: Sequence[str], rng: np.random.Generator) -> Cutout | None:
        """A random cut-out of one of the classes; None where nothing of this split can be cut out cleanly."""
        name = names[int(rng.integers(len(names)))]
        places = self.places_of(name)
        for index in rng.permutation(len(places))[:_DRAWS]:
            cutout = self._store.cut(places[int(index)])
            if cutout is not None:
                return cutout
        return None


def serves(crop: str, split: str) -> bool:
    """Whether a catalogue crop is for pictures of the split: one in four measures, the others train. By its name, so that a
    crop stays where it is when others come."""
    measures = int.from_bytes(sha256(crop.encode()).digest()[:4], "big") % 4 == 0
    return measures == (split != "train")


def _is_close_up(rows: LabelRows, tallest: Mapping[int, float]) -> bool:
    """Whether a box is taller, as a share of the picture, than its class may be."""
    return any(
        float(box[3]) > tallest.get(int(c), 1.1) for c, box in zip(rows.class_id, rows.cxcywh, strict=True)
    )


def pick_record(records: Sequence[PhotoRecord], rng: np.random.Generator) -> PhotoRecord:
    """One of the records: first a place, then a photo of it, so that a place of many photos is one place."""
    places = sorted({record.place for record in records})
    place = places[int(rng.integers(len(places)))]
    there = [record for record in records if record.place == place]
    return there[int(rng.integers(len(there)))]


def is_door_photo(record: PhotoRecord) -> bool:
    """A photo from a source of interior doors, tagged or not."""
    return any(name in record.source for name in _INDOOR_SOURCES)


def _is_whole(box: NDArray[np.float32], all_boxes: NDArray[np.float32], hw: tuple[int, int]) -> bool:
    """Large enough to paste, not cut off by the frame below or at two sides, and nothing else labelled before it."""
    h, w = hw
    size = (box[2] - box[0]) * (box[3] - box[1])
    shared = (
        (np.minimum(all_boxes[:, 2:], box[2:]) - np.maximum(all_boxes[:, :2], box[:2])).clip(0).prod(axis=1)
    )
    cut = (box[0] <= 2, box[2] >= w - 2, box[1] <= 2)
    alone = int((shared > _MAX_SHARED * size).sum()) <= 1  # the box itself
    return bool(
        min(box[2] - box[0], box[3] - box[1]) >= _MIN_CUTOUT_PX and box[3] < h - 2 and sum(cut) < 2 and alone
    )
