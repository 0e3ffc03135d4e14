"""Who watches which camera, where several processes share a register: a camera is claimed by one, which tells now and then
that it lives; when it does not for a lease, others take its cameras over. Only those do that could themselves tell for as
long: after an outage of the database all leases have run out, and whoever holds a camera comes back to it.

One short transaction a call: own claims first, then others', so that two processes never wait for each other crosswise.
"""

import time
from collections.abc import Callable, Collection, Sequence
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import Connection, Engine, bindparam, delete, select, update

from firewarden.ledger.database import database_now, insert_if_new, write_transaction
from firewarden.ledger.tables import camera_claims as claims

LEASE_S = 30.0  # far above the 5 s between two signs of life: a process may be busy


class CameraClaims:
    """The claims of one process."""

    def __init__(
        self,
        engine: Engine,
        *,
        lease_s: float = LEASE_S,
        most: int | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`most`: cameras that this process takes; None: all that are free. `clock` tells seconds."""
        self._engine, self._lease_s, self._most, self._clock = engine, lease_s, most, clock
        self._holder = uuid4().hex
        self._steady: tuple[float, float] | None = None  # first and last time of answers without a gap

    def hold(self, camera_ids: Sequence[str]) -> frozenset[str]:
        """Those of the cameras that are this process's for another lease: its own that nobody has taken over, and free
        ones in the order given; where the database has answered for a lease, also those whose lease has run out. Others are
        let go."""
        asked_s, steady, self._steady = self._clock(), self._steady, None  # until this answer has come
        if steady is None or asked_s - steady[1] > self._lease_s / 2:
            steady = (asked_s, asked_s)
        is_sure = asked_s - steady[0] >= self._lease_s
        taken = self._hold(camera_ids, is_sure)
        self._steady = (steady[0], self._clock())
        return taken

    def _hold(self, camera_ids: Sequence[str], is_sure: bool) -> frozenset[str]:
        with write_transaction(self._engine) as connection:
            now = database_now(connection)
            due_at = now + timedelta(seconds=self._lease_s)
            mine = update(claims).where(claims.c.holder == self._holder).values(due_at=due_at)
            held = set(connection.execute(mine.returning(claims.c.camera_id)).scalars())
            self._let_go(connection, held - set(camera_ids))
            held &= set(camera_ids)
            wanted = [camera_id for camera_id in camera_ids if camera_id not in held]
            over = _ended(connection, now) if is_sure else frozenset()
            room = len(wanted) if self._most is None else max(0, self._most - len(held))
            return frozenset(held | self._take(connection, wanted, room, over, due_at))

    def release(self) -> None:
        """Let all go, so that others need not wait for the lease."""
        with write_transaction(self._engine) as connection:
            connection.execute(delete(claims).where(claims.c.holder == self._holder))

    def _let_go(self, connection: Connection, camera_ids: Collection[str]) -> None:
        gone = delete(claims).where(claims.c.camera_id == bindparam("of"), claims.c.holder == self._holder)
        if camera_ids:
            connection.execute(gone, [{"of": camera_id} for camera_id in camera_ids])

    def _take(
        self,
        connection: Connection,
        wanted: Sequence[str],
        room: int,
        over: Collection[str],
        due_at: datetime,
    ) -> set[str]:
        """Up to `room` of the cameras that nobody claims, or that are `over`."""
        if not (wanted and room):
            return set()
        known = set(connection.execute(select(claims.c.camera_id)).scalars())
        taken: set[str] = set()
        for camera_id in wanted:
            if len(taken) == room:
                break
            values = {"camera_id": camera_id, "holder": self._holder, "due_at": due_at}
            if camera_id in over:
                connection.execute(update(claims).where(claims.c.camera_id == camera_id).values(**values))
                taken.add(camera_id)
            elif camera_id not in known and insert_if_new(connection, claims, values):
                taken.add(camera_id)
        return taken


def _ended(connection: Connection, now: datetime) -> frozenset[str]:
    """Cameras whose lease has run out, for this transaction alone."""
    ended = select(claims.c.camera_id).where(claims.c.due_at <= now).order_by(claims.c.camera_id)
    return frozenset(connection.execute(ended.with_for_update(skip_locked=True)).scalars())
