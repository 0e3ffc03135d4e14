"""The measured part of docs/privacy.md."""

from collections.abc import Mapping
from typing import Any

from firewarden.benchmarks.privacy import COVERED, FACES, PLATE_ZONE, SMALLEST_HEAD_PX, SMALLEST_VEHICLE_PX
from firewarden.benchmarks.tables import conditions_text, table

_FACE_WORDS = {"full": "face seen", "part": "profile, helmet, covered", "none": "no face: behind, dark"}
_INTRO = (
    "{with_heads} photos with people, heads boxed by eye; {without_people} val photos without. A head of at least "
    f"{SMALLEST_HEAD_PX} px counts as covered when at least {COVERED:.0%} of its box are. In brackets the 95 % Wilson interval. "
    "What is covered does not depend on how busy the machine was, processor times do."
)


def privacy_blocks(told: Mapping[str, Any]) -> dict[str, str]:
    """Text of the block `recall` of the page."""
    lines = [
        _INTRO.format(**told["photos"]),
        "",
    ]
    for scope in ("val", "train and val"):
        lines += [f"Heads covered, photos of {scope}:", "", *_heads_table(told, scope), ""]
    lines += ["In photos without people:", "", *_needless_table(told), ""]
    lines += [*_vehicle_lines(told), "", *conditions_text(told["conditions"])]
    return {"recall": "\n".join(lines)}


def _vehicle_lines(told: Mapping[str, Any]) -> list[str]:
    """What is softened for plates. Result files written before plate zones were measured hold whole vehicles alone."""
    scope = f"Labelled vehicles of at least {SMALLEST_VEHICLE_PX} px in val photos, {COVERED:.0%} of whose "
    lines = [f"{scope}box are softened: {_vehicle_shares(told['vehicles'])}."]
    if "plate_zones" in told:
        needless = told["needlessly_softened"]
        photos, area = _share_text(needless["photos"]), f"{needless['area']:.2%}"
        zones = _vehicle_shares(told["plate_zones"])
        lines.append(f"{scope}plate zone, the lower {PLATE_ZONE:.0%} of the box, are softened: {zones}.")
        lines.append(
            f"Val photos without vehicles and bicycles that are softened somewhere: {photos}, {area} of the area."
        )
    return "\n\n".join(lines).splitlines()


def _vehicle_shares(shares: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {_share_text(share)}" for name, share in shares.items())


def _heads_table(told: Mapping[str, Any], scope: str) -> list[str]:
    rows = [
        [_name(told, row["way"]), *(_share_text(row["covered"][scope][face]) for face in FACES)]
        for row in told["rows"]
    ]
    rows += _not_run_rows(told, columns=1 + len(FACES))
    return table(["covered by", *(_FACE_WORDS[face] for face in FACES)], rows)


def _needless_table(told: Mapping[str, Any]) -> list[str]:
    rows = [
        [
            _name(told, row["way"]),
            _share_text(row["needless_photos"]),
            f"{row['needless_area']:.2%}",
            told["cpu_ms"].get(row["way"]),
        ]
        for row in told["rows"]
    ]
    rows += _not_run_rows(told, columns=4)
    return table(["covered by", "photos with a mosaic", "area covered", "processor ms a photo"], rows)


def _name(told: Mapping[str, Any], way: str) -> str:
    used = told["used"].get(way)
    return f"**{way}** ({used})" if used else str(way)


def _not_run_rows(told: Mapping[str, Any], *, columns: int) -> list[list[Any]]:
    return [[name, f"not run: {reason}", *[None] * (columns - 2)] for name, reason in told["not_run"].items()]


def _share_text(share: Mapping[str, Any]) -> str:
    if not share["n"]:
        return "-"
    return f"{share['hits']} of {share['n']} ({share['low']:.2f}-{share['high']:.2f})"
