"""The camera register and camera events over HTTP."""

# ruff: noqa: F811 - fixtures come from postgres_server

import io
import json
import logging
import sys
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as PillowImage

sys.path.insert(0, str(Path(__file__).parent))
from cctv_events import camera, change
from postgres_server import postgres_server, postgres_url  # noqa: F401
from test_api_fakes import FakeInspector, check_problem, open_client

from firewarden.api import routes_cameras
from firewarden.api.auth import Role, new_key
from firewarden.api.camera_examples import CAMERA, CAMERA_IN, DISMISS, EVENT
from firewarden.api.schemas_cameras import (
    CameraIn,
    CameraListOut,
    CameraOut,
    DismissIn,
    EventListOut,
    EventOut,
)
from firewarden.cctv.camera import Zones
from firewarden.cctv.masks import MASK_GREY

CAMERAS, EVENTS = "/v1/cameras", "/v1/cctv/events"


@pytest.fixture
def opened(tmp_path):
    with open_client(tmp_path, FakeInspector(), webhook_url="https://example.org/hook") as opened:
        yield opened


@pytest.fixture
def client(opened):
    return opened[0]


def test_examples_fit_the_wire_models() -> None:
    CameraIn.model_validate(CAMERA_IN)
    CameraOut.model_validate(CAMERA)
    EventOut.model_validate(EVENT)
    DismissIn.model_validate(DISMISS)


def test_a_camera_is_registered_read_replaced_listed_and_taken_out(client) -> None:
    answer = client.post(CAMERAS, json=CAMERA_IN)
    assert answer.status_code == 201 and answer.headers["location"] == f"{CAMERAS}/{CAMERA_IN['id']}"
    CameraOut.model_validate(answer.json())
    assert client.get(answer.headers["location"]).json() == answer.json()
    assert answer.json()["url"] == CAMERA_IN["url"]
    changed = client.put(answer.headers["location"], json={**CAMERA_IN, "retention_days": 60})
    assert (changed.status_code, changed.json()["retention_days"]) == (200, 60)
    client.post(CAMERAS, json={**CAMERA_IN, "id": "z"})
    listed = client.get(CAMERAS, params={"limit": 1}).json()
    CameraListOut.model_validate(listed)
    following = client.get(listed["next"]).json()
    assert [c["id"] for c in (*listed["cameras"], *following["cameras"])] == [CAMERA_IN["id"], "z"]
    assert following["next"] is None
    assert client.delete(f"{CAMERAS}/z").status_code == 204
    for call in (client.get, client.delete):
        check_problem(call(f"{CAMERAS}/z"), 404, "not-found")
    check_problem(client.put(f"{CAMERAS}/z", json={**CAMERA_IN, "id": "z"}), 404, "not-found")


def test_cameras_are_checked_beside_the_event_loop(client, monkeypatch) -> None:
    """Polygons may take seconds."""
    check, threads = routes_cameras.build_camera, []

    def noted(*args):
        threads.append(threading.current_thread().name)
        return check(*args)

    monkeypatch.setattr(routes_cameras, "build_camera", noted)
    created = client.post(CAMERAS, json=CAMERA_IN)
    assert client.put(created.headers["location"], json=CAMERA_IN).status_code == 200
    assert len(threads) == 2 and all(name.startswith("AnyIO worker") for name in threads)


@pytest.mark.parametrize(
    ("name", "scene"),
    [("dormitory room 3", "evacuation_corridor"), ("宿舍301", "corridor"), ("fitting room", "lobby")],
)
def test_a_camera_in_a_private_place_is_refused_with_the_law(client, name, scene) -> None:
    known = client.post(CAMERAS, json=CAMERA_IN).headers["location"]
    for answer in (
        client.post(CAMERAS, json={**CAMERA_IN, "id": "new", "name": name, "scene": scene}),
        client.put(known, json={**CAMERA_IN, "name": name, "scene": scene}),
    ):
        problem = check_problem(answer, 422, "camera-refused")
        assert "Art. 8" in problem["detail"] and "第八条" in problem["law"]["zh"]
    assert client.get(known).json()["name"] == CAMERA_IN["name"]
    check_problem(client.get(f"{CAMERAS}/new"), 404)


def test_a_stream_address_is_neither_taken_nor_repeated(client, opened) -> None:
    for url in ("rtsp://user:hunter2@10.0.0.5/1", "file:/etc/hunter2"):
        answer = client.post(CAMERAS, json={**CAMERA_IN, "url": url})
        check_problem(answer, 422, "invalid-field")
        assert "hunter2" not in answer.text
    from firewarden.cctv.register import build_camera

    values = {**CAMERA_IN, "url": "file:/secrets/hunter2"}  # by the command line
    camera, _ = build_camera(values, opened[1].inspector.rules)
    opened[1].cctv.cameras.put_all([camera])
    assert client.get(CAMERAS).json()["cameras"][0]["url"] == "file:"


@pytest.mark.parametrize(
    ("body", "status", "word"),
    [
        ({**CAMERA_IN, "scene": "moon"}, 422, "scene"),
        ({**CAMERA_IN, "colour": "red"}, 422, "colour"),
        ({**CAMERA_IN, "sample_every_s": 3600}, 422, "sample_every_s"),
        ({**CAMERA_IN, "sample_every_s": True}, 422, "sample_every_s"),
        ({**CAMERA_IN, "retention_days": "60"}, 422, "retention_days"),
        ({**CAMERA_IN, "expected": {"extinguisher": True}}, 422, "expected"),
        ({**CAMERA_IN, "zones": {"ignore": [[[0, 0], [2, 0], [0, 1]]]}}, 422, "zones"),
        ({"id": "x"}, 422, "name"),
        ([], 422, "body"),
        ({**CAMERA_IN, "name": "x" * 300_000}, 413, "bytes"),
    ],
)
def test_a_wrong_camera_names_its_fault(client, body, status, word) -> None:
    assert word in check_problem(client.post(CAMERAS, json=body), status)["detail"]


@pytest.mark.parametrize("field", ["name", "venue"])
def test_half_a_letter_is_refused_and_the_register_can_still_be_read(client, field) -> None:
    body = json.dumps({**CAMERA_IN, field: "hall \ud83d"})  # an emoji that a phone cut in two
    answer = client.post(CAMERAS, content=body, headers={"content-type": "application/json"})
    assert field in check_problem(answer, 422, "invalid-field")["detail"]
    assert client.get(CAMERAS).json()["cameras"] == []


def test_a_nul_is_told_where_the_database_takes_none(tmp_path, postgres_url) -> None:
    with open_client(tmp_path, FakeInspector(), database_url=postgres_url) as (client, _):
        for address in ("/v1/cameras/%00", "/v1/cameras?venue=a%00", "/v1/cctv/events?before=%00"):
            assert "NUL" in check_problem(client.get(address), 422, "invalid-field")["detail"]
        check_problem(client.post("/v1/batches", json={"inspection_ids": ["a\0"]}), 422, "invalid-field")


def test_a_body_that_is_no_json_is_told_so(client) -> None:
    sent = {"content-type": "application/json"}
    cut = check_problem(client.post(CAMERAS, content=b'{"id":\n "x"', headers=sent), 400, "invalid-json")
    assert "line 2, column 5" in cut["detail"]
    chinese = check_problem(client.post(CAMERAS, content='{"id": "走廊"}'.encode("gbk"), headers=sent), 400)
    assert "not in UTF-8" in chinese["detail"]
    check_problem(client.post(CAMERAS, content=b"[" * 100_000), 400, "invalid-json")
    check_problem(client.post(CAMERAS, content=b"a", headers={"content-type": "text/plain"}), 415)


def test_the_same_key_registers_once_and_another_request_is_refused(client) -> None:
    key = {"Idempotency-Key": "k1"}
    first = client.post(CAMERAS, json=CAMERA_IN, headers=key)
    again = client.post(CAMERAS, json=CAMERA_IN, headers=key)
    assert again.json() == first.json() and again.headers["idempotency-replayed"] == "true"
    other = client.post(CAMERAS, json={**CAMERA_IN, "id": "other"}, headers=key)
    check_problem(other, 422, "idempotency-key-reused")
    check_problem(client.post(CAMERAS, json=CAMERA_IN), 409, "camera-exists")
    photo = client.post("/v1/inspections", content=b"x", headers={**key, "content-type": "image/jpeg"})
    check_problem(photo, 422, "idempotency-key-reused")


def test_a_workers_key_sees_neither_cameras_nor_events(opened) -> None:
    client, services = opened
    worker, row = new_key(Role.WORKER)
    services.repository.add_key(row)
    headers = {"Authorization": f"Bearer {worker}"}
    for path in (CAMERAS, f"{CAMERAS}/x", EVENTS, f"{EVENTS}/x", f"{EVENTS}/x/frame.jpg", "/v1/cctv/outbox"):
        check_problem(client.get(path, headers=headers), 403, "forbidden")
        check_problem(client.get(path, headers={"Authorization": "Bearer no"}), 401)
    check_problem(client.post(CAMERAS, content=b"{", headers=headers), 403)


def test_events_are_listed_and_read(opened) -> None:
    client, services = opened
    services.cctv.events.write(change(shade=120))
    services.cctv.events.write(change("opened", "e2", "cam-2"))
    listed = client.get(EVENTS, params={"camera_id": "cam-1"}).json()
    EventListOut.model_validate(listed)
    (event,) = listed["events"]
    assert (event["id"], event["state"], event["risk_level"]) == ("e1", "open", "general")
    assert client.get(event["links"]["self"]).json() == event
    assert "第四十一条" in event["notice"]["zh"] and "Article 41" in event["notice"]["en"]
    page = client.get(EVENTS, params={"limit": 1, "state": "open"}).json()
    assert client.get(page["next"]).json()["events"][0]["id"] == "e1" and page["events"][0]["id"] == "e2"
    assert client.get("/v1/cctv/outbox").json()["destinations"]["webhook"]["waiting"] == 2
    check_problem(client.get(f"{EVENTS}/nobody"), 404, "not-found")
    check_problem(client.get(EVENTS, params={"before": "nobody"}), 422, "invalid-field")
    check_problem(client.get(EVENTS, params={"state": "odd"}), 422)


class _SeesVehicle(FakeInspector):
    """One e-bike at (100, 100)-(500, 400)."""

    def inspect(self, *args, **kwargs):
        result = super().inspect(*args, **kwargs)
        box = np.array([[100, 100, 500, 400]], np.float32)
        return replace(result, detections=replace(result.detections, xyxy=box))


def test_the_picture_of_an_event_is_blurred(tmp_path) -> None:
    """Stripes of one pixel cannot be told apart where the e-bike stands, and can elsewhere."""
    stripes = np.zeros((480, 640, 3), np.uint8)
    stripes[:, ::2] = 255
    with open_client(tmp_path, _SeesVehicle()) as opened:
        _check_blur(*opened, stripes)


def _check_blur(client, services, pixels) -> None:
    shown = change(shade=0)
    services.cctv.events.write(replace(shown, frame=replace(shown.frame, pixels=pixels)))
    answer = client.get(f"{EVENTS}/e1/frame.jpg")
    assert (answer.status_code, answer.headers["content-type"]) == (200, "image/jpeg")
    assert answer.headers["cache-control"] == "no-store"
    grey = np.asarray(PillowImage.open(io.BytesIO(answer.content)).convert("L"), np.float32)
    assert grey.shape == (480, 640)
    assert np.abs(np.diff(grey[440:470], axis=1)).mean() > 200  # the box ends at 400, its margin at 430
    assert np.abs(np.diff(grey[110:390, 110:490], axis=1)).mean() < 20
    services.cctv.events.write(change("opened", "e2"))
    check_problem(client.get(f"{EVENTS}/e2/frame.jpg"), 404, "no-picture")
    stored = services.cctv.events.find("e1").picture.key
    services.cctv.events.pictures.blobs.path(stored).write_bytes(b"x")
    check_problem(client.get(f"{EVENTS}/e1/frame.jpg"), 500, "picture-damaged")


def test_who_looked_at_a_picture_is_logged_though_the_process_logs_warnings(opened, caplog) -> None:
    client, services = opened
    assert logging.getLogger().level == logging.WARNING, "as the command line and the workers set it"
    services.cctv.events.write(change(shade=200))
    assert client.get(f"{EVENTS}/e1/frame.jpg").status_code == 200
    assert "picture of event e1 shown to key" in caplog.text


def test_a_mask_drawn_later_is_painted_over_the_picture_that_is_shown(opened) -> None:
    client, services = opened
    services.cctv.cameras.add(camera())
    services.cctv.events.write(change(shade=200))
    left = ((0.0, 0.0), (0.5, 0.0), (0.5, 1.0), (0.0, 1.0))
    services.cctv.cameras.put(camera(zones=Zones(private_mask=(left,))))
    shown = PillowImage.open(io.BytesIO(client.get(f"{EVENTS}/e1/frame.jpg").content)).convert("L")
    grey = np.asarray(shown, np.int64)
    assert (abs(grey[:, :40] - MASK_GREY) <= 2).all() and (grey[:, 64:] > 195).all()
    assert client.delete(f"{CAMERAS}/cam-1").status_code == 204
    later = PillowImage.open(io.BytesIO(client.get(f"{EVENTS}/e1/frame.jpg").content)).convert("L")
    assert (np.asarray(later) == grey).all(), "also once the camera is taken out"


def test_dismissing_ends_an_event_and_can_be_repeated(opened) -> None:
    client, services = opened
    services.cctv.events.write(change())
    body = {"until": (datetime.now(UTC) + timedelta(days=7)).isoformat(), "because": " a pram "}
    for _ in range(2):
        answer = client.post(f"{EVENTS}/e1/dismiss", json=body)
        assert (answer.status_code, answer.json()["state"]) == (200, "dismissed")
    assert answer.json()["dismissal"]["because"] == "a pram" and answer.json()["revision"] == 2
    check_problem(client.post(f"{EVENTS}/e9/dismiss", json=body), 404)
    for wrong in ({**body, "until": "2020-01-01T00:00:00Z"}, {**body, "until": "2099-01-01T00:00:00Z"},
                  {**body, "because": "  "}, {**body, "until": "2026-01-01T00:00:00"},
                  {**body, "until": int(datetime.now(UTC).timestamp()) + 86_400}):  # fmt: skip
        check_problem(client.post(f"{EVENTS}/e1/dismiss", json=wrong), 422)


def test_openapi_knows_the_bodies(client) -> None:
    document = client.get("/openapi.json").json()
    assert "requestBody" in document["paths"][CAMERAS]["post"] and EVENTS in document["paths"]
    references = set(json.dumps(document).split('"#/components/schemas/')[1:])
    names = {reference.partition('"')[0] for reference in references}
    assert names <= document["components"]["schemas"].keys()
