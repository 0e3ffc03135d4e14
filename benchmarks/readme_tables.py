"""The measured parts of README.md: `python -P -m firewarden.benchmarks.readme_tables` rewrites them in place.

The demo block is what `make demo` prints, the results table comes from the shipped model's evaluation.json.
"""

import io
import json
import re
from pathlib import Path
from typing import Any

from rich.console import Console

from firewarden.findings import InspectionContext
from firewarden.inference.inspector import open_inspector
from firewarden.inference.report import print_result
from firewarden.models.registry import DEFAULT_MODEL_ID, model_folder
from firewarden.training.card_hazards import origins

SAMPLE = Path("inference/sample.jpg")
MAIN_HAZARDS = ("blocked_exit", "indoor_ebike", "flying_charging_cable", "missing_extinguisher")
_LEAST_JUDGED = 20


def demo_block(root: Path) -> str:
    """What `firewarden inspect inference/sample.jpg --venue-type office` prints, as a fenced block."""
    inspector = open_inspector()
    result = inspector.inspect((root / SAMPLE).read_bytes(), InspectionContext(venue_type="office"))
    stream = io.StringIO()
    print_result(Console(file=stream, soft_wrap=True, no_color=True), SAMPLE, result, inspector.rules)
    return f"```\n{stream.getvalue().rstrip()}\n```"


def results_block() -> str:
    """Classes that were measured on at least five objects, and judged hazards, with 95 % intervals."""
    folder = model_folder(DEFAULT_MODEL_ID)
    facts = json.loads((folder / "evaluation.json").read_text(encoding="utf-8"))
    lines = ["| class | objects | mAP50 | mAP50-95 | recall |", "|---|---|---|---|---|"]
    lines += [
        f"| {name} | {row['n']} | {_value(row['map50'], row['ci_map50'])} | {_value(row['map50_95'], row['ci_map50_95'])} "
        f"| {_value(row['recall'])} |"
        for name, row in facts["per_class"].items()
        if row["n"] >= 5
    ]
    lines += ["", *hazard_rows(facts)]
    lines += [
        "",
        (
            f"{facts['images']} photos of split `{facts['split']}` ({facts['excluded_shared_places']} left out because train shows "
            f"the same place), 95 % intervals over places, model sha256 `{facts['model_sha256'][:12]}`, {facts['machine']}, "
            f"ONNX Runtime {facts['versions']['onnxruntime']}. Checkpoints, the shares of the averaged weights, the scene output's strength and the operating points were chosen on the "
            f"same split, the eight lift photos included: the figures flatter, and those of few photos most. "
            f"Command: `{facts['command']}`."
        ),
    ]
    return "\n".join(lines)


def hazard_rows(facts: dict[str, Any]) -> list[str]:
    """Judged hazards, nobody naming the place: one table, real, composed and rendered pictures in rows of their own."""
    lines = [
        "| hazard, place not told | pictures | showing it | recall | precision | false alarms a picture |",
        "|---|---|---|---|---|---|",
    ]
    for where, figures in origins(facts):
        lines += [
            f"| {name} | {where} | {row['n']} of {row['judged_photos']} | {_value(row['recall'], row['ci']['recall'])} "
            f"| {_value(row['precision'], row['ci']['precision'])} | {_value(row['fp_per_image'])} |"
            for name, row in figures["per_hazard"].items()
            if name in MAIN_HAZARDS and row["judged_photos"] >= _LEAST_JUDGED
        ]
    return lines


def with_blocks(text: str, blocks: dict[str, str]) -> str:
    """README text with the part between each pair of markers replaced."""
    for name, block in blocks.items():
        pattern = re.compile(rf"(<!-- {name}:begin -->\n).*?(<!-- {name}:end -->)", re.DOTALL)
        if not pattern.search(text):
            raise ValueError(f"the page has no markers {name}:begin and {name}:end; put them back")
        text = pattern.sub(lambda match, block=block: f"{match[1]}{block}\n{match[2]}", text)  # type: ignore[misc]
    return text


def _value(value: Any, bounds: Any = None) -> str:
    if value is None:
        return "-"
    return f"{value:.2f}" + (f" ({bounds[0]:.2f}-{bounds[1]:.2f})" if bounds else "")


def main() -> None:
    """Rewrite README.md of the working tree."""
    root = Path(__file__).resolve().parents[1]
    path = root / "README.md"
    blocks = {"demo": demo_block(root), "results": results_block()}
    path.write_text(with_blocks(path.read_text(encoding="utf-8"), blocks), encoding="utf-8")


if __name__ == "__main__":
    main()
