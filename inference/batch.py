"""Photos on disk through the inspector: one row each, failures included."""

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from firewarden.errors import InvalidImage
from firewarden.findings import InspectionContext
from firewarden.inference.inspector import Inspector
from firewarden.inspection import InspectionResult

_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp"})
_BESIDE = (
    "._"  # begins the name of what macOS keeps beside a file on foreign disks and in zip archives: no picture
)


def is_photo_name(name: str) -> bool:
    """Whether a name ends like a JPEG, PNG or WebP file and is not that of a macOS companion file (`._IMG_1.jpg`)."""
    path = PurePosixPath(name)
    return path.suffix.lower() in _SUFFIXES and not path.name.startswith(_BESIDE)


def list_photos(paths: Iterable[Path]) -> list[Path]:
    """Files as they are named, whatever their suffix; of folders every JPEG, PNG and WebP below, sorted."""
    photos: list[Path] = []
    for path in paths:
        if path.is_dir():
            photos += sorted(p for p in path.rglob("*") if p.is_file() and is_photo_name(p.name))
        else:
            photos.append(path)
    return photos


def inspect_photos(
    inspector: Inspector,
    photos: Iterable[Path],
    context: InspectionContext,
    *,
    min_confidence: float | None = None,
) -> Iterator[tuple[Path, bytes, InspectionResult | str]]:
    """(path, bytes, result or error message) for each photo, in order. Never raises for a single photo."""
    for path in photos:
        try:
            data = path.read_bytes()
        except OSError as error:
            yield path, b"", f"cannot be read: {error.strerror or error}"
            continue
        try:
            yield path, data, inspector.inspect(data, context, min_confidence=min_confidence)
        except InvalidImage as error:
            yield path, data, str(error)


def row_of(path: Path, outcome: InspectionResult | str) -> dict[str, Any]:
    """The JSON row of one photo: the result with its path, or `{"path", "error"}`."""
    if isinstance(outcome, str):
        return {"path": str(path), "error": outcome}
    return {"path": str(path), **outcome.to_json()}
