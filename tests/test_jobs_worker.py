"""Workers as their users run them: the rows of `firewarden batch`, each once, also when a worker is killed in the middle."""

import json
import signal
import subprocess
import sys
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import make_url
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))
from conftest import CLASSES
from postgres_server import postgres_migrated, postgres_ready, postgres_server  # noqa: F401
from test_bulk_sources import write_tar
from test_inference_inspector import ROWS, SCENES, photo
from tiny_model import build_model_folder

from firewarden.bulk.archives import Limits
from firewarden.bulk.engine import Effort
from firewarden.bulk.items import Unreadable
from firewarden.bulk.scorer import ScorerFactory
from firewarden.cli import app
from firewarden.errors import HazardError
from firewarden.findings import Fact, InspectionContext, Source
from firewarden.inference import tuned
from firewarden.inference.runtime_choice import RuntimeChoice
from firewarden.jobs import processes
from firewarden.jobs import worker as worker_module
from firewarden.jobs.claims import ClaimStore, Lease
from firewarden.jobs.intake import IntakePolicy, Upload, Uploads, take_in
from firewarden.jobs.processes import Recipe
from firewarden.jobs.records import JobContext, JobKind, JobState, NewJob
from firewarden.jobs.store import JobStore
from firewarden.jobs.worker import BlobReader, Pace, Worker, _ClaimSink, _kept_up
from firewarden.ledger.blobs import BlobStore
from firewarden.ledger.database import build_engine, prepare

SCENE_ROW = (0.9, 0.08, 0.02)
KILLED = """
import os, signal, sys
from pathlib import Path
from firewarden.bulk.scorer import Scorer, ScorerFactory
from firewarden.jobs.claims import Lease
from firewarden.jobs.processes import Recipe, run_worker
from firewarden.jobs.worker import Pace

scored, score = 0, Scorer.score

def score_some(self, item, data, sha256):
    global scored
    scored += 1
    if scored == 12:
        os.kill(os.getpid(), signal.SIGKILL)
    return score(self, item, data, sha256)

Scorer.score = score_some
run_worker(Recipe(sys.argv[1], Path(sys.argv[2]), ScorerFactory(Path(sys.argv[3])), pace=Pace(chunk=10),
                  lease=Lease(lease_s=1, rest_s=0), until_done=True))
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    folder = tmp_path_factory.mktemp("model") / "tiny"
    return build_model_folder(folder, CLASSES, ROWS, scene=SCENE_ROW, scene_names=SCENES)


@pytest.fixture
def data_dir(tmp_path):
    folder = tmp_path / "data"
    folder.mkdir()
    return folder


def open_store(url: str, data_dir: Path) -> tuple[JobStore, ClaimStore, BlobStore]:
    engine = build_engine(make_url(url))
    prepare(engine)
    blobs = BlobStore(data_dir / "blobs")
    blobs.open()
    return JobStore(engine), ClaimStore(engine, Lease(lease_s=60, rest_s=0)), blobs


def upload(tmp_path, blobs, members: dict[str, bytes], table: str | None = None) -> tuple:
    """Items of an uploaded tar, named by a manifest where there is one."""
    tar = Upload("may.tar", write_tar(tmp_path / "0", members))
    listed = Upload("m.csv", tmp_path / "1")
    if table is not None:
        listed.path.write_text(table, encoding="utf-8")
    uploads = Uploads(archives=(tar,), manifest=listed if table is not None else None)
    return take_in(uploads, blobs, IntakePolicy(Limits(), 1000), datetime.now(UTC))


def new_job(items, context: JobContext | None = None) -> NewJob:
    return NewJob("7" * 32, "anna", JobKind.PHOTOS, context or JobContext(), items, datetime.now(UTC))


def without_times(lines) -> dict[str, dict]:
    """Rows by path, less what differs from run to run; one row a path."""
    rows = [json.loads(line) for line in lines]
    for row in rows:
        row.pop("timings_ms", None)
    assert len({row["path"] for row in rows}) == len(rows)
    return {row["path"]: row for row in rows}


def batch_rows(monkeypatch, folder: Path, model: Path, source: str, *options: str) -> dict[str, dict]:
    monkeypatch.chdir(folder)
    words = ["batch", source, "--out", "rows.jsonl", "--model", str(model), *options]
    CliRunner().invoke(app, words)
    return without_times((folder / "rows.jsonl").read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize("listed", [False, True], ids=["archive", "manifest"])
def test_rows_are_those_of_batch(model, data_dir, tmp_path, monkeypatch, listed) -> None:
    members = {
        "a.jpg": photo(),
        "b.png": photo(200, 300, "PNG"),
        "bad.jpg": b"text",
        "楼/c.webp": photo(90, 70, "WEBP"),
    }
    table = "path,camera,time,venue,scene\na.jpg,c1,2026-05-01T08:30:00+08:00,office,stairwell\nb.png,c2,,castle,\nbad.jpg,,,,\n"
    store, claims, blobs = open_store(f"sqlite:///{data_dir / 'a.db'}", data_dir)
    context = InspectionContext("office", facts=(Fact("only_exit", Source.PERSON),))
    items = upload(tmp_path, blobs, members, table if listed else None)
    store.create(new_job(items, JobContext(context, 0.1)))
    Worker(claims, blobs, ScorerFactory(model)(), Effort(2, 2)).run(until_done=True)

    folder = tmp_path / "cwd"
    folder.mkdir()
    for name, data in members.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(data)
    (folder / "m.csv").write_text(table, encoding="utf-8")
    write_tar(folder / "may.tar", members)
    options = ("--venue-type", "office", "--fact", "only_exit", "--min-confidence", "0.1")
    expected = batch_rows(monkeypatch, folder, model, "m.csv" if listed else "may.tar", *options)
    got = without_times(store.lines("7" * 32))
    if listed:
        assert "not listed" in got.pop("may.tar!楼/c.webp")["error"]
    assert got == expected and len(got) == (3 if listed else 4)


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_killed_in_the_middle_others_finish_and_every_photo_has_one_row(
    request, model, data_dir, tmp_path, monkeypatch, database
) -> None:
    url = f"sqlite:///{data_dir / 'firewarden.db'}"
    if database == "postgresql":
        url = request.getfixturevalue("postgres_ready")
    store, _, blobs = open_store(url, data_dir)
    members = {f"{n:03d}.jpg": photo(64, 64 + n) if n % 9 else b"no picture" for n in range(36)}
    store.create(new_job(upload(tmp_path, blobs, members)))
    killed = subprocess.run(
        [sys.executable, "-P", "-c", KILLED, url, data_dir, model], check=False, capture_output=True
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    progress = store.progress("7" * 32)
    assert store.job("7" * 32, None).state is JobState.RUNNING
    assert 10 <= progress.done + progress.failed < 36 and progress.open > 0

    monkeypatch.setenv("FIREWARDEN_DATABASE_URL", url)
    several = ["--processes", "2"] if database == "postgresql" else []
    done = subprocess.run(
        [sys.executable, "-P", "-m", "firewarden", "worker", "--data-dir", data_dir, "--model", model,
         "--until-done", "--chunk", "8", "--lease", "5", *several],
        check=False, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    job, rows = store.job("7" * 32, None), without_times(store.lines("7" * 32))
    assert job.state is JobState.FINISHED and store.progress("7" * 32).open == 0
    folder = tmp_path / "cwd"
    folder.mkdir()
    write_tar(folder / "may.tar", members)
    assert rows == batch_rows(monkeypatch, folder, model, "may.tar") and len(rows) == 36


def test_several_processes_with_rules_that_are_none_end_together(model, data_dir) -> None:
    open_store(f"sqlite:///{data_dir / 'firewarden.db'}", data_dir)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "firewarden", "worker", "--data-dir", data_dir, "--model", model,
         "--processes", "2", "--rules", data_dir / "none.yaml"],
        check=False, capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2 and "Traceback" not in done.stderr
    told = " ".join(done.stderr.split())
    assert "none.yaml" in told and "a worker process cannot begin" in told


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
def test_a_database_elsewhere_and_no_photos_is_told_before_any_fails(
    request, data_dir, monkeypatch, database
) -> None:
    url = f"sqlite:///{data_dir / 'firewarden.db'}"
    if database == "postgresql":
        url = request.getfixturevalue("postgres_ready")
    open_store(url, data_dir)
    monkeypatch.setenv("FIREWARDEN_DATABASE_URL", url)
    typo = data_dir / "typo"
    done = CliRunner().invoke(app, ["worker", "--data-dir", str(typo), "--until-done"])
    assert isinstance(done.exception, HazardError) and f"no photos at {typo}" in str(done.exception)
    assert not typo.exists()


def test_a_worker_uses_what_was_tuned_in_its_data_folder(data_dir, monkeypatch) -> None:
    open_store(f"sqlite:///{data_dir / 'firewarden.db'}", data_dir)
    recipes, asked = [], []
    choice = RuntimeChoice()
    monkeypatch.setattr(processes, "run_workers", lambda recipe, number: recipes.append(recipe))
    monkeypatch.setattr(tuned, "stored_choice", lambda folder, *_: asked.append(folder) or choice)
    done = CliRunner().invoke(app, ["worker", "--data-dir", str(data_dir), "--workers", "3"])
    assert done.exit_code == 0 and asked == [data_dir]
    (recipe,) = recipes
    assert recipe.factory.cache_dir == data_dir / tuned.CACHE_FOLDER
    assert recipe.factory.runtime == replace(choice, threads=1, streams=3)


def test_told_to_stop_a_worker_finishes_what_it_began_and_gives_back_the_rest(
    model, data_dir, tmp_path
) -> None:
    store, claims, blobs = open_store(f"sqlite:///{data_dir / 'firewarden.db'}", data_dir)
    members = {f"{n:03d}.jpg": photo(1600, 1200 + n) for n in range(40)}
    store.create(new_job(upload(tmp_path, blobs, members)))
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "firewarden", "worker", "--data-dir", data_dir, "--model", model,
         "--workers", "1", "--chunk", "40"],
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        deadline = time.monotonic() + 120
        while store.job("7" * 32, None).state is JobState.QUEUED and time.monotonic() < deadline:
            time.sleep(0.02)
        process.terminate()
        assert process.wait(120) == 0
    finally:
        process.kill()
        told = process.stderr.read()
        process.stderr.close()
    assert "works on the batches of sqlite" in told and "Traceback" not in told
    progress = store.progress("7" * 32)
    assert progress.open > 0 and progress.failed == 0
    rest = claims.claim(99)  # at once: nobody waits for a lease
    assert len(rest.items) == progress.open and {item.attempts for item in rest.items} == {1}


def test_errors_of_a_worker_are_tried_again_and_a_damaged_blob_is_told(
    model, data_dir, tmp_path, monkeypatch
) -> None:
    store, claims, blobs = open_store(f"sqlite:///{data_dir / 'a.db'}", data_dir)
    good, bad, odd = photo(64, 64), photo(64, 65), photo(64, 66)
    items = upload(tmp_path, blobs, {"good.jpg": good, "bad.jpg": bad, "odd.jpg": odd})
    blobs.path(items[1].sha256).write_bytes(b"changed")
    store.create(new_job(items))
    scorer = ScorerFactory(model)()
    inspect, calls = scorer.inspector.inspect_image, []

    def fails_once(image, *args, **kwargs):
        calls.append(image.sha256)
        if calls.count(items[2].sha256) == 1 and image.sha256 == items[2].sha256:
            raise MemoryError("no room")
        return inspect(image, *args, **kwargs)

    monkeypatch.setattr(scorer.inspector, "inspect_image", fails_once)
    Worker(claims, blobs, scorer, Effort(), Pace(poll_s=0.01)).run(until_done=True)
    assert calls.count(items[2].sha256) == 2
    (error,) = store.errors("7" * 32, limit=9)
    assert error.path == "may.tar!bad.jpg" and error.attempts == 3 and "gone or damaged" in error.error
    assert store.progress("7" * 32).done == 2


def test_a_lost_blob_is_told_to_the_client_without_its_path(data_dir, caplog) -> None:
    blobs = BlobStore(data_dir / "blobs")
    with pytest.raises(Unreadable) as told:
        BlobReader(blobs, "ab" * 32).read()
    assert str(told.value) == "the stored photo is gone or damaged; see the worker's log"
    assert str(blobs.path("ab" * 32)) in caplog.text


def test_a_cancelled_job_stops_its_worker(model, data_dir, tmp_path) -> None:
    store, _, blobs = open_store(f"sqlite:///{data_dir / 'a.db'}", data_dir)
    claims = ClaimStore(store._engine, Lease(lease_s=0.15))  # a sign of life every 0.05 s
    store.create(new_job(upload(tmp_path, blobs, {f"{n}.jpg": photo(64, 64 + n) for n in range(50)})))
    scorer = ScorerFactory(model)()
    inspect = scorer.inspector.inspect_image

    def slow(*args, **kwargs):
        store.cancel("7" * 32)
        time.sleep(0.2)
        return inspect(*args, **kwargs)

    scorer.inspector.inspect_image = slow
    Worker(claims, blobs, scorer, Effort(1, 1), Pace(chunk=50)).run(until_done=True)
    progress = store.progress("7" * 32)
    assert 0 < progress.done < 20 and progress.open == 50 - progress.done


def test_a_worker_that_hangs_is_ended(data_dir, tmp_path) -> None:
    store, claims, blobs = open_store(f"sqlite:///{data_dir / 'a.db'}", data_dir)
    store.create(new_job(upload(tmp_path, blobs, {"a.jpg": photo(64, 64)})))
    sink, ended = _ClaimSink(claims, claims.claim(1)), threading.Event()
    with _kept_up(sink, stall_s=0.1, on_stall=ended.set):
        assert ended.wait(30)
    assert worker_module.STALLED != 0


def test_chores_that_fail_end_no_worker(model, data_dir, tmp_path, caplog) -> None:
    store, claims, blobs = open_store(f"sqlite:///{data_dir / 'a.db'}", data_dir)
    store.create(new_job(upload(tmp_path, blobs, {"a.jpg": photo(64, 64)})))

    def chores() -> None:
        raise PermissionError(13, "Permission denied", str(blobs.root))

    scorer = ScorerFactory(model, max_pixels=64 * 64 - 1)()
    Worker(claims, blobs, scorer, Effort(), Pace(poll_s=0.01), chores).run(until_done=True)
    assert "Permission denied" in caplog.text
    (error,) = store.errors("7" * 32, limit=9)
    assert "expected at most 4095" in error.error, "the bound of the scorer is that of its recipe"


def test_a_recipe_can_be_sent_to_another_process(model, tmp_path) -> None:
    import pickle

    recipe = Recipe("sqlite://", tmp_path, ScorerFactory(model), Effort(1, 2), Pace(3), Lease(4))
    assert pickle.loads(pickle.dumps(recipe)) == recipe
