"""Bringing a database to the newest schema, or refusing it."""

import pytest
from sqlalchemy import make_url, text

from firewarden.errors import HazardError
from firewarden.ledger.database import build_engine, prepare


def test_a_database_of_a_later_version_is_told_and_left_alone(tmp_path):
    engine = build_engine(make_url(f"sqlite:///{tmp_path / 'a.db'}"))
    prepare(engine)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(
        HazardError, match=r"newer version \(9999, expected at most \d{4}\); install that version"
    ):
        prepare(engine)
    with engine.connect() as connection:
        assert connection.execute(text("SELECT version_num FROM alembic_version")).scalar() == "9999"
    engine.dispose()
