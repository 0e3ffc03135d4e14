"""A real server process: what it acknowledged survives kill -9, and it closes on a body without end."""

import hashlib
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import httpx2
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from test_api_fakes import check_problem, photo

START_LIMIT_S = 60


class Server:
    """A server in a process of its own: the fakes' one, or with `command` any other that greets alike."""

    def __init__(self, data_dir: Path, port: int, command: list[str] | None = None) -> None:
        program = str(Path(__file__).with_name("test_api_fakes.py"))
        self.process = subprocess.Popen(
            [sys.executable, "-P", *(command or [program, str(data_dir), str(port)])],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
        )  # fmt: skip
        self.address = f"http://127.0.0.1:{port}"
        self.greeting = ""
        while "listens on" not in self.greeting:
            line = self.process.stdout.readline()
            assert line, f"the server ended early: {self.greeting}"
            self.greeting += line
        self._wait_until_ready()

    def kill(self) -> None:
        self.process.kill()  # SIGKILL on POSIX
        self.process.wait()
        self.process.stdout.close()

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + START_LIMIT_S
        while time.monotonic() < deadline:
            try:
                if httpx2.get(f"{self.address}/readyz").status_code == 200:
                    return
            except httpx2.TransportError:
                time.sleep(0.05)
        raise AssertionError("the server did not become ready")


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def start(tmp_path, port):
    servers = []

    def _start() -> Server:
        servers.append(Server(tmp_path, port))
        return servers[-1]

    yield _start
    for server in servers:
        if server.process.poll() is None:
            server.kill()


SENDERS = 4


def _post_until_killed(
    client: httpx2.Client, acknowledged: dict[str, bytes], enough: threading.Event, sender: int
) -> None:
    for colour in range(sender, 256, SENDERS):  # each its own photos; they reach the disk in groups
        content = photo(colour)
        try:
            answer = client.post("/v1/inspections", content=content, headers={"content-type": "image/jpeg"})
        except httpx2.TransportError:
            return
        assert answer.status_code == 201
        acknowledged[answer.json()["id"]] = content
        if len(acknowledged) >= 12:
            enough.set()


def test_every_acknowledged_photo_survives_kill_9(start, tmp_path) -> None:
    server = start()
    key = re.search(r"fw_[0-9a-f]{12}_\S+", server.greeting).group()
    acknowledged: dict[str, bytes] = {}
    enough = threading.Event()
    with httpx2.Client(base_url=server.address, headers={"X-API-Key": key}, timeout=30) as client:
        senders = [
            threading.Thread(target=_post_until_killed, args=(client, acknowledged, enough, i))
            for i in range(SENDERS)
        ]
        for sender in senders:
            sender.start()
        assert enough.wait(60)
        server.kill()  # in the middle of the stream of photos
        for sender in senders:
            sender.join()

    again = start()
    assert "fw_" not in again.greeting  # the key is shown once
    with httpx2.Client(base_url=again.address, headers={"X-API-Key": key}) as client:
        for inspection_id, content in acknowledged.items():
            stored = client.get(f"/v1/inspections/{inspection_id}").json()
            sha256 = hashlib.sha256(content).hexdigest()
            assert stored["verdict"] == "hazard"
            assert stored["image_sha256"] == sha256
            assert (tmp_path / "blobs" / sha256[:2] / sha256[2:4] / sha256).read_bytes() == content
        assert client.get("/v1/inspections/" + "0" * 32).status_code == 404
    assert not any(key[-43:].encode() in path.read_bytes() for path in tmp_path.glob("firewarden.db*"))


def test_a_body_without_length_or_end_is_answered_413_and_the_connection_closed(start, monkeypatch) -> None:
    monkeypatch.setenv("FIREWARDEN_MAX_BODY_BYTES", "100000")
    monkeypatch.setenv("FIREWARDEN_MAX_MULTIPART_BYTES", "10000000")  # so much is dropped before the end
    server = start()
    key = re.search(r"fw_[0-9a-f]{12}_\S+", server.greeting).group()
    sent = 0

    def endless():
        nonlocal sent
        while sent < 100_000_000:
            sent += 50_000
            yield b"\xff" * 50_000

    headers = {"X-API-Key": key, "content-type": "image/jpeg"}
    answer = httpx2.post(f"{server.address}/v1/inspections", content=endless(), headers=headers, timeout=30)
    check_problem(answer, 413, "too-large")
    assert answer.headers["connection"] == "close"
    assert sent < 50_000_000
