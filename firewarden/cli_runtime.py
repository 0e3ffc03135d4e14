"""Commands about runtimes: `doctor --tune` measures and chooses one, `quantise` makes the int8 files for them."""

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

_out, _err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)


def run_tune(
    model: str | Path | None,
    rules: Path | None,
    *,
    data_dir: Path | None,
    photos: Path | None,
    accept_int8: bool,
    as_json: bool,
) -> None:
    """Measure the runtimes of this machine, store the choice, print the figures."""
    from firewarden.api.settings import Settings
    from firewarden.inference.machine import usable_cores
    from firewarden.inference.rules import load_rules
    from firewarden.inference.runtime_parity import photos_to_compare
    from firewarden.inference.session import open_session
    from firewarden.inference.tune import Bench, Effort, candidate_choices, prepare_picture, save_tuning, tune
    from firewarden.inference.tune_report import print_tuning
    from firewarden.inference.tuned import CACHE_FOLDER
    from firewarden.models.registry import find_manifest

    manifest, loaded = find_manifest(model), load_rules(rules)
    folder = data_dir or Settings().data_dir
    pictures = photos_to_compare(manifest, photos)
    bench = Bench(
        manifest,
        lambda choice: open_session(manifest, runtime=choice, cache_dir=folder / CACHE_FOLDER),
        prepare_picture(manifest, next(iter(pictures.values()))),
        usable_cores(),
        Effort(),
        on_step=lambda text: _err.print(f"{text} ...", highlight=False),
    )
    tuning = tune(bench, loaded, pictures, candidate_choices(manifest), accept_int8=accept_int8)
    path = save_tuning(folder, tuning)
    if as_json:
        sys.stdout.write(json.dumps(tuning.to_json(), ensure_ascii=False) + "\n")
    else:
        print_tuning(_out, tuning, path)


def inspect_runtime(model: str | Path | None) -> tuple[Any, Path]:
    """What `doctor --tune` chose for single answers on this machine, if it still holds, and where runtimes keep what they
    compile."""
    from firewarden.api.settings import Settings
    from firewarden.inference.tuned import CACHE_FOLDER, stored_choice
    from firewarden.models.registry import find_manifest

    data_dir = Settings().data_dir
    return stored_choice(data_dir, find_manifest(model), "inspect"), data_dir / CACHE_FOLDER


def quantise(
    model: Annotated[str, typer.Argument(help="Model id, or the path of a model folder.")],
    data: Annotated[Path, typer.Option(help="Data folder: train photos calibrate, val photos decide.")],
    out: Annotated[Path, typer.Option(help="Model folder to write; the model's own adds to it.")],
    expect: Annotated[
        Path | None, typer.Option(help="Expected hazards of val photos; default: from labels and tags.")
    ] = None,
    photos: Annotated[int, typer.Option(min=1, help="Train photos to calibrate on.")] = 300,
    rules: Annotated[
        Path | None, typer.Option("--rules", help="Rule file instead of the packaged one.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Machine-readable output.")] = False,
) -> None:
    """Make int8 files of a model for ONNX Runtime and OpenVINO; each is kept only if accuracy stays within 1 point."""
    from firewarden.models.registry import find_manifest
    from firewarden.training.quantise import quantise as make

    named: str | Path = Path(model) if "/" in model or Path(model).is_dir() else model
    record: dict[str, Any] = make(
        find_manifest(named), data, out, photos=photos, expect=expect, rules=rules,
        on_step=lambda text: _err.print(f"{text} ...", highlight=False),
    )  # fmt: skip
    if as_json:
        sys.stdout.write(json.dumps(record, ensure_ascii=False) + "\n")
    for key, row in {} if as_json else record["artefacts"].items():
        _out.print(f"{key}: {'accepted' if row['accepted'] else 'refused'}: {row['told']}", highlight=False)
    raise typer.Exit(0 if any(row["accepted"] for row in record["artefacts"].values()) else 1)
