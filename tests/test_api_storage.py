"""Blobs, migrations and settings."""

import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from pydantic import ValidationError
from sqlalchemy import Column, Integer, MetaData, create_engine, inspect, make_url

from firewarden.api.settings import Settings
from firewarden.api.storage import Repository
from firewarden.ledger.blobs import BlobDamaged, BlobStore
from firewarden.ledger.database import build_engine
from firewarden.ledger.migrate import newest_revision, upgrade_schema
from firewarden.ledger.tables import metadata


@pytest.fixture
def blobs(tmp_path):
    store = BlobStore(tmp_path / "blobs")
    store.open()
    return store


def test_a_blob_lives_under_its_hash_once(blobs) -> None:
    sha256 = blobs.put(b"photo")
    assert sha256 == hashlib.sha256(b"photo").hexdigest()
    assert blobs.put(b"photo") == sha256
    files = [path for path in blobs.root.rglob("*") if path.is_file()]
    assert files == [blobs.root / sha256[:2] / sha256[2:4] / sha256]
    assert blobs.get(sha256) == b"photo"


def test_a_damaged_or_missing_blob_is_not_handed_out(blobs) -> None:
    sha256 = blobs.put(b"photo")
    blobs.path(sha256).write_bytes(b"other")
    with pytest.raises(BlobDamaged, match="was changed"):
        blobs.get(sha256)
    with pytest.raises(BlobDamaged, match="missing"):
        blobs.get("0" * 64)


def test_a_cut_off_blob_is_written_anew(blobs) -> None:
    sha256 = blobs.put(b"photo")
    blobs.path(sha256).write_bytes(b"ph")
    blobs.put(b"photo")
    assert blobs.get(sha256) == b"photo"


def test_half_written_files_of_a_dead_process_are_dropped_and_fresh_ones_kept(blobs) -> None:
    old, fresh = blobs.root / "pending" / "old", blobs.root / "pending" / "fresh"
    for path in (old, fresh):
        path.write_bytes(b"half")
    os.utime(old, (0, 0))
    blobs.open()
    assert (old.exists(), fresh.exists()) == (False, True)


@pytest.mark.skipif(os.name == "nt", reason="folders cannot be synced on Windows")
def test_file_is_synced_before_its_name_appears_and_folders_after(blobs, monkeypatch) -> None:
    events = []
    fsync, replace = os.fsync, Path.replace

    def record_fsync(descriptor):
        events.append("folder" if os.path.isdir(f"/proc/self/fd/{descriptor}") else "file")  # noqa: PTH112
        fsync(descriptor)

    def record_replace(self, target):
        events.append("rename")
        return replace(self, target)

    monkeypatch.setattr(os, "fsync", record_fsync)
    monkeypatch.setattr(Path, "replace", record_replace)
    blobs.put(b"photo")
    assert events == ["file", "rename", "folder", "folder", "folder"]


def _differences(engine, target: MetaData) -> list:
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection, opts={"compare_type": True, "compare_server_default": True}
        )
        return compare_metadata(context, target)


def test_a_write_that_ends_while_others_are_looked_through_ends_no_start(blobs) -> None:
    """A link to nothing is listed and cannot be looked at, as a file that was renamed meanwhile."""
    (blobs.root / "pending" / "gone").symlink_to("nowhere")
    blobs.open()


def test_migrations_make_exactly_the_tables_of_the_code(tmp_path) -> None:
    engine = create_engine(f"sqlite:///{tmp_path / 'a.db'}")
    upgrade_schema(engine)
    upgrade_schema(engine)  # again: nothing to do
    assert _differences(engine, metadata) == []
    drifted = MetaData()
    for table in metadata.tables.values():
        table.to_metadata(drifted)
    drifted.tables["api_keys"].append_column(Column("extra", Integer))
    assert [difference[0] for difference in _differences(engine, drifted)] == ["add_column"]


def test_sqlite_is_opened_for_durability_in_a_folder_that_did_not_exist(tmp_path) -> None:
    path = tmp_path / "100% new" / "firewarden.db"
    repository = Repository(build_engine(make_url(f"sqlite:///{path}")))
    repository.open()
    with repository._engine.connect() as connection:
        read = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous")
        }
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() >= 5000
    assert read == {"journal_mode": "wal", "synchronous": 2}  # 2 is FULL
    assert "inspections" in inspect(repository._engine).get_table_names()
    repository.close()


def test_settings_come_from_the_environment_with_a_prefix(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("FIREWARDEN_DATA_DIR", str(tmp_path))
    monkeypatch.setenv("FIREWARDEN_MAX_PHOTOS", "7")
    settings = Settings()
    assert (settings.max_photos, settings.max_body_bytes, settings.auth) == (7, 33_554_432, True)
    assert settings.resolved_database_url().database == str(tmp_path / "firewarden.db")
    monkeypatch.setenv("FIREWARDEN_DATABASE_URL", "postgresql://u:geheim@db/fire")
    assert Settings().resolved_database_url().host == "db"
    assert "geheim" not in repr(Settings())
    monkeypatch.setenv("FIREWARDEN_WORKERS", "0")
    with pytest.raises(ValidationError, match="workers"):
        Settings()


def test_an_up_to_date_database_is_opened_without_alembic(tmp_path) -> None:
    url = f"sqlite:///{tmp_path / 'firewarden.db'}"
    upgrade_schema(build_engine(make_url(url)))
    program = (
        "import sys; from sqlalchemy import make_url; from firewarden.ledger.database import build_engine, prepare\n"
        f"prepare(build_engine(make_url({url!r}))); print('alembic' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_newest_migration_is_told_by_its_file() -> None:
    folder = Path(__file__).parents[1] / "ledger" / "migrations"
    config = Config()
    config.set_main_option("script_location", str(folder))
    assert newest_revision(folder) == ScriptDirectory.from_config(config).get_current_head()


def test_the_service_opens_its_network_before_it_reads_the_code_of_the_http_side() -> None:
    program = (
        "import sys, firewarden.api.serve; print('fastapi' in sys.modules, 'onnxruntime' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False False"


def test_importing_the_app_loads_no_training_library() -> None:
    program = (
        "import sys, firewarden.api.app, firewarden.api.serve\n"
        "roots = {name.partition('.')[0] for name in sys.modules} | {'.'.join(n.split('.')[:2]) for n in sys.modules}\n"
        "print(sorted(roots & {'torch', 'ultralytics', 'albumentations', 'firewarden.training', 'firewarden.datasets'}))"
    )
    done = subprocess.run([sys.executable, "-P", "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
