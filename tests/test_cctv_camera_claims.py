"""Several processes and one register: each camera is watched by exactly one, and by another soon after that one is gone."""

import signal
import subprocess
import sys
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import SQLAlchemyError

pytest.importorskip("av", reason="PYAV ABSENT: pip install 'firewarden[video]'")
sys.path.insert(0, str(Path(__file__).parent))
from cctv_events import Stores, stored_urls
from cctv_stage import Stage
from postgres_server import postgres_server, postgres_url  # noqa: F401
from test_cctv_live_register import EBIKE, PATIENCE_S, recording, registered, wait_until  # noqa: F401

from firewarden.cctv import runner as runner_module
from firewarden.cctv.camera_claims import CameraClaims
from firewarden.cctv.live_register import LiveRegister
from firewarden.cctv.runner import Runner
from firewarden.cctv.runner_memory import StoreMemory
from firewarden.inference.inspector import Inspector
from firewarden.ledger.tables import camera_claims

NAMES = [f"cam-{number}" for number in range(6)]
HOLDER = """
import sys, time
from sqlalchemy import make_url
from firewarden.cctv.camera_claims import CameraClaims
from firewarden.ledger.database import build_engine

claims = CameraClaims(build_engine(make_url(sys.argv[1])), lease_s=float(sys.argv[2]))
print(sorted(claims.hold(sys.argv[3:])), flush=True)
time.sleep(600)
"""


@pytest.fixture(params=["sqlite", "postgres"])
def stores(request, tmp_path) -> Stores:
    return Stores(stored_urls(request, tmp_path), tmp_path)


def run_out(stores: Stores, *names: str) -> None:
    """The lease of these cameras is over."""
    with stores.engine.begin() as connection:
        ended = update(camera_claims).where(camera_claims.c.camera_id.in_(names))
        connection.execute(ended.values(due_at=datetime(2026, 1, 1, tzinfo=UTC)))


def of_long_standing(stores: Stores) -> CameraClaims:
    """Claims of a process that the database has answered for a lease, every 10 s."""
    now_s = [0.0]
    claims = CameraClaims(stores.engine, clock=lambda: now_s[0])
    for now_s[0] in (0.0, 10.0, 20.0, 30.0):
        claims.hold([])
    return claims


def test_each_camera_has_one_holder_and_each_process_its_share(stores):
    first, second, third = (CameraClaims(stores.engine, most=most) for most in (4, 4, None))
    assert first.hold(NAMES) == set(NAMES[:4])
    assert second.hold(NAMES) == set(NAMES[4:])
    assert third.hold(NAMES) == set(), "nothing is free"
    assert first.hold(NAMES) == set(NAMES[:4]) and second.hold(NAMES) == set(NAMES[4:]), "they stay"
    assert second.hold([*NAMES, "cam-7", "cam-8", "cam-9"]) == {*NAMES[4:], "cam-7", "cam-8"}, "up to four"


def test_what_leaves_the_register_or_is_released_is_free_at_once(stores):
    first, second = CameraClaims(stores.engine), CameraClaims(stores.engine)
    assert first.hold(NAMES) == set(NAMES)
    assert first.hold(NAMES[1:]) == set(NAMES[1:])
    assert second.hold(NAMES) == {NAMES[0]}
    first.release()
    assert second.hold(NAMES) == set(NAMES)


def test_a_lease_that_ran_out_is_taken_over_once_and_not_taken_back(stores):
    first, second = CameraClaims(stores.engine), of_long_standing(stores)
    first.hold(NAMES)
    run_out(stores, "cam-1", "cam-2")
    assert second.hold(NAMES) == {"cam-1", "cam-2"}
    assert first.hold(NAMES) == set(NAMES) - {"cam-1", "cam-2"}, "late, it finds them taken"
    run_out(stores, "cam-3")
    assert first.hold(NAMES) == set(NAMES) - {"cam-1", "cam-2"}, "late, but nobody has taken it"


def test_after_an_outage_a_spare_leaves_cameras_to_those_that_come_back(stores):
    """The database does not answer from 30 to 70 s, longer than the lease of 30 s; the spare is the first to be answered."""
    now_s = [0.0]
    holder, spare = CameraClaims(stores.engine), CameraClaims(stores.engine, clock=lambda: now_s[0])
    holder.hold(NAMES)
    for now_s[0] in (0.0, 10.0, 20.0, 30.0):
        assert spare.hold(NAMES) == set()
    run_out(stores, *NAMES)
    for now_s[0] in (70.0, 80.0, 90.0):
        assert spare.hold(NAMES) == set(), "less than a lease since the outage"
    assert holder.hold(NAMES) == set(NAMES)
    run_out(stores, NAMES[0])
    now_s[0] = 100.0
    assert spare.hold(NAMES) == {NAMES[0]}


def test_a_call_that_failed_begins_the_wait_anew(stores):
    spare = of_long_standing(stores)
    CameraClaims(stores.engine).hold(NAMES)
    with stores.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE camera_claims RENAME TO away")
    with pytest.raises(SQLAlchemyError):
        spare.hold(NAMES)
    with stores.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO camera_claims")
    run_out(stores, *NAMES)
    assert spare.hold(NAMES) == set()


def test_many_that_ask_at_once_share_without_overlap(stores):
    asking = [CameraClaims(stores.engine, most=9) for _ in range(6)]
    names, held, start = [f"c{number:02d}" for number in range(40)], {}, threading.Barrier(6)

    def ask(number: int) -> None:
        start.wait()
        for _ in range(3):
            held[number] = asking[number].hold(names)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(name for some in held.values() for name in some) == names
    assert max(map(len, held.values())) == 9


def test_a_killed_process_is_followed_by_a_run_within_the_lease(
    stores,
    recording,  # noqa: F811
    rules,
    tmp_path,
    monkeypatch,
):
    monkeypatch.setattr(runner_module, "_ASK_EVERY_S", 0.1)
    for name in NAMES[:2]:
        stores.cameras.add(registered(tmp_path, name, recording))
    lease_s = 5.0
    told = [sys.executable, "-P", "-c", HOLDER, stores.url, str(lease_s), *NAMES[:2]]
    process = subprocess.Popen(told, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline().strip() == str(NAMES[:2])
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
    claims = CameraClaims(stores.engine, lease_s=lease_s)
    register = LiveRegister(stores.cameras, claims=claims, replay=True)
    runner = Runner(
        register.read(), Inspector(Stage([EBIKE]), rules), stores.events,
        memory=StoreMemory(stores.events), register=register,
    )  # fmt: skip
    assert list(runner.statuses()) == [], "they are still the other one's"
    stop = threading.Event()
    thread = threading.Thread(target=runner.run, args=(stop,))
    thread.start()
    try:
        wait_until(lambda: {s.camera_id for s in runner.statuses()} == set(NAMES[:2]))
        wait_until(lambda: all(s.health.frames for s in runner.statuses()))
        run_out(stores, NAMES[0])
        other = of_long_standing(stores)
        wait_until(lambda: other.hold(NAMES[:1]) or run_out(stores, NAMES[0]))
        wait_until(lambda: {s.camera_id for s in runner.statuses()} == {NAMES[1]})
    finally:
        stop.set()
        thread.join(PATIENCE_S)
    assert CameraClaims(stores.engine).hold(NAMES[:2]) == {NAMES[1]}, (
        "a run that ends gives up its own at once"
    )


def test_two_registers_share_cameras_and_one_taken_out_leaves_no_claim(stores, recording, tmp_path):  # noqa: F811
    for name in NAMES[:3]:
        stores.cameras.add(registered(tmp_path, name, recording))
    claims = [CameraClaims(stores.engine, most=most) for most in (2, None)]
    first, second = (LiveRegister(stores.cameras, claims=held) for held in claims)
    assert [c.id for c, _ in first.read()] == NAMES[:2] and [c.id for c, _ in second.read()] == NAMES[2:3]
    adopted = []
    first.follow(adopted.append)
    assert adopted == [], "nothing has changed"
    stores.events.retire_camera(NAMES[0])
    with stores.engine.connect() as connection:
        assert set(connection.execute(select(camera_claims.c.camera_id)).scalars()) == set(NAMES[1:3])
    first.follow(adopted.append)
    second.release()
    first.follow(adopted.append)
    assert [[c.id for c, _ in watched] for watched in adopted] == [[NAMES[1]], NAMES[1:3]]
