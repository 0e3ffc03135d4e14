"""`/v1/batches` over HTTP: what is accepted is on disk, who sees what, results, and what bad input gets."""

# ruff: noqa: F811 - fixtures come from jobs_api_stage

import io
import json
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage
from sqlalchemy import select

sys.path.insert(0, str(Path(__file__).parent))
from jobs_api_stage import A, B, app, client, photos, score_all, services  # noqa: F401
from postgres_server import postgres_migrated, postgres_ready, postgres_server  # noqa: F401
from test_api_fakes import check_problem, open_client, photo
from test_api_uploads import FORM, FORM_CUTS, two_photos
from test_jobs_intake import pack, sha

from firewarden.api.auth import Role, new_key
from firewarden.api.camera_examples import CAMERA_IN
from firewarden.api.examples_jobs import BATCH, BATCH_LIST, ERRORS
from firewarden.api.schemas_jobs import BatchErrorsOut, BatchListOut, BatchOut, RescoreIn
from firewarden.jobs.claims import ClaimStore
from firewarden.ledger.tables import job_items

FRAMES = "path,camera,time,scene\nb.jpg,c1,2026-05-01T08:30:00+08:00,corridor\na.jpg,c1,2026-05-01T08:30:10+08:00,corridor\n"


def manifest(text: str) -> tuple:
    return ("manifest", ("m.csv", text))


def test_a_batch_is_accepted_scored_and_downloaded(client, services) -> None:
    files = [*photos(A), ("archive", ("may.zip", pack({"b.jpg": B, "../c.jpg": B})))]
    answer = client.post("/v1/batches", files=files, data={"venue_type": "office"})
    assert answer.status_code == 202
    batch = BatchOut.model_validate(answer.json())
    assert answer.headers["location"] == batch.links.self == f"/v1/batches/{batch.id}"
    assert (batch.state, batch.items, batch.progress.open, batch.progress.failed) == ("queued", 3, 2, 1)
    assert services.blobs.get(sha(A)) == A and services.blobs.get(sha(B)) == B
    assert list((services.settings.data_dir / "incoming").iterdir()) == []
    check_problem(client.get(batch.links.results), 409, "batch-unfinished")
    assert len(client.get(batch.links.results, params={"partial": True}).text.splitlines()) == 1

    score_all(services)
    batch = BatchOut.model_validate(client.get(batch.links.self).json())
    assert (batch.state, batch.progress.share, batch.verdicts) == ("finished", 1.0, {"hazard": 2})
    assert batch.risk_levels == {"general": 2} and batch.started_at and batch.ended_at
    assert [(e.number, e.path) for e in batch.errors] == [(3, "may.zip!../c.jpg")]
    results = client.get(batch.links.results)
    assert results.headers["content-type"] == "application/x-ndjson"
    assert (results.headers["x-batch-state"], results.headers["cache-control"]) == ("finished", "no-store")
    rows = [json.loads(line) for line in results.text.splitlines()]
    assert [row["path"] for row in rows] == ["1.jpg", "may.zip!b.jpg", "may.zip!../c.jpg"]
    errors = BatchErrorsOut.model_validate(client.get(batch.links.errors).json())
    check_problem(client.get(f"{batch.links.errors}?after={10**20}"), 422, "invalid-field")
    assert [error.number for error in errors.errors] == [3] and errors.next is None


@pytest.mark.parametrize(
    "name", ["IMG_" + "x" * 200 + ".jpg", "\U0001f525" * 75 + ".jpg"], ids=["long", "304 bytes"]
)
def test_a_photo_keeps_its_name_however_long(client, services, name) -> None:
    table = manifest(f"path,scene\n{name},stairwell\n")
    answer = client.post("/v1/batches", files=[("photo", (name, A)), table])
    assert answer.status_code == 202 and answer.json()["progress"]["failed"] == 0
    score_all(services)
    (row,) = client.get(answer.json()["links"]["results"]).text.splitlines()
    assert json.loads(row)["path"] == name


def test_parquet_holds_the_same_rows_and_leaves_no_file(client, services) -> None:
    pq = pytest.importorskip("pyarrow.parquet")
    batch = client.post("/v1/batches", files=photos(A, B)).json()
    score_all(services)
    got = client.get(batch["links"]["results"], params={"format": "parquet"})
    assert got.headers["content-disposition"].endswith(f'{batch["id"]}.parquet"')
    table = pq.read_table(io.BytesIO(got.content)).to_pylist()
    lines = client.get(batch["links"]["results"]).text.splitlines()
    assert [row["row"] for row in table] == lines and table[0]["sha256"] == sha(A)
    assert list((services.settings.data_dir / "incoming").iterdir()) == []


def test_frames_keep_their_order_camera_and_time(client, services) -> None:
    files = [("photo", ("a.jpg", A)), ("photo", ("b.jpg", B)), manifest(FRAMES)]
    answer = client.post("/v1/cctv/batches", files=files)
    assert answer.status_code == 202 and answer.json()["kind"] == "cctv"
    score_all(services)
    rows = [json.loads(line) for line in client.get(answer.json()["links"]["results"]).text.splitlines()]
    assert [(row["path"], row["batch"]["camera"], row["batch"]["time"]) for row in rows] == [
        ("b.jpg", "c1", "2026-05-01T08:30:00+08:00"),
        ("a.jpg", "c1", "2026-05-01T08:30:10+08:00"),
    ]


def test_a_parquet_manifest_says_the_same_as_a_csv_where_it_can_be_read(client, monkeypatch) -> None:
    pa, pq = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    written = io.BytesIO()
    pq.write_table(pa.table({"path": ["2.jpg", "1.jpg"], "camera": ["c1", "c2"]}), written)

    def send(data: bytes, name: str = "m.parquet"):
        return client.post("/v1/batches", files=[*photos(A, B), ("manifest", (name, data))])

    answer = send(written.getvalue())
    assert answer.status_code == 202 and answer.json()["items"] == 2 and not answer.json()["errors"]
    damaged = bytearray(written.getvalue())
    damaged[4:60] = bytes(56)  # the first page; its head and foot are whole
    for data in (bytes(damaged), b"no table"):
        told = send(data)
        assert told.status_code == 422 and "m.parquet cannot be read as Parquet" in told.text
        assert "incoming" not in told.text
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    told = send(written.getvalue())
    assert told.status_code == 422 and "ends in .csv; this server reads no Parquet" in told.text


def test_frames_of_rooms_where_no_camera_may_stand_are_refused_and_not_kept(client, services) -> None:
    secret, open_air = photo(77), photo(78)
    table = (
        "path,camera,time,venue,scene\n"
        "1.jpg,dormitory 3,2026-05-01T08:30:00+08:00,,corridor\n"
        "2.jpg,gate,2026-05-01T08:30:00+08:00,,outdoor_open\n"
        "3.jpg,c7,2026-05-01T08:30:00+08:00,,private_room\n"
    )
    answer = client.post("/v1/cctv/batches", files=[*photos(secret, open_air, secret), manifest(table)])
    errors = {error["path"]: error["error"] for error in answer.json()["errors"]}
    assert set(errors) == {"1.jpg", "3.jpg"} and all(
        "no camera may stand there" in e for e in errors.values()
    )
    assert services.blobs.path(sha(open_air)).exists() and not services.blobs.path(sha(secret)).exists()


@pytest.mark.parametrize("path", ["/v1/cctv/batches", "/v1/batches"])
@pytest.mark.parametrize("deleted", [False, True], ids=["registered", "deleted since"])
@pytest.mark.parametrize("named", ["c1", "C1"])
def test_private_windows_are_painted_out_before_a_frame_is_kept(tmp_path, path, deleted, named) -> None:
    """The left half of a 128 x 96 picture, filled with the mean of the rest: (90 + 120 + 60) / 3."""
    left = [[[0.0, 0.0], [0.5, 0.0], [0.5, 1.0], [0.0, 1.0]]]
    with open_client(tmp_path) as (client, services):
        camera = {**CAMERA_IN, "id": "c1", "zones": {"private_mask": left}}
        assert client.post("/v1/cameras", json=camera).status_code == 201
        if deleted:
            client.delete("/v1/cameras/c1")
        frame, free, broken = photo(90), photo(200), b"\xff\xd8\xff no picture"
        rows = [
            f"{number}.jpg,{name},2026-05-01T08:30:00+08:00\n"
            for number, name in ((1, named), (2, "c2"), (3, "c1"))
        ]
        table = manifest("path,camera,time\n" + "".join(rows))
        batch = client.post(path, files=[*photos(frame, free, broken), table]).json()
        assert [error["path"] for error in batch["errors"]] == ["3.jpg"]
        kept = {p.name: p.read_bytes() for p in services.blobs.root.rglob("*") if p.is_file()}
        assert sha(free) in kept and len(kept) == 2 and not {sha(frame), sha(broken)} & kept.keys()
        (painted,) = (data for name, data in kept.items() if name != sha(free))
        pixels = np.asarray(PillowImage.open(io.BytesIO(painted))).astype(int)
        assert pixels.shape == (96, 128, 3)
        assert abs(pixels[:, :60] - 90).max() <= 3 and abs(pixels[:, 70:] - (90, 120, 60)).max() <= 5


def test_a_frame_with_private_windows_may_have_as_many_bytes_as_any_other(tmp_path) -> None:
    """What is kept of it, a JPEG of quality 90, has more than the coarse WebP that was sent."""
    noise = np.random.default_rng(3).integers(0, 255, (256, 256, 3), np.uint8)
    stream = io.BytesIO()
    PillowImage.fromarray(noise).save(stream, "WEBP", quality=30)
    sent = stream.getvalue()
    top = [[[0.0, 0.0], [1.0, 0.0], [1.0, 0.1], [0.0, 0.1]]]
    table = manifest("path,camera,time\n1.jpg,c1,2026-05-01T08:30:00+08:00\n")
    for spare, failed in ((0, 0), (-1, 1)):
        with open_client(tmp_path / str(failed), max_body_bytes=len(sent) + spare) as (client, services):
            camera = {**CAMERA_IN, "id": "c1", "zones": {"private_mask": top}}
            assert client.post("/v1/cameras", json=camera).status_code == 201
            batch = client.post("/v1/cctv/batches", files=[*photos(sent), table]).json()
            assert batch["progress"]["failed"] == failed
            kept = [p.stat().st_size for p in services.blobs.root.rglob("*") if p.is_file()]
            assert [size > len(sent) for size in kept] == [True] * (1 - failed)


def test_a_row_of_an_unknown_venue_takes_no_photo_from_a_good_one(client, services) -> None:
    table = manifest("path,venue,scene\n1.jpg,moon,\n1.jpg,,nowhere\n1.jpg,,\n")
    batch = client.post("/v1/batches", files=[*photos(A), table]).json()
    assert (batch["items"], batch["progress"]["failed"]) == (3, 2)
    told = [error["error"] for error in client.get(f"/v1/batches/{batch['id']}/errors").json()["errors"]]
    assert told[0].startswith("row 2 of m.csv: unknown venue type 'moon', expected one of")
    assert told[1].startswith("row 3 of m.csv: unknown scene 'nowhere', expected one of")


def test_a_retry_with_its_key_makes_no_second_batch(client, services) -> None:
    key = {"Idempotency-Key": "retry-1"}
    first = client.post("/v1/batches", files=photos(A), headers=key)
    again = client.post("/v1/batches", files=photos(A), headers=key)
    assert again.status_code == 202 and again.headers["idempotency-replayed"] == "true"
    assert again.json()["id"] == first.json()["id"] and "idempotency-replayed" not in first.headers
    check_problem(client.post("/v1/batches", files=photos(B), headers=key), 422, "idempotency-key")
    other = client.post("/v1/batches", files=photos(A), data={"scene": "stairwell"}, headers=key)
    check_problem(other, 422, "idempotency-key")
    single = client.post("/v1/inspections", content=A, headers={**key, "content-type": "image/jpeg"})
    check_problem(single, 422)


def test_a_key_sees_its_own_batches_and_an_owner_all(client, services) -> None:
    keys = []
    for _ in range(2):
        text, key = new_key(Role.WORKER)
        services.repository.add_key(key)
        keys.append({"Authorization": f"Bearer {text}"})
    own = client.post("/v1/batches", files=photos(A), headers=keys[0]).json()
    for method, address in (
        ("GET", own["links"]["self"]),
        ("GET", own["links"]["results"]),
        ("GET", own["links"]["errors"]),
        ("POST", own["links"]["cancel"]),
        ("GET", f"/v1/batches?before={own['id']}"),
    ):
        check_problem(client.request(method, address, headers=keys[1]), 404, "not-found")
    assert client.get("/v1/batches", headers=keys[1]).json() == {"batches": [], "next": None}
    listed = BatchListOut.model_validate(client.get("/v1/batches", headers=keys[0]).json())
    assert [batch.id for batch in listed.batches] == [own["id"]]
    newest = client.get("/v1/batches", params={"limit": 1}).json()
    assert newest["batches"][0]["id"] == own["id"] == newest["next"]
    older = client.get("/v1/batches", params={"before": newest["next"]}).json()
    assert own["id"] not in [batch["id"] for batch in older["batches"]]
    check_problem(client.get("/v1/batches", headers={"Authorization": "none"}), 401)
    check_problem(client.post("/v1/batches", headers={"Authorization": "none"}), 401)


def test_a_cancelled_batch_begins_nothing_more(client, services) -> None:
    score_all(services)  # what other tests have left
    batch = client.post("/v1/batches", files=photos(A, B)).json()
    for _ in range(2):
        cancelled = client.post(batch["links"]["cancel"]).json()
        assert (cancelled["state"], cancelled["progress"]["open"]) == ("cancelled", 2)
    assert not ClaimStore(services.repository._engine).has_work()
    results = client.get(batch["links"]["results"])
    assert (results.status_code, results.text, results.headers["x-batch-state"]) == (200, "", "cancelled")


@pytest.mark.parametrize(
    ("files", "fields", "status", "told"),
    [
        ([("archive", ("a.rar", b"x"))], {}, 422, "expected one that ends in .zip"),
        ([("archive", ("a.zip", pack({"notes.txt": b"x"})))], {}, 422, "holds no JPEG, PNG or WebP"),
        ([("video", ("a.mp4", b"x"))], {}, 422, "unexpected file part"),
        ([manifest("path\na.jpg\n")], {}, 422, "send parts photo or archive"),
        ([*photos(A), manifest("file\na.jpg\n")], {}, 422, "m.csv has the columns ['file']"),
        ([*photos(A), ("manifest", ("m.xlsx", b"x"))], {}, 422, "whose name ends in .csv"),
        ([*photos(A), manifest("path\n1.jpg\n"), manifest("path\n1.jpg\n")], {}, 422, "expected one file"),
        (photos(*[A] * 6), {}, 413, "Too many files"),
        ([("archive", ("a.zip", pack({f"{i}.jpg": A for i in range(21)})))], {}, 413, "more than 20 items"),
        (photos(A), {"scene": "castle"}, 422, "got 'castle'"),
        (photos(A), {"lat": "28.1"}, 422, "unknown field"),
        (photos(A), {"min_confidence": "2"}, 422, "min_confidence"),
        (photos(A), {"url": "http://example.org/a.jpg"}, 422, "unknown field"),
    ],
)
def test_what_bad_input_gets(client, services, files, fields, status, told) -> None:
    document = check_problem(client.post("/v1/batches", files=files, data=fields), status)
    assert told in document["detail"] and str(services.settings.data_dir) not in document["detail"]
    assert list((services.settings.data_dir / "incoming").iterdir()) == []


def test_other_bodies_are_refused(client) -> None:
    check_problem(client.post("/v1/batches", json={"paths": ["/etc/passwd"]}), 422, "invalid-field")
    check_problem(client.post("/v1/cctv/batches", json={"inspection_ids": ["a"]}), 415, "content-type")
    check_problem(client.post("/v1/cctv/batches", files=photos(A)), 422, "invalid-field")
    check_problem(client.get("/v1/batches/nope"), 404)


@pytest.mark.parametrize("cut", FORM_CUTS)
def test_a_form_that_is_cut_off_makes_no_batch(client, services, cut) -> None:
    before = client.get("/v1/batches").json()
    answer = client.post("/v1/batches", content=two_photos()[:cut], headers=FORM)
    assert "cut off" in check_problem(answer, 400, "multipart")["detail"]
    assert client.get("/v1/batches").json() == before
    assert list((services.settings.data_dir / "incoming").glob("*")) == []


def test_too_many_bytes_end_the_upload(tmp_path) -> None:
    with open_client(tmp_path, max_batch_bytes=4000) as (client, _):
        check_problem(client.post("/v1/batches", files=photos(b"x" * 5000)), 413, "too-large")
        head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
        chunks = (head if number == 0 else b"x" * 1000 for number in range(9))  # of unknown length
        headers = {"Content-Type": "multipart/form-data; boundary=x"}
        check_problem(client.post("/v1/batches", content=chunks, headers=headers), 413, "too-large")


def test_a_full_disk_is_told_and_nothing_is_made(client, services, monkeypatch) -> None:
    def full(items):
        return [OSError(28, "No space left on device") for _ in items]

    monkeypatch.setattr(type(services.blobs), "put_all", lambda self, items: full(items))
    before = client.get("/v1/batches").json()
    check_problem(client.post("/v1/batches", files=photos(photo(200))), 503, "storage-unavailable")
    assert client.get("/v1/batches").json() == before


def test_uploads_beyond_those_at_work_are_told_to_come_again(client, services) -> None:
    held = [services.batch_slots.acquire(blocking=False) for _ in range(services.settings.batch_uploads)]
    try:
        assert all(held)
        answer = client.post("/v1/batches", files=photos(A))
        check_problem(answer, 429, "overloaded")
        assert answer.headers["retry-after"] == "5"
    finally:
        for _ in held:
            services.batch_slots.release()
    assert client.post("/v1/batches", files=photos(A)).status_code == 202


def test_unpacking_does_not_stop_the_event_loop(client, services, monkeypatch) -> None:
    """While an upload is being written, other requests are answered."""
    writing, go_on = threading.Event(), threading.Event()
    put_all = type(services.blobs).put_all

    def slow(self, items):
        writing.set()
        assert go_on.wait(60)
        return put_all(self, items)

    monkeypatch.setattr(type(services.blobs), "put_all", slow)
    sender = threading.Thread(target=lambda: client.post("/v1/batches", files=photos(photo(55))))
    sender.start()
    assert writing.wait(60)
    assert client.get("/healthz").status_code == 200
    go_on.set()
    sender.join()


def test_a_batch_and_an_inspection_on_postgresql(postgres_ready, tmp_path) -> None:
    with open_client(tmp_path, database_url=postgres_ready) as (client, services):
        assert client.get("/readyz").json()["checks"]["database"] == "ok"
        headers = {"Idempotency-Key": "k", "content-type": "image/jpeg"}
        first = client.post("/v1/inspections", content=A, headers=headers)
        again = client.post("/v1/inspections", content=A, headers=headers)
        assert first.status_code == 201 and again.json()["id"] == first.json()["id"]
        assert again.headers["idempotency-replayed"] == "true"
        got = client.get(first.json()["links"]["self"])
        assert got.json()["findings"] == first.json()["findings"]
        batch = client.post("/v1/batches", files=photos(A, B), headers={"Idempotency-Key": "b"}).json()
        repeat = client.post("/v1/batches", files=photos(A, B), headers={"Idempotency-Key": "b"}).json()
        assert repeat["id"] == batch["id"]
        score_all(services)
        assert len(client.get(batch["links"]["results"]).text.splitlines()) == 2
        with services.repository._engine.connect() as connection:
            assert len(connection.execute(select(job_items)).all()) == 2


def test_examples_fit_the_wire_models_and_the_body_is_documented(client) -> None:
    BatchOut.model_validate(BATCH)
    BatchListOut.model_validate(BATCH_LIST)
    BatchErrorsOut.model_validate(ERRORS)
    paths = client.get("/openapi.json").json()["paths"]
    body = paths["/v1/cctv/batches"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
    assert body["required"] == ["manifest"]
    content = paths["/v1/batches"]["post"]["requestBody"]["content"]
    RescoreIn.model_validate(content["application/json"]["example"])
    assert "application/json" not in paths["/v1/cctv/batches"]["post"]["requestBody"]["content"]
    assert {"photo", "archive", "manifest", "scene", "min_confidence"} <= body["properties"].keys()
    assert set(paths["/v1/batches"]["post"]["responses"]) >= {"202", "401", "413", "415", "422", "429", "503"}
