"""Cameras and events in the database: SQLite and PostgreSQL, real files, no fakes."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
import simplejpeg
from sqlalchemy import func, select, text

sys.path.insert(0, str(Path(__file__).parent))
from cctv_events import NOW, Stores, camera, change, stored_urls
from cctv_stage import Actor, Stage, at, play, watcher, zones
from postgres_server import postgres_server, postgres_url  # noqa: F401

from firewarden.cctv.camera import parse_window
from firewarden.cctv.camera_store import camera_from_json, find_named_mask
from firewarden.cctv.confirm import Confirming, track_of
from firewarden.cctv.event_store import EventStore
from firewarden.cctv.masks import MASK_GREY
from firewarden.cctv.runner_memory import StoreMemory
from firewarden.cctv.sink import SinkUnavailable
from firewarden.cctv.watch import Watcher
from firewarden.inference.inspector import Inspector
from firewarden.ledger.blobs import BlobDamaged
from firewarden.ledger.tables import cctv_events, cctv_pictures

LEFT_HALF = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
CAMERAS = "id,name,venue,venue_type,scene\nc1,corridor 1,V,rental_housing,evacuation_corridor\n"


@pytest.fixture(params=["sqlite", "postgres"])
def stores(request, tmp_path):
    return Stores(stored_urls(request, tmp_path), tmp_path)


def _count(stores, table) -> int:
    with stores.engine.connect() as connection:
        return connection.execute(select(func.count()).select_from(table)).scalar_one()


def test_a_camera_comes_back_from_its_json_as_it_was() -> None:
    full = camera(
        zones=zones(private_mask=[LEFT_HALF], egress=[LEFT_HALF]),
        schedule=(parse_window("mon-fri 07:00-22:00"), parse_window("sat 22:00-06:00")),
        utc_offset_min=-(3 * 60 + 30), expected={"extinguisher": 2}, url="env:CAMERA_1",
    )  # fmt: skip
    assert camera_from_json(json.loads(json.dumps(full.to_json()))) == full
    assert camera_from_json(camera().to_json()) == camera()


def test_an_import_adds_changes_and_leaves_as_it_is(stores) -> None:
    stores.cameras.put_all([camera("a"), camera("b")])
    done = stores.cameras.put_all([camera("a"), camera("b", name="stairs"), camera("c", venue="v-2")])
    assert (done.added, done.changed, done.unchanged) == (("c",), ("b",), ("a",))
    assert stores.cameras.find("b").name == "stairs" and stores.cameras.find("x") is None
    assert [c.id for c in stores.cameras.page(limit=2, after="a")] == ["b", "c"]
    assert [c.id for c in stores.cameras.page(limit=9, venue="v-2")] == ["c"]
    assert (stores.cameras.add(camera("c")), stores.cameras.put(camera("d"))) == (False, False)


def _import(folder: Path, rows: str) -> subprocess.CompletedProcess:
    file = folder / "register.csv"
    file.write_text(CAMERAS + rows, encoding="utf-8")
    words = ["-P", "-m", "firewarden", "cctv", "cameras", "import", str(file), "--data-dir", str(folder)]
    return subprocess.run([sys.executable, *words], capture_output=True, text=True, timeout=120, check=False)


def test_the_command_imports_all_or_nothing_and_names_the_law(tmp_path) -> None:
    refused = _import(tmp_path, "c2,dormitory room 3,V,rental_housing,corridor\n")
    assert refused.returncode == 2 and "Art. 8" in refused.stderr and "nothing was imported" in refused.stderr
    done = _import(tmp_path, "")
    assert (done.returncode, done.stdout.split(",")[0]) == (0, "1 added"), done.stderr


def test_event_masked_picture_and_message_are_stored_together(stores) -> None:
    stores.cameras.add(camera(zones=zones(private_mask=[LEFT_HALF])))
    stores.events.write(change(shade=200))
    record = stores.events.find("e1")
    assert (record.revision, record.state, record.event["hazard"]) == (1, "open", "indoor_ebike")
    pixels = simplejpeg.decode_jpeg(stores.blobs.get(record.picture.key), colorspace="BGR")
    assert abs(int(np.median(pixels[:, :40])) - MASK_GREY) <= 2 and np.median(pixels[:, 56:]) > 195
    (message,) = stores.messages()
    assert (message["id"], message["kind"], message["event"]) == ("e1-1", "opened", dict(record.event))
    assert message["camera"]["venue"] == "v-1" and "url" not in message["camera"]


def test_without_its_message_an_event_is_not_stored(stores) -> None:
    with stores.engine.begin() as connection:
        connection.execute(text("DROP TABLE cctv_outbox"))
    with pytest.raises(Exception, match="cctv_outbox|camera 'cam-1'"):
        stores.events.write(change(shade=200))
    assert (_count(stores, cctv_events), _count(stores, cctv_pictures)) == (0, 0)


def test_a_picture_that_cannot_be_written_stops_the_event(stores) -> None:
    (stores.blobs.root / "pending").rmdir()
    (stores.blobs.root / "pending").write_text("no folder")
    with pytest.raises(SinkUnavailable, match="pictures cannot be written"):
        stores.events.write(change(shade=200))
    assert _count(stores, cctv_events) == 0


@pytest.mark.parametrize("stores", ["postgres"], indirect=True)
def test_a_database_that_is_read_only_for_a_while_loses_nothing(stores) -> None:
    """As PostgreSQL is while it fails over."""
    name = stores.engine.url.database
    for is_read_only in ("on", "off"):
        with stores.engine.begin() as connection:
            connection.execute(text("SET TRANSACTION READ WRITE"))
            connection.execute(
                text(f"ALTER DATABASE {name} SET default_transaction_read_only = {is_read_only}")
            )
        stores.engine.dispose()
        if is_read_only == "on":
            with pytest.raises(SinkUnavailable, match="did not take"):
                stores.events.write(change(shade=200))
    stores.events.write(change(shade=200))
    assert stores.events.find("e1").revision == 1


def test_the_same_change_is_stored_and_told_once(stores) -> None:
    for _ in range(3):
        stores.events.write(change(shade=200))
    stores.events.write(change(opened=NOW + timedelta(seconds=30)))  # after a restart without a memory
    for _ in range(2):
        stores.events.write(change("closed", seen=NOW + timedelta(seconds=90)))
    assert [(m["id"], m["kind"]) for m in stores.messages()] == [
        ("e1-1", "opened"), ("e1-2", "updated"), ("e1-3", "closed")]  # fmt: skip
    record = stores.events.find("e1")
    assert (record.state, record.event["opened_at"]) == ("closed", NOW.isoformat())


def test_a_watch_goes_on_after_a_restart_with_what_was_stored(stores, rules) -> None:
    stage = Stage([Actor("carton", (0.2, 0.4, 0.4, 0.95))])
    before = watcher(stage, rules)
    opened = [change for _, change in play(stage, before, 60)]
    assert [c.kind for c in opened] == ["opened"] and stores.events.followed.load("cam-1") is None
    stores.events.save("cam-1", opened, before.watch.confirming)
    stores.events.save("cam-1", (), before.watch.confirming)  # a look without news
    after = Watcher(
        before.camera,
        Inspector(stage, rules),
        lambda: at(stage.now_s),
        remembered=stores.events.followed.load("cam-1"),
    )
    assert after.watch.confirming == before.watch.confirming
    assert play(stage, after, 300) == []
    event_id = opened[0].event.id
    stores.events.dismiss(event_id, NOW + timedelta(days=3), "key", "a pram")
    (track,) = stores.events.followed.load("cam-1").tracks
    assert track.muted_until == NOW + timedelta(days=3) and not track.is_open
    assert [d.event_id for d in stores.events.followed.dismissals(["cam-1", "other"])] == [event_id]


def test_a_memory_older_than_the_events_is_put_right_by_them(stores, rules) -> None:
    """Killed after an event was stored and before its memory was: nothing is told twice, and its end is told."""
    stage = Stage([Actor("carton", (0.2, 0.4, 0.4, 0.95), 0, 200)])
    before = watcher(stage, rules)
    for _, seen in play(stage, before, 60):
        stores.events.write(seen)
    followed = stores.events.followed.load("cam-1")
    assert [track.is_open for track in followed.tracks] == [True]
    after = Watcher(before.camera, Inspector(stage, rules), lambda: at(stage.now_s), remembered=followed)
    stores.events.followed.save("cam-1", followed)
    for _, seen in play(stage, after, 500):
        stores.events.write(seen)
    assert [m["kind"] for m in stores.messages()] == ["opened", "closed"]
    (track,) = stores.events.followed.load(
        "cam-1"
    ).tracks  # the memory says that it lasts, the event that it ended
    assert not track.is_open and track.event.ended_at == after.watch.confirming.tracks[0].event.ended_at


@pytest.mark.parametrize(
    "saved_at_s", [None, 10, 60], ids=["never", "while it was a candidate", "with the event"]
)
def test_what_a_person_dismissed_stays_silent_over_a_restart(stores, rules, saved_at_s) -> None:
    """Seen at 0, 10 and 20, dismissed before the process heard of it, killed. Whatever the memory held by then, the same
    still thing raises nothing in the next process."""
    stage = Stage([Actor("carton", (0.2, 0.4, 0.4, 0.95))])
    before = watcher(stage, rules)
    for until_s in (10, 20, 60):
        for _, seen in play(stage, before, until_s):
            stores.events.write(seen)
        if until_s == saved_at_s:
            StoreMemory(stores.events).save("cam-1", before.watch.confirming)
    (record,) = stores.events.page(limit=9)
    stores.events.dismiss(record.event["id"], NOW + timedelta(days=365), "key-1", "a flower pot")

    again = Stores(stores.url, stores.folder)  # the next process: nothing shared but database and disk
    memory = StoreMemory(again.events)
    after = Watcher(
        before.camera, Inspector(stage, rules), lambda: at(stage.now_s), remembered=memory.load("cam-1")
    )
    assert play(stage, after, 4000) == []
    assert [d.event_id for d in memory.dismissals(["cam-1"])] == [record.event["id"]]
    memory.save("cam-1", after.watch.confirming)
    (track,) = memory.load("cam-1").tracks
    assert track.muted_until == NOW + timedelta(days=365)
    assert [m["kind"] for m in again.messages()] == ["opened", "dismissed"]


def test_a_dismissed_event_ends_and_is_told_once(stores) -> None:
    stores.events.write(change())
    until = NOW + timedelta(days=1)
    first = stores.events.dismiss("e1", until, "key-1", "a pram").dismissal
    record = stores.events.dismiss("e1", until, "key-2", "a wheelchair")
    assert (record.state, record.dismissal.because) == ("dismissed", "a wheelchair")
    assert (record.dismissal.by, record.dismissal.at) == ("key-2", first.at), "whose words they are"
    stores.events.write(change("closed", seen=NOW + timedelta(seconds=90)))  # the watch hears of it later
    assert [m["kind"] for m in stores.messages()] == ["opened", "dismissed"]
    assert stores.messages()[1]["event"]["ended_at"] is not None
    assert stores.events.dismiss("e9", until, "key-1", "x") is None


def test_a_camera_that_is_taken_out_ends_its_events(stores) -> None:
    stores.cameras.add(camera())
    stores.events.write(change(seen=NOW + timedelta(seconds=5)))
    stores.events.write(change(event_id="e2", camera_id="other"))
    assert (stores.events.retire_camera("cam-1"), stores.events.retire_camera("cam-1")) == (True, False)
    assert stores.events.find("e1").event["ended_at"] == (NOW + timedelta(seconds=5)).isoformat()
    assert stores.events.find("e2").state == "open" and stores.messages()[-1]["kind"] == "closed"


def test_an_event_told_after_its_camera_was_taken_out_ends_and_its_picture_goes(stores) -> None:
    """A watch hears of it some seconds late. What is seen last 31 days ago ends, also at a camera of the register that died;
    not at one that keeps pictures for 90 days, nor what was seen since without being told."""
    old = NOW - timedelta(days=31)
    stores.cameras.add(camera())
    stores.cameras.add(camera("died"))
    stores.cameras.add(camera("keeps-90-days", retention_days=90))
    stores.events.write(change(opened=old))
    stores.events.retire_camera("cam-1")
    stores.events.write(change("updated", opened=old, seen=old + timedelta(seconds=3), shade=10))
    stores.events.write(change(event_id="e2", opened=old, shade=20))
    for name, seen in (("died", old), ("keeps-90-days", old), ("of-a-file", old), ("told-since", NOW)):
        stores.events.write(change(event_id=name, camera_id=name, opened=old, seen=seen, shade=30))
    standing = replace(track_of(change(event_id="of-a-file", opened=old).event), last_seen=NOW)
    stores.events.followed.save("of-a-file", Confirming((standing,)))
    stores.events.end_forsaken(NOW - timedelta(days=30))
    states = {r.event["id"]: r.state for r in stores.events.page(limit=9)}
    assert states == {
        "e1": "closed", "e2": "closed", "died": "closed", "keeps-90-days": "open", "of-a-file": "open",
        "told-since": "open",
    }  # fmt: skip
    assert stores.events.find("e1").event["ended_at"] == (old + timedelta(seconds=3)).isoformat()
    assert [m["kind"] for m in stores.messages()][-3:] == ["closed", "closed", "closed"]
    cameras = {listed.id: listed for listed in stores.cameras.load_all()}
    assert stores.events.pictures.delete_old(cameras, days_without_camera=30) == 3


def test_an_end_that_was_not_stored_is_told_after_a_restart(stores, rules) -> None:
    """The carton went at 300 s; the memory has its end, the database was full when it was to be written."""
    stage = Stage([Actor("carton", (0.2, 0.4, 0.4, 0.95), 0, 300)])
    before, memory = watcher(stage, rules), StoreMemory(stores.events)
    (_, opened), (_, closed) = play(stage, before, 600)
    stores.events.write(opened)
    memory.save("cam-1", before.watch.confirming)
    after = Watcher(
        before.camera, Inspector(stage, rules), lambda: at(stage.now_s), remembered=memory.load("cam-1")
    )
    for _, seen in play(stage, after, 900):
        stores.events.write(seen)
    assert [m["kind"] for m in stores.messages()] == ["opened", "closed"]
    assert stores.events.find(opened.event.id).event["ended_at"] == closed.event.ended_at.isoformat()


def test_a_running_watch_is_given_the_place_of_a_dismissed_event(stores) -> None:
    shown = change("closed")
    stores.events.write(shown)
    stores.events.dismiss("e1", NOW + timedelta(days=1), "key-1", "a pram")
    (dismissal,) = StoreMemory(stores.events).dismissals(["cam-1"])
    assert (dismissal.event.id, dismissal.event.xyxy) == ("e1", shown.event.xyxy)


def test_a_memory_that_cannot_be_kept_ends_no_run(stores, caplog) -> None:
    with stores.engine.begin() as connection:
        connection.execute(text("DROP TABLE camera_states"))
    StoreMemory(stores.events).save("cam-1", Confirming())
    assert "what camera cam-1 follows was not kept" in caplog.text


def test_a_picture_whose_rows_never_came_is_deleted_after_a_day(stores) -> None:
    stores.events.write(change(shade=20))
    kept = stores.events.find("e1").picture.key
    lost, young = stores.blobs.put(b"of a process that died"), stores.blobs.put(b"of one that is at work")
    for name in (kept, lost):
        os.utime(stores.blobs.path(name), (time.time() - 86_401,) * 2)
    stores.events.pictures.delete_old({}, days_without_camera=30)
    assert set(stores.blobs.names()) == {kept, young}


def test_the_mask_of_a_camera_that_is_taken_out_stays_as_long_as_its_pictures(stores) -> None:
    stores.cameras.add(camera(zones=zones(private_mask=[LEFT_HALF])))
    stores.events.write(change(opened=NOW - timedelta(days=29), shade=20))
    stores.events.retire_camera("cam-1")
    stores.events.pictures.delete_old({}, days_without_camera=30)
    assert stores.events.private_mask("cam-1") == (LEFT_HALF,)
    stores.cameras.add(camera())
    assert stores.events.private_mask("cam-1") == (), "the register says now"
    stores.cameras.put(camera(zones=zones(private_mask=[LEFT_HALF])))
    stores.events.retire_camera("cam-1")
    stores.events.pictures.delete_old({}, days_without_camera=29)
    assert stores.events.private_mask("cam-1") == ()


def test_a_camera_is_meant_in_other_case_where_none_is_called_exactly_so(stores) -> None:
    stores.cameras.add(camera(zones=zones(private_mask=[LEFT_HALF])))
    with stores.engine.connect() as connection:
        found = [find_named_mask(connection, name) for name in ("cam-1", "Cam-1", "cam-2")]
    assert found == [(LEFT_HALF,), (LEFT_HALF,), ()]
    stores.cameras.add(camera(camera_id="CAM-1"))
    with stores.engine.connect() as connection:
        found = [find_named_mask(connection, name) for name in ("CAM-1", "Cam-1")]
    assert found == [(), (LEFT_HALF,)]


def test_events_are_listed_newest_first_page_by_page(stores) -> None:
    for number in range(5):
        stores.events.write(change(event_id=f"e{number}", opened=NOW + timedelta(minutes=number // 2)))
    stores.events.write(change("closed", "e4", opened=NOW + timedelta(minutes=2)))
    first = stores.events.page(limit=2)
    second = stores.events.page(limit=9, before=first[-1].event["id"])
    assert [r.event["id"] for r in [*first, *second]] == ["e4", "e3", "e2", "e1", "e0"]
    assert [r.event["id"] for r in stores.events.page(limit=9, state="closed")] == ["e4"]
    assert stores.events.page(limit=9, camera_id="nobody") == []
    with pytest.raises(KeyError):
        stores.events.page(limit=2, before="unknown")


def test_pictures_of_ended_events_are_deleted_after_their_cameras_days(stores) -> None:
    """Kept 30 and 90 days: of pictures 31 and 40 days old, those of c30's ended events go. `shared` was taken by both."""
    cameras = {c.id: c for c in (camera("c30"), camera("c90", retention_days=90))}
    for name, camera_id, kind, days, shade in (
        ("gone", "c30", "closed", 31, 10), ("lasts", "c30", "opened", 40, 20), ("young", "c30", "closed", 29, 30),
        ("kept", "c90", "closed", 40, 50), ("also", "c30", "closed", 40, 50),
    ):  # fmt: skip
        stores.events.write(change(kind, name, camera_id, opened=NOW - timedelta(days=days), shade=shade))
    pictures = {name: stores.events.find(name).picture for name in ("gone", "lasts", "young", "kept", "also")}
    assert pictures["kept"].key == pictures["also"].key  # one file of two events
    assert stores.events.pictures.delete_old(cameras, days_without_camera=30) == 2  # gone, also
    assert stores.events.pictures.delete_old(cameras, days_without_camera=30) == 0
    left = {name for name in pictures if stores.events.find(name).picture}
    assert left == {"lasts", "young", "kept"} and _count(stores, cctv_pictures) == 3
    with pytest.raises(BlobDamaged):
        stores.blobs.get(pictures["gone"].key)
    for name in left:
        stores.blobs.get(pictures[name].key)


def test_pictures_of_a_camera_that_a_file_alone_has_are_kept_as_the_file_says(stores) -> None:
    """The file says 90 days of both, the register of the database 30 of c30."""
    listed = [camera("c30", retention_days=90), camera("c90", retention_days=90)]
    watch = EventStore(stores.engine, stores.blobs, (), listed)
    cameras = {"c30": camera("c30")}
    stores.cameras.add(cameras["c30"])
    for name, camera_id, days in (("kept", "c90", 89), ("gone", "c90", 91), ("short", "c30", 31)):
        opened = NOW - timedelta(days=days)
        watch.write(change("closed", name, camera_id, opened=opened, shade=days))
    assert stores.events.pictures.delete_old(cameras, days_without_camera=30) == 2
    assert stores.events.find("kept").picture.at == NOW - timedelta(days=89)


def test_retention_that_was_cut_short_is_finished_and_a_picture_can_come_back(stores) -> None:
    old = change("closed", opened=NOW - timedelta(days=31), shade=10)
    stores.events.write(old)
    frame = stores.events.find("e1").picture
    stores.events.pictures._forget((frame,))  # and then the power went
    assert stores.blobs.get(frame.key)
    stores.events.write(
        change(event_id="e2", shade=10)
    )  # the same picture again, before the file was deleted
    assert stores.events.pictures.delete_old({}, days_without_camera=30) == 0
    assert stores.blobs.get(frame.key) and stores.events.find("e2").picture.key == frame.key
    stores.events.write(change("closed", "e2"))
    stores.events.pictures._forget((replace(frame, event_id="e2"),))
    assert stores.events.pictures.delete_old({}, days_without_camera=30) == 0
    with pytest.raises(BlobDamaged):
        stores.blobs.get(frame.key)
    stores.events.write(change(event_id="e3", shade=10))
    assert stores.blobs.get(frame.key)


def test_a_recording_that_is_played_again_tells_nothing_again(stores, rules) -> None:
    """Two cartons come and go, one stays: opened three times, closed twice, whatever the memory of the end knows."""
    left, right = (0.2, 0.4, 0.4, 0.95), (0.6, 0.4, 0.8, 0.95)
    actors = [Actor("carton", left, 0, 400), Actor("carton", left, 2800, 3000), Actor("carton", right, 3100)]
    memory = StoreMemory(stores.events)
    for _ in range(3):
        stage = Stage(actors)
        known = memory.load("cam-1")
        watch = Watcher(camera(), Inspector(stage, rules), lambda: at(86400), remembered=known)
        for _, seen in play(stage, watch, 3600):
            stores.events.write(seen)
        memory.save("cam-1", watch.watch.confirming)
    kinds = [message["kind"] for message in stores.messages()]
    assert sorted(kinds) == ["closed", "closed", "opened", "opened", "opened"]
    assert [r.state for r in stores.events.page(limit=9)] == ["open", "closed", "closed"]


def test_an_event_that_was_never_stored_is_told_after_a_restart(stores, rules) -> None:
    """The disk was full when it opened, and the memory was kept: the next process finds it anew."""
    stage = Stage([Actor("carton", (0.2, 0.4, 0.4, 0.95))])
    before, memory = watcher(stage, rules), StoreMemory(stores.events)
    assert [change.kind for _, change in play(stage, before, 60)] == ["opened"]
    memory.save("cam-1", before.watch.confirming)
    after = Watcher(
        before.camera, Inspector(stage, rules), lambda: at(stage.now_s), remembered=memory.load("cam-1")
    )
    ((opened_s, change),) = play(stage, after, 600)
    assert (change.kind, opened_s, change.event.first_seen) == ("opened", 80, at(60))


def test_a_camera_that_is_taken_out_ends_its_events_when_they_were_seen_last(stores, rules) -> None:
    """A carton told once at 20 s and seen for half an hour: the memory knows until when."""
    stores.cameras.add(camera())
    stage = Stage([Actor("carton", (0.2, 0.4, 0.4, 0.95))])
    watch = watcher(stage, rules)
    ((_, opened),) = play(stage, watch, 1800)
    stores.events.write(opened)
    StoreMemory(stores.events).save("cam-1", watch.watch.confirming)
    stores.events.retire_camera("cam-1")
    seen = watch.watch.confirming.tracks[0].last_seen
    event = stores.events.find(opened.event.id).event
    assert seen > opened.event.last_seen and event["ended_at"] == event["last_seen"] == seen.isoformat()
