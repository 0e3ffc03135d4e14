"""Storing and reading inspections: idempotency, roles, positions, overload."""

import io
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from PIL import Image as PillowImage

sys.path.insert(0, str(Path(__file__).parent))
from test_api_fakes import FakeInspector, check_problem, open_client, photo

from firewarden.api.auth import Role, authenticate, new_key

POST = "/v1/inspections"
JPEG = {"content-type": "image/jpeg"}
POSITION = {"lat": "28.1", "lon": "119.5", "datum": "gcj02", "accuracy_m": "12"}


@pytest.fixture
def inspector():
    return FakeInspector()


@pytest.fixture
def opened(tmp_path, inspector):
    with open_client(tmp_path, inspector) as opened:
        yield opened


@pytest.fixture
def client(opened):
    return opened[0]


def _worker_headers(services) -> dict[str, str]:
    text, key = new_key(Role.WORKER)
    services.repository.add_key(key)
    return {"Authorization": f"Bearer {text}"}


def _post(client, content=None, key=None, headers=None, **params):
    key_header = {"Idempotency-Key": key} if key else {}
    return client.post(
        POST, content=content or photo(), headers={**JPEG, **key_header, **(headers or {})}, params=params
    )


def test_what_was_answered_is_what_is_stored(client) -> None:
    answer = _post(
        client, captured_at="2026-11-20T09:30:00+08:00", venue_code="YH-1", source="cctv", **POSITION
    )
    document = answer.json()
    assert answer.status_code == 201
    assert answer.headers["location"] == f"/v1/inspections/{document['id']}"
    assert client.get(answer.headers["location"]).json() == document
    assert document["captured_at"] == "2026-11-20T01:30:00+00:00"
    assert document["position"] == {"lat": 28.1, "lon": 119.5, "datum": "gcj02", "accuracy_m": 12.0}
    assert (document["venue_code"], document["source"], document["clock_suspect"]) == ("YH-1", "cctv", False)


def test_a_clock_three_days_ahead_is_flagged_not_refused(client) -> None:
    ahead = (datetime.now(UTC) + timedelta(days=3)).isoformat()
    assert _post(client, captured_at=ahead).json()["clock_suspect"] is True


def test_the_original_bytes_are_kept_as_sent(opened) -> None:
    client, services = opened
    content = photo(17)
    assert services.blobs.get(_post(client, content).json()["image_sha256"]) == content


def test_the_annotated_picture_is_another_jpeg_of_the_stored_photo(opened) -> None:
    client, services = opened
    document = _post(client, content := photo(wh=(640, 480))).json()
    answer = client.get(document["links"]["annotated"])
    picture = PillowImage.open(io.BytesIO(answer.content))
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert (picture.format, answer.content != content) == ("JPEG", True)
    services.blobs.path(document["image_sha256"]).write_bytes(photo(1))
    check_problem(client.get(document["links"]["annotated"]), 500, "photo-damaged")


@pytest.mark.parametrize("address", ["0" * 32, "..%2f..%2fetc%2fpasswd", "%00", "x"])
def test_an_unknown_id_is_404(client, address) -> None:
    check_problem(client.get(f"{POST}/{address}"), 404)
    check_problem(client.get(f"{POST}/{address}/annotated.jpg"), 404)


def test_a_worker_sees_its_own_inspections_without_the_position(opened) -> None:
    client, services = opened
    worker, other = _worker_headers(services), _worker_headers(services)
    answer = _post(client, headers=worker, **POSITION)
    address = answer.headers["location"]
    assert "position" not in answer.json()
    assert "position" not in client.get(address, headers=worker).json()
    assert client.get(address).json()["position"]["lat"] == 28.1  # the owner
    viewer = authenticate(services.repository, worker["Authorization"].removeprefix("Bearer "))
    (record,) = services.repository.inspections([answer.json()["id"]], viewer).values()
    assert record.position is None  # the query itself leaves it out
    check_problem(client.get(address, headers=other), 404)
    check_problem(client.get(f"{address}/annotated.jpg", headers=other), 404)
    replay = [_post(client, headers=worker, key="k", **POSITION) for _ in range(2)][1]
    assert replay.headers["idempotency-replayed"] == "true"
    assert "119.5" not in replay.text


def test_the_same_key_gives_the_same_answer_and_one_record(client, inspector) -> None:
    first = _post(client, key="uuid-1", scene="stairwell")
    second = _post(client, key="uuid-1", scene="stairwell")
    assert (first.status_code, second.status_code, inspector.inspected) == (201, 201, 1)
    assert first.json() == second.json()
    assert ("idempotency-replayed" in first.headers, second.headers["idempotency-replayed"]) == (
        False,
        "true",
    )
    assert (
        _post(client, scene="stairwell").json()["id"] != first.json()["id"]
    )  # without a key it is a new one


def test_a_list_is_replayed_with_its_problems_and_another_boundary(client, inspector) -> None:
    files = [("photo", ("a.jpg", photo(1), "image/jpeg")), ("photo", ("b.jpg", b"no photo", "image/jpeg"))]
    first, second = (client.post(POST, files=files, headers={"Idempotency-Key": "list"}) for _ in range(2))
    assert first.json() == second.json()
    assert (len(first.json()["inspections"]), inspector.inspected) == (2, 1)


@pytest.mark.parametrize("change", [{"content": photo(200)}, {"scene": "indoor"}, {"venue_code": "A"}])
def test_the_same_key_for_another_request_is_refused(client, change) -> None:
    _post(client, key="uuid-1")
    check_problem(_post(client, key="uuid-1", **change), 422, "idempotency-key-reused")


def test_keys_of_two_senders_do_not_meet(opened) -> None:
    client, services = opened
    mine, theirs = _post(client, key="1"), _post(client, key="1", headers=_worker_headers(services))
    assert theirs.status_code == 201
    assert mine.json()["id"] != theirs.json()["id"]


def test_a_failed_request_leaves_its_key_free(client) -> None:
    check_problem(_post(client, content=b"no photo", key="retry"), 415)
    assert _post(client, key="retry").status_code == 201


@pytest.mark.parametrize("key", ["x" * 256, "line\x7f"])
def test_an_unusable_key_is_refused(client, key) -> None:
    check_problem(_post(client, key=key), 422)


def test_twins_at_the_same_time_make_one_record(tmp_path) -> None:
    both_inside = threading.Barrier(2, timeout=20)  # neither finds the other's answer before it inspects
    with (
        open_client(tmp_path, FakeInspector(before=both_inside.wait)) as (client, _),
        ThreadPoolExecutor(2) as pool,
    ):
        answers = list(pool.map(lambda _: _post(client, key="twin"), range(2)))
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert sorted("idempotency-replayed" in answer.headers for answer in answers) == [False, True]


def test_beyond_workers_and_queue_a_request_is_shed_at_once(tmp_path) -> None:
    release = threading.Event()
    inspector = FakeInspector(before=lambda: release.wait(20), streams=1)
    with open_client(tmp_path, inspector, queue_size=2) as (client, services):
        with ThreadPoolExecutor(3) as pool:
            accepted = [pool.submit(_post, client, photo(i)) for i in range(3)]
            while services.pool.in_flight < 3:
                assert not any(future.done() for future in accepted)
            shed = _post(client)
            assert client.get("/healthz").status_code == 200  # the event loop is free
            release.set()
            answers = [future.result() for future in accepted]
        check_problem(shed, 429, "overloaded")
        assert int(shed.headers["retry-after"]) >= 1
        assert [answer.status_code for answer in answers] == [201, 201, 201]
        assert (inspector.inspected, services.pool.in_flight) == (3, 0)
        assert 'firewarden_shed_total{reason="queue_full"} 1.0' in client.get("/metrics").text


def test_a_full_disk_stores_and_acknowledges_nothing(opened) -> None:
    client, services = opened
    sha256 = _post(client).json()["image_sha256"]
    services.blobs.path(sha256).unlink()
    services.blobs.path(sha256).parent.rmdir()
    services.blobs.path(sha256).parent.write_bytes(b"")  # no folder can be made here
    check_problem(_post(client, key="k"), 503, "storage-unavailable")
    assert services.repository.idempotency("any", "k") is None
    services.blobs.path(sha256).parent.unlink()
    assert _post(client, key="k").status_code == 201
