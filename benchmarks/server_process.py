"""A server under load as a process of its own: start it, wait until it is ready, watch what it uses, end it."""

import http.client
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from firewarden.errors import HazardError

try:
    import psutil
except ModuleNotFoundError as missing:
    raise HazardError(
        "psutil is not installed; loads on servers need it: pip install -e '.[bench]' in the checkout"
    ) from missing

_READY_LIMIT_S = 180
_END_LIMIT_S = 40.0  # longer than the service's own limit
_POLL_S = 0.01
_KEY = re.compile(r"fw_[0-9a-f]{12}_[\w-]+")


class ServerProcess:
    """A running server; use it in a `with` block. Raises HazardError, with the end of its log, where it does not become
    ready."""

    def __init__(
        self,
        command: Sequence[str],
        port: int,
        ready_path: str,
        log: Path,
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        end_limit_s: float = _END_LIMIT_S,
    ) -> None:
        """`command` must listen on `port` of the loopback address; `env` adds to this process's environment. Told to end,
        it may take `end_limit_s`."""
        self.port = port
        self._end_limit_s = end_limit_s
        self._log = log
        start_s = time.perf_counter()
        with log.open("wb") as stream:
            self._process = subprocess.Popen(
                list(command), stdout=stream, stderr=subprocess.STDOUT, cwd=cwd, env={**os.environ, **(env or {})},
                start_new_session=True,
            )  # fmt: skip
        try:
            self._wait_until_ready(ready_path)
        except BaseException:
            self.stop()
            raise
        self.start_to_ready_s = time.perf_counter() - start_s

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    def api_key(self) -> str:
        """The key that a fresh `firewarden serve` prints; raises HazardError where there is none."""
        found = _KEY.search(self.output)
        if found is None:
            raise HazardError(
                f"the server printed no API key:\n{self.output[-500:]}\nUse an empty data folder."
            )
        return found[0]

    def cpu_s(self) -> float:
        """Processor seconds that it and its children have used; those that ended before are not counted."""
        return sum(sum(process.cpu_times()[:2]) for process in self._tree())

    def resident_mb(self) -> float:
        """Memory of it and its children in RAM, MiB; pages they share count more than once."""
        return float(sum(_resident_bytes(process) for process in self._tree())) / 2**20

    def stop(self) -> None:
        """Ask it to end, and end it and its children where it does not."""
        children = self._tree()
        if self._process.poll() is None:
            self._process.terminate()
        _, alive = psutil.wait_procs(children, timeout=self._end_limit_s)
        for process in alive:
            process.kill()
        self._process.wait()
        with suppress(ProcessLookupError):  # a supervisor may have started a worker while it was told to end
            os.killpg(self._process.pid, signal.SIGKILL)

    def _tree(self) -> list[psutil.Process]:
        try:
            root = psutil.Process(self._process.pid)
            return [p for p in (root, *root.children(recursive=True)) if p.status() != psutil.STATUS_ZOMBIE]
        except psutil.NoSuchProcess:
            return []

    def _wait_until_ready(self, path: str) -> None:
        until = time.monotonic() + _READY_LIMIT_S
        while time.monotonic() < until and self._process.poll() is None:
            if _status(self.port, path) == 200:
                return
            time.sleep(_POLL_S)
        raise HazardError(
            f"the server did not become ready within {_READY_LIMIT_S} s (exit code {self._process.poll()}); the end of "
            f"its log:\n{self.output[-2000:]}"
        )


def start_firewarden(
    data_dir: Path,
    log: Path,
    *,
    model: str | None = None,
    workers: int = 1,
    env: Mapping[str, str] | None = None,
) -> ServerProcess:
    """`firewarden serve` on a free port."""
    port = free_port()
    command = [
        sys.executable,
        "-P",
        "-m",
        "firewarden",
        "serve",
        "--port",
        str(port),
        "--data-dir",
        str(data_dir),
    ]
    command += ["--workers", str(workers)] + (["--model", model] if model else [])
    return ServerProcess(command, port, "/readyz", log, env=env)


def _resident_bytes(process: psutil.Process) -> int:
    """0 for one that ended just now."""
    try:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def free_port() -> int:
    """A TCP port of the loopback address that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _status(port: int, path: str) -> int:
    """HTTP status of a GET; 0 where nobody answers."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return 0
    finally:
        connection.close()
