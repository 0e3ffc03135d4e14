"""The batch engine on a real Ray cluster of this machine: the rows of the local engine, each once, whatever dies."""

# ruff: noqa: F811 - fixtures come from batch_stage

import json
import os
import signal
import sys
import threading
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from typer.testing import CliRunner

sys.path.insert(0, str(Path(__file__).parent))
from batch_stage import model  # noqa: F401
from test_bulk_sources import write_tar
from test_inference_inspector import photo

from firewarden.bulk.engine import Effort, EngineName, RayCluster, check_engine
from firewarden.bulk.items import Item
from firewarden.bulk.job import Job, run_job
from firewarden.bulk.scorer import Row, Scorer, ScorerFactory
from firewarden.cli import app
from firewarden.errors import HazardError

_LIMIT_S = 240  # that a busy machine may take to start a process


@dataclass(frozen=True, slots=True)
class Trap(ScorerFactory):
    """Scorers that note every try in `log`. The first one that comes to `held` waits there to be killed; every one that
    comes to `deadly` dies."""

    log: Path = Path()
    held: str = "nothing"
    deadly: str = "nothing"

    def __call__(self) -> Scorer:
        scorer = ScorerFactory.__call__(self)
        score = scorer.score

        def trapped(item: Item, data: bytes, sha256: str) -> Row:
            first = self.held in item.key and self.held not in self.log.read_text()
            with self.log.open("a") as file:
                file.write(f"{os.getpid()} {item.key}\n")
            if first:
                time.sleep(_LIMIT_S)
            if self.deadly in item.key:
                os._exit(1)
            return score(item, data, sha256)

        scorer.score = trapped
        return scorer


@pytest.fixture(scope="module")
def cluster():
    ray = pytest.importorskip(
        "ray", reason="RAY ABSENT: --engine ray is not tested; pip install 'firewarden[ray]'"
    )
    from firewarden.bulk.ray_engine import joined_cluster

    ray.cloudpickle.register_pickle_by_value(sys.modules[__name__])
    with joined_cluster(RayCluster(), Effort(2, 2)):
        yield


@pytest.fixture
def sources(tmp_path):
    """A table of 20 pictures, 4 repeats and a lost file, an archive of 41, and a folder of 51 with those of the table."""
    folder = tmp_path / "photos"
    folder.mkdir()
    for number in range(51):
        (folder / f"{number:02}.jpg").write_bytes(photo(64, 64) if number != 7 else b"no picture")
    members = {f"{number:02}.jpg": photo(48, 64) for number in range(40)}
    tar = write_tar(tmp_path / "a.tar", {**members, "x.jpg": b"no picture"})
    table = tmp_path / "cams.csv"
    rows = [f"photos/{number % 20:02}.jpg,c{number}" for number in range(24)]
    table.write_text("\n".join(["path,camera", *rows, "lost.jpg,c9"]), encoding="utf-8")
    return str(table), str(tar), str(folder)


def rows_of(path: Path) -> dict[str, Row]:
    """Rows by path, less what differs from run to run; every path once."""
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    for row in rows:
        row.pop("timings_ms", None)
    assert len({row["path"] for row in rows}) == len(rows)
    return {row["path"]: row for row in rows}


def kill_who_waits(log: Path, held: str, out: Path) -> None:
    """SIGKILL to the process that waits at `held`, once others have got new rows to disk."""
    until = time.monotonic() + _LIMIT_S
    part = out.with_name(f"{out.name}.state") / "part-000001.jsonl"
    before = part.stat().st_size
    while time.monotonic() < until:
        waiting = [line.split()[0] for line in log.read_text().splitlines() if held in line]
        if waiting and part.stat().st_size > before:
            os.kill(int(waiting[0]), signal.SIGKILL)
            return
        time.sleep(0.05)


def test_a_worker_killed_in_the_middle_of_a_batch_that_the_local_engine_began(
    cluster, model, sources, tmp_path, monkeypatch
):
    log, out, whole = tmp_path / "log", tmp_path / "ray.jsonl", tmp_path / "local.jsonl"
    log.touch()
    args = ["batch", *sources, "--model", str(model), "--workers", "2", "--json"]
    local = json.loads(CliRunner().invoke(app, [*args, "--out", str(whole)]).stdout)
    CliRunner().invoke(app, [*args, "--out", str(out), "--limit", "30"])
    trap = partial(Trap, log=log, held="photos/33.jpg")
    monkeypatch.setattr("firewarden.bulk.scorer.ScorerFactory", trap)
    killer = threading.Thread(target=kill_who_waits, args=(log, "photos/33.jpg", out))
    killer.start()
    done = CliRunner().invoke(app, [*args, "--out", str(out), "--engine", "ray"])
    killer.join()
    assert done.stdout, repr(done.exception)
    on_ray = json.loads(done.stdout)
    tries = [line.split() for line in log.read_text().splitlines()]
    assert (
        len({pid for pid, key in tries if key.endswith("photos/33.jpg")}) == 2
    )  # the killed one, and another
    assert rows_of(out) == rows_of(whole) and len(rows_of(out)) == 25 + 41 + 51 - 20
    assert (local["scored_now"], local["skipped"], local["overlaps"], local["unread"]) == (
        90,
        0,
        20,
        1,
    )  # the lost file
    # of the first 30, the 20 pictures of the table and 5 of the archive were done; 4 repeats and the lost file were not
    told = {**local, "out": str(out), "scored_now": 90 - 24, "skipped": 25}
    assert on_ray == told


def test_a_picture_that_kills_its_process_is_an_error_and_no_other_is(cluster, model, tmp_path):
    folder, log = tmp_path / "photos", tmp_path / "log"
    folder.mkdir()
    log.touch()
    for number in range(20):
        (folder / f"{number:02}.jpg").write_bytes(photo(64, 64))
    trap = Trap(model, log=log, deadly="05.jpg")
    out = tmp_path / "o.jsonl"
    result = run_job(Job((str(folder),), out, trap, engine=EngineName.RAY, effort=Effort(2, 2)))
    rows = rows_of(out)
    assert [Path(path).name for path, row in rows.items() if "error" in row] == ["05.jpg"]
    assert "died over it" in rows[str(folder / "05.jpg")]["error"]
    assert (result.tally.scored, result.tally.unread) == (19, 1)


def test_without_ray_the_cure_is_told(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.setitem(sys.modules, "ray.data", None)
    with pytest.raises(HazardError, match=r"pip install -e '\.\[ray\]'"):
        check_engine(EngineName.RAY)


@pytest.mark.parametrize(
    ("args", "told"),
    [
        (("--ray-address", "auto"), "expected it with --engine ray"),
        (("--engine", "ray", "--scene", "castle"), "unknown scene 'castle'"),
    ],
)
def test_bad_options_are_told_before_a_cluster_starts(model, tmp_path, args, told):
    if "ray" in args:
        pytest.importorskip("ray", reason="RAY ABSENT: pip install 'firewarden[ray]'")
    (tmp_path / "a.jpg").write_bytes(photo(64, 64))
    command = ["batch", str(tmp_path), "--model", str(model), "--out", str(tmp_path / "o.jsonl"), *args]
    done = CliRunner().invoke(app, command)
    assert told in str(done.exception)


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("ray://head:10001", "on a machine of the cluster"),
        ("head", "expected auto or HOST:PORT"),
        ("127.0.0.1:1", "nobody answers"),
        ("127.0.0.1:99999", "nobody answers"),
    ],
)
def test_an_address_of_no_cluster_is_told_at_once(address, told):
    ray = pytest.importorskip("ray", reason="RAY ABSENT: pip install 'firewarden[ray]'")
    from firewarden.bulk.ray_engine import joined_cluster

    ray.shutdown()
    with pytest.raises(HazardError, match=told), joined_cluster(RayCluster(address), Effort()):
        pass
