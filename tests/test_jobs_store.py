"""Jobs in the database, on SQLite and on PostgreSQL: every item is taken by one worker at a time and gets one row."""

import json
import shutil
import sys
import threading
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import make_url, select, update

sys.path.insert(0, str(Path(__file__).parent))
from postgres_server import (  # noqa: F401
    postgres_migrated,
    postgres_ready,
    postgres_server,
    postgres_url,
)

from firewarden.api.auth import Principal, Role
from firewarden.api.storage import Answer, IdempotencyRow, InspectionRecord, Repository
from firewarden.bulk.items import Facts
from firewarden.findings import Fact, InspectionContext, Source
from firewarden.jobs import claims as claims_module
from firewarden.jobs.claims import ClaimStore, Lease, Outcome
from firewarden.jobs.records import (
    ItemState,
    JobContext,
    JobKind,
    JobState,
    NewItem,
    NewJob,
    context_from_json,
    printable,
)
from firewarden.jobs.store import Idempotency, IdempotencyConflict, JobStore
from firewarden.ledger.database import build_engine, prepare
from firewarden.ledger.tables import job_items, metadata

NOW = datetime(2026, 11, 20, 1, 30, tzinfo=UTC)
SHA = "ab" * 32


@pytest.fixture(scope="module")
def empty_file(tmp_path_factory):
    """An SQLite file with all tables: copying it is quicker than making one."""
    path = tmp_path_factory.mktemp("empty") / "a.db"
    made = build_engine(make_url(f"sqlite:///{path}"))
    prepare(made)
    made.dispose()  # the last connection brings the log into the file
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request, tmp_path, empty_file):
    if request.param == "sqlite":
        url = f"sqlite:///{shutil.copy(empty_file, tmp_path)}"
    else:
        url = request.getfixturevalue("postgres_ready")
    opened = build_engine(make_url(url))
    yield opened
    opened.dispose()


@pytest.fixture
def store(engine):
    return JobStore(engine)


@pytest.fixture
def claims(engine):
    return ClaimStore(engine, Lease(lease_s=60, max_attempts=3, rest_s=0))


def new_job(number: int = 1, n_items: int = 4, key_id: str = "anna", **fields: object) -> NewJob:
    items = tuple(NewItem(f"{i}.jpg", sha256=SHA) for i in range(1, n_items + 1))
    values = {"items": items, "created_at": NOW + timedelta(seconds=number), **fields}
    return NewJob(f"{number:032x}", key_id, JobKind.PHOTOS, JobContext(), **values)


def done(item, verdict: str = "no_finding") -> Outcome:
    return Outcome(item, {"path": item.path, "verdict": verdict, "risk_level": None, "batch": {"id": "1"}})


def failed(item, message: str, again: bool) -> Outcome:
    return Outcome(item, {"path": item.path, "error": message, "batch": {"id": None}}, again)


def expire(engine) -> None:
    """Let every lease run out."""
    with engine.begin() as connection:
        connection.execute(update(job_items).values(due_at=NOW))


def numbers(claim) -> list[int]:
    return [item.number for item in claim.items]


def paths(store, job) -> list[str]:
    return [json.loads(line)["path"] for line in store.lines(job.id)]


def test_migrations_make_exactly_the_tables_of_the_code_and_may_start_together(engine) -> None:
    threads = [threading.Thread(target=prepare, args=(engine,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []


def test_processes_that_start_on_an_empty_database_together_all_get_one(postgres_url, tmp_path) -> None:  # noqa: F811
    for url in (postgres_url, f"sqlite:///{tmp_path / 'new.db'}"):
        failures = []

        def start(url=url, failures=failures) -> None:
            try:
                prepare(build_engine(make_url(url)))
            except Exception as error:  # noqa: BLE001 - shown below
                failures.append(error)

        threads = [threading.Thread(target=start) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []


def test_an_inspection_is_stored_once_under_its_idempotency_key(engine) -> None:
    repository = Repository(engine)
    result = {"verdict": "hazard", "risk_level": None, "model_id": "m", "rules_version": "1", "text": "消防"}
    record = InspectionRecord(
        "1" * 32, "anna", SHA, 9, NOW, NOW, False, "field_photo", None, {"lat": 28.1}, result
    )
    row = IdempotencyRow("anna", "k", SHA, Answer(True, ({"id": "1" * 32},)), NOW)
    assert repository.save([record], row) is True
    assert repository.save([record], row) is False
    owner, worker = Principal("boss", Role.OWNER), Principal("ben", Role.WORKER)
    assert repository.inspections(["1" * 32], owner) == {"1" * 32: record}
    assert repository.inspections(["1" * 32], worker) == {}
    assert repository.idempotency("anna", "k") == row


def test_a_job_is_taken_in_order_in_chunks_and_ends_with_its_last_row(store, claims) -> None:
    job = new_job(n_items=5)
    assert store.create(job).job_id == job.id
    assert store.job(job.id, "anna").state is JobState.QUEUED
    first, second, third = claims.claim(2), claims.claim(2), claims.claim(2)
    assert [numbers(c) for c in (first, second, third)] == [[1, 2], [3, 4], [5]]
    assert claims.claim(2) is None and claims.has_work()
    record = store.job(job.id, None)
    assert record.state is JobState.RUNNING and record.started_at > NOW and record.ended_at is None
    for claim in (third, first):
        claims.finish(claim, [done(item) for item in claim.items])
    assert store.job(job.id, None).state is JobState.RUNNING
    claims.finish(
        second, [done(second.items[0], "hazard"), failed(second.items[1], "no picture", again=False)]
    )
    record, progress = store.job(job.id, None), store.progress(job.id)
    assert record.state is JobState.FINISHED and record.ended_at >= record.started_at
    assert (progress.open, progress.done, progress.failed) == (0, 4, 1)
    assert progress.verdicts == {"no_finding": 3, "hazard": 1}
    assert paths(store, job) == [f"{i}.jpg" for i in range(1, 6)]
    (error,) = store.errors(job.id, limit=9)
    assert (error.number, error.path, error.error, error.attempts) == (4, "4.jpg", "no picture", 1)
    assert not claims.has_work()


def test_what_a_dead_worker_held_is_taken_over_and_its_late_rows_are_not_written(
    engine, store, claims
) -> None:
    job = new_job(n_items=2)
    store.create(job)
    dead = claims.claim(2)
    assert claims.claim(2) is None
    expire(engine)
    one, two = claims.claim(2), claims.claim(2)
    assert (numbers(one), numbers(two)) == ([1], [2])  # begun before: one at a time
    assert claims.keep(one) is True and claims.keep(dead) is False
    claims.finish(one, [done(one.items[0], "hazard")])
    claims.finish(dead, [done(item, "late") for item in dead.items])
    claims.finish(two, [done(two.items[0], "hazard")])
    claims.finish(two, [done(two.items[0], "twice")])
    assert store.progress(job.id).verdicts == {"hazard": 2}
    assert len(paths(store, job)) == 2


def test_a_photo_that_kills_workers_fails_alone(engine, store, claims) -> None:
    """Photo 2 of 4 kills whoever begins it; the first time it takes the rest of its chunk along."""
    job = new_job(n_items=4)
    store.create(job)
    claim = claims.claim(4)
    claims.finish(claim, [done(claim.items[0])])
    begun = Counter()
    for _ in range(9):
        expire(engine)
        claim = claims.claim(4)
        if claim is None:
            break
        (item,) = claim.items
        begun[item.number] += 1
        if item.number != 2:
            claims.finish(claim, [done(item)])
    assert begun == {2: 2, 3: 1, 4: 1}  # photo 2: three attempts with the first
    assert store.job(job.id, None).state is JobState.FINISHED
    (error,) = store.errors(job.id, limit=9)
    assert error.number == 2 and error.attempts == 3 and "not finished in 3 attempts" in error.error
    assert json.loads(list(store.lines(job.id))[1])["error"] == error.error
    assert paths(store, job) == ["1.jpg", "2.jpg", "3.jpg", "4.jpg"]


def test_an_error_that_may_pass_is_tried_again_and_its_last_reason_stays(store, claims) -> None:
    job = new_job(n_items=2)
    store.create(job)
    claim = claims.claim(2)
    claims.finish(claim, [failed(item, "try 1", again=True) for item in claim.items])
    assert paths(store, job) == []
    for attempt in (2, 3):
        for number in (1, 2):
            claim = claims.claim(2)
            (item,) = claim.items
            good = number == 1 and attempt == 2
            if attempt == 3 and item.number == 1:
                raise AssertionError("photo 1 was finished")
            claims.finish(claim, [done(item) if good else failed(item, f"try {attempt}", again=True)])
            if attempt == 3:
                break
    progress, (error,) = store.progress(job.id), store.errors(job.id, limit=9)
    assert (progress.done, progress.failed) == (1, 1)
    assert (error.error, error.attempts) == ("try 3", 3)


def test_a_failed_attempt_rests_before_the_next(engine, store) -> None:
    claims = ClaimStore(engine, Lease(rest_s=3600))
    store.create(new_job(n_items=1))
    claim = claims.claim(1)
    claims.finish(claim, [failed(claim.items[0], "later", again=True)])
    assert claims.claim(1) is None and claims.has_work()


@pytest.mark.parametrize(("ahead_h", "is_free"), [(2, True), (0.5, False)])
def test_a_clock_that_is_set_back_holds_no_photo_for_long(
    engine, store, claims, monkeypatch, ahead_h, is_free
) -> None:
    """Leases of 60 s and no rest: what is due in more than an hour and a minute was claimed by a wrong clock."""
    store.create(new_job(n_items=1))
    ahead = datetime.now(UTC) + timedelta(hours=ahead_h)
    with monkeypatch.context() as wrong:
        wrong.setattr(claims_module, "database_now", lambda connection: ahead)
        assert numbers(claims.claim(1)) == [1]
    again = claims.claim(1)
    assert (again is not None) == is_free
    assert claims.has_work()


def test_what_is_given_back_was_never_begun(engine, store, claims) -> None:
    store.create(new_job(n_items=3))
    claim = claims.claim(3)
    claims.finish(claim, [done(claim.items[0])])
    claims.release(claim)
    again = claims.claim(3)
    assert numbers(again) == [2, 3] and [item.attempts for item in again.items] == [1, 1]


def test_jobs_take_turns(store, claims) -> None:
    """A small job does not wait for a big one that came first."""
    big, small = new_job(1, n_items=9), new_job(2, n_items=2)
    store.create(big)
    store.create(small)
    taken = [(claim.job_id, numbers(claim)) for claim in (claims.claim(2) for _ in range(4))]
    assert taken == [(big.id, [1, 2]), (small.id, [1, 2]), (big.id, [3, 4]), (big.id, [5, 6])]


def test_a_cancelled_job_begins_nothing_and_keeps_its_rows(store, claims) -> None:
    job = new_job(n_items=3)
    store.create(job)
    claim = claims.claim(2)
    claims.finish(claim, [done(claim.items[0])])
    store.cancel(job.id)
    assert claims.keep(claim) is False and claims.claim(9) is None and not claims.has_work()
    claims.finish(claim, [done(claim.items[1])])  # was being scored
    claims.release(claim)
    record = store.job(job.id, None)
    assert record.state is JobState.CANCELLED and record.ended_at is not None
    assert paths(store, job) == ["1.jpg", "2.jpg"] and store.progress(job.id).open == 1
    store.cancel(job.id)
    assert store.job(job.id, None).ended_at == record.ended_at
    finished = new_job(2, n_items=1)
    store.create(finished)
    claim = claims.claim(1)
    claims.finish(claim, [done(claim.items[0])])
    store.cancel(finished.id)
    assert store.job(finished.id, None).state is JobState.FINISHED


def test_many_workers_at_once_share_a_job_without_taking_anything_twice(engine, store) -> None:
    job = new_job(n_items=120)
    store.create(job)
    taken, failures = Counter(), []

    def work() -> None:
        claims = ClaimStore(engine)
        try:
            while claims.has_work():
                claim = claims.claim(5)
                if claim is not None:
                    taken.update(numbers(claim))
                    claims.keep(claim)
                    claims.finish(claim, [done(item) for item in claim.items])
        except Exception as error:  # noqa: BLE001 - shown below
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert taken == Counter(range(1, 121)) and store.job(job.id, None).state is JobState.FINISHED
    assert len(set(paths(store, job))) == len(paths(store, job)) == 120


def test_who_sees_what_newest_first_in_pages(store) -> None:
    for number, key_id in ((1, "anna"), (2, "ben"), (3, "anna")):
        store.create(new_job(number, key_id=key_id))
    ids = [new_job(n).id for n in (1, 2, 3)]
    assert [job.id for job in store.jobs(None, limit=9)] == ids[::-1]
    assert [job.id for job in store.jobs("anna", limit=9)] == [ids[2], ids[0]]
    assert store.job(ids[1], "anna") is None and store.job(ids[1], "ben").key_id == "ben"
    last = store.jobs(None, limit=1)[0]
    older = store.jobs(None, limit=1, before=(last.created_at, last.id))
    assert [job.id for job in older] == [ids[1]]


def test_the_same_request_makes_one_job_and_another_one_is_refused(store) -> None:
    first = store.create(new_job(1), Idempotency("k", "aa"))
    assert first.replayed is False
    again = store.create(new_job(2), Idempotency("k", "aa"))
    assert (again.job_id, again.replayed) == (first.job_id, True)
    assert store.job(new_job(2).id, None) is None
    with pytest.raises(IdempotencyConflict):
        store.create(new_job(3), Idempotency("k", "bb"))
    assert store.create(new_job(4, key_id="ben"), Idempotency("k", "bb")).replayed is False


def test_items_refused_on_arrival_have_their_row_and_a_job_of_them_alone_is_over(
    engine, store, claims
) -> None:
    facts = Facts("c1", "2026-05-01T08:30:00+08:00", "office", "corridor")
    bad = NewItem(printable("a\x00\udcff.jpg"), facts, "row 2 of m.csv", error="no such photo")
    store.create(new_job(1, items=(bad,)))
    job = store.job(new_job(1).id, None)
    assert job.state is JobState.FINISHED and not claims.has_work()
    (line,) = store.lines(job.id)
    assert json.loads(line) == {
        "path": "a\\x00\\udcff.jpg",
        "error": "no such photo",
        "batch": {"id": None, "sha256": None, "camera": "c1", "time": "2026-05-01T08:30:00+08:00"},
    }
    with engine.connect() as connection:
        assert connection.execute(select(job_items.c.state)).scalars().all() == [ItemState.FAILED]


def test_a_context_comes_back_as_it_was() -> None:
    facts = (Fact("only_exit", Source.PERSON),)
    context = JobContext(InspectionContext("office", ("g",), "corridor", Source.PERSON, facts, {"x": 2}), 0.1)
    assert context_from_json(json.loads(json.dumps(context.to_json()))) == context
