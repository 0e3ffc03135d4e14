"""A real HTTP receiver on loopback that keeps what it gets and answers as it is told."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[int], int]  # how many requests came before -> status


class Receiver:
    """`requests` are (headers, body); `most_at_once` by message id tells whether one was ever sent twice at a time."""

    def __init__(self, answer: Answer) -> None:
        self.answer, self.url = answer, ""
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.most_at_once: Counter[str] = Counter()
        self._now: Counter[str] = Counter()
        self._lock = threading.Lock()
        self.arrived = threading.Event()

    def ids(self) -> list[str]:
        return [json.loads(body)["id"] for _, body in self.requests]

    def receive(self, headers: dict[str, str], body: bytes) -> int:
        name = headers["Firewarden-Message-Id"]
        with self._lock:
            number = len(self.requests)
            self.requests.append((headers, body))
            self._now[name] += 1
            self.most_at_once[name] = max(self.most_at_once[name], self._now[name])
        self.arrived.set()
        try:
            return self.answer(number)
        finally:
            with self._lock:
                self._now[name] -= 1


@contextmanager
def running_receiver(answer: Answer = lambda _: 204) -> Iterator[Receiver]:
    receiver = Receiver(answer)

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = receiver.receive(dict(self.headers), body)
            if status == 0:  # an answer that never ends
                self._drip()
                return
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            if status == 503:
                self.send_header("Retry-After", "120")
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _drip(self) -> None:
            try:
                self.wfile.write(b"HTTP/1.1 ")
                for _ in range(600):
                    self.wfile.write(b"2")
                    time.sleep(0.05)
            except OSError:
                pass

        def log_message(self, *_: object) -> None:
            """Quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    receiver.url = f"http://127.0.0.1:{server.server_port}/hook?x=1"
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
