"""A batch in figures: counted in one pass over the rows, in memory that does not grow with them."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from firewarden.bulk.scorer import Row
from firewarden.findings import RiskLevel

_SHOWN_WORST, _WORST_A_CAMERA, _SHOWN_ERRORS = 24, 3, 50
_MANY_CAMERAS = 20_000


@dataclass(slots=True)
class CameraCount:
    """`pictures` scored, those `with_hazard`, and the highest level among them."""

    pictures: int = 0
    with_hazard: int = 0
    failed: int = 0
    worst: RiskLevel | None = None


@dataclass(slots=True)
class Summary:
    """Counts of pictures, not of happenings: one obstacle in a hundred frames counts a hundred times."""

    inputs: int = 0
    failed: int = 0
    verdicts: Counter[str] = field(default_factory=Counter)
    levels: Counter[str] = field(default_factory=Counter)  # of pictures, "none" where nothing was graded
    hazards: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))  # code -> level
    cameras: dict[str, CameraCount] = field(default_factory=dict)
    models: Counter[tuple[str, str, str]] = field(default_factory=Counter)  # id, sha256, rules version
    errors: list[tuple[str, str]] = field(default_factory=list)
    worst: list[Row] = field(default_factory=list)
    times: dict[bool, tuple[str, str]] = field(
        default_factory=dict
    )  # first and last, with and without a zone

    def add(self, row: Row) -> None:
        """Count one row."""
        self.inputs += 1
        self._add_camera(row)
        if "error" in row:
            self.failed += 1
            if len(self.errors) < _SHOWN_ERRORS:
                self.errors.append((row["path"], row["error"]))
            return
        if time := row["batch"]["time"]:
            self._add_time(time)
        self.verdicts[row["verdict"]] += 1
        self.levels[row["risk_level"] or "none"] += 1
        self.models[row["model_id"], row["model_sha256"], row["rules_version"]] += 1
        for code, level in {(f["hazard"], f["risk_level"]) for f in row["findings"] if f["risk_level"]}:
            self.hazards[code][level] += 1
        if row["risk_level"]:
            self.worst = keep_worst([*self.worst, row])

    def reaches(self, level: RiskLevel) -> bool:
        """Whether any picture has a finding of this level or above."""
        return any(self.levels[other.value] for other in RiskLevel if other.rank >= level.rank)

    def to_json(self) -> dict[str, Any]:
        return {
            "inputs": self.inputs,
            "failed": self.failed,
            "verdicts": dict(self.verdicts),
            "levels": {name: self.levels[name] for name in [*RiskLevel, "none"]},
            "hazards": {code: dict(levels) for code, levels in sorted(self.hazards.items())},
            "cameras": len(self.cameras),
            "models": [
                {"model_id": i, "model_sha256": sha, "rules_version": rules} for i, sha, rules in self.models
            ],
        }

    def _add_time(self, time: str) -> None:
        """Take the time of a scored picture in. Times with and without a zone cannot be compared."""
        zoned = datetime.fromisoformat(time).tzinfo is not None
        met = (*self.times.get(zoned, ()), time)
        self.times[zoned] = min(met, key=datetime.fromisoformat), max(met, key=datetime.fromisoformat)

    def _add_camera(self, row: Row) -> None:
        camera = row["batch"]["camera"]
        if not camera or (camera not in self.cameras and len(self.cameras) >= _MANY_CAMERAS):
            return
        counts = self.cameras.setdefault(camera, CameraCount())
        counts.failed += "error" in row
        counts.pictures += "error" not in row
        if level := row.get("risk_level"):
            counts.with_hazard += 1
            counts.worst = max((RiskLevel(level), counts.worst or RiskLevel.LOW), key=lambda one: one.rank)


def keep_worst(rows: list[Row]) -> list[Row]:
    """At most 24, the worst first; more than three of one camera only where there is room."""
    chosen: list[Row] = []
    more: list[Row] = []
    seen: Counter[str] = Counter()
    for row in sorted(rows, key=severity, reverse=True):
        camera = row["batch"]["camera"]
        (chosen if camera is None or seen[camera] < _WORST_A_CAMERA else more).append(row)
        seen[camera] += 1
    return sorted([*chosen, *more][:_SHOWN_WORST], key=severity, reverse=True)


def severity(row: Row) -> tuple[bool, bool, int, float, str]:
    """Emergency, then suspected major, then level, then confidence; the path settles ties, so that order does not."""
    graded = [finding for finding in row["findings"] if finding["risk_level"]]
    return (
        any(finding["emergency"] for finding in graded),
        any(finding["suspected_major"] for finding in graded),
        RiskLevel(row["risk_level"]).rank if row["risk_level"] else -1,
        max((finding["confidence"] for finding in graded), default=0.0),
        row["path"],
    )


def reaches(row: Row, level: RiskLevel) -> bool:
    """Whether a picture has a finding of this level or above."""
    told = row.get("risk_level")
    return told is not None and RiskLevel(told).rank >= level.rank
