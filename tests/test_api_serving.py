"""Real server processes: several workers, an orderly end, overload, deadlines, clients that leave."""

import asyncio
import os
import re
import signal
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import httpx2
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from test_api_durability import Server, port  # noqa: F401
from test_api_fakes import check_problem, photo
from tiny_model import build_model_folder

from firewarden.api import settings as api_settings
from firewarden.api.serve import open_listener
from firewarden.api.settings import Settings
from firewarden.api.supervisor import Supervisor, _Slot
from firewarden.benchmarks.load_client import LoadRun
from firewarden.benchmarks.load_plan import Load, Target
from firewarden.inference.batch_plan import PLAN_FILE, BatchPlan, save_plan

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
FAKES = str(Path(__file__).with_name("test_api_fakes.py"))
POST = "/v1/inspections"


@pytest.fixture
def start(tmp_path, port, monkeypatch):  # noqa: F811
    servers = []

    def _start(*command: str, **settings: object) -> tuple[Server, httpx2.Client]:
        for name, value in settings.items():
            monkeypatch.setenv(f"FIREWARDEN_{name.upper()}", str(value))
        servers.append(Server(tmp_path, port, list(command)))
        key = re.findall(r"fw_[0-9a-f]{12}_[\w-]+", servers[-1].greeting)
        assert len(key) == 1  # shown once, however many workers there are
        headers = {"X-API-Key": key[0], "Content-Type": "image/jpeg"}
        return servers[-1], httpx2.Client(base_url=servers[-1].address, headers=headers, timeout=30)

    yield _start
    for server in servers:
        if server.process.poll() is None:
            server.process.terminate()
            server.process.wait(30)
        server.process.stdout.close()


def slow_server(start, tmp_path, port, delay_s: float, streams: int = 1, **settings):  # noqa: F811
    return start(FAKES, str(tmp_path), str(port), str(delay_s), str(streams), **settings)


def metric(client: httpx2.Client, line: str) -> float:
    found = re.search(rf"^{re.escape(line)} (\S+)$", client.get("/metrics").text, re.MULTILINE)
    return float(found.group(1)) if found else 0.0


def pids(client: httpx2.Client) -> set[int]:
    lines = re.findall(
        r'^firewarden_resident_bytes{pid="(\d+)"} (\S+)$', client.get("/metrics").text, re.MULTILINE
    )
    return {int(pid) for pid, size in lines if float(size) > 10e6}  # a worker that still starts shows 0


def wait_for(condition, limit_s: float = 15) -> None:
    until = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < until, "it did not come true in time"
        time.sleep(0.05)


def test_two_workers_count_together_are_replaced_and_end_together(start, tmp_path, port) -> None:  # noqa: F811
    model = build_model_folder(tmp_path / "tiny", CLASSES, [(16, 16, 48, 48, 0.9, CLASSES.index("ebike"))])
    server, client = start(
        "-m", "firewarden", "serve", "--workers", "2", "--data-dir", str(tmp_path), "--port", str(port), "--model", str(model)
    )  # fmt: skip

    def fresh(call):  # a new connection each: any worker may take it
        with httpx2.Client(base_url=server.address, headers=client.headers, timeout=30) as once:
            return call(once)

    def post(colour: int):
        return fresh(lambda once: once.post(POST, content=photo(colour, wh=(320, 240))))

    wait_for(lambda: len(fresh(pids)) == 2)
    first = fresh(pids)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(post, range(18)))
    assert [answer.status_code for answer in answers] == [201] * 18
    ids = [answer.json()["id"] for answer in answers]
    assert all(
        fresh(lambda once, i=i: once.get(f"{POST}/{i}")).status_code == 200 for i in ids
    )  # one database
    text = fresh(lambda once: once.get("/metrics").text)
    assert sum(map(float, re.findall(r"^firewarden_inspections_total{.*} (\S+)$", text, re.MULTILINE))) == 18
    assert 'firewarden_requests_total{method="POST",route="/v1/inspections",status="201"} 18.0' in text
    assert "firewarden_batch_size_count 18.0" in text  # the warm-ups are not counted

    victim = min(first)
    os.kill(victim, signal.SIGKILL)
    wait_for(lambda: len(fresh(pids) - first) == 1 and victim not in fresh(pids))
    assert post(99).status_code == 201
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(20) == 0
    with pytest.raises(httpx2.TransportError):
        fresh(lambda once: once.get("/healthz"))


def test_told_to_end_it_gives_notice_finishes_what_it_accepted_and_goes(start, tmp_path, port) -> None:  # noqa: F811
    server, client = slow_server(start, tmp_path, port, 0.8, drain_notice_s=0.4)
    with ThreadPoolExecutor(2) as pool:
        running = pool.submit(client.post, POST, content=photo(1))
        wait_for(lambda: metric(client, "firewarden_in_flight") == 1)
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: client.get("/readyz").status_code == 503, 0.4)
        waiting = pool.submit(client.post, POST, content=photo(2))  # within the notice: still taken
        assert [running.result().status_code, waiting.result().status_code] == [201, 201]
    assert server.process.wait(10) == 0
    stored = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
    assert len(stored) == 2


def half_a_photo(port: int, headers, content: bytes) -> socket.socket:  # noqa: F811
    """A connection on which half of an upload has come."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=15)
    head = f"POST {POST} HTTP/1.1\r\nHost: x\r\nX-API-Key: {headers['x-api-key']}\r\nContent-Type: image/jpeg\r\n"
    length = f"Content-Length: {len(content)}\r\n\r\n"
    connection.sendall((head + length).encode() + content[: len(content) // 2])
    time.sleep(0.3)  # until it is read
    return connection


def listens(port: int) -> bool:  # noqa: F811
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except OSError:
        return False
    return True


def test_a_second_signal_ends_at_once(start, tmp_path, port) -> None:  # noqa: F811
    server, client = slow_server(start, tmp_path, port, 0.0)
    assert client.post(POST, content=photo(1)).status_code == 201
    with half_a_photo(port, client.headers, photo(2)):
        server.process.send_signal(signal.SIGTERM)
        wait_for(lambda: not listens(port))  # else both signals might be one
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(10)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_to_all_processes_lets_workers_finish(start, tmp_path, port, number) -> None:  # noqa: F811
    """As from a terminal or `timeout`; with the supervisor's own, workers get it twice."""
    model = build_model_folder(tmp_path / "tiny", CLASSES, [(16, 16, 48, 48, 0.9, CLASSES.index("ebike"))])
    server, client = start(
        "-m", "firewarden", "serve", "--workers", "2", "--data-dir", str(tmp_path), "--port", str(port), "--model", str(model)
    )  # fmt: skip
    content = photo(1, wh=(320, 240))
    with half_a_photo(port, client.headers, content) as connection:
        os.killpg(server.process.pid, number)
        time.sleep(1.0)  # for what the supervisor sends
        connection.sendall(content[len(content) // 2 :])
        assert connection.recv(4096).startswith(b"HTTP/1.1 201 Created")
    assert server.process.wait(10) == 0


def test_a_flood_is_shed_and_those_let_in_are_answered_soon(start, tmp_path, port) -> None:  # noqa: F811
    _, client = slow_server(start, tmp_path, port, 0.05, max_wait_s=0.3)
    for colour in range(20):  # it learns its pace
        assert client.post(POST, content=photo(colour)).status_code == 201

    def post(colour: int):
        began = time.monotonic()
        answer = client.post(POST, content=photo(colour))
        return answer, time.monotonic() - began

    with ThreadPoolExecutor(24) as pool:
        answers = list(pool.map(post, range(48)))
        assert pool.submit(client.get, "/healthz").result().status_code == 200
    done = [seconds for answer, seconds in answers if answer.status_code == 201]
    shed = [answer for answer, _ in answers if answer.status_code != 201]
    assert len(done) + len(shed) == 48
    assert len(done) >= 4 and len(shed) >= 10
    assert max(done) < 2.0
    for answer in shed:
        check_problem(answer, 429, "overloaded")
        assert int(answer.headers["retry-after"]) >= 1
    assert metric(client, 'firewarden_shed_total{reason="overload"}') == len(shed)
    assert metric(client, 'firewarden_stage_seconds_count{stage="queue_wait"}') == 20 + len(done)
    wait_for(lambda: metric(client, "firewarden_in_flight") == 0)

    late = client.post(POST, content=photo(1), headers={"X-Request-Deadline-Ms": "5"})
    check_problem(late, 503, "deadline")
    assert metric(client, 'firewarden_shed_total{reason="deadline"}') == 1
    assert client.post(POST, content=photo(1), headers={"Prefer": "wait=20"}).status_code == 201


def test_a_refusal_comes_before_the_body_and_reaches_whoever_is_still_sending(start, tmp_path, port) -> None:  # noqa: F811
    _, client = slow_server(start, tmp_path, port, 4.0, queue_size=0)
    large = photo(2) + bytes(12_000_000)  # more than all socket buffers on the way hold
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.post, POST, content=photo(1))
        wait_for(lambda: metric(client, "firewarden_in_flight") == 1)
        for expect in ({}, {"Expect": "100-continue"}):
            status, connection = ask_without_body(port, client.headers, len(large), expect)
            assert status == b"HTTP/1.1 429 Too Many Requests"  # and no 100 Continue
            connection.close()
        status, connection = ask_without_body(port, client.headers, len(large), {})
        with connection:  # one who sends all the same is heard out: a reset would take the answer away
            connection.sendall(large)
            connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: here\r\n\r\n")
            assert connection.recv(4096).startswith(b"HTTP/1.1 200 OK")
        for _ in range(3):
            answer = client.post(POST, content=large)
            check_problem(answer, 429, "overloaded")
            assert int(answer.headers["retry-after"]) >= 1
        assert not first.done()
        assert first.result().status_code == 201
    assert metric(client, 'firewarden_shed_total{reason="queue_full"}') == 6


def test_the_load_generator_loses_no_refusal_of_a_large_body(start, tmp_path, port) -> None:  # noqa: F811
    _, client = slow_server(start, tmp_path, port, 0.3, queue_size=0)
    target = Target("127.0.0.1", port, POST, {"X-API-Key": client.headers["x-api-key"]})
    load = Load(rate=25.0, seconds=1.0, warm_up_s=0.0)
    samples = asyncio.run(LoadRun(target, load, [photo(1) + bytes(6_000_000)]).run())
    assert set(samples.status) == {201, 429}
    assert samples.status.count(429) >= 15


def ask_without_body(port: int, headers, length: int, more: dict[str, str]) -> tuple[bytes, socket.socket]:  # noqa: F811
    """The status line that answers the headers of an upload, and the connection, on which no body was sent."""
    connection = socket.create_connection(("127.0.0.1", port), timeout=15)
    told = {
        "Host": "here", "X-API-Key": headers["x-api-key"], "Content-Type": "image/jpeg", "Content-Length": str(length), **more
    }  # fmt: skip
    lines = [f"POST {POST} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    connection.sendall("\r\n".join(lines).encode())
    answer = b""
    while not answer.endswith(b"}"):
        answer += connection.recv(4096)
    return answer.partition(b"\r\n")[0], connection


def test_a_client_that_leaves_takes_its_work_with_it(start, tmp_path, port) -> None:  # noqa: F811
    _, client = slow_server(start, tmp_path, port, 0.6)

    def leave_after(content: bytes, condition) -> None:
        key = client.headers["X-API-Key"]
        head = f"POST {POST} HTTP/1.1\r\nHost: x\r\nX-API-Key: {key}\r\nContent-Type: image/jpeg\r\nContent-Length: {len(content)}\r\n\r\n"
        with socket.create_connection(("127.0.0.1", port)) as connection:
            connection.sendall(head.encode() + content)
            wait_for(condition)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(client.post, POST, content=photo(1))
        wait_for(lambda: metric(client, "firewarden_in_flight") == 1)
        leave_after(
            photo(2), lambda: metric(client, "firewarden_in_flight") == 2
        )  # it waits behind the first
        wait_for(lambda: metric(client, "firewarden_in_flight") == 1)  # and is dropped before it begins
        assert metric(client, "firewarden_abandoned_total") == 1
        assert not running.done()
        assert running.result().status_code == 201
    begun = 'firewarden_stage_seconds_count{stage="queue_wait"}'
    leave_after(photo(3), lambda: metric(client, begun) == 2)  # this one runs already
    wait_for(lambda: metric(client, "firewarden_abandoned_total") == 2)
    wait_for(lambda: metric(client, "firewarden_in_flight") == 0)
    assert metric(client, 'firewarden_inspections_total{verdict="hazard"}') == 1
    assert metric(client, begun) == 2  # the second never began


def test_the_listener_says_it_is_tcp() -> None:
    """asyncio sets TCP_NODELAY only then; otherwise each answer waits 40 ms for an acknowledgement."""
    with open_listener("127.0.0.1", 0) as listener:
        assert listener.proto == socket.IPPROTO_TCP
        with pytest.raises(OSError):
            open_listener("127.0.0.1", listener.getsockname()[1])


def test_processes_and_streams_share_the_cores(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(api_settings, "usable_cores", lambda: 16)

    def streams(tuned: bool = False, **chosen: int) -> int:
        return Settings(data_dir=tmp_path, **chosen).batch_plan(tuned=tuned).streams

    assert streams() == 16
    assert streams(threads=4) == 4  # 4 runs of 4 threads
    assert streams(workers=4) == 4
    assert streams(workers=32) == 1
    assert streams(workers=4, streams=3) == 3
    save_plan(tmp_path / PLAN_FILE, BatchPlan(max_batch=8, streams=6))
    assert streams() == 16  # a plan of another machine or model does not count
    assert streams(tuned=True, workers=2) == 3
    assert Settings(data_dir=tmp_path).batch_plan(tuned=True).max_batch == 8


def test_a_worker_that_died_young_a_thousand_times_is_replaced_still(tmp_path) -> None:
    """0.5, 1.5, 3.5, 7.5, 10, 10 ... s."""
    supervisor = Supervisor(Settings(data_dir=tmp_path), socket.socket(), lambda settings: None)
    pauses = []
    for deaths in (0, 1, 2, 3, 4, 5000):
        slot = _Slot(SimpleNamespace(exitcode=1, pid=1), time.monotonic(), deaths)
        assert supervisor._look_after(slot) == 0
        pauses.append(round(slot.start_at_s - time.monotonic(), 1))
    assert pauses == [0.5, 1.5, 3.5, 7.5, 10.0, 10.0]
