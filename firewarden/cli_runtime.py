"""Commands about runtimes: `doctor --tune` measures and chooses one, `quantise` makes the int8 files for them."""

import importlib.util
from pathlib import Path
from tempfile import TemporaryFile
from typing import Annotated, Any

import typer
from rich.markup import escape

from firewarden.cli_console import ERR, OUT, check_output, print_json, print_step
from firewarden.cli_options import JsonOption, RulesOption, model_named
from firewarden.errors import HazardError


def run_tune(
    model: str | Path | None,
    rules: Path | None,
    *,
    data_dir: Path | None,
    photos: Path | None,
    accept_int8: bool,
    as_json: bool,
) -> None:
    """Measure the runtimes of this machine, store the choice, print the figures.

    Raises OSError, before anything is measured, where the data folder cannot be made or written.
    """
    from firewarden.api.settings import Settings
    from firewarden.inference.doctor import sample_photo
    from firewarden.inference.image import decode_image
    from firewarden.inference.machine import usable_cores
    from firewarden.inference.rules_file import load_rules
    from firewarden.inference.runtime_parity import photos_to_compare
    from firewarden.inference.session import open_session
    from firewarden.inference.tune import Bench, Effort, candidate_choices, prepare_picture, save_tuning, tune
    from firewarden.inference.tune_report import print_tuning
    from firewarden.inference.tuned import CACHE_FOLDER
    from firewarden.models.registry import find_manifest

    manifest, loaded = find_manifest(model), load_rules(rules)
    folder = data_dir or Settings().data_dir
    _check_writable(folder)
    pictures, photo = photos_to_compare(manifest, photos), sample_photo()
    bench = Bench(
        manifest,
        lambda choice: open_session(manifest, runtime=choice, cache_dir=folder / CACHE_FOLDER),
        prepare_picture(manifest, next(iter(pictures.values()))),
        usable_cores(),
        Effort(),
        prepare=lambda: prepare_picture(manifest, decode_image(photo, min_long_side=manifest.input_size)),
        on_step=print_step,
    )
    tuning = tune(bench, loaded, pictures, candidate_choices(manifest), accept_int8=accept_int8)
    path = save_tuning(folder, tuning)
    if as_json:
        print_json(tuning.to_json())
    else:
        print_tuning(OUT, tuning, path)


def _check_writable(folder: Path) -> None:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # photos of homes will lie here too
    with TemporaryFile(dir=folder):
        pass


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
    hazard_data: Annotated[
        list[Path] | None,
        typer.Option(help="Made val photos with expect.json, whose hazards decide too; repeatable."),
    ] = None,
    made: Annotated[
        list[Path] | None,
        typer.Option(help="Made train pictures that half of the calibration is on; repeatable."),
    ] = None,
    photos: Annotated[int, typer.Option(min=1, help="Train photos to calibrate on.")] = 300,
    runtime: Annotated[
        list[str] | None,
        typer.Option(help="onnxruntime or openvino, repeatable; default: both. Another's file stays."),
    ] = None,
    only_prove: Annotated[
        bool,
        typer.Option(
            "--prove",
            help="Make nothing: measure the model's own int8 files on this machine, and record what they do here.",
        ),
    ] = False,
    rules: RulesOption = None,
    as_json: JsonOption = False,
) -> None:
    """Make int8 files of a model for ONNX Runtime and OpenVINO; each is kept only if accuracy stays within 1 point."""
    if not only_prove:
        _check_quantisers()
    from firewarden.models.manifest import MANIFEST_FILE
    from firewarden.models.registry import find_manifest
    from firewarden.training.quantise import quantise as make
    from firewarden.training.quantise_prove import prove

    check_output(out / MANIFEST_FILE)
    told: dict[str, Any] = {
        "expect": expect, "rules": rules, "hazard_data": hazard_data or (), "runtimes": runtime or (),
        "on_step": print_step,
    }  # fmt: skip
    manifest = find_manifest(model_named(model))
    if only_prove:
        if made:
            raise HazardError("got --made with --prove, expected one of them: nothing is calibrated.")
        record: dict[str, Any] = {"artefacts": prove(manifest, data, out, **told)}
    else:
        record = make(manifest, data, out, photos=photos, made=made or (), **told)
    if as_json:
        print_json(record)
    for key, row in {} if as_json else record["artefacts"].items():
        OUT.print(f"{key}: {'accepted' if row['accepted'] else 'refused'}: {row['told']}", highlight=False)
    raise typer.Exit(0 if any(row["accepted"] for row in record["artefacts"].values()) else 1)


def _check_quantisers() -> None:
    """Raises HazardError where no int8 file could be made, and says on stderr where OpenVINO's could not: before photos are
    measured, which takes minutes."""
    cure = "pip install -e '.[quantise]' in the checkout"
    if _absent("onnx"):
        raise HazardError(f"onnx is not installed; this command needs it: {cure}")
    if missing := _absent("openvino", "nncf"):
        ERR.print(
            escape(f"no file for OpenVINO: {' and '.join(missing)} not installed: {cure}"), highlight=False
        )


def _absent(*names: str) -> list[str]:
    return [name for name in names if importlib.util.find_spec(name) is None]
