"""From the door to the disk: who writes, in which thread, what the text of an answer is, and what fails alone."""

import hashlib
import sys
import threading
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError
from starlette.testclient import TestClient

sys.path.insert(0, str(Path(__file__).parent))
from test_api_fakes import FakeInspector, check_problem, open_client, photo

from firewarden.api.app import create_app
from firewarden.api.auth import create_first_key
from firewarden.api.group_writer import GroupWriter
from firewarden.api.settings import Settings
from firewarden.api.storage import Write
from firewarden.api.vault import Vault, _Commit
from firewarden.ledger.blobs import BlobStore
from firewarden.ledger.json_text import JsonText, dump_for_database, json_text, with_members

PREFIX = "/v1/inspections"
JPEG = {"content-type": "image/jpeg"}


@pytest.fixture
def writer():
    """A writer that tells which thread wrote; an Event as item holds it up."""

    def write(items):
        for item in items:
            if isinstance(item, threading.Event):
                item.wait(10)
        return [threading.get_ident()] * len(items)

    writer = GroupWriter("rows", write)
    writer.open()
    yield writer
    writer.close()


def test_a_lone_item_is_written_where_it_was_handed_in(writer) -> None:
    me = threading.get_ident()
    assert writer.submit("a", here=True).result(10) == me
    assert writer.submit("b").result(10) != me
    assert writer.submit("c", here=True).result(10) == me  # the writer's own group leaves nothing behind


def test_writing_where_it_was_handed_in_wakes_nobody(writer, monkeypatch) -> None:
    woken: list[int] = []
    notify = writer._changed.notify
    monkeypatch.setattr(writer._changed, "notify", lambda: (woken.append(1), notify()))
    writer.submit("a", here=True).result(10)
    assert not woken
    writer.submit("b").result(10)
    assert len(woken) == 1


def test_behind_another_group_an_item_waits_for_the_writers_thread(writer) -> None:
    held = threading.Event()
    first = writer.submit(held)
    second = writer.submit("b", here=True)  # returns at once
    assert not second.done()
    held.set()
    assert second.result(10) == first.result(10) != threading.get_ident()


def test_one_group_is_written_at_a_time_whoever_writes() -> None:
    at_once, most = [0], [0]
    lock = threading.Lock()

    def write(items):
        with lock:
            at_once[0] += 1
            most[0] = max(most[0], at_once[0])
        threading.Event().wait(0.002)
        with lock:
            at_once[0] -= 1
        return list(items)

    writer = GroupWriter("rows", write)
    writer.open()
    answers = []

    def hand_in(sender: int) -> None:
        answers.extend(writer.submit(sender * 100 + i, here=i % 2 == 0) for i in range(20))

    senders = [threading.Thread(target=hand_in, args=(sender,)) for sender in range(4)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    writer.close()  # writes all that waits
    assert most == [1]
    assert sorted(answer.result(0) for answer in answers) == [
        s * 100 + i for s in range(4) for i in range(20)
    ]


def test_a_failure_in_the_callers_thread_reaches_the_caller_through_the_future() -> None:
    def write(items):
        raise OSError("disk full")

    writer = GroupWriter("rows", write)
    writer.open()
    assert isinstance(writer.submit("a", here=True).exception(10), OSError)
    assert isinstance(writer.submit("b", here=True).exception(10), OSError)  # and the next is not stuck
    writer.close()


def test_a_database_that_is_away_is_asked_once_for_a_whole_group(tmp_path) -> None:
    """Each try waits up to 10 s for a locked file."""
    sizes = []

    class Locked:
        def save_all(self, writes):
            sizes.append(len(writes))
            raise OperationalError("INSERT", {}, Exception("database is locked"))

    vault = Vault(Locked(), BlobStore(tmp_path))
    group = [_Commit(Write(()), (), lambda is_new: is_new) for _ in range(8)]
    outcomes = vault._rows._outcomes(group)
    assert sizes == [8]
    assert [type(outcome) for outcome in outcomes] == [OperationalError] * 8


def test_json_is_written_once() -> None:
    text = json_text({"notice": "火", "share": float("nan"), "rows": [1, 2.5]})
    assert text == '{"notice":"火","share":null,"rows":[1,2.5]}'
    assert with_members(JsonText('{"b":2}'), {"a": None}) == '{"a":null,"b":2}'
    assert dump_for_database(text) is text
    assert dump_for_database('{"a":1}') == '"{\\"a\\":1}"'  # a plain string is a value, not a text


def test_in_a_group_only_the_photo_that_cannot_be_written_fails(tmp_path) -> None:
    blobs = BlobStore(tmp_path / "blobs")
    blobs.open()
    photos = [b"photo %d" % i for i in range(20)]
    items = [(hashlib.sha256(data).hexdigest(), data) for data in photos]
    blocked = next(sha256 for sha256, _ in items if sum(s[:2] == sha256[:2] for s, _ in items) == 1)
    (blobs.root / blocked[:2]).write_bytes(b"a file where a folder has to be")
    outcomes = blobs.put_all([*items, items[0]])
    assert [error is None for error in outcomes[:20]] == [sha256 != blocked for sha256, _ in items]
    assert (outcomes[20] is None) == (outcomes[0] is None)
    assert [blobs.get(sha256) for sha256, _ in items if sha256 != blocked] == [
        data for sha256, data in items if sha256 != blocked
    ]
    assert list((blobs.root / "pending").iterdir()) == []


@pytest.mark.parametrize(
    ("headers", "status", "slug"),
    [
        pytest.param({}, 201, None, id="a photo"),
        pytest.param({"authorization": "Bearer fw_0_0"}, 401, "unauthorized", id="a wrong key"),
        pytest.param({"authorization": "Basic eDp5"}, 401, "unauthorized", id="another scheme"),
        pytest.param({"authorization": "Bearer "}, 401, "unauthorized", id="no key behind the scheme"),
        pytest.param({"idempotency-key": "k" * 256}, 422, "invalid-field", id="a key too long"),
        pytest.param({"idempotency-key": "a\tb"}, 422, "idempotency-key", id="a key with a tab"),
        pytest.param({"content-type": "text/plain"}, 415, "content-type", id="another type"),
        pytest.param({"x-request-deadline-ms": "soon"}, 422, "deadline-header", id="a deadline in words"),
    ],
)
def test_the_door_and_the_declared_route_answer_alike(tmp_path, headers, status, slug) -> None:
    """Behind a path prefix the door does not know the address, and the route answers."""
    app = create_app(FakeInspector(), Settings(data_dir=tmp_path))
    with TestClient(app, root_path="/fire", raise_server_exceptions=False) as client:
        key = create_first_key(app.state.services.repository)
        given = {**JPEG, "authorization": f"Bearer {key}", **headers}
        answers = [client.post(path, content=photo(), headers=given) for path in (PREFIX, f"/fire{PREFIX}")]
        for answer in answers:
            if slug:
                check_problem(answer, status, slug)
            assert answer.status_code == status
        names = [answer.headers.keys() for answer in answers]
        assert names[0] == names[1]
        bodies = [answer.json().keys() for answer in answers]
        assert bodies[0] == bodies[1]


def test_an_upload_that_comes_alone_is_committed_by_the_thread_that_inspected_it(tmp_path) -> None:
    with open_client(tmp_path) as (client, services):
        threads = []
        save_all = services.repository.save_all

        class Watched(type(services.repository)):
            def save_all(self, writes):
                threads.append(threading.current_thread().name)
                return save_all(writes)

        services.vault._repository = Watched(services.repository._engine)
        assert client.post(PREFIX, content=photo(), headers=JPEG).status_code == 201
    assert [name.partition("_")[0] for name in threads] == ["inspect"]
