"""The same photo twice: exactly, by sha256, or nearly, by perceptual hash; within a split and across splits."""

from collections.abc import Iterable, Mapping, Sequence

from firewarden.datasets.photo_scan import PhotoScan
from firewarden.datasets.picture_hash import near_pairs
from firewarden.datasets.problems import Problem

_MANY = 6  # names of a group that the text spells out


def find_copies(
    scans: Sequence[PhotoScan], split_of: Mapping[str, str], made_at: Mapping[str, str] | None = None
) -> list[Problem]:
    """Groups of equal and of nearly equal photos; a group that reaches over splits is named apart.

    `made_at` is the place of each made picture, by file. Those of one place and split are nearly equal on purpose: the
    pictures of a pair, and what was composed on one ground photo. They are left out unless they are equal.
    """
    by_sha: dict[str, list[int]] = {}
    for index, scan in enumerate(scans):
        by_sha.setdefault(scan.sha256, []).append(index)
    first = [group[0] for group in by_sha.values()]
    near = [(first[i], first[j]) for i, j in near_pairs([scans[i].hashed for i in first])]
    splits = [split_of.get(scan.file, "") for scan in scans]
    places = [(made_at or {}).get(scan.file) for scan in scans]
    exact = [(i, j) for group in by_sha.values() for n, i in enumerate(group) for j in group[n + 1 :]]
    return [
        *_groups("duplicate", _within(exact, splits), scans, splits),
        *_groups("duplicate_across_splits", _across(exact, splits), scans, splits),
        *_groups("near_duplicate", _not_of_one_place(_within(near, splits), places), scans, splits),
        *_groups("near_duplicate_across_splits", _across(near, splits), scans, splits),
    ]


def _within(pairs: Iterable[tuple[int, int]], splits: Sequence[str]) -> list[tuple[int, int]]:
    return [(i, j) for i, j in pairs if splits[i] == splits[j]]


def _across(pairs: Iterable[tuple[int, int]], splits: Sequence[str]) -> list[tuple[int, int]]:
    return [(i, j) for i, j in pairs if splits[i] != splits[j]]


def _not_of_one_place(
    pairs: Iterable[tuple[int, int]], places: Sequence[str | None]
) -> list[tuple[int, int]]:
    return [(i, j) for i, j in pairs if places[i] is None or places[i] != places[j]]


def connected(pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Groups of indices that pairs tie together, each sorted, in order of their first index."""
    group_of: dict[int, set[int]] = {}
    for i, j in pairs:
        joined = group_of.get(i, {i}) | group_of.get(j, {j})
        group_of.update(dict.fromkeys(joined, joined))
    return sorted({min(group): sorted(group) for group in group_of.values()}.values())


def _groups(
    kind: str, pairs: Iterable[tuple[int, int]], scans: Sequence[PhotoScan], splits: Sequence[str]
) -> list[Problem]:
    problems = []
    for group in connected(pairs):
        files = tuple(scans[i].file for i in group)
        named = ", ".join(f"{scans[i].file} ({splits[i] or 'no split'})" for i in group[:_MANY])
        more = f" and {len(group) - _MANY} more" if len(group) > _MANY else ""
        problems.append(Problem(kind, files, named + more, weight=len(group)))
    return problems
