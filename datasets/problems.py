"""The noun of validation: one problem of a data folder, and the list of kinds with what each means."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from firewarden.errors import DatasetError

Level = Literal["error", "warning", "note"]
LEVELS: tuple[Level, ...] = get_args(Level)  # the worst first
Box = tuple[float, float, float, float]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a kind of problem is called, how bad it is, and what to do about it."""

    level: Level
    title: str
    cure: str


KINDS: Mapping[str, Kind] = {
    "unreadable_image": Kind("error", "Unreadable images", "Replace or remove the file."),
    "missing_image": Kind("error", "In the manifest, but no file", "Put the file back or remove the row."),
    "not_in_manifest": Kind("error", "Files without manifest row", "Add a row or remove the file."),
    "listed_twice": Kind("error", "Listed more than once in the manifest", "Keep one row a photo."),
    "hash_changed": Kind("error", "Differs from hashes.csv", "Restore the photo, or write hashes.csv anew."),
    "duplicate_across_splits": Kind("error", "The same photo in two splits", "Keep it in one split."),
    "near_duplicate_across_splits": Kind(
        "error", "Nearly the same photo in two splits", "Give both one place_group and split anew."
    ),
    "place_in_two_splits": Kind("error", "One place in two splits", "Split anew by place group."),
    "not_registered": Kind("error", "Source not in the register", "Register the source with its terms."),
    "source_changed": Kind(
        "error", "Files of a source differ from the register", "Restore the photos, or count the source anew."
    ),
    "licence_differs": Kind(
        "error", "Licence text differs from the register", "Correct the manifest or the register."
    ),
    "use_not_allowed": Kind(
        "error", "In a split the register does not allow", "Move the photos or leave them out."
    ),
    "damaged_label_file": Kind("error", "Damaged label files", "Fix or delete the line."),
    "unknown_class": Kind("error", "Class ids that classes.txt lacks", "Fix the class id."),
    "box_out_of_frame": Kind("error", "Boxes that leave the frame", "Cut the box at the frame."),
    "empty_box": Kind("error", "Boxes without area", "Remove the box."),
    "duplicate_box": Kind("warning", "The same box twice", "Remove one."),
    "tiny_box": Kind(
        "warning", "Labelled boxes below 12 px at a long side of 960 px", "Move the box to ignore/."
    ),
    "no_label_file": Kind("warning", "Images without label file", "Write an empty file if nothing is in it."),
    "duplicate": Kind("warning", "The same photo twice in one split", "Remove one."),
    "near_duplicate": Kind("warning", "Nearly the same photo in one split", "Keep one, or one place_group."),
    "class_missing_in_split": Kind(
        "warning", "Classes that a split lacks", "Collect photos, or split anew by class."
    ),
    "label_missing": Kind(
        "warning", "The model sees an object that has no label", "Look: label it, or put it into ignore/."
    ),
    "label_doubtful": Kind(
        "warning", "Labelled objects that the model does not see at all", "Look: is the label right?"
    ),
    "class_doubtful": Kind(
        "warning", "The model sees another class in a labelled box", "Look: which is right?"
    ),
    "source_not_compared": Kind(
        "note",
        "Part of a source, or more than the register counts: files not compared with its digest",
        "Nothing to do for a part; for all of a source, count it anew.",
    ),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: `files` as in manifest.csv; `box` in shares (x0, y0, x1, y1) of the first file; `weight` ranks
    problems of one kind, high first."""

    kind: str
    files: tuple[str, ...]
    detail: str
    box: Box | None = None
    weight: float = 0.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise DatasetError(f"got kind {self.kind!r}, expected one of {list(KINDS)}.")

    @property
    def level(self) -> Level:
        return KINDS[self.kind].level

    def to_json(self) -> dict[str, Any]:
        """Plain values; the box in four decimals."""
        return {
            "kind": self.kind,
            "level": self.level,
            "files": list(self.files),
            "detail": self.detail,
            "box": None if self.box is None else [round(v, 4) for v in self.box],
        }
