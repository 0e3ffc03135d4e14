"""The register of the database while its cameras are watched: what is added, changed and taken out counts at once."""

import os
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import make_url
from sqlalchemy.exc import OperationalError

pytest.importorskip("av", reason="PYAV ABSENT: pip install 'firewarden[video]'")
sys.path.insert(0, str(Path(__file__).parent))
from cctv_events import Stores, free_port
from cctv_stage import Actor, Stage, camera, zones
from video_clips import BEGAN, write

from firewarden.cctv import runner as runner_module
from firewarden.cctv.camera_claims import CameraClaims
from firewarden.cctv.camera_store import CameraStore
from firewarden.cctv.event_store import EventState, EventStore
from firewarden.cctv.live_register import LiveRegister
from firewarden.cctv.runner import Runner
from firewarden.cctv.runner_memory import StoreMemory
from firewarden.inference.inspector import Inspector
from firewarden.ledger.blobs import BlobStore
from firewarden.ledger.database import build_engine

EBIKE = Actor("ebike", (0.3, 0.4, 0.6, 0.9))
PATIENCE_S = 90.0


@pytest.fixture(scope="module")
def recording(tmp_path_factory) -> Path:
    """Ten minutes of a corridor with an e-bike in it, a picture each 10 s."""
    stage, path = Stage([EBIKE]), tmp_path_factory.mktemp("recording") / "corridor.mp4"

    def pictures():
        for stage.now_s in range(0, 600, 10):
            yield stage.draw()

    return write(path, (picture for picture in pictures()), fps=1, gop=1, began=BEGAN)


@pytest.fixture
def stores(tmp_path) -> Stores:
    return Stores(f"sqlite:///{tmp_path / 'firewarden.db'}", tmp_path)


def registered(folder: Path, name: str, recording: Path | None, **changes):
    """A camera whose address stands in a file of its own."""
    address = folder / f"{name}.address"
    if recording is not None:
        address.write_text(str(recording))
    return camera(id=name, url=f"file:{address}", sample_every_s=0.5, **changes)


def wait_until(holds) -> None:
    end = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.05)


def test_cameras_come_change_and_go_while_others_are_watched(stores, recording, rules, tmp_path, monkeypatch):
    monkeypatch.setattr(runner_module, "_ASK_EVERY_S", 0.2)
    first = registered(tmp_path, "cam-1", recording)
    stores.cameras.add(first)
    register = LiveRegister(stores.cameras, replay=True)
    runner = Runner(
        register.read(), Inspector(Stage([EBIKE]), rules), stores.events,
        memory=StoreMemory(stores.events), register=register,
    )  # fmt: skip
    stop = threading.Event()
    thread = threading.Thread(target=runner.run, args=(stop,))
    thread.start()
    try:
        frames = lambda: {s.camera_id: s.health.frames for s in runner.statuses()}
        opened = lambda name: stores.events.page(limit=9, camera_id=name, state=EventState.OPEN)
        wait_until(lambda: opened("cam-1"))
        (event,) = opened("cam-1")

        stores.cameras.add(registered(tmp_path, "cam-2", recording))
        wait_until(lambda: opened("cam-2"))

        masked = replace(first, zones=zones(private_mask=[[(0, 0), (0.2, 0), (0.2, 1), (0, 1)]]))
        assert stores.cameras.put(masked)
        wait_until(lambda: runner._posts["cam-1"].watcher.camera.zones.private_mask)
        before = frames()["cam-1"]
        wait_until(lambda: frames()["cam-1"] >= before + 2)

        assert stores.events.retire_camera("cam-2")
        wait_until(lambda: set(frames()) == {"cam-1"})
        before = frames()["cam-1"]
        wait_until(lambda: frames()["cam-1"] > before)
        (same,) = stores.events.page(limit=9, camera_id="cam-1")
        assert same.event["id"] == event.event["id"], "the change of its register is no new happening"
        (status,) = runner.statuses()
        assert (status.restarts, status.reconnects) == (0, 0)
    finally:
        stop.set()
        thread.join(PATIENCE_S)
    assert not thread.is_alive()


def test_a_camera_without_a_usable_address_is_left_out_until_it_has_one(stores, recording, tmp_path, caplog):
    stores.cameras.add(registered(tmp_path, "cam-1", recording))
    stores.cameras.add(registered(tmp_path, "cam-2", None))
    stores.cameras.add(camera(id="cam-3", url=None))
    register, adopted = LiveRegister(stores.cameras), []
    assert [c.id for c, _ in register.read()] == ["cam-1"]
    register.follow(adopted.append)
    assert adopted == [] and caplog.text.count("'cam-2'") == caplog.text.count("'cam-3'") == 1
    (tmp_path / "cam-2.address").write_text(str(recording))
    register.follow(adopted.append)
    register.follow(adopted.append)
    assert [[c.id for c, _ in watched] for watched in adopted] == [["cam-1", "cam-2"]]


def test_an_address_whose_file_changes_is_taken_up(stores, recording, tmp_path):
    """As a password that is changed; the file is away for a moment while it is replaced."""
    stores.cameras.add(registered(tmp_path, "cam-1", recording))
    secret, register, adopted = tmp_path / "cam-1.address", LiveRegister(stores.cameras), []
    register.read()
    secret.unlink()
    register.follow(adopted.append)
    assert adopted == [], "nothing is known of another address yet"
    secret.write_text("rtsp://user:new@127.0.0.1:9/1")
    for _ in range(2):
        register.follow(adopted.append)
    assert [[source.address.url for _, source in watched] for watched in adopted] == [
        ["rtsp://user:new@127.0.0.1:9/1"]
    ]


def test_a_run_takes_only_its_part_of_the_register(stores, recording, tmp_path):
    for name in ("east-1", "east-2", "west-1", "East-3"):
        stores.cameras.add(registered(tmp_path, name, recording))
    east, rest = (
        LiveRegister(stores.cameras, only=["east-*"]),
        LiveRegister(stores.cameras, only=["w*", "E*"]),
    )
    assert [c.id for c, _ in east.read()] == ["east-1", "east-2"]
    assert [c.id for c, _ in rest.read()] == ["East-3", "west-1"]
    adopted = []
    stores.cameras.add(registered(tmp_path, "east-4", recording))
    east.follow(adopted.append)
    assert [[c.id for c, _ in watched] for watched in adopted] == [["east-1", "east-2", "east-4"]]


def test_a_database_that_is_away_changes_nothing(stores, recording, tmp_path, caplog):
    stores.cameras.add(registered(tmp_path, "cam-1", recording))
    register, adopted = LiveRegister(stores.cameras), []
    register.read()
    with stores.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE cameras RENAME TO away")
    register.follow(adopted.append)
    assert adopted == [] and "register was not read" in caplog.text
    with stores.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE away RENAME TO cameras")
    stores.cameras.add(registered(tmp_path, "cam-2", recording))
    register.follow(adopted.append)
    assert [[c.id for c, _ in watched] for watched in adopted] == [["cam-1", "cam-2"]]


@pytest.mark.parametrize("before", ["held by another", "left out"])
def test_cameras_that_could_not_be_adopted_are_handed_over_again(stores, recording, tmp_path, before):
    """The database goes away once while the memory of the new camera is read."""
    other = CameraClaims(stores.engine)
    stores.cameras.add(registered(tmp_path, "cam-1", recording if before == "held by another" else None))
    if before == "held by another":
        other.hold(["cam-1"])
    register, adopted = LiveRegister(stores.cameras, claims=CameraClaims(stores.engine)), []
    assert list(register.read()) == []

    def adopt(watched) -> None:
        adopted.append([c.id for c, _ in watched])
        if len(adopted) == 1:
            raise OperationalError("SELECT", {}, Exception("the server closed the connection"))

    other.release()
    registered(tmp_path, "cam-1", recording)
    for _ in range(3):
        register.follow(adopt)
    assert adopted == [["cam-1"], ["cam-1"]], "once in vain, once for good"


def test_a_database_that_is_away_ends_no_watch(rules, tmp_path, monkeypatch, caplog):
    monkeypatch.setattr(runner_module, "_ASK_EVERY_S", 0.1)
    engine = build_engine(make_url(f"sqlite:///{tmp_path / 'nowhere' / 'a.db'}"))
    events = EventStore(engine, BlobStore(tmp_path / "frames"))
    register = LiveRegister(CameraStore(engine))
    runner = Runner([], Inspector(Stage([]), rules), events, memory=StoreMemory(events), register=register)
    runner.run(threading.Event(), for_s=0.5)
    assert "what was dismissed is not known now (OperationalError)" in caplog.text
    with pytest.raises(OperationalError):  # a start without its memory would tell everything again
        StoreMemory(events).load("cam-1")


def test_the_command_watches_a_camera_that_is_added_later(stores, recording, tmp_path):
    port = free_port()
    line = [sys.executable, "-P", "-m", "firewarden", "cctv", "run", "--replay"]
    line += ["--data-dir", str(tmp_path), "--metrics-port", str(port)]
    process = subprocess.Popen(
        line,
        env=os.environ | {"OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def metrics() -> str | None:
        assert process.poll() is None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                return answer.read().decode()
        except OSError:
            return None

    try:
        wait_until(lambda: metrics() is not None)
        assert "cam-1" not in (metrics() or "")
        stores.cameras.add(registered(tmp_path, "cam-1", recording))
        wait_until(lambda: 'firewarden_cctv_last_frame_age_seconds{camera="cam-1"}' in (metrics() or ""))
        process.send_signal(signal.SIGTERM)
        out, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 0, err
    assert "cam-1" in out and str(recording) not in out + err
