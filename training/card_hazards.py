"""The hazard part of a model card: figures by origin, look-alikes, thresholds by hazard, places, calibration."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

Table = Mapping[str, Any]


def hazard_sections(evaluation: Table, scene: Mapping[str, float]) -> str:
    """Markdown from evaluation.json and the report of the scene output; parts without figures are left out."""
    parts = (
        _hazards(evaluation),
        _look_alikes(evaluation),
        _shares(evaluation, scene),
        _budgets(evaluation.get("hazard_budgets", {})),
        _calibration(evaluation.get("calibration", {})),
    )
    return "\n\n".join(part for part in parts if part)


def origins(evaluation: Table) -> Iterator[tuple[str, Table]]:
    """(data and origin, figures) of the evaluation and of those beside it; origins are never mixed."""
    for report in (evaluation, *evaluation.get("also_on", ())):
        for origin, figures in (report.get("by_origin") or {report.get("origin", "real"): report}).items():
            yield f"`{report['data']}`, {origin}", figures


def _hazards(evaluation: Table) -> str:
    rows = [
        f"| {where} | {name} | {score['judged_photos']} | {score['n']} | {_with(score, 'recall')} "
        f"| {_with(score, 'precision')} | {_with(score, 'fp_per_image')} | {_pairs(score)} | {score['needs_site_check']} |"
        for where, figures in origins(evaluation)
        for name, score in figures.get("per_hazard", {}).items()
        if score["judged_photos"]
    ]
    return "\n".join(
        [
            "## Hazards",
            "",
            (
                "Nothing was said about the place. In real photos expected hazards come from labels and scene tags, so only "
                "what these settle is judged; made photos know what they show."
            ),
            "",
            *_table(
                ("data", "hazard", "photos judged", "showing it", "recall", "precision", "false alarms a photo",
                 "pairs told right", "asked for the place instead"), rows
            ),
        ]
    )  # fmt: skip


def _look_alikes(evaluation: Table) -> str:
    rows = [
        f"| {where} | {name.replace('_', ' ')} | {hazard} | {row['photos']} | {row['false_alarms']} "
        f"| {with_interval(row['rate'], row['ci'])} |"
        for where, figures in origins(evaluation)
        for hazard, score in figures.get("per_hazard", {}).items()
        for name, row in score.get("hard_negatives", {}).items()
    ]
    head = ("data", "look-alike", "hazard", "photos", "false alarms", "rate")
    return "\n".join(["### Look-alikes", "", *_table(head, rows)]) if rows else ""


def _shares(evaluation: Table, scene: Mapping[str, float]) -> str:
    lines = []
    for where, figures in origins(evaluation):
        shares = (
            ("photos without a hazard that get none", figures.get("clean_photos"), "no_hazard"),
            ("counterfactual pairs told right", figures.get("pairs"), "right"),
            ("pedal bicycles called e-bike", figures.get("bicycles_called_ebike"), "called_ebike"),
        )
        lines += [
            f"- {where}: {words} {with_interval(share['rate'], share['ci'])} ({share[count]} of {share['n']})"
            for words, share, count in shares
            if share and share["n"]
        ]
        places = figures.get("scene")
        if places and places["n"]:
            sides = places["indoor_outdoor"]
            lines.append(
                f"- {where}: kind of place told right {with_interval(places['accuracy'], places['ci'])}, indoors or "
                f"outdoors {with_interval(sides['accuracy'], sides['ci'])} ({places['n']} photos; not told counts as wrong)"
            )
    said = ", ".join(f"{k.removeprefix('val_').replace('_', ' ')} {v:.3f}" for k, v in scene.items())
    return "\n".join([*lines, "", f"Scene output on tagged val photos: {said or 'none'}."]).strip()


def _budgets(budgets: Mapping[str, Table]) -> str:
    rows = [
        f"| {hazard} | {row['false_alarms_a_photo']:.2f} | {number(row['reached'])} | {number(row['recall'])} "
        f"| {row['n']} | {row['clear']} | {row['data']} |"
        for hazard, row in budgets.items()
    ]
    head = (
        "hazard",
        "false alarms allowed a photo",
        "reached",
        "recall",
        "photos showing it",
        "without it",
        "data",
    )
    intro = "Thresholds chosen by hazard, within a budget of false alarms on photos without it:"
    return "\n".join(["### Thresholds by hazard", "", intro, "", *_table(head, rows)]) if rows else ""


def _calibration(groups: Mapping[str, Table]) -> str:
    rows = [
        f"| {', '.join(row['classes'])} | {row['n']} | {row['kind']} "
        f"| {with_interval(row['ece_before'], row['ci_ece_before'])} "
        f"| {with_interval(row['ece_after'], row['ci_ece_after'])} |"
        for row in groups.values()
    ]
    head = ("classes", "detections", "curve", "calibration error before", "after")
    intro = (
        "The confidence that routes a finding (never its level) is calibrated on val matches; errors are expected calibration "
        "errors, those after on places the curve was not fitted on:"
    )
    return "\n".join(["### Calibration", "", intro, "", *_table(head, rows)]) if rows else ""


def _table(head: Sequence[str], rows: Sequence[str]) -> list[str]:
    return [f"| {' | '.join(head)} |", "|" + "---|" * len(head), *rows]


def _with(score: Table, key: str) -> str:
    return with_interval(score[key], score["ci"].get(key))


def _pairs(score: Table) -> str:
    pairs = score.get("pairs") or {"n": 0}
    return f"{pairs['right']} of {pairs['n']}" if pairs["n"] else "-"


def number(value: float | None) -> str:
    """Three decimals, a dash for none."""
    return "-" if value is None else f"{value:.3f}"


def with_interval(value: float | None, ci: Sequence[float] | None) -> str:
    """'0.930 [0.850, 1.000]'."""
    return number(value) if ci is None else f"{number(value)} [{ci[0]:.3f}, {ci[1]:.3f}]"
