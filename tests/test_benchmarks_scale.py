"""The simulations of the scale page against what can be worked out by hand, and the pages against their result files."""

import math
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command
from typer.testing import CliRunner

from firewarden.benchmarks.cctv_day import Day, day_page, summary_of
from firewarden.benchmarks.queue_sim import Cluster, NodeLoad, makespan_over_ideal, most_cameras, play_node
from firewarden.benchmarks.readme_tables import with_blocks
from firewarden.benchmarks.results import load_rehearsal, load_results
from firewarden.benchmarks.scale import (
    Archive,
    Fleet,
    archive_row,
    burst_looks,
    limits,
    measure_scale,
    stragglers,
)
from firewarden.benchmarks.scale_inputs import quantities_of
from firewarden.benchmarks.scale_page import inputs_block, scale_blocks
from firewarden.cli import app
from firewarden.errors import HazardError

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "benchmarks" / "results"
VALUES = {name: quantity.value for name, quantity in quantities_of({}, {}).items()}


def load(cameras, cores=1, *, frame_ms=1000.0, look_ms=0.0, look_share=0.0, receive=0.0):
    return NodeLoad(cameras, cores, 10.0, frame_ms, look_ms, look_share, receive)


def test_utilisation_by_hand():
    # 20 cameras / 10 s * (100 + 0.5 * 200) ms = 0.4 cores, and 20 * 10 ms/s = 0.2 cores that receive, of 2
    node = load(20, 2, frame_ms=100, look_ms=200, look_share=0.5, receive=10)
    assert (node.mean_ms, node.receiving, node.utilisation) == pytest.approx((200, 0.2, 0.3))


def test_an_idle_node_answers_within_its_service_time():
    played = play_node(load(1))
    assert 0.8 < played.p50_s < 1.2 and played.p99_s < 2.5 and played.dropped == 0


def test_an_overloaded_node_drops_what_it_cannot_do_and_nothing_piles_up():
    played = play_node(load(20), seconds=600)  # twice what a core can do
    assert played.dropped == pytest.approx(0.5, abs=0.03)
    assert played.p99_s < 13  # at most a picture's wait for its successor and one service


def test_receiving_can_take_a_whole_node():
    played = play_node(load(100, receive=10))
    assert (played.p99_s, played.dropped) == (math.inf, 1.0)


def test_the_same_seed_plays_the_same():
    assert play_node(load(9), seed=3) == play_node(load(9), seed=3)


def test_most_cameras_come_close_to_full_cores():
    # 100 ms each, every 10 s: 100 cameras a core fill it
    most = most_cameras(lambda n: load(n, 2, frame_ms=100), most_delay_s=10)
    assert 185 <= most <= 206
    assert most_cameras(lambda n: load(n, frame_ms=30_000), most_delay_s=10) == 0


@pytest.mark.parametrize(
    ("cluster", "pulled", "ratio"),
    [
        pytest.param(Cluster(4), True, 1.0, id="equal workers wait for nothing"),
        # ideal: 4,000 s / (1 + 1/3) = 3,000 s; equal shares: the slow one takes 2,000 * 3 = 6,000 s
        pytest.param(Cluster(2, 0.5, 3.0), False, 2.0, id="equal shares wait for the slow one"),
        pytest.param(Cluster(2, 0.5, 3.0), True, 1.0, id="free workers take the next"),
        # a loss every ten tasks, half a task lost and 9.5 s of restart: one second more for each
        pytest.param(
            Cluster(2, 0, 1, 360, 9.5), True, 2.0, id="losses cost what was under way and the restart"
        ),
    ],
)
def test_makespan(cluster, pulled, ratio):
    assert makespan_over_ideal(cluster, tasks=4000, task_s=1.0, pulled=pulled) == pytest.approx(
        ratio, rel=0.05
    )


def test_quantities_are_given_before_measured_before_assumed():
    rows = [
        {"photo": "frame-1080p", "stage": stage, "p50_ms": 7.5} for stage in ("decode", "inference", "rules")
    ]
    results = {"latency": {"rows": rows}, "cctv_day": {"summary": {"looked_at": 0.2}}}
    found = quantities_of(results, {"infer_ms": 33.0, "gate_ms": None})
    told = {
        name: (found[name].value, found[name].source)
        for name in ("decode_ms", "infer_ms", "gate_ms", "looked_at")
    }
    assert told == {
        "decode_ms": (7.5, "measured"), "infer_ms": (33.0, "given"), "gate_ms": (2.0, "assumed"), "looked_at": (0.2, "measured"),
    }  # fmt: skip
    with pytest.raises(ValueError, match="decode"):
        quantities_of({}, {"decode_s": 1.0})


def test_gate_and_receiving_are_bounded_by_a_rehearsal():
    """30 CPU s / 1,000 pictures = 30 ms, less 10 ms of decoding and a quarter of 38 + 2 ms: 10 ms a picture, and as a picture
    comes every other second, 5 ms a second. A network that is only supposed changes nothing of what was measured."""
    stages = (("decode", 10.0), ("inference", 38.0), ("rules", 2.0))
    rows = [{"photo": "frame-1080p", "stage": stage, "p50_ms": ms} for stage, ms in stages]
    run = {"frames": 1000, "inferences": 250, "cpu_s": 30.0, "cameras": 16, "fps": 0.5, "stream_fps": 25.0}
    found = quantities_of({"latency": {"rows": rows}}, {"infer_ms": 90.0}, run)
    assert (found["gate_ms"].value, found["receive_ms"].value) == (10.0, 5.0)
    assert found["gate_ms"].source == "measured" and "at most" in found["gate_ms"].note
    assert quantities_of({}, {}, run)["gate_ms"].source == "assumed"  # nothing to subtract
    assert quantities_of({"latency": {"rows": rows}}, {"gate_ms": 1.0}, run)["gate_ms"].value == 1.0
    assert load_rehearsal(RESULTS)["frames"] == 4823


def test_gate_and_receiving_are_told_apart_where_a_rehearsal_does():
    """Of 30 ms a picture 14 were spent by the processes that receive, 1 by the gate and 15 by the rest of the watching
    one: 14 - 10 of decoding and, every other second, 2 ms a second; 1 + 15 - 40 / 4 of looks are 6 ms."""
    stages = (("decode", 10.0), ("inference", 38.0), ("rules", 2.0))
    rows = [{"photo": "frame-1080p", "stage": stage, "p50_ms": ms} for stage, ms in stages]
    run = {"frames": 1000, "inferences": 250, "cpu_s": 30.0, "cameras": 16, "fps": 0.5, "stream_fps": 25.0}
    run["cpu_ms_a_frame"] = {"capture": 14.0, "gate": 1.0, "rest": 15.0}
    found = quantities_of({"latency": {"rows": rows}}, {}, run)
    assert (found["gate_ms"].value, found["receive_ms"].value) == (6.0, 2.0)
    assert "at most" not in found["gate_ms"].note + found["receive_ms"].note


@pytest.mark.parametrize(
    ("cpu", "precision", "source"),
    [("a", "int8", "measured"), ("b", "int8", "assumed"), ("a", "fp32", "assumed"), (None, None, "measured")],
)
def test_times_of_another_processor_or_runtime_are_not_subtracted(
    cpu: str | None, precision: str | None, source: str
) -> None:
    rows = [{"photo": "frame-1080p", "stage": s, "p50_ms": 1.0} for s in ("decode", "inference", "rules")]
    known = {
        "cpu": "a",
        "cores": 2,
        "date": "2026-02-03",
        "runtime": {"runtime": "onnxruntime", "precision": "int8"},
    }
    run: dict[str, Any] = {
        "frames": 9,
        "inferences": 3,
        "cpu_s": 0.9,
        "cameras": 1,
        "fps": 1,
        "stream_fps": 1,
    }
    if cpu:
        runtime = {"runtime": "onnxruntime", "precision": precision}
        run["conditions"] = {"cpu": cpu, "usable_cores": 2, "taken_at": "2026-02-03", "runtime": runtime}
    found = quantities_of({"latency": {"rows": rows, "conditions": known}}, {}, run)
    assert (found["gate_ms"].source, found["receive_ms"].source) == (source, source)


def test_supposing_writes_no_page_and_no_record(tmp_path, monkeypatch):
    """A what-if prints; --out elsewhere takes the measured inputs from --results all the same."""
    monkeypatch.chdir(tmp_path)
    words = ["bench", "scale", "--decode-ms", "9", "--cameras", "40", "--results", str(RESULTS)]
    done = CliRunner().invoke(app, words)
    assert done.exit_code == 0 and "| rules_ms |" in done.output and not list(tmp_path.iterdir())
    assert CliRunner().invoke(app, [*words, "--out", "mine"]).exit_code == 0
    assert [path.name for path in tmp_path.rglob("*.*")] == ["scale.json"]
    inputs = load_results(tmp_path / "mine")["scale"]["quantities"]
    assert (inputs["decode_ms"]["source"], inputs["rules_ms"]["source"]) == ("given", "measured")


def inputs_of(quantities, shipped=None):
    """The block of inputs alone."""
    told = {
        "quantities": {name: quantity.to_json() for name, quantity in quantities.items()},
        "fleet": {name: getattr(Fleet(), name) for name in Fleet.__slots__},
        "burst": {"cameras": 0.6, "looks": 0.9, "look_share": 0.6},
        "conditions": {"date": "2026-01-01", "command": "c"},
        "shipped_model": shipped or {"id": "m", "sha256": "0" * 64, "input_size": 640},
    }
    return "\n".join(inputs_block(told))


def test_a_folder_that_is_not_there_is_not_simulated_from(tmp_path):
    done = CliRunner().invoke(app, ["bench", "scale", "--results", str(tmp_path / "nope")])
    assert isinstance(done.exception, HazardError) and "nope" in str(done.exception)
    assert "assumed" not in done.output and done.exit_code


def test_a_command_is_named_only_for_what_it_measures():
    """With the record of every command at hand, what is still assumed names none, and has an option."""
    found = quantities_of(load_results(RESULTS), {}, load_rehearsal(RESULTS))
    for name, quantity in found.items():
        assert quantity.source == "measured" or not quantity.measure_with.startswith("firewarden"), name
    options = {name for p in get_command(app).commands["bench"].commands["scale"].params for name in p.opts}
    assert {f"--{name.replace('_', '-')}" for name in found} <= options
    inputs = inputs_of(quantities_of({}, {}))
    assert "no command measures it: give your own as --database-changes-per-s" in inputs


def test_inputs_name_the_model_runtime_machine_and_day_of_their_records():
    model = {"id": "firewarden-n", "sha256": "a" * 64, "input_size": 640}
    rows = [
        {"photo": "frame-1080p", "stage": stage, "p50_ms": 7.5} for stage in ("decode", "inference", "rules")
    ]
    machine = {"date": "2026-02-03T00:00:00+00:00", "cpu": "a processor", "cores": 2}
    runtime = {"runtime": "onnxruntime", "precision": "int8"}
    results = {
        "latency": {"rows": rows, "conditions": {**machine, "model": model, "runtime": runtime}},
        "cctv_day": {"summary": {"looked_at": 0.2}, "conditions": machine},
    }
    run = {"frames": 1000, "inferences": 250, "cpu_s": 30.0, "cameras": 16, "fps": 0.5, "stream_fps": 25.0}
    run["conditions"] = {
        "taken_at": "2026-02-04T00:00:00+00:00", "cpu": "a processor", "usable_cores": 2, "model": "firewarden-n",
        "model_sha256": "b" * 64, "input_size": 640,
    }  # fmt: skip
    inputs = inputs_of(quantities_of(results, {"rules_ms": 2.0}, run), model)
    lines = {line.split(" | ")[0].removeprefix("| "): line for line in inputs.splitlines()}
    latency = "latency.json: model `aaaaaaaaaaaa`, onnxruntime int8, model file not recorded, a processor, 2 cores, 2026-02-03 |"
    assert lines["decode_ms"].endswith(f"| measured | {latency}")
    rehearsal = "cctv simulate: model `bbbbbbbbbbbb`, runtime not noted, a processor, 2 cores, 2026-02-04"
    assert lines["gate_ms"].endswith(f"| {rehearsal}; {latency}")
    assert lines["looked_at"].endswith("| cctv_day.json: no model in it, a processor, 2 cores, 2026-02-03 |")
    assert lines["rules_ms"].endswith("| given | - |")
    assert "cctv simulate was measured with an earlier model, sha256 `bbbbbbbbbbbb`" in inputs
    assert "latency.json was measured" not in inputs


def test_limits_by_hand():
    rows = {
        row["part"]: row
        for row in limits(VALUES | {"webhook_ms": 100.0}, Fleet(8640, events_per_day=10, changes=2))
    }
    # 8,640 * 10 * 2 / 86,400 * 10 = 20 changes a second; a sender that waits 100 ms sends 10
    webhook = rows["one webhook receiver, one sender"]
    assert (webhook["load"], webhook["limit"], webhook["used"], webhook["holds_cameras"]) == (20, 10, 2, 4320)
    assert list(rows) == sorted(rows, key=lambda name: -rows[name]["used"])


def test_archive_by_hand():
    values = VALUES | {"decode_ms": 10.0, "infer_ms": 85.0, "rules_ms": 5.0, "driver_rows_per_s": 500.0}
    row = archive_row(
        values, Archive(frames=8.64e6, node_cores=10, efficiency=1.0, frame_bytes=125e3), nodes=10
    )
    # 10 nodes * 10 cores / 0.1 s = 1,000 frames/s: 0.1 days, 24 node-hours, 1 Gbit/s, two drivers
    assert [row[key] for key in ("frames_per_s", "days", "node_hours", "gbit_per_s", "drivers", "prefixes")] == [
        1000, 0.1, 24, 1.0, 2, 1,
    ]  # fmt: skip


def test_burst_looks_by_hand():
    assert burst_looks({"looked_at": 0.1}) == pytest.approx(0.6 * 0.9 + 0.4 * 0.1)


def test_small_pulled_tasks_beat_equal_shares():
    small, *_, large = stragglers(VALUES, Archive())
    assert small["pulled"] < 1.05 < small["shared_out"] and small["pulled"] < large["pulled"]


def test_every_block_of_the_page_is_filled_by_a_small_fleet():
    told = measure_scale(
        quantities_of({}, {"decode_ms": 900, "infer_ms": 4000, "receive_ms": 50}),
        Fleet(cameras=60),
        Archive(),
        lambda text: None,
    )
    conditions = {"date": "2026-01-01T00:00:00+00:00", "command": "firewarden bench scale"}
    blocks = scale_blocks({**told, "conditions": conditions})
    assert "**assumed**" in blocks["inputs"] and all(text.strip() for text in blocks.values())
    with_blocks((ROOT / "docs" / "scale.md").read_text(encoding="utf-8"), blocks)


def test_the_page_is_what_the_result_file_says():
    text = (ROOT / "docs" / "scale.md").read_text(encoding="utf-8")
    assert with_blocks(text, scale_blocks(load_results(RESULTS)["scale"])) == text


def test_days_summed_by_hand():
    days = [
        Day(1, 20, (0, 1, 1), 0, (30.0, 40.0, 50.0), 100, 10, 2.0),
        Day(2, 20, tuple(range(20)), 0, (20.0,) * 20, 100, 20, 3.0),
    ]
    sums = summary_of(days)
    assert (sums["recall"]["hits"], sums["recall"]["n"], sums["duplicates"], sums["looked_at"]) == (
        22,
        40,
        1,
        0.15,
    )
    assert sums["false_per_camera_day_below"] == pytest.approx(1.4979, abs=1e-4)  # exp(-2 x) = 0.05
    one_false = [*days, Day(3, 20, (), 3, (), 100, 0, 1.0)]
    assert (
        summary_of(one_false)["false_per_camera_day"] == 1
        and summary_of(one_false)["false_per_camera_day_below"] is None
    )


def test_the_page_of_the_days_is_what_the_result_file_says():
    told = load_results(RESULTS)["cctv_day"]
    assert (RESULTS / "cctv_day.md").read_text(encoding="utf-8") == day_page(told)
