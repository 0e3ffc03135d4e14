"""The worst errors of an evaluation as pictures: false alarms by confidence, misses by size, hazards told wrong.

Pictures lie inside the page as JPEG thumbnails with the boxes drawn over them: dashed is the label, solid what was seen.
"""

import base64
import io
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray
from PIL import Image as PillowImage

from firewarden.geometry import Boxes, box_area, iou_batch
from firewarden.inference.image import decode_image
from firewarden.models.manifest import ModelManifest
from firewarden.training.confusion import evident
from firewarden.training.figures import MeasuredPhoto

SHOWN = 12  # items a gallery
_THUMBNAIL_PX = 420
_ZOOM_BELOW = 0.22  # objects smaller than this share of the long side are shown zoomed in
_ZOOM_TO = 4.0  # then the cut is this many times the object
_IOU = 0.5
Cut = tuple[int, int, int, int]  # x_min, y_min, x_max, y_max in pixels of the photo


@dataclass(frozen=True, slots=True, eq=False)
class GalleryItem:
    """One error. `focus` is the box it is about, None for the whole photo; the larger the `weight`, the worse."""

    photo: MeasuredPhoto
    caption: str
    weight: float
    focus: NDArray[np.float32] | None
    true: tuple[tuple[str, NDArray[np.float32]], ...]
    seen: tuple[tuple[str, NDArray[np.float32]], ...]


def false_alarms(photos: Sequence[MeasuredPhoto], manifest: ModelManifest) -> list[GalleryItem]:
    """Detections at their operating point without an object, the surest first, one a photo."""
    items = []
    for photo in photos:
        seen = photo.detections
        rows = np.flatnonzero(evident(photo, manifest) & ~photo.match.hit[0] & ~photo.match.ignored[0])
        if len(rows):  # falling confidence: the first is the surest
            row = int(rows[0])
            name, sure = manifest.class_names[seen.class_id[row]], float(seen.confidence[row])
            labels = _named(photo.truth.class_id, photo.truth.xyxy, manifest)
            box = seen.xyxy[row]
            items.append(GalleryItem(photo, f"{name} {sure:.2f}", sure, box, labels, ((name, box),)))
    return worst(items)


def misses(photos: Sequence[MeasuredPhoto], manifest: ModelManifest) -> list[GalleryItem]:
    """Labelled objects that no detection of their class covers, the largest share of the picture first, one a photo."""
    items = []
    for photo in photos:
        lost = np.flatnonzero(_is_missed(photo, manifest))
        if not len(lost):
            continue
        shares = box_area(photo.truth.xyxy[lost]) / (photo.image_hw[0] * photo.image_hw[1])
        row, share = int(lost[shares.argmax()]), float(shares.max())
        name, box = manifest.class_names[photo.truth.class_id[row]], photo.truth.xyxy[row]
        rows = np.flatnonzero(evident(photo, manifest))
        seen = _named(photo.detections.class_id[rows], photo.detections.xyxy[rows], manifest)
        items.append(
            GalleryItem(photo, f"{name}, {share:.1%} of the picture", share, box, ((name, box),), seen)
        )
    return worst(items)


def wrong_hazards(photos: Sequence[MeasuredPhoto], manifest: ModelManifest) -> list[GalleryItem]:
    """Photos with a hazard missed or alarmed falsely; look-alikes first, then missed ones."""
    items = []
    for photo in photos:
        told = photo.hazards
        if told is None or told.expected is None or told.expected.ambiguous:
            continue
        missed = sorted(h for h in told.expected.hazards - told.found if told.judged(h))
        false = sorted(h for h in told.found - told.expected.hazards if told.judged(h))
        if missed or false:
            words = [f"missed {h}" for h in missed] + [f"false {h}" for h in false]
            words += sorted(told.expected.hard_negatives)
            rows = np.flatnonzero(evident(photo, manifest))
            seen = _named(photo.detections.class_id[rows], photo.detections.xyxy[rows], manifest)
            true = _named(photo.truth.class_id, photo.truth.xyxy, manifest)
            weight = len(missed) + 2 * bool(told.expected.hard_negatives)
            items.append(GalleryItem(photo, ", ".join(words), weight, None, true, seen))
    return worst(items)


def worst(items: Iterable[GalleryItem]) -> list[GalleryItem]:
    """The heaviest few; photo names settle ties."""
    return sorted(items, key=lambda item: (-item.weight, item.photo.listed.path.name))[:SHOWN]


def _is_missed(photo: MeasuredPhoto, manifest: ModelManifest) -> NDArray[np.bool_]:
    rows = np.flatnonzero(evident(photo, manifest))
    iou = iou_batch(photo.truth.xyxy, photo.detections.xyxy[rows])
    same = photo.truth.class_id[:, None] == photo.detections.class_id[rows][None]
    return np.asarray(~((iou >= _IOU) & same).any(axis=1))


def _named(
    class_id: NDArray[np.int64], xyxy: Boxes, manifest: ModelManifest
) -> tuple[tuple[str, NDArray[np.float32]], ...]:
    return tuple((manifest.class_names[c], box) for c, box in zip(class_id, xyxy, strict=True))


def gallery(items: Sequence[GalleryItem], empty: str) -> str:
    """The items as figures; a sentence when there are none."""
    if not items:
        return f"<p>{escape(empty)}</p>"
    return '<div class="gallery">' + "".join(figure(item) for item in items) + "</div>"


def figure(item: GalleryItem) -> str:
    """One <figure>: the thumbnail as a data URI, boxes and names as SVG over it."""
    cut = choose_cut(item.focus, item.photo.image_hw)
    data, (w, h) = _thumbnail(item.photo, cut)
    scale = w / (cut[2] - cut[0])
    boxes = "".join(
        _box(name, box, cut, scale, css, (w, h))
        for css, rows in (("true", item.true), ("seen", item.seen))
        for name, box in rows
    )
    expected = item.photo.listed.expected
    place = f"{item.photo.listed.path.name} · {item.photo.listed.origin}"
    variant = f" · {expected.variant}" if expected is not None and expected.variant else ""
    return (
        f'<figure><svg viewBox="0 0 {w} {h}" role="img" aria-label="{escape(item.caption)}">'
        f'<image width="{w}" height="{h}" href="data:image/jpeg;base64,{data}"/>{boxes}</svg>'
        f"<figcaption><b>{escape(item.caption)}</b><br>{escape(place + variant)}</figcaption></figure>"
    )


def choose_cut(focus: NDArray[np.float32] | None, image_hw: tuple[int, int]) -> Cut:
    """The part of the photo to show: all of it, or the surroundings of a small object."""
    h, w = image_hw
    side = 0.0 if focus is None else float(max(focus[2] - focus[0], focus[3] - focus[1]))
    if focus is None or side >= _ZOOM_BELOW * max(h, w):
        return 0, 0, w, h
    reach = max(side * _ZOOM_TO, 64.0)
    cw, ch = min(reach, w), min(reach, h)
    x = min(max((float(focus[0]) + float(focus[2]) - cw) / 2, 0), w - cw)
    y = min(max((float(focus[1]) + float(focus[3]) - ch) / 2, 0), h - ch)
    return int(x), int(y), int(x + cw), int(y + ch)


def _thumbnail(photo: MeasuredPhoto, cut: Cut) -> tuple[str, tuple[int, int]]:
    """Base64 JPEG of the cut, and its width and height."""
    zoomed = cut != (0, 0, photo.image_hw[1], photo.image_hw[0])
    image = decode_image(photo.listed.path.read_bytes(), min_long_side=0 if zoomed else _THUMBNAIL_PX)
    picture = PillowImage.fromarray(np.ascontiguousarray(image.pixels[..., ::-1]))
    if zoomed:
        picture = picture.crop(cut)
    ratio = _THUMBNAIL_PX / max(picture.size)
    size = (max(1, round(picture.width * ratio)), max(1, round(picture.height * ratio)))
    stream = io.BytesIO()
    picture.resize(size, PillowImage.Resampling.BILINEAR).save(stream, "JPEG", quality=70)
    return base64.b64encode(stream.getvalue()).decode("ascii"), size


def _box(name: str, box: NDArray[np.float32], cut: Cut, scale: float, css: str, size: tuple[int, int]) -> str:
    x0, y0, x1, y1 = ((float(v) - cut[axis % 2]) * scale for axis, v in enumerate(box))
    if x1 <= 0 or y1 <= 0 or x0 >= size[0] or y0 >= size[1]:
        return ""
    text_y = max(y0 - 4, 11.0) if css == "seen" else min(y1 + 12, size[1] - 3.0)
    return (
        f'<rect class="{css}" x="{x0:.0f}" y="{y0:.0f}" width="{x1 - x0:.0f}" height="{y1 - y0:.0f}"/>'
        f'<text class="{css}" x="{max(x0, 2):.0f}" y="{text_y:.0f}">{escape(name)}</text>'
    )
