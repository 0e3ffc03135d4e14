"""Inspections are kept for ever, or for as many days as somebody has set; a photo goes with the last row that names it."""

# ruff: noqa: F811 - fixtures come from jobs_stage

import sys
import threading
from datetime import datetime
from pathlib import Path

import pytest
from sqlalchemy import insert, select, update

sys.path.insert(0, str(Path(__file__).parent))
from cctv_events import Stores
from jobs_stage import OLD, YOUNG, add_inspections, aged, blobs, ended_batch, engine  # noqa: F401
from postgres_server import postgres_server, postgres_url  # noqa: F401
from test_api_fakes import open_client, photo
from typer.testing import CliRunner

from firewarden.api.serve import _swept
from firewarden.api.settings import Settings
from firewarden.cli import app
from firewarden.jobs import inspection_retention
from firewarden.jobs.inspection_retention import forget_old_inspections, swept
from firewarden.jobs.photos import sweep_photos
from firewarden.ledger.tables import idempotency_keys, inspections


def left(engine, column=inspections.c.id) -> set[str]:
    with engine.connect() as connection:
        return set(connection.execute(select(column)).scalars())


def keyed(engine, name: str, at: datetime, *items: dict) -> None:
    row = {"key_id": "anna", "idempotency_key": name, "request_sha256": "0" * 64, "created_at": at}
    with engine.begin() as connection:
        connection.execute(
            insert(idempotency_keys).values(**row, answer={"single": True, "items": list(items)})
        )


def test_old_inspections_go_and_young_ones_stay(engine, blobs) -> None:
    add_inspections(
        engine, ("a", "anna", OLD), ("b", "anna", YOUNG), ("c", "bert", OLD), ("d", "cleo", YOUNG)
    )
    assert forget_old_inspections(engine, blobs, days=0) == 0 and len(left(engine)) == 4
    assert forget_old_inspections(engine, blobs, days=30) == 2
    assert left(engine) == {"b", "d"}
    assert forget_old_inspections(engine, blobs, days=30) == 0


def test_their_idempotency_keys_go_and_those_of_others_stay(engine, blobs) -> None:
    add_inspections(engine, ("a", "anna", OLD))
    keyed(engine, "one", OLD, {"id": "a"})
    keyed(engine, "several", OLD, {"id": "a"}, {"problem": {}})
    keyed(engine, "young", YOUNG, {"id": "b"})
    keyed(engine, "batch", OLD, {"batch": "j"})
    keyed(engine, "camera", OLD, {"id": "cam-1", "links": {}})
    forget_old_inspections(engine, blobs, days=30)
    assert left(engine, idempotency_keys.c.idempotency_key) == {"young", "batch", "camera"}


def test_transactions_are_small_and_several_may_sweep_at_once(engine, blobs, monkeypatch) -> None:
    monkeypatch.setattr(inspection_retention, "_GROUP", 4)
    add_inspections(engine, *((f"{number}", "anna", OLD) for number in range(30)))
    for number in range(9):
        keyed(engine, f"key-{number}", OLD, {"id": f"{number}"})
    whole, sizes, counts = inspection_retention._forget_some, [], []

    def some(*given):
        photos = whole(*given)
        sizes.append(len(photos))
        return photos

    monkeypatch.setattr(inspection_retention, "_forget_some", some)
    threads = [
        threading.Thread(target=lambda: counts.append(forget_old_inspections(engine, blobs, days=30)))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(counts) == 30 and max(sizes) == 4 and left(engine) == set()
    assert left(engine, idempotency_keys.c.idempotency_key) == set()


def test_a_photo_goes_with_the_last_row_that_names_it(engine, blobs) -> None:
    alone, batched, doubled, again = (aged(blobs, blobs.put(bytes([n]))) for n in range(4))
    add_inspections(engine, ("a", "anna", OLD), sha256=alone)
    add_inspections(engine, ("b", "anna", OLD), sha256=batched)
    add_inspections(engine, ("c", "anna", OLD), ("d", "bert", YOUNG), sha256=doubled)
    add_inspections(engine, ("e", "anna", OLD), sha256=again)
    ended_batch(engine, "job", [batched])
    assert blobs.put(bytes([3])) == again  # sent again: its row is on its way
    assert forget_old_inspections(engine, blobs, days=30) == 4
    assert set(blobs.names()) == {batched, doubled, again}
    aged(blobs, again)
    assert sweep_photos(engine, blobs) == 1 and set(blobs.names()) == {batched, doubled}


def test_a_request_whose_inspection_is_gone_is_a_new_one(tmp_path) -> None:
    with open_client(tmp_path) as (client, services):

        def send() -> dict:
            given = {"content": photo(10), "headers": {"Idempotency-Key": "k1", "Content-Type": "image/jpeg"}}
            return client.post("/v1/inspections", **given).json()

        first = send()
        assert send()["id"] == first["id"]
        with services.repository._engine.begin() as connection:
            connection.execute(update(inspections).values(received_at=OLD))
            connection.execute(update(idempotency_keys).values(created_at=OLD))
        forget_old_inspections(services.repository._engine, services.blobs, days=30)
        assert client.get(f"/v1/inspections/{first['id']}").status_code == 404
        assert send()["id"] != first["id"] and len(left(services.repository._engine)) == 1


def test_the_service_and_the_command_sweep_as_the_setting_says(tmp_path, monkeypatch) -> None:
    stores = Stores(f"sqlite:///{tmp_path / 'firewarden.db'}", tmp_path)
    add_inspections(stores.engine, ("a", "anna", OLD), ("b", "anna", YOUNG))
    told = CliRunner().invoke(app, ["cctv", "retain", "--data-dir", str(tmp_path)])
    assert "0 inspections" in told.stdout and left(stores.engine) == {"a", "b"}
    monkeypatch.setenv("FIREWARDEN_KEEP_INSPECTIONS_DAYS", "30")
    told = CliRunner().invoke(app, ["cctv", "retain", "--data-dir", str(tmp_path)])
    assert "1 inspections" in told.stdout and left(stores.engine) == {"b"}
    add_inspections(stores.engine, ("c", "anna", OLD))
    begun = threading.active_count()
    with _swept(Settings(data_dir=tmp_path, keep_inspections_days=0)):
        assert threading.active_count() == begun, "nobody sweeps where nothing was set"
    monkeypatch.setattr(
        inspection_retention.swept.__wrapped__, "__kwdefaults__", {"first_s": 0.0, "every_s": 60.0}
    )
    with _swept(Settings(data_dir=tmp_path, keep_inspections_days=30)):
        wait_for(lambda: left(stores.engine) == {"b"})


def wait_for(condition) -> None:
    for _ in range(600):
        if condition():
            return
        threading.Event().wait(0.05)
    pytest.fail("it did not come about within 30 s")


def test_a_sweep_that_fails_is_tried_again_and_told(caplog) -> None:
    begun = []

    def sweep() -> None:
        begun.append(1)
        if len(begun) == 1:
            raise OSError("disk")

    with swept(sweep, first_s=0.0, every_s=0.01):
        wait_for(lambda: len(begun) >= 3)
    assert "were not deleted (OSError)" in caplog.text
