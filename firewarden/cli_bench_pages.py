"""Commands of `firewarden bench` that write pages: what outward copies cover, simulations, the pages about speed."""

from pathlib import Path
from typing import Annotated

import typer

from firewarden.cli_bench_options import RESULTS, CostOption, OutOption
from firewarden.cli_bench_run import check_page, note_conditions, prepare, save, write_blocks
from firewarden.cli_console import OUT, check_output, command_line, print_step
from firewarden.cli_options import ModelOption


def privacy(
    data: Annotated[Path, typer.Option(help="Data folder with the photos whose heads were boxed.")],
    model: ModelOption = None,
    out: OutOption = RESULTS,
    page: Annotated[Path, typer.Option(help="Page whose measured part is written.")] = Path(
        "docs/privacy.md"
    ),
    limit: Annotated[int | None, typer.Option(min=1, help="Only so many photos, to try it out.")] = None,
) -> None:
    """How much of the heads in photos an outward copy covers, by detector."""
    from firewarden.benchmarks.privacy import measure_privacy
    from firewarden.benchmarks.privacy_page import privacy_blocks
    from firewarden.benchmarks.results import load_results
    from firewarden.inference.inspector import open_inspector

    check_page(page)
    manifest, _ = prepare(out, model, None, None)
    conditions = note_conditions(manifest, None, [])
    inspector = open_inspector(manifest.folder, threads=1)
    save(out, "privacy", conditions, measure_privacy(data, inspector, print_step, limit=limit))
    blocks = privacy_blocks(load_results(out)["privacy"])
    write_blocks(page, blocks)


def scale(
    results: Annotated[
        Path, typer.Option(help="Folder whose result files hold the service times.")
    ] = RESULTS,
    out: Annotated[
        Path | None, typer.Option(help="Folder for scale.json; by default, with --page, that of --results.")
    ] = None,
    page: Annotated[
        Path | None, typer.Option(help="Page whose simulated parts are written; without it they are printed.")
    ] = None,
    cameras: Annotated[int, typer.Option(min=1)] = 10_000,
    every_s: Annotated[float, typer.Option(min=0.2, help="Seconds between pictures of a camera.")] = 10.0,
    frames: Annotated[float, typer.Option(min=1, help="Frames of the archive.")] = 1e9,
    decode_ms: CostOption = None,
    infer_ms: Annotated[float | None, typer.Option(min=0.001, help="Instead of the measured one.")] = None,
    rules_ms: CostOption = None,
    gate_ms: Annotated[float | None, typer.Option(min=0, help="Masks, gate and trackers.")] = None,
    receive_ms: Annotated[
        float | None, typer.Option(min=0, help="Core ms a second of an open stream.")
    ] = None,
    looked_at: Annotated[
        float | None, typer.Option(min=0, max=1, help="Pictures that open the gate.")
    ] = None,
    driver_rows_per_s: Annotated[float | None, typer.Option(min=1, help="Rows one batch writes.")] = None,
    webhook_ms: Annotated[float | None, typer.Option(min=1, help="Until a message is confirmed.")] = None,
    database_changes_per_s: Annotated[
        float | None, typer.Option(min=1, help="Events one SQLite file keeps.")
    ] = None,
) -> None:
    """Simulate ten thousand cameras and an archive of a billion frames from measured service times."""
    from firewarden.benchmarks.conditions import machine_of_run
    from firewarden.benchmarks.results import load_rehearsal, load_results
    from firewarden.benchmarks.scale import Archive, Fleet, measure_scale
    from firewarden.benchmarks.scale_inputs import quantities_of
    from firewarden.benchmarks.scale_page import scale_blocks

    if page:
        check_page(page)
    if out or page:
        check_output((out or results) / "scale.json")
    given = {
        "decode_ms": decode_ms, "infer_ms": infer_ms, "rules_ms": rules_ms, "gate_ms": gate_ms, "receive_ms": receive_ms,
        "looked_at": looked_at, "driver_rows_per_s": driver_rows_per_s, "webhook_ms": webhook_ms,
        "database_changes_per_s": database_changes_per_s,
    }  # fmt: skip
    quantities = quantities_of(load_results(results), given, load_rehearsal(results))
    fleet, archive = Fleet(cameras=cameras, every_s=every_s), Archive(frames=frames)
    conditions = machine_of_run(command_line())
    told = measure_scale(quantities, fleet, archive, print_step)
    if out or page:
        save(out or results, "scale", conditions, told)
    blocks = scale_blocks({"conditions": conditions, **told})
    if page:
        write_blocks(page, blocks)
    else:
        OUT.print("\n\n".join(blocks.values()), highlight=False, markup=False, soft_wrap=True)


def cctv_day(
    out: OutOption = RESULTS,
    seeds: Annotated[int, typer.Option(min=1, help="How many days; their seeds are 1, 2, 3 ...")] = 20,
) -> None:
    """Simulated days before one camera: events found, told twice or falsely, and frames looked at."""
    from firewarden.benchmarks.cctv_day import day_page, measure_days
    from firewarden.benchmarks.conditions import machine_of_run
    from firewarden.benchmarks.results import load_results
    from firewarden.inference.rules_file import load_rules

    check_output(out / "cctv_day.json")
    conditions = machine_of_run(command_line())
    save(out, "cctv_day", conditions, measure_days(range(1, seeds + 1), load_rules(), print_step))
    page = out / "cctv_day.md"
    page.write_text(day_page(load_results(out)["cctv_day"]), encoding="utf-8")
    OUT.print(f"written: {page}", highlight=False)


def cctv_photos(
    data: Annotated[Path, typer.Option(help="Folder of composed or rendered pictures with expect.json.")],
    model: ModelOption = None,
    out: OutOption = RESULTS,
    places: Annotated[int, typer.Option(min=1, help="At most so many places, evenly drawn.")] = 40,
) -> None:
    """Simulated days before cameras whose pictures are photos, looked at by the model that ships."""
    from firewarden.benchmarks.cctv_photos import measure_photo_days, photos_page, read_places
    from firewarden.benchmarks.results import load_results
    from firewarden.errors import DatasetError
    from firewarden.inference.inspector import open_inspector

    manifest, _ = prepare(out, model, None, None)
    conditions = note_conditions(manifest, None, [])
    found = read_places(data)
    if not found:
        raise DatasetError(
            f"{data} tells of no place with an untouched picture and one that shows a hazard. Name a folder that "
            "`firewarden data compose` wrote."
        )
    chosen = found[:: -(-len(found) // places)]
    inspector = open_inspector(manifest.folder, threads=1)
    told = measure_photo_days(chosen, inspector.detector, inspector.rules, print_step)
    save(out, "cctv_photos", conditions, {"data": data.resolve().name, **told})
    page = out / "cctv_photos.md"
    page.write_text(photos_page(load_results(out)["cctv_photos"]), encoding="utf-8")
    OUT.print(f"written: {page}", highlight=False)


def report(
    results: Annotated[Path, typer.Option(help="Folder of the result files.")] = RESULTS,
    docs: Annotated[Path, typer.Option(help="Folder of how-fast.md, capacity.md and charts/.")] = Path(
        "docs"
    ),
) -> None:
    """Write the pages about speed and capacity from the result files."""
    from firewarden.benchmarks.report_page import write_pages

    for path in write_pages(results, docs):
        OUT.print(f"written: {path}", highlight=False)
