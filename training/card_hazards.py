"""The hazard part of a model card: figures by origin, look-alikes, thresholds by hazard, places, calibration."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from firewarden.models.tuning import HazardBudget, read_budgets
from firewarden.training.expectations import HARD_NEGATIVES

Table = Mapping[str, Any]
_SCENE_PARTS = {
    "cross_validated": "Scene output, cross-validated by place on real train photos (made pictures joined the fit), "
    "several views of each; the network saw these tags in training, so new places are told worse",
    "val": "Scene output on tagged val photos, none of them made",
}


def hazard_sections(evaluation: Table, scene: Mapping[str, float]) -> str:
    """Markdown from evaluation.json and the report of the scene output; parts without figures are left out."""
    parts = (
        _hazards(evaluation),
        _look_alikes(evaluation),
        _shares(evaluation, scene),
        _further_data(evaluation),
        _budgets(read_budgets(evaluation.get("hazard_budgets", {}), Path("evaluation.json"))),
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
    several = list(origins(evaluation))
    rows = [
        f"| {where} | {name.replace('_', ' ')} | {hazard} | {row['photos']} | {row['false_alarms']} "
        f"| {with_interval(row['rate'], row['ci'])} |"
        for where, figures in several
        for hazard, score in figures.get("per_hazard", {}).items()
        for name, row in score.get("hard_negatives", {}).items()
    ]
    rows += [
        f"| {w} | {_plain(name)} | {', '.join(HARD_NEGATIVES[name])} | 0 | - | not measured |"
        for w, name in _unmeasured(several)
    ]
    head = ("data", "look-alike", "hazard", "photos", "false alarms", "rate")
    return "\n".join(["### Look-alikes", "", *_table(head, rows)])


def _unmeasured(several: Sequence[tuple[str, Table]]) -> Iterator[tuple[str, str]]:
    """(where, look-alike) of those without a picture: named once where no data has one, else by the data without it."""
    measured = {
        where: {
            name
            for score in figures.get("per_hazard", {}).values()
            for name in score.get("hard_negatives", {})
        }
        for where, figures in several
    }
    for name in HARD_NEGATIVES:
        without = [where for where, names in measured.items() if name not in names]
        yield from (("all", name),) if len(without) == len(measured) else ((where, name) for where in without)


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
        inside = figures.get("ebikes_indoors")
        if inside:
            lines.append(
                f"- {where}: e-bikes in photos taken indoors: mAP50 {with_interval(inside['map50'], inside['ci_map50'])} "
                f"({inside['n']} labelled)"
            )
        places = figures.get("scene")
        if places and places["n"]:
            sides = places["indoor_outdoor"]
            lines.append(
                f"- {where}: kind of place told right {with_interval(places['accuracy'], places['ci'])}, indoors or "
                f"outdoors {with_interval(sides['accuracy'], sides['ci'])} ({places['n']} photos; not told counts as wrong)"
            )
    return "\n".join([*lines, "", *_scene_output(scene)]).strip()


def _scene_output(scene: Mapping[str, float]) -> Iterator[str]:
    """How the fitted layer does on what it was fitted on, places left out, and on val photos: never in one line."""
    if scene.get("cross_validated_n") == 0:
        yield "- No scene output: no real train photo had a scene tag. The kind of place comes from people or from objects."
        return
    for part, words in _SCENE_PARTS.items():
        own = {k.removeprefix(f"{part}_"): v for k, v in scene.items() if k.startswith(f"{part}_")}
        count = own.pop("n", None)
        said = ", ".join(f"{_plain(name)} {value:.3f}" for name, value in own.items())
        yield f"- {words}: {f'{count:.0f} pictures, ' if count is not None else ''}{said or 'not measured'}."
    if "strength" in scene:
        yield f"- Scene output, its fit: strength {scene['strength']:.3f}, temperature {scene['temperature']:.3f}."


def places_never_told(evaluation: Table) -> Iterator[str]:
    """'elevator car 0 of 8 on `real`, real (told indoor 6, ...)' for each kind of place that was never told right."""
    for where, figures in origins(evaluation):
        for true, said in ((figures.get("scene") or {}).get("confusion") or {}).items():
            if not said.get(true):
                told = ", ".join(f"{_plain(name)} {count}" for name, count in sorted(said.items()))
                yield f"{_plain(true)} 0 of {sum(said.values())} on {where} (told: {told})"


def _budgets(budgets: Mapping[str, HazardBudget]) -> str:
    rows = [
        f"| {hazard} | {f'`{part.data}`, ' if part.data else ''}{origin} | {_held(budget, origin)} "
        f"| {budget.false_alarms_a_photo:.2f} | {number(part.false_alarms_a_photo)} | {_counted(budget.clear_places(origin))} "
        f"| {part.clear} | {number(part.recall)} | {part.n} |"
        for hazard, budget in budgets.items()
        for origin, part in budget.by_origin.items()
    ]
    head = (
        "hazard",
        "data",
        "held to the budget",
        "false alarms allowed a photo",
        "reached, counted by place",
        "places without it",
        "pictures without it",
        "recall",
        "pictures showing it",
    )
    intro = (
        "Thresholds chosen by hazard: the most found, as a mean over origins that show it, within a budget of false alarms on "
        "photos without it. Rates differ from those under Hazards, which count every picture: here the made pictures of one "
        "place together count as one photo, and a real photo counts as one. The budget was held to each data with places enough "
        "for one alarm to be within it (where none has, to all together); what others reach bound nothing. A dash: an older "
        "export, which did not keep the number of places."
    )
    return "\n".join(["### Thresholds by hazard", "", intro, "", *_table(head, rows)]) if rows else ""


def _held(budget: HazardBudget, origin: str) -> str:
    if not any(budget.held_to(name) is not False for name in budget.by_origin):
        return "together"
    held = budget.held_to(origin)
    return "-" if held is None else "yes" if held else "no"


def _counted(places: int | None) -> str:
    return "-" if places is None else str(places)


def _further_data(evaluation: Table) -> str:
    """What the further folders are: their hash, whether thresholds were chosen on them, and what made them."""
    lines = [
        f"- `{report['data']}`, {report['images']} pictures, sha256 `{report['data_sha256'][:12]}`: "
        + ("also served to choose thresholds" if report.get("chose_thresholds", True) else "chose nothing")
        + (f"; made by `{report['made_by']}`" if report.get("made_by") else "")
        for report in evaluation.get("also_on", ())
    ]
    return "\n".join(["Made pictures that were measured:", "", *lines]) if lines else ""


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


def _plain(name: str) -> str:
    return name.replace("_", " ")


def number(value: float | None) -> str:
    """Three decimals, a dash for none."""
    return "-" if value is None else f"{value:.3f}"


def with_interval(value: float | None, ci: Sequence[float] | None) -> str:
    """'0.930 [0.850, 1.000]'."""
    return number(value) if ci is None else f"{number(value)} [{ci[0]:.3f}, {ci[1]:.3f}]"
