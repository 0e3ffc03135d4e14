"""One thing boxed twice: of two boxes of one class, one within the other, the less sure one repeats the other. Pure."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from firewarden.geometry import box_area, inside_share_batch
from firewarden.inference.rules import Rules
from firewarden.inference.view import Rows, View


def without_repeats(view: View, rows: Rows, rules: Rules) -> Rows:
    """One row for each thing, in the order of `rows`: surest first, a row stays unless it repeats one that stayed. So a
    box round two things goes when either is surer, and both of them stay."""
    sure = view.detections.confidence[rows]
    if len(rows) < 2 or sure.min() >= np.float32(rules.repeats.confidence_lt):  # a sure row repeats nothing
        return rows
    ranked = rows[np.lexsort((-box_area(view.boxes(rows)), -sure))]
    repeats = _repeats(view, ranked, ranked, rules)
    kept: list[int] = []
    for number in range(len(ranked)):
        if not repeats[number, kept].any():
            kept.append(number)
    return rows[np.isin(rows, ranked[kept])]


def with_repeats(view: View, evidence: Iterable[int], rules: Rules) -> frozenset[int]:
    """Rows of a finding and all that repeat them: what it claims, so that its things are not another hazard's again."""
    own = np.array(sorted(evidence), np.int64)
    others = view.rows(rules.repeats.classes)
    others = others[view.detections.confidence[others] < np.float32(rules.repeats.confidence_lt)]
    if not len(others):  # a sure row repeats nothing, and most rows are sure
        return frozenset(own.tolist())
    again = others[_repeats(view, others, own, rules).any(axis=1)]
    return frozenset(own.tolist()) | frozenset(again.tolist())


def _repeats(view: View, rows: Rows, others: Rows, rules: Rules) -> NDArray[np.bool_]:
    """Pairwise (n, m): row i is the same thing as row j of its class and gives way to it. One lies within the other with
    enough of its box, and i is unsure and less sure than j, or the smaller of two that are equally sure."""
    rule, found = rules.repeats, view.detections
    boxes, against = view.boxes(rows), view.boxes(others)
    nested = inside_share_batch(boxes, against) >= rule.inside_gte
    nested |= rule.inside_gte <= inside_share_batch(against, boxes).T
    listed = np.array([view.name(row) in rule.classes for row in rows.tolist()], np.bool_)
    same = listed[:, None] & (found.class_id[rows][:, None] == found.class_id[others])
    sure, than = found.confidence[rows][:, None], found.confidence[others]
    smaller = box_area(boxes)[:, None] < box_area(against)
    gives_way = (sure < np.float32(rule.confidence_lt)) & ((sure < than) | ((sure == than) & smaller))
    return np.asarray(nested & same & gives_way)
