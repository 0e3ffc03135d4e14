"""Rows that take the short way into SQLite."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from sqlalchemy import insert, make_url
from sqlalchemy.exc import OperationalError

from firewarden.api.auth import LOCAL_OWNER
from firewarden.api.storage import InspectionRecord, Repository, Write
from firewarden.ledger import database
from firewarden.ledger.json_text import json_text
from firewarden.ledger.sqlite_insert import SqliteInsert
from firewarden.ledger.tables import inspections

RESULT = {"verdict": "hazard", "risk_level": None, "model_id": "m", "rules_version": "1", "notice": "堵塞"}
SHANGHAI = timezone(timedelta(hours=8))


def record(number: int, **changes: Any) -> InspectionRecord:
    made = InspectionRecord(
        id=f"{number:032x}",
        key_id="local",
        image_sha256="ab" * 32,
        image_bytes=10,
        received_at=datetime(2026, 3, 1, 8, 30, 0, 5, tzinfo=SHANGHAI),
        captured_at=None,
        clock_suspect=True,
        source="web",
        venue_code=None,
        position={"lat": 28.5, "lon": 119.25},
        result=RESULT,
        result_text=json_text(RESULT),
    )
    return replace(made, **changes)


@pytest.fixture
def engine(tmp_path):
    engine = database.build_engine(make_url(f"sqlite:///{tmp_path / 'rows.db'}"))
    database.prepare(engine)
    yield engine
    engine.dispose()


def stored(engine) -> list[tuple[Any, ...]]:
    """Rows as they lie in the file, without any type's reading."""
    with engine.connect() as connection:
        return [
            tuple(row) for row in connection.exec_driver_sql("SELECT *, typeof(received_at) FROM inspections")
        ]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"position": None, "venue_code": "v1", "clock_suspect": False},
        {"captured_at": datetime(2026, 2, 28, tzinfo=UTC), "result_text": None},
    ],
)
def test_a_row_lies_in_the_file_as_sqlalchemy_would_have_written_it(engine, changes) -> None:
    made = record(1, **changes)
    graded = {name: made.result[name] for name in ("verdict", "risk_level", "model_id", "rules_version")}
    plain = {c.name: getattr(made, c.name, None) for c in inspections.c} | graded
    plain["result"] = made.result_text or made.result
    with engine.begin() as connection:
        connection.execute(insert(inspections).values(plain))
    (ordinary,) = stored(engine)
    with engine.begin() as connection:
        connection.execute(inspections.delete())
    Repository(engine).save([made])
    assert stored(engine) == [ordinary]
    assert ordinary[4] == "2026-03-01 00:30:00.000005"  # UTC, as SQLite orders it


def test_a_group_is_committed_as_a_whole_or_not_at_all(engine) -> None:
    repository = Repository(engine)
    assert repository.save_all([Write((record(1),)), Write((record(2), record(3)))]) == [True, True]
    with pytest.raises(Exception, match="UNIQUE"):
        repository.save_all([Write((record(4),)), Write((record(1),))])
    assert len(stored(engine)) == 3
    repository.save([record(5)])  # the failed one left no transaction open
    assert set(repository.inspections([record(n).id for n in range(9)], LOCAL_OWNER)) == {
        record(n).id for n in (1, 2, 3, 5)
    }
    repository.close()


def test_a_file_that_stays_locked_is_told_as_sqlalchemy_tells_it(engine, monkeypatch) -> None:
    monkeypatch.setattr(database, "_BUSY_S", 0.05)
    quick = SqliteInsert(engine, inspections)
    with database.write_transaction(engine), pytest.raises(OperationalError, match="locked"):
        quick.insert([{c.name: None for c in inspections.c}])
    with pytest.raises(Exception, match="NOT NULL"):
        quick.insert([{c.name: None for c in inspections.c}])
    quick.close()


def test_many_threads_share_the_connection(engine) -> None:
    repository = Repository(engine)
    threads = [
        threading.Thread(target=lambda n=n: [repository.save([record(100 * n + k)]) for k in range(10)])
        for n in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stored(engine)) == 40
