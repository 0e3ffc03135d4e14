"""Detections: the noun between detector and rules. A struct of arrays; zero rows are a value."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Detections:
    """`n` rows: `xyxy (n, 4) float32` in upright original-image pixels, `confidence (n,) float32` in [0, 1],
    `class_id (n,) int64` into the model's class names. Arrays are copied and read-only."""

    xyxy: NDArray[np.float32]
    confidence: NDArray[np.float32]
    class_id: NDArray[np.int64]

    def __post_init__(self) -> None:
        n = len(self.class_id)
        for name, array, shape, dtype in (
            ("xyxy", self.xyxy, (n, 4), np.float32),
            ("confidence", self.confidence, (n,), np.float32),
            ("class_id", self.class_id, (n,), np.int64),
        ):
            if np.shape(array) != shape:
                raise ValueError(f"Detections.{name} has shape {np.shape(array)}, expected {shape}")
            frozen = np.array(array, dtype=dtype)
            frozen.flags.writeable = False
            object.__setattr__(self, name, frozen)

    def __len__(self) -> int:
        return len(self.class_id)

    def __getitem__(self, rows: NDArray[Any] | slice) -> "Detections":
        """Rows by mask, index array or slice; always Detections."""
        return Detections(self.xyxy[rows], self.confidence[rows], self.class_id[rows])

    def __iter__(self) -> Iterator[Any]:
        raise TypeError("Detections is a struct of arrays: use its columns, or slice it")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Detections):
            return NotImplemented
        return all(
            np.array_equal(getattr(self, name), getattr(other, name))
            for name in ("xyxy", "confidence", "class_id")
        )

    __hash__ = None  # type: ignore[assignment]

    @staticmethod
    def empty() -> "Detections":
        """Zero rows."""
        return Detections(np.empty((0, 4), np.float32), np.empty(0, np.float32), np.empty(0, np.int64))

    def rows_of(self, class_ids: Sequence[int]) -> NDArray[np.int64]:
        """Row numbers whose class is one of `class_ids`, in row order."""
        return np.flatnonzero((self.class_id[:, None] == np.asarray(class_ids, np.int64)).any(axis=1))

    def to_json(self, class_names: Sequence[str]) -> list[dict[str, Any]]:
        """One object a row: class_name, confidence (4 decimals), xyxy (1 decimal)."""
        return [
            {
                "class_name": class_names[class_id],
                "confidence": round(confidence, 4),
                "xyxy": [round(v, 1) for v in box],
            }
            for box, confidence, class_id in zip(
                self.xyxy.tolist(), self.confidence.tolist(), self.class_id.tolist(), strict=True
            )
        ]
