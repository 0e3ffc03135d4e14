"""Settling the kind of place: what a person or the register said, else the network's scene output, else a guess from
objects, else unknown. Pure."""

from collections.abc import Mapping

from firewarden.findings import InspectionContext, SceneEstimate, Source
from firewarden.inference.predicates import area_share
from firewarden.inference.rules import Rules, SceneRow
from firewarden.inference.view import View


def settle_scene(
    context: InspectionContext, view: View, probabilities: Mapping[str, float], rules: Rules
) -> SceneEstimate:
    """The scene of one photo. `probabilities` are the network's, by scene name; empty when it has no scene output. A scene that
    leaves the kind of space open stays provisional whoever named it; what a register leaves open is not guessed."""
    texts = rules.scene_estimate
    if context.scene is not None and (context.scene != "unknown" or context.scene_source is Source.REGISTER):
        open_still = context.scene in rules.cctv.register.unsettled_scenes
        confidence = 0.0 if context.scene == "unknown" else 1.0
        return SceneEstimate(context.scene, context.scene_source, confidence, open_still, texts.basis_given)
    name, probability = _from_head(probabilities, rules)
    if probability >= texts.head_confidence_gte:
        return SceneEstimate(name, Source.MODEL, probability, True, texts.basis_head)
    for row in texts.rows:
        if _applies(row, view):
            return SceneEstimate(row.scene, Source.MODEL, row.confidence, True, texts.basis_rule)
    return SceneEstimate("unknown", Source.MODEL, 0.0, True, texts.basis_none)


def _from_head(probabilities: Mapping[str, float], rules: Rules) -> tuple[str, float]:
    """The likeliest scene; where none reaches the bound alone, `indoor` with all indoor scenes together."""
    best = max(probabilities.items(), key=lambda item: item[1], default=("unknown", 0.0))
    if best[1] >= rules.scene_estimate.head_confidence_gte:
        return best
    indoors = sum(p for name, p in probabilities.items() if name in rules.scene_estimate.indoor_scenes)
    return ("indoor", min(1.0, indoors)) if indoors > best[1] else best


def _applies(row: SceneRow, view: View) -> bool:
    rows = view.rows(row.any_of)
    if not len(rows) or len(view.rows(row.none_of)):
        return False
    return bool((area_share(view.boxes(rows), view.image_hw) >= row.area_share_gte).any())
