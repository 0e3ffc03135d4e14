"""Bring a database to the newest schema; the migrations are part of the package."""

from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, Engine, text

_LOCK = 0x66697265  # any number, the same in every process: who migrates holds it


def upgrade_schema(engine: Engine) -> None:
    """Run the missing migrations in one transaction; a database that is up to date is left alone. Of several processes that
    start together, one migrates and the others wait."""
    with as_file(files("firewarden.ledger") / "migrations") as folder, engine.begin() as connection:
        _lock(connection)
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _lock(connection: Connection) -> None:
    """Held until the transaction ends."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    else:
        connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
