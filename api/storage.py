"""The database behind the service. One short transaction a method; who may see a row is decided in the query."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Row, Select, insert, select, text

from firewarden.api.auth import ApiKey, Principal, Role
from firewarden.ledger.database import insert_if_new, is_sqlite, prepare
from firewarden.ledger.json_text import JsonText
from firewarden.ledger.sqlite_insert import SqliteInsert
from firewarden.ledger.tables import api_keys, idempotency_keys, inspections

_INSERT = insert(inspections)
_GRADED = ("verdict", "risk_level", "model_id", "rules_version")  # of the result, to be searched by
_STORED = tuple(column.name for column in inspections.c if column.name not in _GRADED)


@dataclass(frozen=True, slots=True)
class InspectionRecord:
    """One stored inspection. `result` is `InspectionResult.to_json()`, `result_text` the same written out where somebody
    has done that; `position` is None for all but the owner role."""

    id: str
    key_id: str
    image_sha256: str
    image_bytes: int
    received_at: datetime
    captured_at: datetime | None
    clock_suspect: bool
    source: str
    venue_code: str | None
    position: Mapping[str, Any] | None
    result: Mapping[str, Any]
    result_text: JsonText | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a write answered: per photo `{"id": ...}` or `{"problem": {...}}`. `single` answers were not a list."""

    single: bool
    items: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class IdempotencyRow:
    """A key the client chose, the hash of what it sent with it, and the answer it got."""

    key_id: str
    idempotency_key: str
    request_sha256: str
    answer: Answer
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Write:
    """What one request stores: its inspections, and its idempotency key if it has one. All of it or nothing."""

    records: tuple[InspectionRecord, ...]
    idempotency: IdempotencyRow | None = None


class Repository:
    """All reads and writes of the service."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._quick = SqliteInsert(engine, inspections) if is_sqlite(engine.url) else None

    def open(self) -> None:
        """Make the folder of an SQLite file and bring the schema up to date."""
        prepare(self._engine)

    def close(self) -> None:
        if self._quick is not None:
            self._quick.close()
        self._engine.dispose()

    def check(self) -> None:
        """Ask the database for a sign of life; raises SQLAlchemyError."""
        with self._engine.connect() as connection:
            connection.execute(text("SELECT 1"))

    def key(self, key_id: str) -> ApiKey | None:
        with self._engine.connect() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.key_id == key_id)).one_or_none()
        return (
            ApiKey(row.key_id, row.secret_sha256, Role(row.role), row.created_at, row.revoked_at)
            if row
            else None
        )

    def has_keys(self) -> bool:
        with self._engine.connect() as connection:
            return connection.execute(select(api_keys.c.key_id).limit(1)).first() is not None

    def add_key(self, key: ApiKey) -> None:
        with self._engine.begin() as connection:
            connection.execute(insert(api_keys).values(**asdict(key)))

    def save(self, records: Sequence[InspectionRecord], idempotency: IdempotencyRow | None = None) -> bool:
        """Commit all records and the idempotency key together. False, with nothing written, where the key exists."""
        (saved,) = self.save_all([Write(tuple(records), idempotency)])
        return saved

    def save_all(self, writes: Sequence[Write]) -> list[bool]:
        """Commit several writes in one transaction; False for each whose idempotency key exists, of which nothing is
        written."""
        if self._quick is not None and not any(write.idempotency for write in writes):
            self._quick.insert(_new_rows(writes, [True] * len(writes)))
            return [True] * len(writes)
        with self._engine.begin() as connection:
            saved = [_claim(connection, write.idempotency) for write in writes]
            rows = _new_rows(writes, saved)
            if rows:
                connection.execute(_INSERT, rows[0] if len(rows) == 1 else rows)
        return saved

    def idempotency(self, key_id: str, idempotency_key: str) -> IdempotencyRow | None:
        """What was answered to this key before."""
        query = select(idempotency_keys).where(
            idempotency_keys.c.key_id == key_id, idempotency_keys.c.idempotency_key == idempotency_key
        )
        with self._engine.connect() as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        answer = Answer(row.answer["single"], tuple(row.answer["items"]))
        return IdempotencyRow(row.key_id, row.idempotency_key, row.request_sha256, answer, row.created_at)

    def inspections(self, ids: Sequence[str], viewer: Principal) -> dict[str, InspectionRecord]:
        """Records by id, as far as `viewer` may see them; unknown and hidden ids are simply absent."""
        query = _visible_to(viewer).where(inspections.c.id.in_(ids))
        with self._engine.connect() as connection:
            return {row.id: _record(row) for row in connection.execute(query)}


def _claim(connection: Connection, row: IdempotencyRow | None) -> bool:
    """Write the key; False where it exists already."""
    return row is None or insert_if_new(connection, idempotency_keys, asdict(row))


def _new_rows(writes: Sequence[Write], saved: Sequence[bool]) -> list[dict[str, Any]]:
    """Values of the inspections of those writes that are new."""
    return [
        _row_values(record)
        for write, is_new in zip(writes, saved, strict=True)
        for record in write.records
        if is_new
    ]


def _visible_to(viewer: Principal) -> Select[Any]:
    """Rows and columns a viewer may read: an owner all of them, anyone else its own rows without the position."""
    if viewer.role is Role.OWNER:
        return select(inspections)
    columns = [column for column in inspections.c if column.name != "position"]
    return select(*columns).where(inspections.c.key_id == viewer.key_id)


def _row_values(record: InspectionRecord) -> dict[str, Any]:
    result = record.result
    graded = {name: result[name] for name in _GRADED}
    stored = {name: getattr(record, name) for name in _STORED}
    return {**stored, **graded, "result": record.result_text or result}


def _record(row: Row[Any]) -> InspectionRecord:
    values: dict[str, Any] = {name: row._mapping.get(name) for name in _STORED}
    return InspectionRecord(**values)
