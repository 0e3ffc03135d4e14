"""Does another runtime see what the reference sees? The same photos through both, findings and boxes compared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from firewarden.detections import Detections
from firewarden.errors import InvalidImage
from firewarden.findings import InspectionContext
from firewarden.geometry import iou_batch
from firewarden.inference.batch import list_photos
from firewarden.inference.detector import OnnxDetector
from firewarden.inference.doctor import sample_photo
from firewarden.inference.image import Image, decode_image
from firewarden.inference.inspector import Inspector
from firewarden.inference.resize import resize
from firewarden.inference.rules import Rules
from firewarden.inference.session import ModelSession
from firewarden.models.manifest import ModelManifest

MIN_IOU = 0.98
MAX_CONFIDENCE_GAP = 0.02
_GENERATED = 8
Judged = tuple[tuple[str, str, str | None], ...]


@dataclass(frozen=True, slots=True, eq=False)
class Answer:
    """What came out for one photo: all detections, and (hazard, outcome, risk level) of each finding, sorted."""

    detections: Detections
    findings: Judged


@dataclass(frozen=True, slots=True)
class PhotoParity:
    """One photo against the reference. `compared` detections are above their operating point in either answer; the worst
    IoU of a pair is 1 and the largest gap 0 where there are none."""

    photo: str
    same_findings: bool
    compared: int
    worst_iou: float
    largest_gap: float

    @property
    def within(self) -> bool:
        return self.same_findings and self.worst_iou >= MIN_IOU and self.largest_gap <= MAX_CONFIDENCE_GAP


@dataclass(frozen=True, slots=True)
class Parity:
    """All photos against the reference."""

    photos: tuple[PhotoParity, ...]

    @property
    def passed(self) -> bool:
        """Nothing compared proves nothing."""
        return any(row.compared for row in self.photos) and all(row.within for row in self.photos)

    @property
    def largest_gap(self) -> float:
        """In confidence, of all pairs; 0 without one."""
        return max((row.largest_gap for row in self.photos), default=0.0)

    def to_json(self) -> dict[str, Any]:
        return {
            "passed": self.passed,
            "photos": len(self.photos),
            "photos_within": sum(row.within for row in self.photos),
            "photos_same_findings": sum(row.same_findings for row in self.photos),
            "detections": sum(row.compared for row in self.photos),
            "worst_iou": min((row.worst_iou for row in self.photos), default=1.0),
            "largest_confidence_gap": self.largest_gap,
        }

    def describe(self) -> str:
        """The figures in one line."""
        told = self.to_json()
        return (
            f"findings equal on {told['photos_same_findings']} of {told['photos']} photos, worst IoU "
            f"{told['worst_iou']:.3f} (at least {MIN_IOU}), largest confidence gap "
            f"{told['largest_confidence_gap']:.3f} (at most {MAX_CONFIDENCE_GAP}) over {told['detections']} detections"
        )


def fixed_photos(*, input_size: int, seed: int = 0) -> dict[str, Image]:
    """The packaged photo, its mirror image, and crops of it at other sizes and shapes; the same ones every time."""
    sample = decode_image(sample_photo(), min_long_side=input_size)
    rng = np.random.default_rng(seed)
    photos = {"sample": sample, "mirrored": _picture(sample.pixels[:, ::-1])}
    h, w = sample.pixels.shape[:2]
    for number in range(_GENERATED):
        share_h, share_w = rng.uniform(0.5, 1.0, 2)
        crop_h, crop_w = round(share_h * h), round(share_w * w)
        top, left = rng.integers(0, h - crop_h + 1), rng.integers(0, w - crop_w + 1)
        crop = sample.pixels[top : top + crop_h, left : left + crop_w]
        scale = rng.uniform(0.6, 1.4)
        size = max(1, round(scale * crop_w)), max(1, round(scale * crop_h))
        pixels = resize(np.ascontiguousarray(crop), size)
        photos[f"crop {number}"] = _picture(pixels[:, ::-1] if number % 2 else pixels)
    return photos


def photos_to_compare(manifest: ModelManifest, folder: Path | None = None) -> dict[str, Image]:
    """The fixed photos, and those of a folder by their path in it, decoded as they are served; raises InvalidImage."""
    photos = fixed_photos(input_size=manifest.input_size)
    if folder is not None:
        listed = list_photos([folder])
        if not listed:
            raise InvalidImage(
                f"{folder} holds no JPEG, PNG or WebP picture, expected photos to compare runtimes on."
            )
        for path in listed:
            name = path.relative_to(folder).as_posix() if folder.is_dir() else path.name
            photos[name] = _decoded(path, name, manifest.input_size)
    return photos


def _decoded(path: Path, name: str, input_size: int) -> Image:
    try:
        return decode_image(path.read_bytes(), min_long_side=input_size)
    except InvalidImage as error:
        raise InvalidImage(f"{name}: {error}", status=error.status) from error


def _picture(pixels: Any) -> Image:
    return Image(np.ascontiguousarray(pixels), pixels.shape[:2], "", "image/jpeg")


def answer_photos(
    manifest: ModelManifest, session: ModelSession, rules: Rules, photos: Mapping[str, Image]
) -> dict[str, Answer]:
    """What a session makes of each photo, nobody naming the place."""
    detector = OnnxDetector(manifest, session)
    inspector = Inspector(detector, rules)
    return {name: _answer(detector, inspector, image) for name, image in photos.items()}


def _answer(detector: OnnxDetector, inspector: Inspector, image: Image) -> Answer:
    sight = detector.see(image)
    result = inspector.judge(image, sight, InspectionContext(), timings={})
    judged = (
        (f.hazard, a.outcome.value, a.risk_level_initial.value if a.risk_level_initial else None)
        for f, a in zip(result.findings, result.assessments, strict=True)
    )
    return Answer(sight.detections, tuple(sorted(judged, key=str)))


def compare_answers(
    reference: Mapping[str, Answer], got: Mapping[str, Answer], points: Sequence[float]
) -> Parity:
    """Photo by photo; `points` are operating points by class id."""
    rows = []
    for name, expected in reference.items():
        answer = got[name]
        pairs = [
            *_pairs(expected.detections, answer.detections, points),
            *_pairs(answer.detections, expected.detections, points),
        ]
        rows.append(
            PhotoParity(
                name,
                expected.findings == answer.findings,
                len(pairs),
                min((iou for iou, _ in pairs), default=1.0),
                max((gap for _, gap in pairs), default=0.0),
            )
        )
    return Parity(tuple(rows))


def _pairs(wanted: Detections, among: Detections, points: Sequence[float]) -> list[tuple[float, float]]:
    """IoU and confidence gap of each wanted detection above its operating point and the one of its class that lies best
    on it, however sure that is; (0, its confidence) where its class is not there at all."""
    pairs = []
    for row in np.flatnonzero(wanted.confidence >= np.asarray(points)[wanted.class_id]):
        same = among[among.class_id == wanted.class_id[row]]
        if not len(same):
            pairs.append((0.0, float(wanted.confidence[row])))
            continue
        iou = iou_batch(wanted.xyxy[row : row + 1], same.xyxy)[0]
        best = int(iou.argmax())
        pairs.append((float(iou[best]), abs(float(wanted.confidence[row]) - float(same.confidence[best]))))
    return pairs


def operating_points(manifest: ModelManifest) -> tuple[float, ...]:
    """Confidence thresholds by class id."""
    return tuple(manifest.operating_point(name) for name in manifest.class_names)
