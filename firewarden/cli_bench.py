"""`firewarden bench ...`: how fast it is on this machine, alone and beside others, and the pages written from that."""

from pathlib import Path
from typing import Annotated

import typer

from firewarden.cli_bench_options import (
    RESULTS,
    ClientsOption,
    LoadSecondsOption,
    OutOption,
    PhotoOption,
    PhotosOption,
    TunedOption,
    WarmUpOption,
)
from firewarden.cli_bench_pages import cctv_day, cctv_photos, privacy, report, scale
from firewarden.cli_bench_run import note_conditions, prepare, save
from firewarden.cli_console import OUT, print_step
from firewarden.cli_options import ModelOption

bench_app = typer.Typer(no_args_is_help=True, help="Measure speed; write the pages about it.")


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

    manifest, pictures = prepare(out, model, photos, photo)
    inspector = open_inspector(
        manifest.folder, runtime=tuned_choice(manifest, tuned), threads=None if tuned else 1
    )
    conditions = note_conditions(manifest, tuned, pictures)
    save(
        out,
        "latency",
        conditions,
        {"rows": measure_latency(inspector, pictures, seconds=seconds, on_step=print_step)},
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

    manifest, pictures = prepare(out, model, photos, photo)
    conditions = note_conditions(manifest, None, pictures)
    loops, not_run = open_loops(manifest)
    rows = measure_loops(loops, pictures, rounds=rounds, seconds=seconds, on_step=print_step)
    save(out, "throughput", conditions, {"rows": rows, "not_run": not_run})


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

    manifest, pictures = prepare(out, model, photos, photo)
    conditions = note_conditions(manifest, None, pictures)
    ways, not_run = decoders(decode_side(manifest.input_size, None))
    rows = measure_decoders(ways, pictures, rounds=rounds, seconds=seconds)
    save(out, "decode", conditions, {"rows": rows, "not_run": not_run})


@bench_app.command()
def http(
    photos: PhotosOption = None,
    photo: PhotoOption = None,
    model: ModelOption = None,
    tuned: TunedOption = None,
    out: OutOption = RESULTS,
    clients: ClientsOption = None,
    seconds: LoadSecondsOption = 20.0,
    warm_up: WarmUpOption = 5.0,
    workers: Annotated[int, typer.Option(min=1, help="Processes of the server.")] = 1,
    rounds: Annotated[int, typer.Option(min=0, help="Rounds of server against bare loop.")] = 7,
    requests: Annotated[int, typer.Option(min=1, help="With --watch-memory: how many.")] = 20_000,
    watch_memory: Annotated[
        bool, typer.Option("--watch-memory", help="Only send --requests and watch the server's memory.")
    ] = False,
) -> None:
    """Our server under closed and open load, from a separate process; or its memory over many requests."""
    from firewarden.api.settings import Settings
    from firewarden.benchmarks.http_load import HttpPlan, measure_http
    from firewarden.benchmarks.http_load import watch_memory as watch

    manifest, pictures = prepare(out, model, photos, photo)
    plan = HttpPlan(
        clients=clients or (1, 8, 16, 64), seconds=seconds, warm_up_s=warm_up, workers=workers, overhead_rounds=rounds,
        solo_threads=Settings(workers=workers).threads_of_solo(), model=str(manifest.folder) if model else None,
        tuned=tuned, on_step=print_step,
    )  # fmt: skip
    conditions = note_conditions(manifest, tuned, pictures)
    if watch_memory:
        save(out, "memory", conditions, watch(plan, pictures, requests))
    else:
        save(out, "http", conditions, measure_http(plan, manifest, pictures))


@bench_app.command()
def peers(
    venvs: Annotated[Path, typer.Option(help="Folder for the peers' virtual environments, 8 GB.")],
    photos: PhotosOption = None,
    photo: PhotoOption = None,
    model: ModelOption = None,
    tuned: TunedOption = None,
    out: OutOption = RESULTS,
    clients: ClientsOption = None,
    rounds: Annotated[int, typer.Option(min=1, help="Rounds in which all take turns.")] = 5,
    seconds: LoadSecondsOption = 15.0,
    warm_up: WarmUpOption = 5.0,
    only: Annotated[
        list[str] | None,
        typer.Option(help="Besides ours only those whose name holds this, e.g. default; repeatable."),
    ] = None,
    install_only: Annotated[
        bool, typer.Option("--install-only", help="Make the environments, measure nothing.")
    ] = False,
) -> None:
    """Our server, tuned and as shipped, and what one would use instead, in turns; and the bare loops as the floor."""
    from firewarden.benchmarks.peer_runs import PeerPlan, measure_peers, peer_rows
    from firewarden.benchmarks.peer_servers import gpu_rows, our_contenders, peer_contenders
    from firewarden.benchmarks.peer_venvs import create_venvs, pinned_requirements
    from firewarden.benchmarks.throughput import open_loops, tuned_choice

    manifest, pictures = prepare(out, model, photos, photo)
    venvs = venvs.resolve()  # peers run in a folder of their own
    failed = create_venvs(venvs, print_step)
    if install_only:
        OUT.print(f"installed in {venvs}" if not failed else f"failed: {failed}", highlight=False)
        raise typer.Exit(1 if failed else 0)
    conditions = note_conditions(manifest, tuned, pictures)
    ours, *shipped = our_contenders(manifest, tuned, tuned_choice(manifest, tuned))
    rivals = [
        contender
        for contender in [*shipped, *peer_contenders(venvs, manifest)]
        if not only or any(part in contender.name for part in only)
    ]
    plan = PeerPlan(clients or (1, 8, 64), rounds, seconds, warm_up, print_step)
    loops, loops_not_run = open_loops(manifest)
    measures = measure_peers(plan, [ours, *rivals], loops, pictures)
    measures.not_run.update({**failed, **loops_not_run, **gpu_rows()})
    computes_in = {contender.name: contender.computes_in for contender in (ours, *rivals)}
    told = {
        **peer_rows(measures, ours.name), "computes_in": computes_in, "pinned": pinned_requirements(),
    }  # fmt: skip
    save(out, "peers", conditions, told)


bench_app.command()(privacy)
bench_app.command()(scale)
bench_app.command("cctv-day")(cctv_day)
bench_app.command("cctv-photos")(cctv_photos)


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
    manifest, pictures = prepare(out, model, None, ["frame-1080p"])
    conditions = note_conditions(manifest, tuned, pictures)
    plan = BatchPlan(frames, rounds, bare_frames, ray_frames if with_ray else 0, print_step)
    save(out, "batch", conditions, measure_batch(plan, manifest, tuned_choice(manifest, tuned)))


bench_app.command()(report)
