"""Keys by hand, beside a running service: listed and revoked in its database."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import Engine, select, update
from sqlalchemy.exc import InterfaceError, OperationalError

from firewarden.api.auth import ApiKey, Role, key_id_of, new_key
from firewarden.api.settings import Settings
from firewarden.api.storage import Repository
from firewarden.errors import HazardError
from firewarden.ledger.database import build_engine, check_exists, database_now, write_transaction
from firewarden.ledger.tables import api_keys


@contextmanager
def open_database(settings: Settings, *, make: bool) -> Iterator[Engine]:
    """The database of a service, its schema up to date. Raises HazardError where it cannot be opened and, unless `make`,
    where its file does not exist: a mistyped folder must not look like one without keys."""
    engine = build_engine(settings.resolved_database_url())
    if make:
        settings.make_data_dir()
    else:
        check_exists(engine)
    repository = Repository(engine)
    try:
        repository.open()
        yield engine
    except (OperationalError, InterfaceError) as error:
        raise HazardError(
            f"the database {engine.url.render_as_string()} cannot be used: {error.orig}. See that it runs and that this "
            "user may write to it."
        ) from error
    finally:
        repository.close()


def add_key(engine: Engine, role: Role) -> tuple[str, ApiKey]:
    """Store a new key; its text, which nothing can show again, and its row."""
    text, key = new_key(role)
    Repository(engine).add_key(key)
    return text, key


def list_keys(engine: Engine) -> list[ApiKey]:
    """All keys, the oldest first, revoked ones too."""
    with engine.connect() as connection:
        rows = connection.execute(select(api_keys).order_by(api_keys.c.created_at, api_keys.c.key_id)).all()
    return [
        ApiKey(row.key_id, row.secret_sha256, Role(row.role), row.created_at, row.revoked_at) for row in rows
    ]


def revoke_key(engine: Engine, key: str) -> datetime:
    """Revoke a key, named by its id or its whole text; since when it is revoked, which a second call does not change. Raises
    HazardError for one that is unknown."""
    column, key_id = api_keys.c, key_id_of(key) or key
    with write_transaction(engine) as connection:
        now = database_now(connection)
        still_valid = (column.key_id == key_id) & column.revoked_at.is_(None)
        connection.execute(update(api_keys).where(still_valid).values(revoked_at=now))
        query = select(column.revoked_at).where(column.key_id == key_id)
        since: datetime | None = connection.execute(query).scalar_one_or_none()
    if since is None:
        raise HazardError(f"there is no key {key_id!r}. `firewarden keys list` shows all ids.")
    return since
