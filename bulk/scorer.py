"""From bytes to a row: the inspector of `firewarden inspect`, opened from a recipe that other processes can be given."""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from firewarden.bulk.items import Item
from firewarden.errors import InvalidImage, PolicyError
from firewarden.findings import InspectionContext
from firewarden.inference.context import check_context
from firewarden.inference.image import MAX_PIXELS
from firewarden.inference.inspector import Inspector, open_inspector, timed
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.inspection import context_to_json

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class ScorerFactory:
    """Everything a scorer is opened from; can be pickled. `threads` are those of one run of the network."""

    model: str | Path | None = None
    rules: Path | None = None
    context: InspectionContext = field(default_factory=InspectionContext)
    min_confidence: float | None = None
    runtime: RuntimeChoice | None = None
    threads: int | None = 1
    cache_dir: Path | None = None
    max_pixels: int = MAX_PIXELS

    def __call__(self) -> "Scorer":
        inspector = open_inspector(
            self.model, self.rules, threads=self.threads, max_pixels=self.max_pixels, runtime=self.runtime,
            cache_dir=self.cache_dir,
        )  # fmt: skip
        check_context(self.context, inspector.rules)
        return Scorer(inspector, self.context, self.min_confidence)


class Scorer:
    """Turns inputs into rows. Thread-safe."""

    def __init__(
        self, inspector: Inspector, context: InspectionContext, min_confidence: float | None = None
    ) -> None:
        self.inspector = inspector
        self._context = context
        self._min_confidence = min_confidence

    def identity(self, item: Item, sha256: str) -> str:
        """Equal for two inputs only if key, bytes, model, rules and everything said beforehand are; 32 hex digits."""
        facts, manifest = item.facts, self.inspector.detector.manifest
        told = [
            item.key, sha256, manifest.sha256, self.inspector.rules.sha256, self._min_confidence,
            facts.camera, facts.time, context_to_json(item.context(self._context)),
        ]  # fmt: skip
        return _identity_of(told)

    def score(self, item: Item, data: bytes, sha256: str) -> Row:
        """The row of one input: what `inspect --json` prints for it, and `batch`."""
        batch = _batch_columns(item, self.identity(item, sha256), sha256)
        context = item.context(self._context)
        timings: dict[str, float] = {}
        try:
            check_context(context, self.inspector.rules)
            image = timed(timings, "decode", lambda: self.inspector.decode(data, sha256=sha256))
        except PolicyError as error:
            return {
                "path": item.key,
                "error": f"{item.place}: {error}" if item.place else str(error),
                "batch": batch,
            }
        except InvalidImage as error:
            return {"path": item.key, "error": str(error), "batch": batch}
        result = self.inspector.inspect_image(
            image, context, min_confidence=self._min_confidence, timings=timings
        )
        return {"path": item.key, **result.to_json(), "batch": batch}


OpenScorer = Callable[[], Scorer]


def error_row(item: Item, message: str, sha256: str | None = None, *, final: bool = False) -> Row:
    """The row of an input that could not be scored. Without an identity, the next run tries again; a `final` one has one."""
    identity = _identity_of([item.key, item.place, message]) if final else None
    return {"path": item.key, "error": message, "batch": _batch_columns(item, identity, sha256)}


def _identity_of(told: list[Any]) -> str:
    return hashlib.blake2b(json.dumps(told).encode(), digest_size=16).hexdigest()


def _batch_columns(item: Item, identity: str | None, sha256: str | None) -> Row:
    return {"id": identity, "sha256": sha256, "camera": item.facts.camera, "time": item.facts.time}
