"""Composed training photos: drawn and cut-out exit signs on walls, two-wheelers set into rooms.

They fill gaps of the real photos (large Chinese exit signs, e-bikes indoors). Only train photos serve as ground.
Each photo has its own random stream, seeded by (seed, kind, index): the same seed gives the same set.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from firewarden.datasets.labels import (
    LabelRows,
    concat_rows,
    label_rows,
    read_classes,
    read_labels,
    write_labels,
)
from firewarden.datasets.lift_scene import draw_lift_car
from firewarden.datasets.manifest import PhotoRecord, read_manifest, split_records
from firewarden.datasets.paste import (
    cover_mask,
    cut_out_by_colour,
    cut_out_on_plain_ground,
    match_light,
    one_camera,
    paste,
    warp,
)
from firewarden.datasets.signs import draw_exit_sign

_INDOOR_SCENES = frozenset({"corridor", "lobby", "stairwell", "private_room"})
_INDOOR_SOURCES = ("DoorDetect",)
_MIN_CUTOUT_PX = 110
_MIN_VISIBLE_SHARE = 0.25
_HIDDEN_SHARE = 0.6  # a box covered more than this by a pasted object is no longer a fair label
Picture = NDArray[np.uint8]
Box = tuple[float, float, float, float]
Row = tuple[int, Box]


@dataclass(frozen=True, slots=True)
class ComposePlan:
    """How many photos of each kind to compose."""

    exit_signs: int
    indoor_ebikes: int
    seed: int
    lift_ebikes: int = 0


@dataclass(frozen=True, slots=True)
class _Ground:
    photo: Picture
    labels: LabelRows
    ignore: LabelRows


def compose_photos(source: Path, cutouts: Path, out: Path, plan: ComposePlan) -> int:
    """Write composed photos with labels/ and ignore/ under `out`; returns how many were written."""
    records = [r for r in split_records(read_manifest(source), "train") if _is_indoor(r)]
    classes = read_classes(source)
    for folder in ("images", "labels", "ignore"):
        (out / folder).mkdir(parents=True, exist_ok=True)
    signs, other_signs = _read_pictures(cutouts / "exit_sign"), _read_pictures(cutouts / "other_sign")
    bikes = _read_cutouts(source, classes.index("ebike")) if plan.indoor_ebikes or plan.lift_ebikes else []
    people = _read_cutouts(source, classes.index("person")) if plan.lift_ebikes else []
    written = 0
    for index in range(plan.exit_signs):
        rng = np.random.default_rng((plan.seed, 0, index))
        ground = _read_ground(source, records[int(rng.integers(len(records)))])
        rows = _add_signs(ground, rng, signs, other_signs, classes.index("exit_sign"))
        written += _save(out, f"compose_sign_{index:05d}", ground, rows, rng)
    for index in range(plan.indoor_ebikes if bikes else 0):
        rng = np.random.default_rng((plan.seed, 1, index))
        ground = _read_ground(source, records[int(rng.integers(len(records)))])
        rows = _add_ebikes(ground, rng, bikes, classes.index("ebike"))
        written += _save(out, f"compose_ebike_{index:05d}", ground, rows, rng)
    for index in range(plan.lift_ebikes if bikes else 0):
        rng = np.random.default_rng((plan.seed, 2, index))
        ground, rows = _fill_lift(rng, bikes, people, classes.index("ebike"), classes.index("person"))
        written += _save(out, f"compose_lift_{index:05d}", ground, rows, rng)
    return written


def _is_indoor(record: PhotoRecord) -> bool:
    return record.scene in _INDOOR_SCENES or any(name in record.source for name in _INDOOR_SOURCES)


def _read_pictures(folder: Path) -> list[Picture]:
    pictures = (cv2.imread(str(path)) for path in sorted(folder.glob("*.jpg")))
    return [np.asarray(p, np.uint8) for p in pictures if p is not None]


def _read_cutouts(source: Path, class_id: int) -> list[Picture]:
    """Cut-outs of one class from train photos: whole objects of at least 110 px, parted from plain or coloured grounds."""
    cutouts = []
    for record in split_records(read_manifest(source), "train"):
        rows = read_labels(source / "labels" / f"{record.stem}.txt")
        if class_id not in rows.class_id or record.scene == "elevator_car":
            continue
        photo = np.asarray(cv2.imread(str(source / record.file)), np.uint8)
        if record.scene == "plain_background":
            cutouts.append(cut_out_on_plain_ground(photo))
            continue
        boxes = rows.xyxy((photo.shape[0], photo.shape[1]))[rows.class_id == class_id]
        whole = [box for box in boxes if min(box[2] - box[0], box[3] - box[1]) >= _MIN_CUTOUT_PX]
        cutouts += [cut_out_by_colour(photo, _as_box(box)) for box in whole[:2]]
    return [c for c in cutouts if c is not None]


def _as_box(box: NDArray[np.float32]) -> Box:
    return float(box[0]), float(box[1]), float(box[2]), float(box[3])


@dataclass(slots=True)
class _Figure:
    """One cut-out standing in a picture: what it covers, and what of that later ones left visible."""

    class_id: int
    covered: NDArray[np.bool_]
    visible: NDArray[np.bool_]


def _fill_lift(
    rng: np.random.Generator, bikes: list[Picture], people: list[Picture], ebike: int, person: int
) -> tuple[_Ground, LabelRows]:
    """A drawn lift car with an e-bike and often a person beside or before it. One car in five holds no e-bike.

    Boxes are of what stays visible; what is mostly hidden goes to ignore, for half a vehicle is no background either.
    """
    car = draw_lift_car(rng)
    cast = [(ebike, bikes)] * int(rng.random() < 0.8) + [(person, people)] * int(rng.choice([0, 1, 1, 2]))
    figures: list[_Figure] = []
    for number in rng.permutation(len(cast)):
        class_id, cutouts = cast[int(number)]
        covered = _stand(car.picture, cutouts, rng, car.floor_rows) if cutouts else None
        if covered is not None:
            for figure in figures:
                figure.visible &= ~covered
            figures.append(_Figure(class_id, covered, covered.copy()))
    hw = car.picture.shape[0], car.picture.shape[1]
    seen = [figure for figure in figures if _visible_share(figure) >= _MIN_VISIBLE_SHARE]
    hidden = [f for f in figures if 0 < _visible_share(f) < _MIN_VISIBLE_SHARE]
    ignore = _rows_of([(f.class_id, _mask_box(f.visible)) for f in hidden], hw)
    return _Ground(car.picture, label_rows([]), ignore), _rows_of(
        [(f.class_id, _mask_box(f.visible)) for f in seen], hw
    )


def _visible_share(figure: _Figure) -> float:
    return float(figure.visible.sum() / max(int(figure.covered.sum()), 1))


def _mask_box(mask: NDArray[np.bool_]) -> Box:
    rows, columns = np.nonzero(mask)
    return float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1)


def _stand(
    photo: Picture, cutouts: list[Picture], rng: np.random.Generator, floor_rows: tuple[float, float]
) -> NDArray[np.bool_] | None:
    """Set one cut-out on the floor; returns the pixels it covers, None where hardly any are inside."""
    h, w = photo.shape[:2]
    figure = cutouts[int(rng.integers(len(cutouts)))]
    figure = figure[:, ::-1] if rng.random() < 0.5 else figure
    scale = float(rng.uniform(0.4, 0.8)) * h / figure.shape[0]
    squeeze = float(rng.uniform(0.4, 1.0)) if figure.shape[1] > figure.shape[0] * 0.7 else 1.0
    figure = np.asarray(
        cv2.resize(figure, None, fx=scale * squeeze, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
    )
    figure = warp(figure, rng, tilt=0.06)
    x, foot = int(rng.uniform(0.0, 0.75) * w), int(rng.uniform(*floor_rows) * h + 0.05 * h)
    y = foot - figure.shape[0]
    spot = photo[max(y, 0) : foot, max(x, 0) : x + figure.shape[1]]
    if not spot.size:
        return None
    _ground_shadow(photo, (x, foot), figure.shape[1], rng)
    if paste(photo, match_light(figure, spot, rng, glow=False), x, y) is None:
        return None
    return cover_mask((h, w), figure, x, y)


def _read_ground(source: Path, record: PhotoRecord) -> _Ground:
    photo = np.asarray(cv2.imread(str(source / record.file)), np.uint8)
    name = f"{record.stem}.txt"
    return _Ground(photo, read_labels(source / "labels" / name), read_labels(source / "ignore" / name))


def _add_signs(
    ground: _Ground, rng: np.random.Generator, crops: list[Picture], other: list[Picture], class_id: int
) -> LabelRows:
    h, w = ground.photo.shape[:2]
    rows: list[Row] = []
    for _ in range(int(rng.integers(1, 4))):
        drawn, decoy = rng.random() < 0.75, rng.random() < 0.2 and bool(other)
        sign = _sign_cutout(rng, other if decoy else crops, drawn=drawn and not decoy)
        side = float(np.exp(rng.uniform(np.log(0.05), np.log(0.45)))) * w
        scale = side / sign.shape[1]
        sign = np.asarray(cv2.resize(sign, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
        x, y = int(rng.uniform(-0.1, 0.95) * w), int(rng.uniform(-0.03, 0.65) * h)
        things = [box for box in ground.labels.xyxy((h, w)) if _is_thing(box, (h, w))]
        taken = [*things, *(box for _, box in rows)]
        if _touches(taken, (x, y, x + sign.shape[1], y + sign.shape[0])):
            continue
        spot = ground.photo[
            max(y, 0) : max(y, 0) + sign.shape[0] + 1, max(x, 0) : max(x, 0) + sign.shape[1] + 1
        ]
        if not spot.size:
            continue
        lit = match_light(sign, spot, rng, glow=drawn and rng.random() < 0.5)
        box = paste(ground.photo, lit, x, y)
        if box is not None:
            rows.append((-1 if decoy else class_id, box))
    return _rows_of([(c, b) for c, b in rows if c >= 0], (h, w))


def _is_thing(box: NDArray[np.float32], hw: tuple[int, int]) -> bool:
    """A labelled object small enough to keep signs off; a door that fills the picture is a wall to hang one on."""
    return float((box[2] - box[0]) * (box[3] - box[1])) < 0.25 * hw[0] * hw[1]


def _sign_cutout(rng: np.random.Generator, crops: list[Picture], *, drawn: bool) -> Picture:
    if drawn or not crops:
        sign = draw_exit_sign(rng)[..., [2, 1, 0, 3]]
        return warp(sign, rng, tilt=float(rng.uniform(0, 0.14)))
    crop = crops[int(rng.integers(len(crops)))]
    return np.dstack([crop, np.full(crop.shape[:2], 255, np.uint8)])


def _touches(taken: Iterable[Box | NDArray[np.float32]], box: Box) -> bool:
    return any(min(b[2], box[2]) > max(b[0], box[0]) and min(b[3], box[3]) > max(b[1], box[1]) for b in taken)


def _add_ebikes(ground: _Ground, rng: np.random.Generator, bikes: list[Picture], class_id: int) -> LabelRows:
    h, w = ground.photo.shape[:2]
    rows: list[Row] = []
    for _ in range(int(rng.choice([1, 1, 1, 2, 3]))):
        bike = bikes[int(rng.integers(len(bikes)))]
        bike = bike[:, ::-1] if rng.random() < 0.5 else bike
        height = float(rng.uniform(0.3, 0.85)) * h
        scale = height / bike.shape[0]
        squeeze = float(rng.uniform(0.45, 1.0))  # seen at an angle a two-wheeler is narrow
        bike = np.asarray(
            cv2.resize(bike, None, fx=scale * squeeze, fy=scale, interpolation=cv2.INTER_AREA), np.uint8
        )
        bike = warp(bike, rng, tilt=0.05)
        x, foot = int(rng.uniform(-0.15, 0.85) * w), int(rng.uniform(0.75, 1.12) * h)
        y = foot - bike.shape[0]
        if _touches([box for _, box in rows], (x, y, x + bike.shape[1], foot)):
            continue
        spot = ground.photo[max(y, 0) : min(foot, h), max(x, 0) : min(x + bike.shape[1], w)]
        if not spot.size:
            continue
        _ground_shadow(ground.photo, (x, foot), bike.shape[1], rng)
        box = paste(ground.photo, match_light(bike, spot, rng, glow=False), x, y)
        if box is not None:
            rows.append((class_id, box))
    return _rows_of(rows, (h, w))


def _ground_shadow(photo: Picture, foot: tuple[int, int], width: int, rng: np.random.Generator) -> None:
    mask = np.zeros(photo.shape[:2], np.float32)
    centre = (foot[0] + width // 2, foot[1] - max(2, width // 30))
    cv2.ellipse(
        mask, centre, (max(width // 2, 1), max(width // 12, 1)), 0, 0, 360, float(rng.uniform(0.3, 0.6)), -1
    )
    mask = cv2.GaussianBlur(mask, (0, 0), max(width / 25, 1.0))
    photo[:] = (photo * (1 - mask[..., None])).astype(np.uint8)


def _rows_of(rows: Iterable[Row], hw: tuple[int, int]) -> LabelRows:
    h, w = hw
    return label_rows(
        [
            (c, (x0 + x1) / 2 / w, (y0 + y1) / 2 / h, (x1 - x0) / w, (y1 - y0) / h)
            for c, (x0, y0, x1, y1) in rows
        ]
    )


def _save(out: Path, stem: str, ground: _Ground, added: LabelRows, rng: np.random.Generator) -> int:
    hidden = _hidden_by(ground.labels, added)
    kept = LabelRows(ground.labels.class_id[~hidden], ground.labels.cxcywh[~hidden])
    lost = LabelRows(ground.labels.class_id[hidden], ground.labels.cxcywh[hidden])
    cv2.imwrite(
        str(out / "images" / f"{stem}.jpg"), one_camera(ground.photo, rng), [cv2.IMWRITE_JPEG_QUALITY, 95]
    )
    write_labels(out / "labels" / f"{stem}.txt", concat_rows(kept, added))
    write_labels(out / "ignore" / f"{stem}.txt", concat_rows(ground.ignore, lost))
    return 1


def _hidden_by(rows: LabelRows, covers: LabelRows) -> NDArray[np.bool_]:
    """Which rows lie under a pasted box by more than `_HIDDEN_SHARE` of their own area."""
    a, b = rows.xyxy((1, 1)), covers.xyxy((1, 1))
    top_left = np.maximum(a[:, None, :2], b[None, :, :2])
    inside = (np.minimum(a[:, None, 2:], b[None, :, 2:]) - top_left).clip(0).prod(axis=2)
    area = (a[:, 2:] - a[:, :2]).prod(axis=1).clip(1e-9)
    share = (inside / area[:, None]).sum(axis=1) if len(b) else np.zeros(len(a))
    return np.asarray(share > _HIDDEN_SHARE)
