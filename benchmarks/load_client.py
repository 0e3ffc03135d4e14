"""The load generator: `python -P -m firewarden.benchmarks.load_client` reads a job on stdin, writes samples to stdout.

A process of its own, so that neither server nor measuring share an interpreter with it. It imports no more than it needs.
"""

import asyncio
import itertools
import json
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from pathlib import Path

from firewarden.benchmarks.http_connection import Answer, HttpConnection
from firewarden.benchmarks.load_plan import LOST, STUCK, Load, Samples, Target, arrivals

_BOUNDARY = b"firewarden-bench-7d1f"
_SERIAL_LENGTH = 18
_MAX_IDLE_S = 2.0  # shorter than any server's keep-alive: a connection it may be closing is not used again
_BROKEN_PAUSE_S = 0.05


class Bodies:
    """Requests in their bytes. Every body ends with a serial number after the JPEG's end marker: decoders ignore it, but no
    cache and no store that knows a photo by its checksum sees the same one twice."""

    def __init__(self, target: Target, photos: list[bytes], distinct: int) -> None:
        self._wrapped = [_wrap(target, photo) for photo in photos]
        self._distinct = distinct
        self._serials = itertools.count()

    def next(self) -> list[bytes]:
        serial = next(self._serials)
        head, photo, tail = self._wrapped[serial % len(self._wrapped)]
        number = serial // len(self._wrapped) % self._distinct if self._distinct else serial
        return [head, photo, b"%018d" % number, tail]


class LoadRun:
    """One load on one target: sends, waits, and keeps one row for each request."""

    def __init__(
        self, target: Target, load: Load, photos: list[bytes], clock: Callable[[], float] = time.perf_counter
    ):
        self._target = target
        self._load = load
        self._bodies = Bodies(target, photos, load.distinct)
        self._clock = clock
        self._idle: list[tuple[float, HttpConnection]] = []
        self._rows: list[tuple[float, float, float, int]] = []
        self._start_s = 0.0

    async def run(self) -> Samples:
        """All of the load; ends when every request is answered, lost or given up."""
        cpu_s = time.process_time()
        self._start_s = self._clock()
        await (self._run_open() if self._load.is_open else self._run_closed())
        wall_s, cpu_s = self._now(), time.process_time() - cpu_s
        for _, connection in self._idle:
            connection.close()
        rows = sorted(self._rows)
        return Samples(
            intended_s=[row[0] for row in rows],
            sent_s=[row[1] for row in rows],
            done_s=[row[2] for row in rows],
            status=[row[3] for row in rows],
            cpu_s=cpu_s,
            wall_s=wall_s,
        )

    async def _run_closed(self) -> None:
        left = iter(range(self._load.requests)) if self._load.requests else itertools.count()
        await asyncio.gather(*(self._client(left) for _ in range(self._load.clients)))

    async def _client(self, left: Iterator[int]) -> None:
        """Ask one photo after the other; wait as long as the server says where it turns one away."""
        end_s = self._load.warm_up_s + self._load.seconds
        while (self._load.requests or self._now() < end_s) and next(left, None) is not None:
            answer = await self._ask(self._now())
            pause_s = answer.retry_after_s if answer.status > 0 else _BROKEN_PAUSE_S
            if pause_s:
                await asyncio.sleep(
                    pause_s if self._load.requests else min(pause_s, max(0.0, end_s - self._now()))
                )

    async def _run_open(self) -> None:
        """Each request starts at its time, whether earlier ones are answered or not; one turned away does not come back."""
        running = set()
        for intended_s in arrivals(self._load):
            if (wait_s := intended_s - self._now()) > 0:
                await asyncio.sleep(wait_s)
            task = asyncio.create_task(self._ask(intended_s))
            running.add(task)
            task.add_done_callback(running.discard)
        await asyncio.gather(*running)

    async def _ask(self, intended_s: float) -> Answer:
        sent_s = self._now()
        try:
            connection = await self._connection()
            sent_s = self._now()
            answer = await connection.ask(self._bodies.next(), self._load.timeout_s)
            if connection.is_open:
                self._idle.append((self._now(), connection))
        except TimeoutError:
            answer = Answer(STUCK, 0.0)
        except OSError:
            answer = Answer(LOST, 0.0)
        self._rows.append((intended_s, sent_s, self._now(), answer.status))
        return answer

    async def _connection(self) -> HttpConnection:
        while self._idle:
            since_s, connection = self._idle.pop()
            if connection.is_open and self._now() - since_s < _MAX_IDLE_S:
                return connection
            connection.close()
        loop = asyncio.get_running_loop()
        _, made = await loop.create_connection(HttpConnection, self._target.host, self._target.port)
        return made

    def _now(self) -> float:
        return self._clock() - self._start_s


def _wrap(target: Target, photo: bytes) -> tuple[bytes, bytes, bytes]:
    """Head, photo and tail of a request; the serial number goes between the last two."""
    media_type, before, after = "image/jpeg", b"", b""
    if target.body == "multipart":
        media_type = f"multipart/form-data; boundary={_BOUNDARY.decode()}"
        before = (
            b"--" + _BOUNDARY + b'\r\nContent-Disposition: form-data; name="' + target.field_name.encode()
            + b'"; filename="photo.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
        )  # fmt: skip
        after = b"\r\n--" + _BOUNDARY + b"--\r\n"
    length = len(before) + len(photo) + _SERIAL_LENGTH + len(after)
    told = {"Host": target.host, "Content-Type": media_type, "Content-Length": str(length), **target.headers}
    lines = [f"POST {target.path} HTTP/1.1", *(f"{name}: {value}" for name, value in told.items()), "", ""]
    return "\r\n".join(lines).encode() + before, photo, after


def main() -> None:
    """Run the job of stdin."""
    job = json.load(sys.stdin)
    photos = [Path(path).read_bytes() for path in job["photos"]]
    run = LoadRun(Target(**job["target"]), Load(**job["load"]), photos)
    json.dump(asdict(asyncio.run(run.run())), sys.stdout)


if __name__ == "__main__":
    main()
