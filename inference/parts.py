"""One thing boxed twice: an unsure box within a larger one of its class is a part of that, not a second thing. Pure."""

from collections.abc import Iterable

import numpy as np

from firewarden.geometry import box_area, inside_share_batch
from firewarden.inference.rules import Rules
from firewarden.inference.view import Rows, View


def parts_among(view: View, rows: Rows, wholes: Rows, rules: Rules) -> Rows:
    """Those of `rows` that are parts of one of `wholes`: less sure than the rule's bound, and with enough of the box within
    a larger one of the same class that is at least as sure. Two things that are both seen surely stay two."""
    rule, found = rules.parts, view.detections
    rows = rows[[view.name(row) in rule.classes for row in rows.tolist()]] if len(rows) else rows
    boxes, outer = view.boxes(rows), view.boxes(wholes)
    within = inside_share_batch(boxes, outer) >= rule.inside_gte
    within &= box_area(boxes)[:, None] < box_area(outer)[None]
    within &= found.class_id[rows][:, None] == found.class_id[wholes][None]
    within &= found.confidence[rows][:, None] <= found.confidence[wholes][None]
    return np.asarray(
        rows[within.any(axis=1) & (found.confidence[rows] < np.float32(rule.confidence_lt))], np.int64
    )


def with_parts(view: View, evidence: Iterable[int], rules: Rules) -> frozenset[int]:
    """Rows of a finding and their parts: what it claims, so that no part of its things becomes another hazard's."""
    wholes = np.array(sorted(evidence), np.int64)
    return frozenset(wholes.tolist()) | frozenset(
        parts_among(view, view.rows(rules.parts.classes), wholes, rules).tolist()
    )
