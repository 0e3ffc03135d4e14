"""Every way to send a wrong body, with the status and problem document it gets."""

import asyncio
import sys
import tempfile
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from test_api_fakes import FakeInspector, check_problem, open_client, photo

POST = "/v1/inspections"
JPEG = {"content-type": "image/jpeg"}
FORM = {"content-type": "multipart/form-data; boundary=x"}
FORM_CUTS = [
    pytest.param(-5, id="without the closing boundary"),  # --x--
    pytest.param(-100, id="in the second photo"),
    pytest.param(len(photo(1)) + 100, id="in the header of the second photo"),
    pytest.param(10, id="in the header of the first photo"),
]


def two_photos() -> bytes:
    """A form of two photos; the head of a part, with its boundary, is 75 bytes."""
    head = b'--x\r\nContent-Disposition: form-data; name="photo"; filename="a.jpg"\r\n\r\n'
    return b"".join(head + photo(colour) + b"\r\n" for colour in (1, 2)) + b"--x--"


@pytest.fixture
def client(tmp_path):
    with open_client(tmp_path, max_body_bytes=200_000, max_multipart_bytes=400_000, max_photos=3) as (
        client,
        _,
    ):
        yield client


@pytest.mark.parametrize(
    ("content", "headers", "status", "slug"),
    [
        pytest.param(b"", JPEG, 400, "empty-body", id="empty body"),
        pytest.param(b"just some text\n" * 20, JPEG, 415, "invalid-image", id="text that claims to be a photo"),
        pytest.param(photo(), {"content-type": "text/plain"}, 415, "content-type", id="wrong content type"),
        pytest.param(photo(), {"content-type": ""}, 415, "content-type", id="no content type"),
        pytest.param(photo(kind="BMP"), {"content-type": "image/bmp"}, 415, "content-type", id="bmp"),
        pytest.param(photo(kind="GIF"), JPEG, 415, "invalid-image", id="gif that claims to be jpeg"),
        pytest.param(photo(wh=(900, 900))[:8000], JPEG, 422, "invalid-image", id="jpeg cut off"),
        pytest.param(photo(kind="PNG")[:150], {"content-type": "image/png"}, 422, "invalid-image", id="png cut off"),
        pytest.param(photo(wh=(2000, 600)), JPEG, 413, "invalid-image", id="too many pixels"),
        pytest.param(photo(), JPEG | {"content-encoding": "gzip"}, 415, "content-encoding", id="gzip body"),
        pytest.param(b"\xff" * 200_001, JPEG, 413, "too-large", id="one byte too many"),
        pytest.param(b"--x", {"content-type": "multipart/form-data"}, 400, "multipart", id="no boundary"),
        pytest.param(b"--y--", {"content-type": "multipart/form-data; boundary=x"}, 400, "multipart", id="wrong boundary"),
    ],
)  # fmt: skip
def test_a_body_that_is_refused(client, content, headers, status, slug) -> None:
    check_problem(client.post(POST, content=content, headers=headers), status, slug)


def test_a_form_that_is_none_is_not_told_to_be_smaller(client) -> None:
    answer = client.post(POST, content=b"--x", headers={"content-type": "multipart/form-data"})
    said = check_problem(answer, 400, "multipart")["detail"]
    assert said.startswith("Missing boundary in multipart; ") and said.endswith("with its boundary.")
    answer = client.post(POST, files=_photos(photo(1), photo(2), photo(3), photo(4)))
    assert check_problem(answer, 413, "multipart")["detail"].endswith("; send fewer or split.")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_of_each_kind_is_taken(client, kind) -> None:
    answer = client.post(POST, content=photo(kind=kind), headers={"content-type": f"image/{kind.lower()}"})
    assert answer.status_code == 201
    assert answer.json()["image_hw"] == [96, 128]


def _photos(*contents: bytes, name: str = "photo"):
    return [(name, (f"{i}.jpg", content, "image/jpeg")) for i, content in enumerate(contents)]


def test_several_photos_are_answered_in_order_and_a_bad_one_fails_alone(client) -> None:
    answer = client.post(POST, files=_photos(photo(1), b"no photo", b"", photo(2)))
    check_problem(answer, 413, "multipart")  # four where three are allowed
    answer = client.post(POST, files=_photos(photo(1), b"no photo", photo(2)), data={"scene": "stairwell"})
    first, second, third = answer.json()["inspections"]
    assert answer.status_code == 201
    assert (first["scene"]["name"], third["scene"]["name"]) == ("stairwell", "stairwell")
    assert (second["status"], second["type"]) == (415, "urn:firewarden:problem:invalid-image")
    assert client.get(third["links"]["self"]).json() == third


def test_one_photo_in_a_form_is_answered_like_a_raw_one(client) -> None:
    answer = client.post(POST, files=_photos(photo(1)))
    assert answer.headers["location"] == answer.json()["links"]["self"]


def test_if_no_photo_can_be_read_the_whole_request_fails(client) -> None:
    document = check_problem(client.post(POST, files=_photos(b"", b"no photo")), 422, "no-photo-readable")
    assert [item["status"] for item in document["inspections"]] == [400, 415]
    check_problem(client.post(POST, files=_photos(b"no photo")), 415, "invalid-image")


@pytest.mark.parametrize(
    ("files", "data", "status", "slug"),
    [
        pytest.param(_photos(photo(), name="file"), {}, 422, "invalid-field", id="file under another name"),
        pytest.param(_photos(b"\xff" * 200_001), {}, 413, "too-large", id="one part too large"),
        pytest.param(_photos(b"\xff" * 199_000, b"\xff" * 199_000, b"\xff" * 10_000), {}, 413, "too-large", id="sum too large"),
        pytest.param(_photos(photo()), {f"f{i}": "1" for i in range(65)}, 413, "multipart", id="65 fields"),
        pytest.param(_photos(photo()), {"facts": "x" * 20_000}, 413, "multipart", id="a field of 20 kB"),
        pytest.param(_photos(photo()), {"scene": "moon"}, 422, "invalid-field", id="unknown scene in a form"),
        pytest.param([("scene", (None, "stairwell"))], {}, 422, "invalid-field", id="no photo at all"),
        pytest.param([("photo", (None, "C:/stairs.jpg"))], {}, 422, "invalid-field", id="a path instead of a photo"),
    ],
)  # fmt: skip
def test_a_form_that_is_refused(client, files, data, status, slug) -> None:
    check_problem(client.post(POST, files=files, data=data), status, slug)


@pytest.mark.parametrize("cut", FORM_CUTS)
def test_of_a_form_that_is_cut_off_nothing_is_stored(tmp_path, cut) -> None:
    with open_client(tmp_path) as (client, _):
        told = check_problem(client.post(POST, content=two_photos()[:cut], headers=FORM), 400, "multipart")
        assert "cut off" in told["detail"]
        assert [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("after", [b"", b"\r\n", b"\r\nepilogue"])
def test_a_form_ends_with_its_closing_boundary_whatever_follows(client, after) -> None:
    answer = client.post(POST, content=two_photos() + after, headers=FORM)
    assert (answer.status_code, len(answer.json()["inspections"])) == (201, 2)


@pytest.mark.parametrize(("kind", "slug"), [(JPEG, "empty-body"), (FORM, "multipart")])
def test_a_body_lost_to_an_upgrade_is_told_as_that(client, kind, slug) -> None:
    """The HTTP parser takes what follows such a head for another protocol, so that no body reaches the app."""
    answer = client.post(POST, content=b"", headers={**kind, "connection": "Upgrade", "upgrade": "h2c"})
    assert "send without it" in check_problem(answer, 400, slug)["detail"]


def _post_chunks(client, headers: dict[str, str], n_chunks: int) -> tuple[int, int]:
    """Status, and how many 50 kB chunks the app took; speaks ASGI, where Content-Length may be absent or a lie."""
    taken = 0
    sent = []

    async def receive():
        nonlocal taken
        taken += 1
        return {"type": "http.request", "body": b"\xff" * 50_000, "more_body": taken < n_chunks}

    async def send(message):
        sent.append(message)

    key = client.headers["Authorization"]
    raw = [(k.encode(), v.encode()) for k, v in {"authorization": key, **headers}.items()]
    scope = {
        "type": "http",
        "method": "POST",
        "path": POST,
        "query_string": b"",
        "headers": raw,
        "app": client.app,
    }
    asyncio.run(client.app(scope, receive, send))
    return sent[0]["status"], taken


@pytest.mark.parametrize(
    ("headers", "chunks_read"),
    [
        pytest.param({**JPEG}, 5, id="no length: stops in the chunk that passes 200 kB"),
        pytest.param({**JPEG, "content-length": "10"}, 5, id="length says 10 bytes"),
        pytest.param({**JPEG, "content-length": "5000000"}, 0, id="honest length: nothing is read"),
        pytest.param({**JPEG, "content-length": "5000000", "authorization": "Bearer fw_0_0"}, 0, id="no key: nothing read"),
        pytest.param({"content-type": "multipart/form-data; boundary=x"}, 1, id="a form without its boundary"),
    ],
)  # fmt: skip
def test_an_endless_body_is_left_as_soon_as_it_is_too_much(client, headers, chunks_read) -> None:
    status, taken = _post_chunks(client, headers, 100)
    assert status in (400, 401, 413)
    assert taken == chunks_read


def test_uploads_together_hold_no_more_memory_than_allowed(tmp_path) -> None:
    with open_client(tmp_path, max_buffered_bytes=len(photo()) - 1) as (client, services):
        answer = client.post(POST, content=photo(), headers=JPEG)
        check_problem(answer, 429, "overloaded")
        assert services.budget._held == 0  # the refused bytes were given back


def test_a_body_that_dawdles_gets_408(tmp_path) -> None:
    with open_client(tmp_path, body_timeout_s=0.05) as (client, _):

        async def receive():
            await asyncio.sleep(5)

        sent = []

        async def send(message):
            sent.append(message)

        headers = [
            (b"authorization", client.headers["Authorization"].encode()),
            (b"content-type", b"image/png"),
        ]
        scope = {"type": "http", "method": "POST", "path": POST, "query_string": b"", "headers": headers}
        asyncio.run(client.app(scope, receive, send))
        assert sent[0]["status"] == 408


def test_a_form_that_finds_no_room_on_the_disk_gets_503(tmp_path, monkeypatch) -> None:
    """Parts above 1 MiB go to the folder for temporary files."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "nowhere"))
    with open_client(tmp_path) as (client, _):
        answer = client.post(POST, files={"photo": ("a.jpg", bytes(2 * 2**20))})
    told = check_problem(answer, 503, "storage-unavailable")
    assert "could not be written to disk" in told["detail"] and answer.headers["retry-after"] == "30"


def test_an_unexpected_failure_tells_nothing_about_the_inside(tmp_path) -> None:
    def fail() -> None:
        raise RuntimeError("the secret is /srv/secret.txt")

    with open_client(tmp_path, FakeInspector(before=fail)) as (client, _):
        answer = client.post(POST, content=photo(), headers=JPEG)
        check_problem(answer, 500, "internal-error")
        assert "secret" not in answer.text
