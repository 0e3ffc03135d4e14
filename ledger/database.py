"""Opening the database: SQLite in WAL mode or PostgreSQL, schema up to date."""

from pathlib import Path
from typing import Any

from sqlalchemy import URL, Engine, create_engine, event

from firewarden.ledger.migrate import upgrade_schema

_SQLITE_PRAGMAS = (
    "PRAGMA journal_mode=WAL",
    "PRAGMA synchronous=FULL",  # a commit is on the disk before the answer is sent
    "PRAGMA busy_timeout=10000",
    "PRAGMA foreign_keys=ON",
)


def build_engine(url: URL) -> Engine:
    """An engine that has not connected yet."""
    engine = create_engine(url, pool_pre_ping=not is_sqlite(url))
    if is_sqlite(url):
        event.listen(engine, "connect", _set_pragmas)
    return engine


def prepare(engine: Engine) -> None:
    """Make the folder of an SQLite file and bring the schema up to date."""
    if is_sqlite(engine.url) and engine.url.database:
        Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
    upgrade_schema(engine)


def is_sqlite(url: URL) -> bool:
    """Whether the database is a file of this machine."""
    return url.get_backend_name() == "sqlite"


def _set_pragmas(connection: Any, _: object) -> None:
    cursor = connection.cursor()
    for pragma in _SQLITE_PRAGMAS:
        cursor.execute(pragma)
    cursor.close()
