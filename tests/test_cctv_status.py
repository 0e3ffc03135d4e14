"""`firewarden cctv status`: how cameras do, for a person to read."""

import json
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import update
from typer.testing import CliRunner

pytest.importorskip("av", reason="PYAV ABSENT: pip install 'firewarden[video]'")
sys.path.insert(0, str(Path(__file__).parent))
from cctv_events import NOW, Stores, camera
from cctv_recordings import status

from firewarden.cctv.console_status import Told, all_told, summary
from firewarden.cctv.health_store import HealthStore, ToldHealth
from firewarden.cctv.video_source import CaptureState
from firewarden.cli import app
from firewarden.errors import HazardError
from firewarden.ledger.tables import camera_health

REFUSED = "cannot be opened: Server returned 401 Unauthorized"


def told(folder: Path, *words: str):
    return CliRunner().invoke(app, ["cctv", "status", "--data-dir", str(folder), *words])


@pytest.fixture
def stores(tmp_path) -> Stores:
    """Cameras that are well, frozen, refused, told of yesterday, and never told of."""
    stores = Stores(f"sqlite:///{tmp_path / 'firewarden.db'}", tmp_path)
    for name in ("well", "still", "locked", "gone", "new"):
        stores.cameras.add(camera(name))
    of = {name: replace(status(), camera_id=name, last_frame_age_s=1.0) for name in ("well", "still", "gone")}
    of["still"] = replace(of["still"], problems=("frozen",), dropped=7)
    of["locked"] = replace(
        status(), camera_id="locked", state=CaptureState.WAITING, problems=("silent", "disconnected"), last_error=REFUSED
    )  # fmt: skip
    HealthStore(stores.engine).save(of.values())
    with stores.engine.begin() as connection:
        row = update(camera_health).where(camera_health.c.camera_id == "gone")
        connection.execute(row.values(told_at=NOW - timedelta(days=3)))
    return stores


def test_each_camera_has_a_line_and_those_not_well_their_reason(stores):
    done = told(stores.folder)
    head, *rows = done.stdout.splitlines()
    lines = {row.split()[0]: row for row in rows[:5]}
    assert head.split()[:3] == ["camera", "state", "problems"] and list(lines) == sorted(lines)
    assert lines["well"].split()[1] == "reading" and "frozen" not in lines["well"]
    assert "frozen" in lines["still"] and " 7 " in lines["still"]
    assert "waiting" in lines["locked"] and "silent, disconnected" in lines["locked"]
    assert lines["gone"].split()[1:3] == ["-", "unwatched"] and lines["gone"].endswith("3 d ago")
    assert lines["new"].split() == ["new", "-", "unwatched", "-", "-", "-", "-", "-"]
    assert rows[5:] == [
        f"locked: {REFUSED}", "5 cameras, 1 well; 1 disconnected, 1 frozen, 1 silent, 2 unwatched",
    ]  # fmt: skip
    assert done.exit_code == 1


def test_only_those_not_well_as_json(stores):
    done = told(stores.folder, "--problems", "--json")
    cameras = {one["camera_id"]: one for one in json.loads(done.stdout)["cameras"]}
    assert sorted(cameras) == ["gone", "locked", "new", "still"] and done.exit_code == 1
    assert cameras["still"]["watched"] and cameras["still"]["problems"] == ["frozen"]
    assert cameras["gone"]["last_frame_age_s"] > 2.9 * 86_400 and not cameras["gone"]["watched"]
    assert cameras["new"]["told"] is None and cameras["locked"]["told"]["last_error"] == REFUSED


def test_all_well_is_exit_code_0(tmp_path):
    stores = Stores(f"sqlite:///{tmp_path / 'firewarden.db'}", tmp_path)
    stores.cameras.add(camera("a"))
    HealthStore(stores.engine).save([status()])
    done = told(tmp_path)
    assert done.exit_code == 0 and done.stdout.splitlines()[-1] == "1 cameras, 1 well"


def test_a_folder_without_a_database_is_an_error(tmp_path):
    assert isinstance(told(tmp_path / "none").exception, HazardError)
    assert not (tmp_path / "none").exists()


def test_cameras_of_a_register_in_a_file_are_listed_while_they_are_watched():
    health = [ToldHealth("file-1", {"problems": []}, 3.0), ToldHealth("file-2", {"problems": []}, 61.0)]
    cameras = all_told(["db-1"], health)
    assert [one.camera_id for one in cameras] == ["db-1", "file-1"]
    assert summary(cameras) == "2 cameras, 1 well; 1 unwatched"
    assert Told("a", {"problems": ["black"]}, 60.0).problems == ("black",)
