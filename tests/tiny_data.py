"""A data folder of drawn photos: images/ labels/ ignore/ classes.txt manifest.csv, each object a filled box."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

Row = tuple[int, float, float, float, float]  # class cx cy w h, normalised
WALL = (178, 178, 178)


@dataclass(frozen=True)
class Photo:
    """One photo of the folder; every photo is its own place unless `place` says otherwise."""

    stem: str
    split: str = "train"
    labels: Sequence[Row] = ()
    ignore: Sequence[Row] = ()
    place: str = ""
    scene: str = "corridor"
    source: str = "drawn"
    hw: tuple[int, int] = (64, 96)


def build_data_folder(folder: Path, photos: Sequence[Photo], class_names: Sequence[str]) -> Path:
    """Write the folder. Photos are grey walls with one shade of red a class."""
    for name in ("images", "labels", "ignore"):
        (folder / name).mkdir(parents=True)
    lines = ["file,split,source,licence,place_group,scene"]
    for photo in photos:
        draw_photo(photo).save(folder / "images" / f"{photo.stem}.png")
        for name, rows in (("labels", photo.labels), ("ignore", photo.ignore)):
            if rows:
                write_rows(folder / name / f"{photo.stem}.txt", rows)
        place = photo.place or photo.stem
        lines.append(
            f"images/{photo.stem}.png,{photo.split},{photo.source},none stated,{place},{photo.scene}"
        )
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    (folder / "classes.txt").write_text("\n".join(class_names) + "\n")
    return folder


def draw_photo(photo: Photo) -> Image.Image:
    h, w = photo.hw
    picture = Image.new("RGB", (w, h), WALL)
    for class_id, cx, cy, bw, bh in photo.labels:
        corners = ((cx - bw / 2) * w, (cy - bh / 2) * h, (cx + bw / 2) * w - 1, (cy + bh / 2) * h - 1)
        ImageDraw.Draw(picture).rectangle(corners, fill=(90 + 9 * class_id, 40, 40))
    return picture


def draw_disk(side: int = 160, radius: int = 50) -> Image.Image:
    """A dark disk in the middle of a white square."""
    rows, columns = np.mgrid[:side, :side] - side // 2
    inside = rows**2 + columns**2 <= radius**2
    return Image.fromarray(np.where(inside[..., None], (30, 40, 60), (255, 255, 255)).astype(np.uint8))


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    path.write_text("".join(" ".join(map(str, row)) + "\n" for row in rows))


def register_file(folder: Path, **changes: object) -> Path:
    """A register of one source, the `drawn` photos of this file; None takes a key away."""
    entry: dict[str, object] = {
        "id": "drawn-photos", "kind": "photos", "manifest_source": "drawn", "origin": "drawn here",
        "shows": "grey walls", "licence": "none-stated", "licence_stated": "none stated", "licence_clear": False,
        "used_for": ["train", "val", "test"], "notes": "nothing", "train": 1,
    } | changes  # fmt: skip
    lines = [f"{key} = {json.dumps(value)}" for key, value in entry.items() if value is not None]
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "sources.toml"
    path.write_text("\n".join(["version = 1", "[[source]]", *lines]) + "\n")
    return path
