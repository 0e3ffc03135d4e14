"""The provenance part of a model card: made pictures, starting weights, the runs behind a model, how to repeat it."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from firewarden.training.ablation_recipes import made_by_text, markdown_table, origins_text
from firewarden.training.run_folder import ancestry, extra_parts, made_parts

Table = Mapping[str, Any]
_STARTS = {  # beginning of the file's name -> where its weights come from
    "yolo26n": "YOLO26n trained on COCO by Ultralytics (AGPL-3.0), as given to this project",
    "yolo11n": "YOLO11n trained on COCO by Ultralytics (AGPL-3.0), as given to this project",
}


def made_pictures(run: Table) -> str:
    """Which made pictures the weights have seen, in this run and those before it, and all further folders one by one."""
    kinds = {k: v for k, v in (run["config"].get("compose") or {}).items() if v}
    folders = extra_parts(run)
    if not kinds and not made_parts(run):
        none = "No composed or rendered pictures were used."
        further = (" Further folders of photos were:\n", "\n".join(_folder_table(folders))) if folders else ()
        return "".join((none, *further))
    counts = "; ".join(f"{count} {kind.replace('_', ' ')}" for kind, count in kinds.items())
    said = f" ({counts})" if counts else ""
    intro = (
        f"**Made pictures were used for training**{said}: train photos edited by `firewarden data compose` and scenes "
        "rendered by `firewarden data synth`. They are not in the table above and not among the photos that were measured."
    )
    return "\n".join([intro, *(_folder_table(folders) if folders else ())])


def _folder_table(folders: Sequence[Table]) -> Iterator[str]:
    repeated = {name for name, n in Counter(f["name"] for f in folders).items() if n > 1}
    cells = [
        (f"`{_folder_name(f, repeated)}`", origins_text(f), str(f["photos"]), f"`{f['sha256'][:12]}`", made_by_text(f))
        for f in folders
    ]  # fmt: skip
    yield ""
    yield from markdown_table(("folder", "pictures are", "pictures", "sha256", "made by"), cells)
    if repeated:
        yield ""
        yield (
            "A name followed by the beginning of its sha256 stands for more than one set: a hash covers the pictures that a "
            "run listed and their labels, so a folder drawn from or made twice has two."
        )


def _folder_name(part: Table, repeated: set[str]) -> str:
    return f"{part['name']} {part['sha256'][:6]}" if part["name"] in repeated else str(part["name"])


def starting_weights(run: Table) -> str:
    """The file that the oldest run behind a model began with: name, sha256, where it comes from."""
    name = str(run["weights"])
    source = next((text for start, text in _STARTS.items() if name.startswith(start)), "source not stated")
    sha256 = _start_sha256(run, name)
    return f"Starting weights: `{name}`, sha256 {f'`{sha256}`' if sha256 else 'not kept'}: {source}."


def _start_sha256(run: Table, name: str) -> str | None:
    """As the oldest run says, or a mean that the weights entered; None where neither does."""
    runs = list(ancestry(run))
    parts = [part for each in runs for part in each.get("averaged") or ()]
    entered = next((part["sha256"] for part in parts if part["run"] == Path(name).stem), None)
    return runs[-1].get("weights_sha256") or entered


def reproduce(run: Table, evaluation: Table) -> str:
    """The section that says how the model came about."""
    versions = ", ".join(f"{name} {number}" for name, number in sorted(run["versions"].items()))
    measured = f" by `{evaluation['command']}`" if evaluation["command"] else ""
    averaged = ", `firewarden average`" if run.get("averaged") else ""
    lines = [
        "## Reproduce",
        "",
        f"`firewarden train`{averaged}, `firewarden export`, `firewarden promote`, with",
        "",
        f"- code at commit `{run['git_sha']}`, config `{run['config']['name']}`, seed {run['config']['seed']}",
        *([f"- trained by `{run['command']}`"] if run.get("command") else []),
        (
            f"- training data sha256 `{run['dataset_sha256']}`: {run['train_photos']} train entries (composed and repeated "
            f"photos included), {run['val_photos']} val photos"
        ),
        *_lineage(run),
        f"- {versions}",
        f"- trained on {run['machine']}; measured on {evaluation['machine']}{measured}",
        "",
        "Trainer settings:",
        "",
        "```json",
        json.dumps(run["arguments"], sort_keys=True),
        "```",
    ]
    return "\n".join(lines)


def _lineage(run: Table) -> Iterator[str]:
    """Lines about the runs that this one started from, newest first, and the mean that was taken, if any."""
    if run.get("averaged"):
        yield f"- weights are the mean of last checkpoints: {_shares(run)}"
    for child, parent in pairwise(ancestry(run)):
        if child.get("restored"):
            yield (
                f"- trained on from the shipped file of `{child['restored']['model']}`, sha256 "
                f"`{child['restored']['sha256'][:12]}`"
            )
        mean = f"the mean of {_shares(parent)}, the last part of it " if parent.get("averaged") else ""
        yield (
            f"- before it: {mean}config `{parent['config']['name']}`, seed {parent['config']['seed']}, at commit "
            f"`{parent['git_sha']}`: {_epochs(parent)} at {parent['arguments']['imgsz']} px, training data sha256 "
            f"`{parent['dataset_sha256']}`"
        )


def _shares(run: Table) -> str:
    return ", ".join(
        f"{p['share']:.2f} of `{p['run']}` (sha256 `{p['sha256'][:12]}`)" for p in run["averaged"]
    )


def _epochs(run: Table) -> str:
    """'6 of 8 epochs'. A record copied from a mean may say 0: it then finished, or nobody counted."""
    planned = run["arguments"]["epochs"]
    if run.get("epochs_done") or not run.get("averaged"):
        return f"{run.get('epochs_done', 0)} of {planned} epochs"
    return f"a finished run of {planned} epochs" if run.get("finished_at") else f"up to {planned} epochs"
