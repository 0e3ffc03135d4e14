"""Inserting into an SQLite file without a statement's and a connection's way through SQLAlchemy, which costs a lone row, with
caches that the network has just emptied, more than SQLite itself."""

import sqlite3
from collections.abc import Mapping, Sequence
from threading import Lock
from typing import Any, cast

from sqlalchemy import Engine, PoolProxiedConnection, Table
from sqlalchemy.exc import OperationalError


class SqliteInsert:
    """Inserts rows of one table over a connection that it keeps. Values are converted by the columns' own types, so rows are
    those that SQLAlchemy writes. Thread-safe: one call at a time."""

    def __init__(self, engine: Engine, table: Table) -> None:
        """The table as it is; nothing is connected yet."""
        names = [column.name for column in table.columns]
        marks = ", ".join("?" * len(names))
        self._sql = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({marks})"
        kinds = [(column.name, column.type.dialect_impl(engine.dialect)) for column in table.columns]
        self._columns = [(name, kind.bind_processor(engine.dialect)) for name, kind in kinds]
        self._engine = engine
        self._lock = Lock()
        self._held: PoolProxiedConnection | None = None

    def insert(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Commit all rows, each with a value for every column, or none; raises OperationalError where the file cannot be
        written or stays locked."""
        values = [
            tuple(convert(row[name]) if convert else row[name] for name, convert in self._columns)
            for row in rows
        ]
        with self._lock:
            try:
                with self._connection() as connection:  # commits, or rolls back
                    connection.executemany(self._sql, values)
            except sqlite3.OperationalError as error:
                raise OperationalError(self._sql, None, error) from error

    def close(self) -> None:
        """Give the connection back; the next insert takes another."""
        with self._lock:
            if self._held is not None:
                self._held.close()
            self._held = None

    def _connection(self) -> sqlite3.Connection:
        if self._held is None:
            self._held = self._engine.raw_connection()
        return cast(sqlite3.Connection, self._held.driver_connection)
