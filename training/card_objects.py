"""The object part of a model card beyond the first table: classes and cords by origin, one table each."""

from collections.abc import Iterator, Mapping
from typing import Any

from firewarden.training.ablation_recipes import markdown_table
from firewarden.training.card_hazards import number, origins, with_interval
from firewarden.training.figures import POWER_CABLE

Table = Mapping[str, Any]
CLASS_HEAD = ("class", "objects", "mAP50", "mAP50-95", "precision", "recall", "at confidence")
_SHARES = ("both_ends", "source_ends", "sink_ends", "length")


def class_cells(per_class: Table) -> list[tuple[str, ...]]:
    """Cells of a table of classes under `CLASS_HEAD`."""
    return [
        (name, str(row["n"]), with_interval(row["map50"], row["ci_map50"]),
         with_interval(row["map50_95"], row["ci_map50_95"]), number(row["precision"]), number(row["recall"]),
         f"{row['operating_point']:.2f}")
        for name, row in per_class.items()
    ]  # fmt: skip


def object_sections(evaluation: Table) -> str:
    """Markdown: the classes of every origin but the first, then cords; "" where there is neither."""
    further = list(origins(evaluation))[1:]
    parts = [
        *(_classes(where, figures) for where, figures in further),
        _sizes(evaluation),
        _cords(evaluation),
    ]
    return "\n\n".join(part for part in parts if part)


def _classes(where: str, figures: Table) -> str:
    measured = {name: row for name, row in figures.get("per_class", {}).items() if row["n"]}
    if not measured:
        return ""
    empty = [name for name in figures["per_class"] if name not in measured]
    whole = (
        f"{figures['images']} pictures: mAP50 {with_interval(figures['map50'], figures['ci_map50'])}, mAP50-95 "
        f"{with_interval(figures['map50_95'], figures['ci_map50_95'])}. Not measured, no labelled object: "
        f"{', '.join(empty) or 'none'}."
    )
    if POWER_CABLE in measured:
        whole += (
            " A cord is labelled with one box and may be found in pieces: the table of cords judges those."
        )
    table = markdown_table(CLASS_HEAD, class_cells(measured))
    return "\n".join([f"### Classes on {where}", "", whole, "", *table])


def _sizes(evaluation: Table) -> str:
    rows = [
        (where, name, str(size["n"]), f"{size['width']:.3f}", f"{size['height']:.3f}")
        for where, figures in origins(evaluation)
        for name, size in figures.get("box_sizes", {}).items()
    ]
    if not rows:
        return ""
    told = (
        "Width and height of the boxes over those of the labels, medians over the objects found at IoU 0.5; 1 is a box as large "
        "as its label. Partly seen things and labels by other hands make these differ from 1 as well."
    )
    table = markdown_table(("data", "class", "objects", "width", "height"), rows)
    return "\n".join(["### Boxes against labels", "", told, "", *table])


def _cords(evaluation: Table) -> str:
    rows = list(_cord_rows(evaluation))
    if not rows:
        return ""
    reach = next(f["cables"]["reach"] for _, f in origins(evaluation) if f.get("cables"))
    intro = (
        f"Power cords whose ends a box of `power_cable` comes within {reach:g} of the long side of, at the class's threshold, "
        "and the share of their length that is so covered; each origin by itself. A cord seen in parts is one a part, and ends that "
        "are hidden count neither way:"
    )
    head = (
        "data",
        "cords",
        "both ends",
        "source end",
        "sink end",
        "length covered",
        "pictures without a cord that get one",
    )
    return "\n".join(["### Cords", "", intro, "", *markdown_table(head, rows)])  # fmt: skip


def _cord_rows(evaluation: Table) -> Iterator[tuple[str, ...]]:
    """One row for each origin, those without drawn cords said to be not measured; none where no origin has any."""
    several = list(origins(evaluation))
    if not any(figures.get("cables") for _, figures in several):
        return
    for where, figures in several:
        cords = figures.get("cables")
        if not cords:
            yield (where, "no cord drawn", *["not measured"] * 5)
            continue
        shares = [with_interval(cords[key]["rate"], cords[key]["ci"]) for key in _SHARES]
        stray = cords["stray_photos"]
        told = f"{with_interval(stray['rate'], stray['ci'])} ({stray['with_box']} of {stray['photos']})"
        drawn = cords.get(
            "cords", cords["both_ends"]["cables"]
        )  # records before hidden ends were told name ends alone
        yield (where, str(drawn), *shares, told)
