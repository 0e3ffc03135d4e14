"""Bring a database to the newest schema; the migrations are part of the package."""

from importlib.resources import as_file, files

from alembic import command
from alembic.config import Config
from sqlalchemy import Engine


def upgrade_schema(engine: Engine) -> None:
    """Run the missing migrations in one transaction each; a database that is up to date is left alone."""
    with as_file(files("firewarden.ledger") / "migrations") as folder, engine.begin() as connection:
        config = Config()
        config.set_main_option("script_location", str(folder).replace("%", "%%"))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")
