"""Tables of the service. A change here needs a migration beside it in `migrations/versions`."""

from datetime import UTC, datetime

from sqlalchemy import JSON, Boolean, Column, DateTime, Dialect, Index, Integer, MetaData, String, Table
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC in and out; SQLite would forget the zone."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC) if value else None

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value and value.tzinfo is None else value


metadata = MetaData()

api_keys = Table(
    "api_keys",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("secret_sha256", String(64), nullable=False),
    Column("role", String(32), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("revoked_at", UtcDateTime),
)

inspections = Table(
    "inspections",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("key_id", String(32), nullable=False),
    Column("image_sha256", String(64), nullable=False),
    Column("image_bytes", Integer, nullable=False),
    Column("received_at", UtcDateTime, nullable=False),
    Column("captured_at", UtcDateTime),
    Column("clock_suspect", Boolean, nullable=False),
    Column("source", String(32), nullable=False),
    Column("venue_code", String(64)),
    Column("position", JSON(none_as_null=True)),  # protected: read for the owner role alone
    Column("verdict", String(32), nullable=False),
    Column("risk_level", String(16)),
    Column("model_id", String(64), nullable=False),
    Column("rules_version", String(64), nullable=False),
    Column("result", JSON, nullable=False),
    Index("ix_inspections_key_received", "key_id", "received_at"),
    Index("ix_inspections_image", "image_sha256"),
    Index("ix_inspections_venue", "venue_code"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("key_id", String(32), primary_key=True),
    Column("idempotency_key", String(255), primary_key=True),
    Column("request_sha256", String(64), nullable=False),
    Column("answer", JSON, nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
)
