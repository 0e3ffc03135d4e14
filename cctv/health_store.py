"""How cameras do, kept in the database by the processes that watch them, for whoever asks the service."""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from firewarden.cctv.runner_status import CameraStatus
from firewarden.ledger.database import database_now, write_transaction
from firewarden.ledger.tables import camera_health

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ToldHealth:
    """`status` is `CameraStatus.to_json()`, told `age_s` ago."""

    camera_id: str
    status: Mapping[str, Any]
    age_s: float


class HealthStore:
    """One row a camera, the latest."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def save(self, statuses: Iterable[CameraStatus]) -> None:
        """Replace what was told of these cameras; a database that is away is logged, the next time it is told anew."""
        rows = [{"camera_id": status.camera_id, "status": status.to_json()} for status in statuses]
        try:
            with write_transaction(self._engine) as connection:
                dialect = sqlite if connection.dialect.name == "sqlite" else postgresql
                told = dialect.insert(camera_health)
                change = {"status": told.excluded.status, "told_at": told.excluded.told_at}
                statement = told.on_conflict_do_update(index_elements=["camera_id"], set_=change)
                if rows:
                    now = database_now(connection)
                    connection.execute(statement, [{**row, "told_at": now} for row in rows])
        except SQLAlchemyError as error:
            _log.warning("health of %d cameras was not told (%s)", len(rows), type(error).__name__)

    def load(self, *, within_s: float | None = None) -> list[ToldHealth]:
        """What was told last of each camera, by id. Of those told of in the last `within_s` alone: a camera that nobody
        watches any more is not in it."""
        with self._engine.connect() as connection:
            now = database_now(connection)
            query = select(camera_health)
            if within_s is not None:
                query = query.where(camera_health.c.told_at > now - timedelta(seconds=within_s))
            rows = connection.execute(query.order_by(camera_health.c.camera_id)).all()
        return [ToldHealth(r.camera_id, r.status, (now - r.told_at).total_seconds()) for r in rows]
