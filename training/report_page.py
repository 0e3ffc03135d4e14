"""An evaluation as one HTML file: figures, curves, confusion and the worst errors. Nothing is fetched, no script.

The page holds pictures of the photos: it must not be published with photos of unclear licence.
"""

from collections.abc import Mapping, Sequence
from html import escape

import numpy as np

from firewarden.inference.calibration import calibrate
from firewarden.inference.rules import Rules
from firewarden.models.manifest import ModelManifest
from firewarden.training.calibration import bin_sums, calibration_error, collect_verdicts
from firewarden.training.confusion import confusion_matrix
from firewarden.training.evaluate import Evaluation, EvaluationReport
from firewarden.training.figures import Figures, MeasuredPhoto
from firewarden.training.hazard_sweep import DECIDING, Sweep, sweep_hazard
from firewarden.training.metrics import ClassMetrics
from firewarden.training.report_charts import Values, pr_chart, rate_chart, reliability_chart
from firewarden.training.report_gallery import false_alarms, gallery, misses, wrong_hazards
from firewarden.training.report_style import POLICY, STYLE
from firewarden.training.report_tables import (
    cable_table,
    class_table,
    hazard_table,
    heat_table,
    look_alike_table,
    number,
    share_text,
    table,
    with_interval,
)
from firewarden.training.shares import Places

NOTHING = "nothing"
_TITLES = {"real": "Real photos", "composed": "Composed photos", "rendered": "Rendered scenes"}
_LEGEND = (
    '<p class="legend"><i class="precision"></i>precision <i class="recall"></i>recall '
    '<i class="mark"></i>operating point</p>'
)


def evaluation_page(evaluation: Evaluation, manifest: ModelManifest, rules: Rules) -> str:
    """The whole page; thumbnails are read from the photos again."""
    report = evaluation.report
    title = f"{report.model_id} on {report.data}" + (f", split {report.split}" if report.split else "")
    sections = "".join(
        _origin(figures, [p for p in evaluation.photos if p.listed.origin == origin], manifest, rules)
        for origin, figures in report.by_origin.items()
    )
    links = " ".join(f'<a href="#{origin}">{_TITLES[origin]}</a>' for origin in report.by_origin)
    return (
        f'<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" '
        f'content="width=device-width,initial-scale=1"><meta http-equiv="Content-Security-Policy" '
        f'content="{POLICY}"><title>{escape(title)}</title><style>{STYLE}</style></head><body>'
        f"<header><h1>{escape(title)}</h1><nav>{links}</nav></header>{_conditions(report)}{sections}"
        f"<footer>This page holds pictures of the photos. Pass it on as you would the photos, and do not publish it "
        f"with photos of unclear licence. Intervals are 95 %, from 1000 draws of whole places; an interval of no width "
        f"says that all places agree, not that there is no doubt. A hazard found is a lead for a person to check; "
        f"nothing found never means safe.</footer></body></html>\n"
    )


def _conditions(report: EvaluationReport) -> str:
    rows = {
        "model": f"{report.model_id}, sha256 {report.model_sha256[:16]}…",
        "data": f"{report.data}, sha256 {report.data_sha256[:16]}…",
        "split": report.split or "every photo",
        "photos": ", ".join(f"{f.images} {origin}" for origin, f in report.by_origin.items()),
        "left out": f"{report.excluded_shared_places} of places that other splits show, "
        f"{len(report.unreadable)} unreadable",
        "place told": "yes, the expected one" if report.expected_scene_used else "no",
        "machine": report.machine,
        "versions": ", ".join(f"{name} {version}" for name, version in report.versions.items()),
        "command": report.command or "not given",
    }
    items = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in rows.items())
    return f"<details open><summary>Conditions</summary><dl>{items}</dl></details>"


def _origin(figures: Figures, photos: Sequence[MeasuredPhoto], manifest: ModelManifest, rules: Rules) -> str:
    names = {code: f"{hazard.name.zh} {hazard.name.en}" for code, hazard in rules.hazards.items()}
    parts = (
        _cards(figures),
        _block("Hazards", hazard_table(figures, names) if figures.per_hazard else ""),
        _block("Look-alikes", look_alike_table(figures)),
        _block("Cables", cable_table(figures.cables) if figures.cables is not None else ""),
        _block(
            "Hazards over the threshold of their deciding classes", _hazard_charts(photos, manifest, rules)
        ),
        _block("Classes", class_table(figures)),
        _block("Classes over confidence", _class_charts(figures)),
        _block("Calibration of confidence", _calibration(photos, manifest)),
        _block("Which class is taken for which", _class_confusion(photos, manifest)),
        _block("Which place is taken for which", _scene_confusion(figures)),
        _galleries(photos, manifest),
    )
    title = f"{_TITLES[figures.origin]} <small>{figures.images}</small>"
    return f'<section id="{figures.origin}"><h2>{title}</h2>{"".join(parts)}</section>'


def _block(title: str, content: str) -> str:
    return f"<h3>{escape(title)}</h3>{content}" if content else ""


def _cards(figures: Figures) -> str:
    cards = [("mAP50 of classes", with_interval(figures.metrics.map50, figures.metrics.ci_map50))]
    cards += [("mAP50-95 of classes", with_interval(figures.metrics.map50_95, figures.metrics.ci_map50_95))]
    if figures.clean_photos.n:
        cards.append(("photos without hazard that get none", share_text(figures.clean_photos)))
    if figures.pairs.n:
        cards.append(("counterfactual pairs told right", share_text(figures.pairs)))
    if figures.scene is not None:
        cards.append(("indoors or outdoors told right", share_text(figures.scene.sides)))
        cards.append(("kind of place told right", share_text(figures.scene.exact)))
    if figures.bicycles_called_ebike.n:
        cards.append(("pedal bicycles called e-bike", share_text(figures.bicycles_called_ebike)))
    if figures.ebikes_indoors is not None:
        inside = figures.ebikes_indoors
        cards.append(("mAP50 of e-bikes indoors", with_interval(inside.map50, inside.ci_map50)))
    return '<div class="cards">' + "".join(f"<div><b>{v}</b>{escape(k)}</div>" for k, v in cards) + "</div>"


def _class_charts(figures: Figures) -> str:
    rows = sorted(figures.metrics.per_class.items(), key=lambda item: -item[1].n)
    charts = "".join(_class_chart(name, row) for name, row in rows if row.n and len(row.curve.confidence))
    return f'{_LEGEND}<div class="charts">{charts}</div>' if charts else ""


def _class_chart(name: str, row: ClassMetrics) -> str:
    curve = row.curve
    lines = curve.confidence.astype(np.float64), curve.precision, curve.recall
    title = f"{name}, {row.n} objects, mAP50 {number(row.map50)}"
    return _chart_card(title, lines, "confidence", row.operating_point, curve.at(row.operating_point))


def _hazard_charts(photos: Sequence[MeasuredPhoto], manifest: ModelManifest, rules: Rules) -> str:
    charts = ""
    for hazard, classes in DECIDING.items():
        if hazard not in rules.hazards or not set(classes) <= set(manifest.class_names):
            continue
        sweep = sweep_hazard(hazard, photos, manifest, rules)
        if sweep.shown.any():
            charts += _hazard_chart(hazard, classes, sweep, manifest)
    return f'{_LEGEND}<div class="charts">{charts}</div>' if charts else ""


def _hazard_chart(hazard: str, classes: Sequence[str], sweep: Sweep, manifest: ModelManifest) -> str:
    """The classes' thresholds move together; the mark is where the first of them stands."""
    point = manifest.operating_point(classes[0])
    column = max(int(np.searchsorted(sweep.thresholds, point, side="right")) - 1, 0)
    shown, photos = int(sweep.shown.sum()), len(sweep.shown)
    title = f"{hazard} by {', '.join(classes)}: {shown} of {photos} photos show it"
    at = float(sweep.precision[column]), float(sweep.recall[column])
    return _chart_card(title, (sweep.thresholds, sweep.precision, sweep.recall), "threshold", point, at)


def _chart_card(
    title: str,
    lines: tuple[Values, Values, Values],
    x_name: str,
    point: float,
    at: tuple[float | None, float | None],
) -> str:
    """`lines` are x, precision and recall; `at` is precision and recall at the operating point."""
    (x, precision, recall), (sure, found) = lines, at
    mark = None if sure is None or found is None or not np.isfinite(sure) else (found, sure)
    both = [("precision", precision, sure), ("recall", recall, found)]
    return (
        f'<figure class="chart"><figcaption>{escape(title)}</figcaption><div>'
        f"{rate_chart(x, both, x_name=x_name, mark_x=point, title=title)}"
        f"{pr_chart(recall, precision, mark=mark, title=title)}</div></figure>"
    )


def _calibration(photos: Sequence[MeasuredPhoto], manifest: ModelManifest) -> str:
    verdicts = collect_verdicts([p.match for p in photos])
    if not len(verdicts.right):
        return ""
    places = Places.of([p.listed.place for p in photos])
    routed = np.array(
        [
            float(calibrate(c, manifest.calibration.get(manifest.class_names[k])))
            for c, k in zip(verdicts.confidence, verdicts.class_id, strict=True)
        ]
    )
    raw, cal = verdicts.confidence, routed
    bins = [_bins(values, bin_sums(values, verdicts, places)) for values in (raw, cal)]
    errors = [calibration_error(values, verdicts, places) for values in (raw, cal)]
    rows = [
        (word, len(raw), with_interval(*error))
        for word, error in zip(("confidence", "routing probability"), errors, strict=True)
    ]
    if not manifest.calibration:
        bins[1], rows = [], rows[:1]
    chart = reliability_chart(bins[0], bins[1], "share of detections that are right over what was claimed")
    legend = '<p class="legend"><i class="raw"></i>confidence'
    legend += ' <i class="cal"></i>routing probability</p>' if manifest.calibration else "</p>"
    errors_table = table(("claimed by", "detections", "expected calibration error"), rows)
    return f'{legend}<div class="beside"><figure class="chart single">{chart}</figure>{errors_table}</div>'


def _bins(values: Values, sums: tuple[Values, ...]) -> list[tuple[float, float, int]]:
    rows, claimed, right = (part.sum(axis=0) for part in sums)
    return [
        (float(claimed[b] / rows[b]), float(right[b] / rows[b]), int(rows[b])) for b in np.flatnonzero(rows)
    ]


def _class_confusion(photos: Sequence[MeasuredPhoto], manifest: ModelManifest) -> str:
    names = [*manifest.class_names, NOTHING]
    counts = confusion_matrix(photos, manifest)
    note = (
        "<p>Rows are what is there, columns what was said, at IoU 0.5 and the operating points. Last row: false alarms; "
        "last column: misses.</p>"
    )
    return note + heat_table(counts, names, names) if counts.sum() else ""


def _scene_confusion(figures: Figures) -> str:
    if figures.scene is None or not figures.scene.confusion:
        return ""
    confusion: Mapping[str, Mapping[str, int]] = figures.scene.confusion
    names = sorted({*confusion, *(said for row in confusion.values() for said in row)})
    counts = np.array([[confusion.get(t, {}).get(s, 0) for s in names] for t in names], np.int64)
    return heat_table(counts, names, names)


def _galleries(photos: Sequence[MeasuredPhoto], manifest: ModelManifest) -> str:
    legend = '<p class="legend"><i class="true"></i>label <i class="seen"></i>seen</p>'
    hazards = wrong_hazards(photos, manifest)
    judged = any(p.listed.expected is not None and p.hazards is not None for p in photos)
    parts = [
        ("Surest false alarms", gallery(false_alarms(photos, manifest), "No false alarm.")),
        ("Largest misses", gallery(misses(photos, manifest), "No object missed.")),
        ("Hazards told wrong", gallery(hazards, "No judged hazard told wrong.") if judged else ""),
    ]
    return legend + "".join(_block(title, content) for title, content in parts)
