"""Result files, generated pages and charts, and the arithmetic of capacity, by hand."""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from typer.main import get_command

from firewarden.api.settings import Settings
from firewarden.benchmarks.capacity import Habits, Parts, capacity_page, need_of, parts_of
from firewarden.benchmarks.charts import Bar, bar_chart
from firewarden.benchmarks.conditions import busy_share, cpu_flags, filesystem_of, is_busy
from firewarden.benchmarks.load_plan import PEER_CLIENTS
from firewarden.benchmarks.model_note import model_note, model_of
from firewarden.benchmarks.peer_venvs import PEERS, SCRIPTS, venv_program
from firewarden.benchmarks.peers_page import loads_not_run
from firewarden.benchmarks.photos import RECIPES, open_photos
from firewarden.benchmarks.report_page import charts_of, how_fast_page, write_pages
from firewarden.benchmarks.results import load_results, save_result
from firewarden.cli import app
from firewarden.errors import HazardError
from firewarden.models.manifest import file_sha256
from firewarden.models.registry import find_manifest

ROOT = Path(__file__).resolve().parents[1]
CONDITIONS = {
    "date": "2026-01-01T00:00:00+00:00", "command": "firewarden bench http", "cpu": "a processor", "cores": 2,
    "cpu_flags": ["avx2"], "governor": "unknown", "load_before": 0.0, "busy_before": 0.05, "system": "Linux", "python": "3.11",
    "versions": {"numpy": "2"}, "model": {"id": "m", "sha256": "0" * 64, "input_size": 640},
    "runtime": {"runtime": "onnxruntime", "precision": "fp32"},
    "photos": [{"name": "phone-12mp", "wh": [3024, 4032], "bytes": 3_000_000}],
}  # fmt: skip
LOAD = dict.fromkeys(("p50_ms", "p95_ms", "p99_ms"), 10.0) | dict.fromkeys(
    ("shed", "errors", "lost", "stuck"), 0
)
CLOSED = LOAD | {
    "photo": "phone-12mp", "loop": "closed", "clients": 8, "rate": None, "goodput": 16.0, "server_cores": 1.6,
    "generator_cores": 0.1, "resident_mb": 300.0,
}  # fmt: skip
OPEN = CLOSED | {
    "loop": "open",
    "clients": None,
    "rate": 32.0,
    "share_of_best": 2.0,
    "goodput_of_best": 0.97,
    "shed": 160,
}
HALF = OPEN | {"rate": 8.0, "share_of_best": 0.5, "goodput_of_best": 0.5, "p50_ms": 4.0}
HTTP = {
    "kind": "http", "conditions": CONDITIONS, "loads": [CLOSED | {"clients": 1, "goodput": 9.0}, CLOSED, HALF, OPEN],
    "start_to_ready_s": [1.5, 1.25], "filesystem": "ext4", "workers": 1,
    "overhead": [{"photo": "phone-12mp", "http_p50_ms": 60.0, "bare_p50_ms": 59.0, "added_ms": 1.0}],
}  # fmt: skip
RATIO = {"value": 4.0, "low": 3.5, "high": 4.5, "rounds": 5}
PEERS_TOLD = {
    "kind": "peers", "conditions": CONDITIONS, "ours": "firewarden", "not_run": {"firewarden, CUDA": "no GPU"}, "pinned": {"it": ["it==1"]},
    "servers": [
        CLOSED | {"name": "firewarden", "p50_ms": 500.0, "rounds": [15.0, 16.0], "start_to_ready_s": 1.5, "ours_over_it": None},
        CLOSED | {"name": "<peer>", "goodput": 4.0, "p50_ms": 2000.0, "rounds": [4.0], "start_to_ready_s": 9.0, "ours_over_it": RATIO},
    ],
    "loops": [
        {"photo": "phone-12mp", "loop": "bare", "per_second": 18.0, "rounds": [18.0], "ours_over_it": {"8": RATIO}}
    ],
}  # fmt: skip


def test_a_county_by_hand():
    """36,000 photos a day; a tenth in the busiest hour is 1 a second, its peak 2; 0.3 core seconds each, half busy: 1.2 cores,
    so 2; one process of 2 cores; 36,000 x 2.5 MB x 10 days; 2 x 2.5 MB x 8."""
    need = need_of(3600, Parts(0.3, 2_500_000, 1000.0, 2), Habits(10, 0.1, 2.0, 0.5, 10))
    assert (need.photos_per_day, need.peak_per_s, need.cores) == (36_000, pytest.approx(2), 2)
    assert need.memory_gb == pytest.approx(1.048576)
    assert need.disk_gb_per_year == pytest.approx(900)
    assert need.line_mbit_s == pytest.approx(40)


def test_parts_come_from_the_best_closed_loop_of_the_12_mp_photo():
    parts = parts_of({"http": HTTP})
    assert parts == Parts(pytest.approx(0.1), 3_000_000, 300.0, 2, parts.memory_of)
    assert "one county: 2,000 grid workers | 40,000 | 6.7 | 2 |" in capacity_page({"http": HTTP})


def test_memory_is_the_most_that_12_mp_photos_took():
    """Not that of the best load, nor of smaller photos; the memory run stands in only where no such row tells."""
    small = CLOSED | {"photo": "thumbnail-640", "resident_mb": 900.0}
    loads = [CLOSED, CLOSED | {"clients": 64, "goodput": 15.0, "resident_mb": 431.5}, small]
    watched = {"peak_mb": 223.3, "conditions": {"photos": [{"name": "thumbnail-640"}]}}
    parts = parts_of({"http": HTTP | {"loads": loads}, "memory": watched})
    assert parts.process_mb == 431.5 and "64 clients" in parts.memory_of
    assert "seen once, after a load" in parts.memory_of  # records before peaks were taken
    untold = {"http": HTTP | {"loads": [CLOSED | {"resident_mb": None}]}}
    parts = parts_of(untold | {"memory": watched})
    assert parts.process_mb == 223.3 and "thumbnail-640" in parts.memory_of
    assert parts_of(untold).process_mb == 0.0


def test_memory_is_the_highest_peak_of_both_records():
    """Of our own servers on as many cores: not a peer's, not what was left after the load, not another machine's."""
    loads = [CLOSED | {"peak_resident_mb": 350.0}, CLOSED | {"resident_mb": 340.0, "peak_resident_mb": 345.0}]
    servers = [
        CLOSED
        | {"name": "firewarden, default", "clients": 64, "resident_mb": 360.0, "peak_resident_mb": 480.0},
        CLOSED | {"name": "LitServe", "peak_resident_mb": 2000.0},
        CLOSED | {"name": "firewarden, tuned", "photo": "frame-1080p", "peak_resident_mb": 900.0},
    ]
    http, peers = HTTP | {"loads": loads}, PEERS_TOLD | {"servers": servers}
    assert parts_of({"http": http}).process_mb == 350.0
    parts = parts_of({"http": http, "peers": peers})
    assert parts.process_mb == 480.0
    assert (
        parts.memory_of
        == "the peak seen during a load of 12 MP photos from 64 clients: firewarden, default, peers.json"
    )
    more_cores = peers | {"conditions": CONDITIONS | {"cores": 16}}
    assert parts_of({"http": http, "peers": more_cores}).process_mb == 350.0
    older = HTTP | {"loads": [CLOSED | {"resident_mb": 700.0}]}
    assert parts_of({"http": older, "peers": peers}).process_mb == 700.0


def test_pages_show_peaks_and_a_dash_where_none_was_taken():
    peaks = HTTP | {"loads": [CLOSED | {"peak_resident_mb": 512.5}, CLOSED]}
    page = how_fast_page({"http": peaks})
    assert "| 512.5 | 300.0 |" in page and "| - | 300.0 |" in page
    assert "| peak MiB | MiB after |" in page and "every 0.25 s" in page


def test_a_part_of_the_yearly_disk_is_a_part_of_its_working_days():
    """All of a year's photos come on 250 days, so 30 days in a row may hold 30 of these, not 30 / 365 of the year."""
    page = capacity_page({"http": HTTP})
    assert "N / 250 of the yearly disk" in page and "365" not in page
    assert "N / 300 of" in capacity_page({"http": HTTP}, Habits(working_days=300))


def test_what_is_kept_is_a_setting():
    """The page may not say that inspections stay for ever: the service has a setting for that."""
    page = capacity_page({"http": HTTP})
    assert "nothing deletes" not in page and "`FIREWARDEN_KEEP_INSPECTIONS_DAYS`" in page
    assert "keep_inspections_days" in Settings.model_fields


SHIPPED = {"id": "m", "sha256": "1" * 64, "input_size": 640}


def test_a_section_of_an_earlier_model_says_so_and_one_of_the_shipped_does_not():
    now = HTTP | {"conditions": CONDITIONS | {"model": SHIPPED}}
    page = how_fast_page({"http": now, "peers": PEERS_TOLD}, SHIPPED)
    said = (
        "Measured with an earlier model, sha256 `000000000000`, not the shipped one, `111111111111`; the network's shape, and so "
        "its time and memory, is the same."
    )
    assert page.count("Measured with") == 1 and said in page
    peers, http = page.index("## Side by side"), page.index("## The server under load")
    assert peers < page.index(said) < http
    pages = (how_fast_page({"http": HTTP}, SHIPPED), capacity_page({"http": HTTP}, shipped=SHIPPED))
    assert all("an earlier model" in text for text in pages)
    assert "an earlier model" not in capacity_page({"http": now}, shipped=SHIPPED)


INT8 = {"runtime": "onnxruntime", "precision": "int8"}
FILES = {"onnxruntime-int8": "a" * 64, "openvino-int8": "b" * 64}


@pytest.mark.parametrize(
    ("files", "said", "noted"),
    [
        pytest.param({}, "model file not recorded", True, id="a record from before files were noted"),
        pytest.param({"files": FILES}, "model file `aaaaaaaaaaaa`", False, id="the shipped file"),
        pytest.param(
            {"files": FILES | {"onnxruntime-int8": "c" * 64}}, "model file `cccccccccccc`", True, id="another file"
        ),
    ],
)  # fmt: skip
def test_int8_figures_say_of_which_model_file_they_are(files, said, noted):
    """The model is the shipped one; only its int8 file may not be."""
    shipped = SHIPPED | {"files": FILES}
    told = HTTP | {"conditions": CONDITIONS | {"model": SHIPPED | files, "runtime": INT8}}
    speeds, capacity = how_fast_page({"http": told}, shipped), capacity_page({"http": told}, shipped=shipped)
    note = f"in onnxruntime int8: {said}, the shipped one is `aaaaaaaaaaaa`; time and memory may differ."
    assert f"sha256 `111111111111`, onnxruntime int8, {said}." in speeds
    assert f"ran the network in onnxruntime int8, {said}." in capacity
    assert (f"Measured {note}" in speeds, f"- http.json was measured {note}" in capacity) == (noted, noted)


def test_loops_in_int8_are_told_beside_a_record_in_fp32():
    loop = {
        "photo": "phone-12mp",
        "loop": "openvino-int8, scaled decode",
        "per_second": 9.0,
        "of_fastest": None,
    }
    conditions = CONDITIONS | {"model": SHIPPED}
    told = {"throughput": {"conditions": conditions, "rows": [loop], "not_run": {}}}
    page = how_fast_page(told, SHIPPED | {"files": FILES})
    assert "Measured in openvino int8: model file not recorded, the shipped one is `bbbbbbbbbbbb`" in page
    assert "onnxruntime fp32.\n" in page and "onnxruntime int8" not in page
    assert "none is shipped" in how_fast_page(told, SHIPPED)
    exact = told["throughput"] | {"rows": [loop | {"loop": "openvino-fp32, scaled decode"}]}
    assert "Measured in" not in how_fast_page({"throughput": exact}, SHIPPED)


def test_conditions_name_the_int8_files_of_the_model():
    """OpenVINO's by its weights: the other file only says where they lie."""
    manifest = find_manifest()
    told = model_of(manifest)
    assert told["sha256"] == file_sha256(manifest.model_path)
    for key, name in (("onnxruntime-int8", "model.int8.onnx"), ("openvino-int8", "model.int8.bin")):
        assert told["files"][key] == file_sha256(manifest.folder / name)


@pytest.mark.parametrize(
    ("folder", "docs"),
    [("results", ROOT / "docs"), ("results-avx2", ROOT / "benchmarks" / "results-avx2")],
    ids=["results", "results-avx2"],
)
def test_the_published_pages_are_what_the_records_give(folder, docs, tmp_path):
    """To be mended with `firewarden bench report --results benchmarks/results --docs docs`, and so for results-avx2, whose
    page of capacity is not kept."""
    written = write_pages(ROOT / "benchmarks" / folder, tmp_path)
    kept = [path for path in written if folder == "results" or path.name != "capacity.md"]
    assert len(kept) > 2
    for path in kept:
        published = docs / path.relative_to(tmp_path)
        assert published.read_text(encoding="utf-8") == path.read_text(encoding="utf-8"), published


@pytest.mark.parametrize("other", [{"input_size": 512}, {"id": "mine"}])
def test_a_network_of_another_shape_is_not_called_as_fast(other):
    note = model_note({**SHIPPED, "sha256": "0" * 64, **other}, SHIPPED)
    assert "another model" in note and "may differ" in note and "is the same" not in note


def too_short(told, name):
    """A record of peers in which one answers 1 photo a second, each after 2 s: work for 2 of its 8 clients."""
    rows = [
        row | ({"goodput": 1.0, "rounds": [1.0], "p50_ms": 2000.0} if row["name"] == name else {})
        for row in told["servers"]
    ]
    return told | {"servers": rows}


def test_a_peer_whose_window_was_too_short_gets_neither_figure_nor_ratio_nor_bar():
    told = {"peers": too_short(PEERS_TOLD, "<peer>")}
    page, svg = how_fast_page(told), charts_of(told)["peers-phone-12mp.svg"]
    assert (
        "| phone-12mp | 8 | <peer> | onnxruntime fp32 | not measured: window too short | - | 2000.0 |" in page
    )
    assert "(3.50-4.50)" in page and "*Window too short*" in page  # our ratio to the bare loop stays
    assert "&lt;peer&gt;" not in svg and "1 without a bar: window too short" in svg
    whole = {"peers": PEERS_TOLD}
    assert "too short" not in how_fast_page(whole) + charts_of(whole)["peers-phone-12mp.svg"].lower()


def test_where_our_own_window_was_too_short_nobody_gets_a_ratio():
    page = how_fast_page({"peers": too_short(PEERS_TOLD, "firewarden")})
    assert "| <peer> | onnxruntime fp32 | 4.0 | - |" in page and "| bare | 18.0 | 8: - |" in page


@pytest.mark.parametrize("folder", ["results", "results-avx2"])
def test_no_published_ratio_rests_on_a_window_that_was_too_short(folder):
    """By Little's law, from the figures of the published page itself."""
    page = SCRIPTS.parent / folder / "how-fast.md" if folder != "results" else ROOT / "docs" / "how-fast.md"
    rows = [line.strip("| ").split(" | ") for line in page.read_text(encoding="utf-8").splitlines()]
    peers = [row for row in rows if len(row) == 16 and row[0] in {recipe.name for recipe in RECIPES}]
    assert len(peers) > 20
    for _, clients, name, _, goodput, ratio, p50, *_ in [row for row in peers if row[5] != "-"]:
        assert float(goodput) * float(p50) / 1000 >= 0.6 * int(clients), (clients, name, ratio)


def test_loads_that_peers_were_not_given_are_named_as_not_run():
    """One load of 8 clients ran: of its photo 1 and 64 are missing, of the two other made photos all three."""
    page = how_fast_page({"peers": PEERS_TOLD})
    for words, options in (
        ("phone-12mp, clients 1, 64", "--photo phone-12mp --clients 1 --clients 64"),
        ("frame-1080p, clients 1, 8, 64", "--photo frame-1080p --clients 1 --clients 8 --clients 64"),
        ("thumbnail-640, clients 1, 8, 64", "--photo thumbnail-640 --clients 1 --clients 8 --clients 64"),
    ):
        assert (
            f"| {words} | not run: left out of this record; `firewarden bench peers --venvs DIR {options}` |"
            in page
        )
    rows = [
        row | {"photo": recipe.name, "clients": clients}
        for row in PEERS_TOLD["servers"]
        for recipe in RECIPES
        for clients in PEER_CLIENTS
    ]
    assert "left out of this record" not in how_fast_page({"peers": PEERS_TOLD | {"servers": rows}})
    own = [row | {"photo": "mine"} for row in PEERS_TOLD["servers"]]
    assert set(loads_not_run(PEERS_TOLD | {"servers": own})) == {"mine, clients 1, 64"}


def test_the_named_options_are_those_of_bench_peers():
    pytest.importorskip("psutil", reason="OPTIONS OF PEERS NOT TESTED: pip install 'firewarden[bench]'")
    from firewarden.benchmarks.peer_runs import PeerPlan

    command = get_command(app).commands["bench"].commands["peers"]
    options = {name: option for option in command.params for name in option.opts}
    assert options["--photo"].multiple and options["--clients"].multiple
    assert PeerPlan().clients == PEER_CLIENTS and [photo.name for photo in open_photos()] == [
        recipe.name for recipe in RECIPES
    ]


@pytest.mark.parametrize("results", [{}, {"http": HTTP | {"loads": []}}])
def test_without_results_the_pages_say_what_to_run(results):
    assert parts_of(results) is None
    assert "Not measured yet" in capacity_page(results)
    if not results:
        assert how_fast_page({}).count("Not measured yet: `firewarden bench") == 7


def test_the_page_shows_what_was_measured():
    page = how_fast_page({"http": HTTP, "peers": PEERS_TOLD})
    assert "| phone-12mp | 32.0/s, 2 x peak | 16.0 | 0.97 |" in page
    assert "| phone-12mp | 8 | <peer> | onnxruntime fp32 | 4.0 | 4.00 (3.50-4.50) |" in page
    assert "| firewarden, CUDA | not run: no GPU |" in page
    assert "- it: it==1" in page
    assert (
        "goodput 0.97 of the peak, p99 of accepted 2.5 times the p50 at half the peak" in page
    )  # 10 ms / 4 ms
    assert "1.50, 1.25" in page and "busy" not in page
    busy = how_fast_page({"http": HTTP | {"conditions": CONDITIONS | {"busy_before": 0.9}}})
    assert "**The machine was busy**" in busy


def test_a_peak_measured_beside_the_load_is_told_with_its_interval():
    ratio = {"value": 0.963, "low": 0.9, "high": 1.03, "rounds": 3}
    loads = [CLOSED, HALF, OPEN | {"of_peak": ratio, "p99_of_half_p50": 3.04}]
    page = how_fast_page({"http": HTTP | {"loads": loads}})
    assert (
        "goodput 0.96 (0.90-1.03, 3 rounds) of the peak, p99 of accepted 3.0 times the p50 at half the peak"
        in page
    )


def test_a_page_names_unequal_precisions_and_what_they_alone_make():
    """A record that does not say what each computes in: ours by the conditions, peers in fp32. 27 / 18 is 1.5."""
    loop = {"photo": "phone-12mp", "rounds": [1.0], "ours_over_it": {}}
    told = PEERS_TOLD | {
        "conditions": CONDITIONS | {"runtime": {"runtime": "onnxruntime", "precision": "int8"}},
        "loops": [
            loop | {"loop": "onnxruntime-int8, scaled decode", "per_second": 27.0},
            loop | {"loop": "onnxruntime-fp32, scaled decode", "per_second": 18.0},
        ],
    }
    page = how_fast_page({"peers": told})
    assert "| firewarden | onnxruntime int8 | 16.0 |" in page and "| <peer> | onnxruntime fp32 |" in page
    assert "precision alone makes 1.50 times the pace" in page and "did not run beside them" in page
    assert ">firewarden (int8)<" in charts_of({"peers": told})["peers-phone-12mp.svg"]
    noted = {"computes_in": {"firewarden": "openvino bf16", "<peer>": "torch fp32"}}
    assert "| <peer> | torch fp32 |" in how_fast_page({"peers": told | noted})
    assert "Precisions differ" not in how_fast_page({"peers": PEERS_TOLD})


def test_pages_and_charts_are_written_from_files(tmp_path):
    for kind, told in (("http", HTTP), ("peers", PEERS_TOLD)):
        measured = {name: value for name, value in told.items() if name not in ("kind", "conditions")}
        save_result(tmp_path / "results", kind, CONDITIONS, measured)
    written = {
        path.relative_to(tmp_path).as_posix() for path in write_pages(tmp_path / "results", tmp_path / "docs")
    }
    assert written == {"docs/how-fast.md", "docs/capacity.md", "docs/charts/peers-phone-12mp.svg"}
    assert "charts/peers-phone-12mp.svg" in (tmp_path / "docs/how-fast.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("text", ["{", "[]", json.dumps({"kind": "http", "schema_version": 0})])
def test_a_damaged_result_file_names_its_command(tmp_path, text):
    (tmp_path / "http.json").write_text(text)
    with pytest.raises(HazardError, match="firewarden bench http"):
        load_results(tmp_path)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(HazardError, match="nope"):
        load_results(tmp_path / "nope")
    assert load_results(tmp_path) == {}


def test_bars_are_as_long_as_their_values():
    root = ET.fromstring(bar_chart("a < b", "s", [Bar("x", 50, 40, 100, strong=True), Bar("y", 25)]))
    space = "{http://www.w3.org/2000/svg}"
    ground, *bars = root.findall(f"{space}rect")
    assert [float(bar.get("width")) for bar in bars] == [180.0, 90.0]  # 360 px are 100, the longest range
    assert bars[0].get("fill") != bars[1].get("fill")
    assert float(ground.get("width")) == 760
    assert "a < b" in [text.text for text in root.findall(f"{space}text")]


def test_no_bars_are_a_picture_too():
    assert ET.fromstring(bar_chart("t", "u", [])).tag.endswith("svg")


def test_charts_escape_names_and_order_by_value():
    svg = charts_of({"peers": PEERS_TOLD})["peers-phone-12mp.svg"]
    assert svg.index("bare: bare") < svg.index(">firewarden (fp32)<") < svg.index("&lt;peer&gt; (fp32)")


def test_a_tenth_of_the_machine_is_busy():
    assert (
        is_busy({"busy_before": 0.11})
        and not is_busy({"busy_before": 0.1})
        and not is_busy({"busy_before": None})
    )
    share = busy_share(0.05)
    assert share is None or 0 <= share <= 1
    assert isinstance(filesystem_of(SCRIPTS), str) and isinstance(cpu_flags(), list)


@pytest.mark.parametrize("peer", PEERS)
def test_every_peer_has_a_script_and_pinned_requirements(peer, tmp_path):
    lines = (SCRIPTS / f"requirements-{peer}.txt").read_text().splitlines()
    assert lines and all("==" in line for line in lines)
    compile((SCRIPTS / f"{peer}_app.py").read_text(encoding="utf-8"), peer, "exec")
    with pytest.raises(HazardError, match="bench peers"):
        venv_program(tmp_path, peer)
