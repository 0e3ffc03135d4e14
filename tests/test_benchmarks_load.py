"""The load generator against servers whose behaviour is known, and once against a real one."""

import asyncio
import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

psutil = pytest.importorskip("psutil", reason="BENCHMARKS NOT TESTED: pip install 'firewarden[bench]'")
sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from tiny_model import build_model_folder

from firewarden.benchmarks.http_load import HttpPlan, measure_http, watch_memory
from firewarden.benchmarks.load_client import Bodies, LoadRun
from firewarden.benchmarks.load_generator import put_load
from firewarden.benchmarks.load_plan import LOST, STUCK, Load, Target
from firewarden.benchmarks.load_report import report_load
from firewarden.benchmarks.peer_servers import DEFAULT, gpu_rows, our_contenders
from firewarden.benchmarks.photos import RECIPES, BenchPhoto, make_photo, open_photos
from firewarden.benchmarks.server_process import ServerProcess, free_port
from firewarden.errors import HazardError
from firewarden.inference.image import decode_image
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.models.registry import find_manifest

OK = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}"
BUSY = b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 1\r\nContent-Length: 0\r\n\r\n"


def run_load(load: Load, answer, photos=(b"photo",), target=None):
    """Samples of a load on a server that calls `answer(number, body)` for the bytes to send; None: say nothing."""

    async def go():
        count = 0

        async def serve(reader, writer):
            nonlocal count
            told = None
            try:
                while True:
                    head = await reader.readuntil(b"\r\n\r\n")
                    length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
                    number, count = count, count + 1
                    told = await answer(number, await reader.readexactly(length))
                    if told is not None:
                        writer.write(told)
                    if not told:
                        break
            except asyncio.IncompleteReadError:
                pass
            if told == b"":
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        aim = target or Target("127.0.0.1", port, "/x")
        run = LoadRun(Target(aim.host, port, aim.path, aim.headers, aim.body), load, list(photos))
        samples = await run.run()
        server.close()
        return samples

    return asyncio.run(go())


def test_a_stall_is_counted_from_the_time_each_request_was_meant_to_be_sent():
    """20 arrivals a second, and a server that answers nothing between 0.2 s and 0.7 s: those meant for the stall wait for its
    end, 0.5 s, 0.45 s, 0.4 s ... A closed loop would see one slow answer."""

    async def stall(number, body):
        loop = asyncio.get_running_loop()
        begin = stall.begin = getattr(stall, "begin", None) or loop.time()
        if 0.2 <= loop.time() - begin < 0.7:
            await asyncio.sleep(begin + 0.7 - loop.time())
        return OK

    load = Load(rate=20.0, seconds=1.0, warm_up_s=0.0)
    samples = run_load(load, stall)
    assert len(samples.status) == 20
    waits = [done - intended for intended, done in zip(samples.intended_s, samples.done_s, strict=True)]
    assert sum(wait > 0.1 for wait in waits) in range(7, 10)  # intended at 0.20, 0.25 ... 0.60
    assert max(waits) == pytest.approx(0.5, abs=0.1)
    assert report_load(samples, load).latency.p95_ms > 300


def test_a_late_generator_does_not_shift_the_intended_times():
    """The clock says that one second passed before the first request was sent: it counts as latency of all meant before."""
    ticks = iter([0.0, 0.0])
    run = LoadRun(
        Target("127.0.0.1", 1, "/"),
        Load(rate=10.0, seconds=0.5, warm_up_s=0.0),
        [b""],
        lambda: next(ticks, 1.0),
    )
    samples = asyncio.run(run.run())
    assert samples.intended_s == [0.0, 0.1, 0.2, 0.3, 0.4]
    assert samples.done_s == [1.0] * 5  # nobody listens on port 1
    assert samples.status == [LOST] * 5


def test_a_client_turned_away_waits_as_long_as_it_is_told():
    async def busy_once(number, body):
        return BUSY if number == 0 else OK

    samples = run_load(Load(1, seconds=1.2, warm_up_s=0.0), busy_once)
    assert samples.status[0] == 429 and set(samples.status[1:]) == {201}
    assert samples.sent_s[1] >= 1.0
    assert report_load(samples, Load(1, seconds=1.2, warm_up_s=0.0)).shed == 1


def test_lost_and_stuck_are_told_apart():
    async def break_or_hang(number, body):
        return b"" if number == 0 else None if number == 1 else OK

    samples = run_load(Load(1, requests=3, warm_up_s=0.0, timeout_s=0.2), break_or_hang)
    assert samples.status == [LOST, STUCK, 201]


def test_no_body_is_sent_twice_and_multipart_is_whole():
    seen = []

    async def keep(number, body):
        seen.append(body)
        return OK

    run_load(Load(2, requests=6, warm_up_s=0.0), keep, photos=(b"one", b"two"))
    assert len(set(seen)) == 6 and {body[:3] for body in seen} == {b"one", b"two"}
    seen.clear()
    run_load(Load(1, requests=1, warm_up_s=0.0), keep, target=Target("127.0.0.1", 0, "/", body="multipart"))
    head, photo = seen[0].split(b"\r\n\r\n", 1)
    assert b'name="image"' in head and photo.startswith(b"photo0") and photo.endswith(b"--\r\n")
    bodies = Bodies(Target("h", 1, "/"), [b"p"], distinct=2)
    assert [bodies.next()[2][-1:] for _ in range(4)] == [b"0", b"1", b"0", b"1"]


def test_photos_are_the_same_every_time_and_decode():
    thumbnail = RECIPES[-1]
    first, second = make_photo(thumbnail), make_photo(thumbnail)
    assert first == second
    assert make_photo(thumbnail, seed=1) != first
    assert decode_image(first.data + b"0" * 18).original_hw == (480, 640)  # as the load generator sends it
    with pytest.raises(HazardError, match="phone-12mp"):
        open_photos(names=["other"])


def test_a_server_that_ends_early_is_told_with_its_words(tmp_path):
    command = [sys.executable, "-c", "raise SystemExit('no such model')"]
    with pytest.raises(HazardError, match="no such model"):
        ServerProcess(command, free_port(), "/", tmp_path / "log")


RESPAWNING = """
import http.server, signal, subprocess, sys

def end(*_):
    late = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
    print("late", late.pid, flush=True)
    raise SystemExit

class Ready(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()

server = http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Ready)
signal.signal(signal.SIGTERM, end)
server.serve_forever()
"""


def test_a_worker_that_is_started_while_a_server_ends_is_ended_too(tmp_path):
    port = free_port()
    with ServerProcess([sys.executable, "-c", RESPAWNING, str(port)], port, "/", tmp_path / "log") as server:
        pass
    late = int(re.search(r"late (\d+)", server.output)[1])
    until = time.monotonic() + 10
    while time.monotonic() < until and _runs(late):
        time.sleep(0.01)
    assert not _runs(late)


def _runs(pid):
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE  # nobody may wait for it in a container
    except psutil.NoSuchProcess:
        return False


def test_a_real_server_under_closed_and_open_load(tmp_path):
    folder = build_model_folder(tmp_path / "tiny", CLASSES, [(16, 16, 48, 48, 0.9, CLASSES.index("ebike"))])
    manifest, photos = find_manifest(folder), open_photos(names=["thumbnail-640"])
    plan = HttpPlan(
        clients=[2],
        open_shares=[0.5],
        open_rounds=1,
        seconds=0.5,
        warm_up_s=0.2,
        starts=0,
        overhead_rounds=1,
        overhead_s=0.5,
        model=str(folder),
    )
    told = measure_http(plan, manifest, photos)
    closed, opened = told["loads"]
    assert closed["loop"] == "closed" and closed["goodput"] > 0
    assert opened["rate"] > 0 and 0.5 < opened["goodput"] / opened["rate"] < 1.5
    assert opened["of_peak"]["rounds"] == 1
    for row in (closed, opened):
        assert (row["errors"], row["lost"], row["stuck"]) == (0, 0, 0)
        assert (
            50 < row["resident_mb"] <= row["peak_resident_mb"]
            and row["server_cores"] > 0
            and row["generator_cores"] > 0
        )
    assert told["overhead"][0]["http_p50_ms"] > told["overhead"][0]["bare_p50_ms"]
    json.dumps(told, allow_nan=False)


HUNGRY = """
import http.server, sys, time

class Hungry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        self.answer(200)

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        held = b"x" * (150 << 20)
        time.sleep(0.8)
        del held
        self.answer(201)

    def answer(self, status):
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Hungry).serve_forever()
"""


def test_the_peak_is_what_a_server_holds_during_a_load_not_after_it(tmp_path):
    """150 MiB while a photo is worked on, which it has given back when the load has ended."""
    port = free_port()
    command = [sys.executable, "-c", HUNGRY, str(port)]
    with ServerProcess(command, port, "/", tmp_path / "log") as server:
        load = Load(1, requests=1, warm_up_s=0.0)
        served = put_load(
            server, Target("127.0.0.1", port, "/"), load, [BenchPhoto("p", b"photo", (1, 1))], tmp_path
        )
    told = served.to_json()
    assert told["accepted"] == 1 and len(served.watched_mb) >= 3
    assert told["resident_mb"] < 100 and told["peak_resident_mb"] >= 150


def test_memory_is_watched_until_the_last_request(tmp_path):
    folder = build_model_folder(tmp_path / "tiny", CLASSES, [(16, 16, 48, 48, 0.9, CLASSES.index("ebike"))])
    told = watch_memory(
        HttpPlan(model=str(folder)), open_photos(names=["thumbnail-640"]), requests=30, clients=2
    )
    assert told["accepted"] == 30
    assert told["resident_mb"] > 50 and told["peak_mb"] > 50


def test_our_own_server_is_a_contender_and_gpu_rows_say_why_not():
    assert [(c.name, c.computes_in) for c in our_contenders(find_manifest(), None, None)] == [
        (DEFAULT, "onnxruntime fp32")
    ]
    int8 = RuntimeChoice("onnxruntime", "int8", 1, 2)
    assert [(c.name, c.computes_in) for c in our_contenders(find_manifest(), Path("tuned"), int8)] == [
        ("firewarden, tuned", "onnxruntime int8"), (DEFAULT, "onnxruntime fp32"),
    ]  # fmt: skip
    assert set(gpu_rows().values()) <= {"no GPU", "the peers' pinned packages are those for the CPU"}


def test_the_load_generator_loads_neither_numpy_nor_the_runtime():
    code = "import sys, firewarden.benchmarks.load_client; print(sorted({'numpy', 'onnxruntime', 'fastapi'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-P", "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
