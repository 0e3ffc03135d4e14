"""The annotated picture: what was found and that a person must verify it. Blurred first, then drawn on."""

import io
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from firewarden.findings import Box, Text
from firewarden.inference.draw_banner import Line, banner_height, draw_banner, wrap_text
from firewarden.inference.draw_layout import place_plate
from firewarden.inference.draw_marks import (
    Mark,
    Polygon,
    banner_stripe,
    class_label,
    marks_of,
    notice_line,
    provenance_of,
    scale_box,
    scale_xy_of,
    texts_of,
    verdict_lines,
)
from firewarden.inference.draw_shapes import (
    draw_box,
    draw_leader,
    draw_path,
    draw_plate,
    hatch_polygon,
    plate_wh,
    tint_polygon,
)
from firewarden.inference.image import MAX_PIXELS, decode_image
from firewarden.inference.release import blur_for_release
from firewarden.inference.resize import resize

MAX_LONG_SIDE = 1600
_MIN_LONG_SIDE = 960  # smaller pictures are enlarged: below this no text would be readable on a phone
_MIN_WIDTH_SHARE = (
    0.42  # of the long side; a narrower photo stands on a wider ground, so that the banner has room
)
_LEAST_PHOTO_SHARE = 0.6  # of its size without a banner; findings that have no room there are counted
_TITLE, _TEXT = 0.027, 0.0225  # text sizes as shares of the long side
_WHITE, _INK, _GROUND = (255, 255, 255), (240, 240, 240), (22, 25, 30)
_FREE, _BLOCKED, _SEARCHED = (0, 190, 120), (226, 32, 44), (120, 230, 255)
_NO_NAMES: Mapping[str, Text] = {}
Pixels = NDArray[np.uint8]
Rows = tuple[tuple[str, str], ...]  # (text, weight of the typeface)


def annotated_jpeg(data: bytes, result: Mapping[str, Any], names: Mapping[str, Text] = _NO_NAMES) -> bytes:
    """The photo `data` as an outward JPEG with `result` (InspectionResult.to_json()) drawn on it.

    Faces and plates are blurred first (see privacy for what that covers). The long side is at most 1600 px; no EXIF,
    GPS or thumbnail is carried over; the JPEG comment names the SHA-256 of the parent. Raises InvalidImage for damaged
    bytes and ValueError when the result belongs to another photo.
    """
    size = max(MAX_PIXELS, math.prod(result["image_hw"]))  # what was inspected can be drawn
    image = decode_image(data, min_long_side=MAX_LONG_SIDE, max_pixels=size)
    if result["image_sha256"] != image.sha256:
        raise ValueError(
            f"got the result of photo {result['image_sha256'][:12]} and the bytes of photo {image.sha256[:12]}; "
            "draw each result on its own photo"
        )
    drawn = annotate(blur_for_release(image.pixels, result), result, names)
    jpeg = io.BytesIO()
    comment = f"FireWarden annotated copy, parent sha256 {image.sha256}".encode()
    Image.fromarray(drawn[..., ::-1]).save(jpeg, "JPEG", quality=86, comment=comment)
    return jpeg.getvalue()


def annotate(pixels: Pixels, result: Mapping[str, Any], names: Mapping[str, Text] = _NO_NAMES) -> Pixels:
    """Findings, evidence and zones of `result` drawn on the photo (h, w, 3) BGR, with a banner below; BGR.

    The photo may be at any scale. The returned picture has a size of its own: its long side, banner included, is at
    most 1600 px, and small photos are enlarged so that text can be read. Nothing is blurred here. Names of
    hazards and classes come from `result["names"]`, else `names`, else the code stands for itself.
    """
    plan = _settle(pixels, result, names)
    photo = Image.fromarray(np.ascontiguousarray(_resized(pixels, plan.photo_wh)[..., ::-1]))
    _paint(photo, plan)
    width, height = plan.banner_wh
    whole = Image.new("RGB", (width, photo.height + height), _GROUND)
    whole.paste(photo, (0, 0))
    whole.paste(draw_banner(plan.banner, width, banner_stripe(result)), (0, photo.height))
    return np.ascontiguousarray(np.asarray(whole)[..., ::-1])


@dataclass(frozen=True, slots=True)
class _Plate:
    """A text plate; `box` is None when it found no place."""

    anchor: Box
    rows: Rows
    box: Box | None


@dataclass(frozen=True, slots=True)
class _Plan:
    """Everything to paint, in canvas pixels. `plates` match `marks`, `labels` are of the evidence."""

    photo_wh: tuple[int, int]
    text_px: int
    marks: tuple[Mark, ...]
    plates: tuple[_Plate, ...]
    labels: tuple[_Plate, ...]
    banner: tuple[Line, ...]
    banner_wh: tuple[int, int]


def _settle(pixels: Pixels, result: Mapping[str, Any], names: Mapping[str, Text]) -> _Plan:
    """The largest photo that fits together with its banner; the banner grows as the photo narrows.

    It is tried at few sizes: a banner always leaves room for a photo at its least share, which ends the search.
    """
    h, w = pixels.shape[:2]
    long_side = min(MAX_LONG_SIDE, max(_MIN_LONG_SIDE, h, w))
    alone = long_side / max(h, w)
    banner_room_px = long_side - math.ceil(h * alone * _LEAST_PHOTO_SHARE)

    def plan_at(scale: float) -> _Plan:
        photo_wh = (max(1, round(w * scale)), max(1, round(h * scale)))
        return _plan(photo_wh, long_side, banner_room_px, result, names)

    scale = alone
    for _ in range(5):
        plan = plan_at(scale)
        excess_px = plan.photo_wh[1] + plan.banner_wh[1] - long_side
        if excess_px <= 0:
            return plan
        scale *= max(0.2, (plan.photo_wh[1] - excess_px - 1) / plan.photo_wh[1])
    return plan_at(min(scale, alone * _LEAST_PHOTO_SHARE))


def _plan(
    photo_wh: tuple[int, int],
    long_side: int,
    banner_room_px: int,
    result: Mapping[str, Any],
    names: Mapping[str, Text],
) -> _Plan:
    text_px = math.ceil(_TEXT * long_side)
    scale_xy = scale_xy_of(result, photo_wh)
    marks = marks_of(result, names, scale_xy)
    evidence_rows = sorted({row for mark in marks for row in mark.evidence})
    evidence = [result["detections"][row] for row in evidence_rows]
    boxes = [_clipped(scale_box(row["xyxy"], scale_xy), photo_wh) for row in evidence]
    plates = _place_marks(marks, boxes, photo_wh, text_px)
    taken = [plate.box for plate in plates if plate.box]
    labels = _place_labels(
        [class_label(row["class_name"], texts_of(result, names)) for row in evidence],
        boxes,
        taken,
        photo_wh,
        text_px,
    )
    width = max(photo_wh[0], round(_MIN_WIDTH_SHARE * long_side))
    hidden = Counter(mark.lines for mark, plate in zip(marks, plates, strict=True) if plate.box is None)
    banner = _fitting_banner(result, hidden, long_side, (width, banner_room_px))
    return _Plan(photo_wh, text_px, marks, plates, labels, banner, (width, banner_height(banner, width)))


def _place_marks(
    marks: Sequence[Mark], evidence: Sequence[Box], photo_wh: tuple[int, int], text_px: int
) -> tuple[_Plate, ...]:
    anchors = [_clipped(mark.xyxy, photo_wh) for mark in marks]
    zones = [_enclosing(polygon) for mark in marks for _, polygon in mark.zones if polygon]
    plates: list[_Plate] = []
    for mark, anchor in zip(marks, anchors, strict=True):
        rows = _wrapped_rows(mark.lines, round(photo_wh[0] * 0.8), text_px)
        taken = [plate.box for plate in plates if plate.box]
        box = place_plate(
            anchor, plate_wh(rows, text_px), photo_wh, taken=taken, avoid=[*anchors, *evidence, *zones]
        )
        plates.append(_Plate(anchor, rows, box))
    return tuple(plates)


def _wrapped_rows(lines: tuple[str, str], room_px: int, text_px: int) -> Rows:
    weights = ("Bold", "Medium")
    return tuple(
        (row, weight)
        for text, weight in zip(lines, weights, strict=True)
        for row in wrap_text(Line(text, text_px, weight), room_px)
    )


def _place_labels(
    texts: Sequence[str], boxes: Sequence[Box], taken: Sequence[Box], photo_wh: tuple[int, int], text_px: int
) -> tuple[_Plate, ...]:
    """Class names beside their boxes; one without a free place there is left out, its box stays."""
    used, labels = list(taken), []
    for text, anchor in zip(texts, boxes, strict=True):
        rows: Rows = ((text, "Medium"),)
        box = place_plate(anchor, plate_wh(rows, text_px), photo_wh, taken=used, avoid=boxes, near_only=True)
        labels.append(_Plate(anchor, rows, box))
        used += [box] if box else []
    return tuple(labels)


def _fitting_banner(
    result: Mapping[str, Any], hidden: Counter[tuple[str, str]], long_side: int, room_wh: tuple[int, int]
) -> tuple[Line, ...]:
    """The banner that lists as many of the `hidden` findings as fit `room_wh`, the highest levels first."""
    for listed in range(len(hidden), -1, -1):
        lines = _banner_lines(result, hidden, listed, long_side)
        if banner_height(lines, room_wh[0]) <= room_wh[1]:
            break
    return lines


def _banner_lines(
    result: Mapping[str, Any], hidden: Counter[tuple[str, str]], listed: int, long_side: int
) -> tuple[Line, ...]:
    """Verdict, findings that found no place in the photo (`listed` of their plates, the others counted), the notice,
    provenance."""
    title_px, text_px = math.ceil(_TITLE * long_side), math.ceil(_TEXT * long_side)
    zh, en = verdict_lines(result)
    plates = list(hidden.items())
    items = [f"◆ {' '.join(words)}" + (f" ×{n}" if n > 1 else "") for words, n in plates[:listed]]
    if more := sum(n for _, n in plates[listed:]):
        items.append(f"◆ 另有 {more} 项，见结果 / {more} more, see the result")
    return (
        Line(zh, title_px, "Bold", _WHITE),
        Line(en, text_px, "Medium", _WHITE),
        *(Line(item, text_px, "Medium", _WHITE) for item in items),
        Line(notice_line(result), text_px, "Medium"),
        Line(provenance_of(result), text_px, "Regular", (150, 156, 164)),
    )


def _paint(photo: Image.Image, plan: _Plan) -> None:
    """Zones, then evidence, then findings with the highest level on top, then all text."""
    line_px = max(2, round(plan.text_px * 0.16))
    for mark in reversed(plan.marks):
        _paint_zones(photo, mark, line_px)
    for label in plan.labels:
        draw_box(photo, label.anchor, _WHITE, max(2, line_px // 2))
    for mark in reversed(plan.marks):
        draw_box(photo, mark.xyxy, mark.style.colour, line_px + 1, dashed=mark.style.dashed)
    placed = [
        (mark, plate, plate.box) for mark, plate in zip(plan.marks, plan.plates, strict=True) if plate.box
    ]
    for mark, plate, box in placed:
        draw_leader(photo, box, plate.anchor, mark.style.colour, line_px)
    for label in plan.labels:
        if label.box:
            draw_plate(photo, label.box, label.rows, plan.text_px, _GROUND, _INK)
    for mark, plate, box in placed:
        draw_plate(photo, box, plate.rows, plan.text_px, mark.style.colour, mark.style.ink)


def _paint_zones(photo: Image.Image, mark: Mark, line_px: int) -> None:
    """Egress zones green, or red and hatched when blocked; zones that were searched in dashes."""
    for kind, polygon in mark.zones:
        if kind != "egress":
            draw_path(photo, polygon, _SEARCHED, line_px, dashed=True)
        elif mark.is_hazard:
            tint_polygon(photo, polygon, _BLOCKED, 60)
            hatch_polygon(photo, polygon, _BLOCKED, line_px * 7, line_px)
        else:
            tint_polygon(photo, polygon, _FREE, 90)


def _enclosing(polygon: Polygon) -> Box:
    x, y = zip(*polygon, strict=True)
    return min(x), min(y), max(x), max(y)


def _clipped(box: Box, wh: tuple[int, int]) -> Box:
    x0, y0, x1, y1 = box
    return (
        min(max(x0, 0.0), wh[0]),
        min(max(y0, 0.0), wh[1]),
        min(max(x1, 0.0), wh[0]),
        min(max(y1, 0.0), wh[1]),
    )


def _resized(pixels: Pixels, wh: tuple[int, int]) -> Pixels:
    return resize(pixels, wh, filter="area" if wh[0] < pixels.shape[1] else "cubic")
