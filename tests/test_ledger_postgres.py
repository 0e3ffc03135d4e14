"""A PostgreSQL that accepts and says nothing: connections end by themselves, and requests get their 503."""

import select
import socket
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import make_url, text
from sqlalchemy.exc import OperationalError

sys.path.insert(0, str(Path(__file__).parent))
from postgres_server import postgres_migrated, postgres_ready, postgres_server, postgres_url  # noqa: F401
from test_api_fakes import check_problem, open_client

from firewarden.ledger import postgres
from firewarden.ledger.database import build_engine


class Relay:
    """Hands bytes to and fro between clients and a server until it is told to freeze: then all stay connected, in silence."""

    def __init__(self, server: tuple[str, int]) -> None:
        self._server = server
        self._frozen = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        self._frozen.set()

    def close(self) -> None:
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(self._server)
            threading.Thread(target=self._relay, args=(client, server), daemon=True).start()

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        with client, server:
            while not self._frozen.is_set():
                for ready in select.select([client, server], [], [], 0.05)[0]:
                    data = ready.recv(65536)
                    if not data:
                        return
                    other[ready].sendall(data)
            time.sleep(20)


@pytest.fixture
def relay(postgres_ready):  # noqa: F811
    url = make_url(postgres_ready)
    relay = Relay((url.host, url.port))
    yield relay, url.set(port=relay.port)
    relay.close()


def test_a_server_that_accepts_and_never_answers_is_given_up(monkeypatch) -> None:
    pytest.importorskip("psycopg")
    monkeypatch.setattr(postgres, "CONNECT_S", 2)  # libpq takes no less
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = build_engine(make_url(f"postgresql://fire@127.0.0.1:{silent.getsockname()[1]}/fire"))
        began_s = time.monotonic()
        with pytest.raises(OperationalError, match="timeout"):
            engine.connect()
        assert 1.5 < time.monotonic() - began_s < 5


def test_a_server_that_falls_silent_is_answered_503(tmp_path, relay, monkeypatch) -> None:
    frozen, url = relay
    monkeypatch.setattr(postgres, "CONNECT_S", 2)
    monkeypatch.setattr(postgres, "SILENCE_S", 0.3)
    with open_client(
        tmp_path, database_url=url.render_as_string(hide_password=False), key_cache_s=0
    ) as opened:
        client, _ = opened
        assert client.get("/v1/batches").status_code == 200
        frozen.freeze()
        began_s = time.monotonic()
        check_problem(client.get("/v1/batches"), 503, "storage-unavailable")
        assert time.monotonic() - began_s < 8


def test_a_slow_statement_is_waited_for_where_it_may_be_slow(postgres_ready, monkeypatch) -> None:  # noqa: F811
    monkeypatch.setattr(postgres, "SILENCE_S", 0.2)
    engine = build_engine(make_url(postgres_ready))
    with engine.connect() as connection:
        with postgres.unbounded(connection):
            connection.execute(text("SELECT pg_sleep(0.6)"))
        with pytest.raises(OperationalError, match=r"said nothing for 0\.2 s"):
            connection.execute(text("SELECT pg_sleep(5)"))
    with engine.connect() as connection:  # a new one
        assert connection.execute(text("SELECT 1")).scalar() == 1
    engine.dispose()


def test_a_statement_that_is_given_up_ends_on_a_server_that_runs(postgres_ready, monkeypatch) -> None:  # noqa: F811
    """Else it would go on waiting for its lock, and hold those that it has."""
    monkeypatch.setattr(postgres, "SILENCE_S", 0.2)
    engine = build_engine(make_url(postgres_ready))
    with pytest.raises(OperationalError, match="said nothing"), engine.connect() as connection:
        connection.execute(text("SELECT pg_sleep(20) -- given up"))
    running = text(
        "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE 'SELECT pg_sleep(20)%'"
    )
    until_s = time.monotonic() + 5
    with engine.connect() as connection:
        while connection.execute(running).scalar() and time.monotonic() < until_s:
            time.sleep(0.1)
        assert connection.execute(running).scalar() == 0
    engine.dispose()
