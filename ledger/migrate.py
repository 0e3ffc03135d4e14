"""Bring a database to the newest schema; the migrations are part of the package."""

from contextlib import AbstractContextManager, nullcontext
from importlib.resources import as_file, files
from pathlib import Path

from sqlalchemy import Connection, Engine, inspect, text

from firewarden.errors import HazardError

_VERSION_TABLE = "alembic_version"
_LOCK = 0x66697265  # any number, the same in every process: who migrates holds it


def upgrade_schema(engine: Engine) -> None:
    """Run the missing migrations in one transaction; a database that is up to date is left alone. Of several processes that
    start together, one migrates and the others wait. Raises HazardError for a database of a later version."""
    with (
        as_file(files("firewarden.ledger") / "migrations") as folder,
        engine.connect() as connection,
        _unbounded(connection),
        connection.begin(),
    ):
        _lock(connection)
        found, newest = _revision(connection), newest_revision(folder)
        if found is not None and found > newest:
            raise HazardError(
                f"the database is of a newer version ({found}, expected at most {newest}); install that version or restore "
                "a backup"
            )
        if found != newest:
            _migrate(connection, folder)


def newest_revision(folder: Path) -> str:
    """The last migration's number; files are named by it (0006_what_it_does.py)."""
    return max(path.name.partition("_")[0] for path in (folder / "versions").glob("[0-9]*_*.py"))


def _revision(connection: Connection) -> str | None:
    """What the database says of itself; None for an empty one."""
    if not inspect(connection).has_table(_VERSION_TABLE):
        return None
    return connection.execute(text(f"SELECT version_num FROM {_VERSION_TABLE}")).scalar()


def _migrate(connection: Connection, folder: Path) -> None:
    from alembic import (
        command,
    )  # a start with nothing to migrate does without: it takes a fifth of a second to import
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")


def _unbounded(connection: Connection) -> AbstractContextManager[None]:
    """A migration, and the wait for that of another process, may take long."""
    if connection.dialect.driver != "psycopg":
        return nullcontext()
    from firewarden.ledger.postgres import unbounded  # needs psycopg

    return unbounded(connection)


def _lock(connection: Connection) -> None:
    """Held until the transaction ends."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
