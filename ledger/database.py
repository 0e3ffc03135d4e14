"""Opening the database: SQLite in WAL mode or PostgreSQL, schema up to date."""

import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import InterfaceError, InternalError, OperationalError
from sqlalchemy.exc import TimeoutError as ConnectionPoolTimeout

from firewarden.errors import HazardError
from firewarden.ledger.json_text import dump_for_database
from firewarden.ledger.migrate import upgrade_schema

DATABASE_AWAY = (OperationalError, InterfaceError, InternalError, ConnectionPoolTimeout)
"""A database that does not answer or takes nothing now, and will again. InternalError: PostgreSQL in a failover is there to
be read alone."""
_BUSY_S = 10.0
_SQLITE_PRAGMAS = (
    "PRAGMA synchronous=FULL",  # a commit is on the disk before the answer is sent
    "PRAGMA foreign_keys=ON",
)


def build_engine(url: URL) -> Engine:
    """An engine that has not connected yet. `postgresql://` means psycopg; raises HazardError where it is not installed."""
    if url.get_backend_name() not in ("sqlite", "postgresql", "postgres"):
        raise HazardError(
            f"got a database of the kind {url.get_backend_name()!r}, expected sqlite or postgresql"
        )
    if url.drivername in ("postgresql", "postgres"):
        url = url.set(drivername="postgresql+psycopg")
    try:
        engine = create_engine(url, pool_pre_ping=not is_sqlite(url), json_serializer=dump_for_database)
    except ModuleNotFoundError as error:
        raise HazardError(
            f"the database {url.render_as_string()} needs {error.name}, which is not installed: "
            "pip install -e '.[postgres]' in the checkout"
        ) from error
    if is_sqlite(url):
        event.listen(engine, "connect", _set_pragmas)
    elif engine.driver == "psycopg":
        from firewarden.ledger.postgres import connect_bounded  # needs psycopg

        event.listen(
            engine, "do_connect", lambda _dialect, _record, args, more: connect_bounded(*args, **more)
        )
    return engine


def prepare(engine: Engine) -> None:
    """Make the folder of an SQLite file and bring the schema up to date."""
    if is_sqlite(engine.url) and engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    upgrade_schema(engine)


def check_exists(engine: Engine) -> None:
    """Raises HazardError where the file of an SQLite database is not there: opening it would make an empty one."""
    if is_sqlite(engine.url) and not Path(engine.url.database or "").is_file():
        raise HazardError(
            f"there is no database at {engine.url.database}. Give the folder of the service with --data-dir, or its "
            "FIREWARDEN_DATABASE_URL."
        )


@contextmanager
def write_transaction(engine: Engine) -> Iterator[Connection]:
    """A transaction that will write what it reads first. SQLite gives it the write lock at once: an upgrade of a read lock
    would fail where another process wrote in between."""
    with engine.begin() as connection:
        if is_sqlite(engine.url):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


def insert_if_new(connection: Connection, table: Table, values: Mapping[str, Any]) -> bool:
    """Insert a row; False, with nothing written, where its key exists already. What came back is counted, not `rowcount`:
    that is -1 on PostgreSQL."""
    dialect_insert = sqlite.insert if connection.dialect.name == "sqlite" else postgresql.insert
    key = next(iter(table.primary_key.columns))
    statement = dialect_insert(table).values(dict(values)).on_conflict_do_nothing().returning(key)
    return connection.execute(statement).first() is not None


def database_now(connection: Connection) -> datetime:
    """The time that all processes of this database agree on."""
    if connection.dialect.name == "sqlite":  # one machine, one clock
        return datetime.now(UTC)
    now: datetime = connection.execute(text("SELECT clock_timestamp()")).scalar_one()
    return now


def is_sqlite(url: URL) -> bool:
    """Whether the database is a file of this machine."""
    return url.get_backend_name() == "sqlite"


def _set_pragmas(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    cursor.execute(f"PRAGMA busy_timeout={_BUSY_S * 1000:.0f}")
    _enter_wal(cursor)
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _enter_wal(cursor: Any) -> None:
    """Of several processes that open a new file together one changes its mode; SQLite tells the others at once that it is
    locked, whatever the busy timeout says, so the wait is made here."""
    give_up_s = time.monotonic() + _BUSY_S
    while True:
        try:
            cursor.execute("PRAGMA journal_mode=WAL")
            return
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() >= give_up_s:
                raise
            time.sleep(0.01)
