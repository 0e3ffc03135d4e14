"""`firewarden bench ...`: how fast it is on this machine, alone and beside others, and the pages written from that."""

import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from firewarden.errors import HazardError

bench_app = typer.Typer(no_args_is_help=True, help="Measure speed; write the pages about it.")
_out, _err = Console(soft_wrap=True), Console(stderr=True, soft_wrap=True)

PhotosOption = Annotated[Path | None, typer.Option(help="Folder of photos instead of the made ones.")]
PhotoOption = Annotated[
    list[str] | None, typer.Option("--photo", help="Only the photo of this name; repeatable.")
]
ModelOption = Annotated[str | None, typer.Option("--model", help="Model id, or the path of a model folder.")]
TunedOption = Annotated[
    Path | None,
    typer.Option(help="Data folder whose `doctor --tune` choice is used; default: ONNX Runtime, fp32."),
]
OutOption = Annotated[Path, typer.Option("--out", help="Folder of the result files.")]
RESULTS = Path("benchmarks/results")


@bench_app.command()
def latency(
    photos: PhotosOption = None,
    photo: PhotoOption = None,
    model: ModelOption = None,
    tuned: TunedOption = None,
    out: OutOption = RESULTS,
    seconds: Annotated[float, typer.Option(min=0, help="Time for each photo.")] = 20.0,
) -> None:
    """One photo alone: how long decoding, network and rules take."""
    from firewarden.benchmarks.latency import measure_latency
    from firewarden.benchmarks.throughput import tuned_choice
    from firewarden.inference.inspector import open_inspector

    manifest, pictures = _prepare(model, photos, photo)
    inspector = open_inspector(
        manifest.folder, runtime=tuned_choice(manifest, tuned), threads=None if tuned else 1
    )
    conditions = _conditions(manifest, tuned, pictures)
    _save(
        out,
        "latency",
        conditions,
        {"rows": measure_latency(inspector, pictures, seconds=seconds, on_step=_step)},
    )


@bench_app.command()
def throughput(
    photos: PhotosOption = None,
    photo: PhotoOption = None,
    model: ModelOption = None,
    out: OutOption = RESULTS,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds in which all loops take turns.")] = 7,
    seconds: Annotated[float, typer.Option(min=0, help="Time for each loop in a round.")] = 4.0,
) -> None:
    """Bare loops of decoding and network, one stream a core, for every runtime: what no server can beat."""
    from firewarden.benchmarks.throughput import measure_loops, open_loops

    manifest, pictures = _prepare(model, photos, photo)
    conditions = _conditions(manifest, None, pictures)
    loops, not_run = open_loops(manifest)
    rows = measure_loops(loops, pictures, rounds=rounds, seconds=seconds, on_step=_step)
    _save(out, "throughput", conditions, {"rows": rows, "not_run": not_run})


@bench_app.command()
def decode(
    photos: PhotosOption = None,
    photo: PhotoOption = None,
    model: ModelOption = None,
    out: OutOption = RESULTS,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds in which all decoders take turns.")] = 7,
    seconds: Annotated[float, typer.Option(min=0, help="Time for each decoder in a round.")] = 1.0,
) -> None:
    """JPEG to pixels, by decoder, on one core."""
    from firewarden.benchmarks.decode import decoders, measure_decoders
    from firewarden.inference.tiles import decode_side

    manifest, pictures = _prepare(model, photos, photo)
    conditions = _conditions(manifest, None, pictures)
    ways, not_run = decoders(decode_side(manifest.input_size, None))
    rows = measure_decoders(ways, pictures, rounds=rounds, seconds=seconds)
    _save(out, "decode", conditions, {"rows": rows, "not_run": not_run})


@bench_app.command()
def http(
    photos: PhotosOption = None,
    photo: PhotoOption = None,
    model: ModelOption = None,
    tuned: TunedOption = None,
    out: OutOption = RESULTS,
    clients: Annotated[list[int] | None, typer.Option(help="Closed loop of so many; repeatable.")] = None,
    seconds: Annotated[float, typer.Option(min=0.1, help="Measured time of each load.")] = 20.0,
    warm_up: Annotated[float, typer.Option(min=0, help="Seconds of the same load before it.")] = 5.0,
    workers: Annotated[int, typer.Option(min=1, help="Processes of the server.")] = 1,
    rounds: Annotated[int, typer.Option(min=0, help="Rounds of server against bare loop.")] = 7,
    requests: Annotated[int, typer.Option(min=1, help="With --watch-memory: how many.")] = 20_000,
    watch_memory: Annotated[
        bool, typer.Option("--watch-memory", help="Only send --requests and watch the server's memory.")
    ] = False,
) -> None:
    """Our server under closed and open load, from a separate process; or its memory over many requests."""
    from firewarden.benchmarks.http_load import HttpPlan, measure_http
    from firewarden.benchmarks.http_load import watch_memory as watch

    manifest, pictures = _prepare(model, photos, photo)
    plan = HttpPlan(
        clients=clients or (1, 8, 16, 64), seconds=seconds, warm_up_s=warm_up, workers=workers, overhead_rounds=rounds,
        model=str(manifest.folder) if model else None, tuned=tuned, on_step=_step,
    )  # fmt: skip
    conditions = _conditions(manifest, tuned, pictures)
    if watch_memory:
        _save(out, "memory", conditions, watch(plan, pictures, requests))
    else:
        _save(out, "http", conditions, measure_http(plan, manifest, pictures))


@bench_app.command()
def peers(
    venvs: Annotated[Path, typer.Option(help="Folder for the peers' virtual environments, 8 GB.")],
    photos: PhotosOption = None,
    photo: PhotoOption = None,
    model: ModelOption = None,
    tuned: TunedOption = None,
    out: OutOption = RESULTS,
    clients: Annotated[list[int] | None, typer.Option(help="Closed loop of so many; repeatable.")] = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds in which all take turns.")] = 5,
    seconds: Annotated[float, typer.Option(min=0.1, help="Measured time of each load.")] = 15.0,
    warm_up: Annotated[float, typer.Option(min=0, help="Seconds of the same load before it.")] = 5.0,
    only: Annotated[
        list[str] | None, typer.Option(help="Only peers whose name holds this; repeatable.")
    ] = None,
    install_only: Annotated[
        bool, typer.Option("--install-only", help="Make the environments, measure nothing.")
    ] = False,
) -> None:
    """Our server and what one would use instead, same weights and photos, in turns; and the bare loops as the floor."""
    from firewarden.benchmarks.peer_runs import PeerPlan, measure_peers, peer_rows
    from firewarden.benchmarks.peer_servers import gpu_rows, ourselves, peer_contenders
    from firewarden.benchmarks.peer_venvs import create_venvs, pinned_requirements
    from firewarden.benchmarks.throughput import open_loops

    manifest, pictures = _prepare(model, photos, photo)
    venvs = venvs.resolve()  # peers run in a folder of their own
    failed = create_venvs(venvs, _step)
    if install_only:
        _out.print(f"installed in {venvs}" if not failed else f"failed: {failed}", highlight=False)
        raise typer.Exit(1 if failed else 0)
    conditions = _conditions(manifest, tuned, pictures)
    ours = ourselves(manifest, tuned)
    rivals = [c for c in peer_contenders(venvs, manifest) if not only or any(part in c.name for part in only)]
    plan = PeerPlan(clients or (1, 8, 64), rounds, seconds, warm_up, _step)
    loops, loops_not_run = open_loops(manifest)
    measures = measure_peers(plan, [ours, *rivals], loops, pictures)
    measures.not_run.update({**failed, **loops_not_run, **gpu_rows()})
    _save(out, "peers", conditions, {**peer_rows(measures, ours.name), "pinned": pinned_requirements()})


@bench_app.command()
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
    from firewarden.benchmarks.readme_tables import with_blocks
    from firewarden.benchmarks.results import load_results
    from firewarden.inference.inspector import open_inspector

    manifest, _ = _prepare(model, None, None)
    conditions = _conditions(manifest, None, [])
    inspector = open_inspector(manifest.folder, threads=1)
    _save(out, "privacy", conditions, measure_privacy(data, inspector, _step, limit=limit))
    blocks = privacy_blocks(load_results(out)["privacy"])
    page.write_text(with_blocks(page.read_text(encoding="utf-8"), blocks), encoding="utf-8")
    _out.print(f"written: {page}", highlight=False)


@bench_app.command()
def scale(
    out: OutOption = RESULTS,
    page: Annotated[Path, typer.Option(help="Page whose simulated parts are written.")] = Path(
        "docs/scale.md"
    ),
    cameras: Annotated[int, typer.Option(min=1)] = 10_000,
    every_s: Annotated[float, typer.Option(min=0.2, help="Seconds between pictures of a camera.")] = 10.0,
    frames: Annotated[float, typer.Option(min=1, help="Frames of the archive.")] = 1e9,
    decode_ms: Annotated[float | None, typer.Option(min=0, help="Instead of the measured one.")] = None,
    infer_ms: Annotated[float | None, typer.Option(min=0.001, help="Instead of the measured one.")] = None,
    rules_ms: Annotated[float | None, typer.Option(min=0, help="Instead of the measured one.")] = None,
    gate_ms: Annotated[float | None, typer.Option(min=0, help="Masks, gate and trackers.")] = None,
    receive_ms: Annotated[
        float | None, typer.Option(min=0, help="Core ms a second of an open stream.")
    ] = None,
    looked_at: Annotated[
        float | None, typer.Option(min=0, max=1, help="Pictures that open the gate.")
    ] = None,
    driver_rows_per_s: Annotated[float | None, typer.Option(min=1, help="Rows one batch writes.")] = None,
    webhook_ms: Annotated[float | None, typer.Option(min=1, help="Until a message is confirmed.")] = None,
) -> None:
    """Simulate ten thousand cameras and an archive of a billion frames from measured service times."""
    from firewarden.benchmarks.conditions import machine_of_run
    from firewarden.benchmarks.readme_tables import with_blocks
    from firewarden.benchmarks.results import load_results
    from firewarden.benchmarks.scale import Archive, Fleet, measure_scale
    from firewarden.benchmarks.scale_inputs import quantities_of
    from firewarden.benchmarks.scale_page import scale_blocks

    given = {
        "decode_ms": decode_ms, "infer_ms": infer_ms, "rules_ms": rules_ms, "gate_ms": gate_ms, "receive_ms": receive_ms,
        "looked_at": looked_at, "driver_rows_per_s": driver_rows_per_s, "webhook_ms": webhook_ms,
    }  # fmt: skip
    quantities = quantities_of(load_results(out), given)
    fleet, archive = Fleet(cameras=cameras, every_s=every_s), Archive(frames=frames)
    conditions = machine_of_run(_command())
    _save(out, "scale", conditions, measure_scale(quantities, fleet, archive, _step))
    blocks = scale_blocks(load_results(out)["scale"])
    page.write_text(with_blocks(page.read_text(encoding="utf-8"), blocks), encoding="utf-8")
    _out.print(f"written: {page}", highlight=False)


@bench_app.command("cctv-day")
def cctv_day(
    out: OutOption = RESULTS,
    seeds: Annotated[int, typer.Option(min=1, help="How many days; their seeds are 1, 2, 3 ...")] = 20,
) -> None:
    """Simulated days before one camera: events found, told twice or falsely, and frames looked at."""
    from firewarden.benchmarks.cctv_day import day_page, measure_days
    from firewarden.benchmarks.conditions import machine_of_run
    from firewarden.benchmarks.results import load_results
    from firewarden.inference.rules import load_rules

    conditions = machine_of_run(_command())
    _save(out, "cctv_day", conditions, measure_days(range(1, seeds + 1), load_rules(), _step))
    page = out / "cctv_day.md"
    page.write_text(day_page(load_results(out)["cctv_day"]), encoding="utf-8")
    _out.print(f"written: {page}", highlight=False)


@bench_app.command()
def batch(
    frames: Annotated[int, typer.Option(min=8, help="Distinct 1080p frames, 0.3 MB each in TMPDIR.")] = 5000,
    rounds: Annotated[int, typer.Option(min=1, help="Parts of the batch, bare loop in between.")] = 5,
    bare_frames: Annotated[int, typer.Option(min=1, help="Frames of the bare loop each time.")] = 80,
    with_ray: Annotated[bool, typer.Option("--ray", help="Then both engines in turns.")] = False,
    ray_frames: Annotated[int, typer.Option(min=8, help="Frames of each of those runs.")] = 600,
    model: ModelOption = None,
    tuned: TunedOption = None,
    out: OutOption = RESULTS,
) -> None:
    """`firewarden batch` against the bare loop in turns; its memory; killed in the middle and run again."""
    from firewarden.benchmarks.batch import BatchPlan, measure_batch
    from firewarden.benchmarks.throughput import tuned_choice
    from firewarden.bulk.engine import EngineName, check_engine

    if with_ray:
        check_engine(EngineName.RAY)
    manifest, pictures = _prepare(model, None, ["frame-1080p"])
    conditions = _conditions(manifest, tuned, pictures)
    plan = BatchPlan(frames, rounds, bare_frames, ray_frames if with_ray else 0, _step)
    _save(out, "batch", conditions, measure_batch(plan, manifest, tuned_choice(manifest, tuned)))


@bench_app.command()
def report(
    results: Annotated[Path, typer.Option(help="Folder of the result files.")] = RESULTS,
    docs: Annotated[Path, typer.Option(help="Folder of how-fast.md, capacity.md and charts/.")] = Path(
        "docs"
    ),
) -> None:
    """Write the pages about speed and capacity from the result files."""
    from firewarden.benchmarks.report_page import write_pages

    for path in write_pages(results, docs):
        _out.print(f"written: {path}", highlight=False)


def _prepare(model: str | None, folder: Path | None, names: list[str] | None) -> tuple[Any, list[Any]]:
    """The model's manifest, and the photos to ask about."""
    from firewarden.benchmarks.photos import open_photos
    from firewarden.models.registry import find_manifest

    named: str | Path | None = Path(model) if model and ("/" in model or Path(model).is_dir()) else model
    return find_manifest(named), open_photos(folder, names or ())


def _conditions(manifest: Any, tuned: Path | None, photos: list[Any]) -> dict[str, Any]:
    """Taken before anything is measured, because the run itself raises the load."""
    from firewarden.benchmarks.conditions import conditions_of_run, is_busy
    from firewarden.benchmarks.throughput import tuned_choice

    choice = tuned_choice(manifest, tuned)
    if tuned is not None and choice is None:
        raise HazardError(
            f"{tuned} holds no choice for this machine. Run `firewarden doctor --tune --data-dir {tuned}`."
        )
    conditions = conditions_of_run(manifest, choice, photos, _command())
    if is_busy(conditions):
        _err.print(
            f"[yellow]busy machine:[/] {conditions['busy_before']:.0%} of the cores in use; figures will not hold",
            highlight=False,
        )
    return conditions


def _command() -> str:
    """The command line, without the folders of this machine."""
    return " ".join(["firewarden", *(Path(word).name if "/" in word else word for word in sys.argv[1:])])


def _save(out: Path, kind: str, conditions: dict[str, Any], measured: dict[str, Any]) -> None:
    from firewarden.benchmarks.results import save_result

    _out.print(f"written: {save_result(out, kind, conditions, measured)}", highlight=False)


def _step(text: str) -> None:
    _err.print(f"{text} ...", highlight=False)
