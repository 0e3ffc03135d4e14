"""A private PostgreSQL server for tests; skips loudly where it is not installed. `postgres_url` is a new empty database,
`postgres_ready` one with all tables and no rows, which is quicker.

Use them with `from postgres_server import postgres_migrated, postgres_ready, postgres_server, postgres_url  # noqa: F401`.
"""

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import pytest
from sqlalchemy import Engine, make_url

from firewarden.ledger.database import build_engine, prepare
from firewarden.ledger.tables import metadata

_FOLDERS = Path("/usr/lib/postgresql")  # Debian keeps the server's programs out of PATH
_START_LIMIT_S = 120


def find_programs() -> Path | None:
    """The folder of initdb and pg_ctl, the newest version first."""
    on_path = shutil.which("pg_ctl")
    if on_path and shutil.which("initdb"):
        return Path(on_path).parent
    found = [path for path in _FOLDERS.glob("*/bin") if (path / "initdb").exists()]
    return max(found, key=lambda path: float(path.parent.name), default=None)


@contextmanager
def running_server() -> Iterator[str]:
    """A server in a folder of its own; yields a SQLAlchemy URL without a database name, `.../`."""
    programs = find_programs()
    if programs is None:
        pytest.skip("POSTGRESQL IS NOT INSTALLED: apt-get install postgresql")
    pytest.importorskip("psycopg", reason="PSYCOPG IS NOT INSTALLED: pip install 'firewarden[postgres]'")
    folder = Path(tempfile.mkdtemp(prefix="firewarden-pg-"))
    user = _account(folder)
    data, log = folder / "data", folder / "log"
    _run(user, programs / "initdb", "-D", data, "-U", "fire", "-A", "trust", "--no-sync", "-E", "UTF8")
    port = _free_port()
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off -c max_connections=50"
    _run(user, programs / "pg_ctl", "-D", data, "-l", log, "-o", options, "-w", "-t", _START_LIMIT_S, "start")
    try:
        yield f"postgresql://fire@127.0.0.1:{port}/"
    finally:
        _run(user, programs / "pg_ctl", "-D", data, "-m", "immediate", "-w", "stop")
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with running_server() as address:
        yield address


@pytest.fixture
def postgres_url(postgres_server: str) -> str:
    """A new empty database."""
    return _new_database(postgres_server)


@pytest.fixture(scope="session")
def postgres_migrated(postgres_server: str) -> Iterator[Engine]:
    engine = build_engine(make_url(_new_database(postgres_server)))
    prepare(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def postgres_ready(postgres_migrated: Engine) -> str:
    """A database with all tables, emptied."""
    names = ", ".join(f'"{table.name}"' for table in metadata.sorted_tables)
    with postgres_migrated.begin() as connection:
        connection.exec_driver_sql(f"TRUNCATE {names}")
    return postgres_migrated.url.render_as_string(hide_password=False)


def _new_database(server: str) -> str:
    import psycopg

    name = f"t{uuid4().hex}"
    with psycopg.connect(f"{server}postgres", autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    return f"{server}{name}"


def _account(folder: Path) -> str | None:
    """Who shall run the server: this user, or for root, which initdb refuses, one that Debian made."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            account = pwd.getpwnam(name)
        except KeyError:
            continue
        os.chown(folder, account.pw_uid, account.pw_gid)
        return name
    pytest.skip("POSTGRESQL CANNOT RUN AS ROOT and there is no user postgres or nobody")


def _run(user: str | None, *words: object) -> None:
    done = subprocess.run(
        [str(word) for word in words],
        user=user, cwd="/", check=False, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert done.returncode == 0, f"{words[0]} failed: {done.stderr}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
