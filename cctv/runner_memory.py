"""What a run remembers outside of itself: what is followed at each camera, and what people said about it."""

import logging
from collections.abc import Collection, Iterable
from typing import Protocol

from sqlalchemy.exc import SQLAlchemyError

from firewarden.cctv.confirm import Confirming
from firewarden.cctv.event_store import Dismissal, EventStore
from firewarden.cctv.sink import SinkUnavailable

_log = logging.getLogger(__name__)


class Memory(Protocol):
    """Kept over a restart."""

    def load(self, camera_id: str) -> Confirming | None:
        """None where nothing was kept, or nothing that can be used."""
        ...

    def save(self, camera_id: str, state: Confirming) -> bool:
        """Replace what was kept; where that is not possible the old stays, and a log line tells. False where nothing can be
        kept now, of other cameras neither."""
        ...

    def dismissals(self, camera_ids: Collection[str]) -> Iterable[Dismissal]:
        """Events that a person said are none; the same ones may come again. Where that cannot be told now, none."""
        ...


class StoreMemory:
    """The memory in the database of the events."""

    def __init__(self, store: EventStore) -> None:
        self._store = store

    def load(self, camera_id: str) -> Confirming | None:
        try:
            return self._store.load_followed(camera_id)
        except ValueError as error:
            _log.warning("camera %s starts without memory: %s", camera_id, error)
            return None

    def save(self, camera_id: str, state: Confirming) -> bool:
        try:
            self._store.save(camera_id, (), state)
        except SinkUnavailable as error:
            _log.warning("what camera %s follows was not kept, nor what others do: %s", camera_id, error)
            return False
        except SQLAlchemyError as error:
            _log.warning("what camera %s follows was not kept (%s)", camera_id, type(error).__name__)
        return True

    def dismissals(self, camera_ids: Collection[str]) -> Iterable[Dismissal]:
        try:
            return self._store.dismissals(camera_ids)
        except SQLAlchemyError as error:
            _log.warning("what was dismissed is not known now (%s); asked again soon", type(error).__name__)
            return ()
