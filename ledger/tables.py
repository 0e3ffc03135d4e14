"""Tables of the service. A change here needs a migration beside it in `migrations/versions`."""

from datetime import UTC, datetime

from sqlalchemy import (
    JSON,
    Boolean,
    Column,
    DateTime,
    Dialect,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
)
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

cameras = Table(
    "cameras",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("venue", String(200), nullable=False),
    Column("definition", JSON, nullable=False),  # as the register file has it; its address is a reference
    Column("created_at", UtcDateTime, nullable=False),
    Column("updated_at", UtcDateTime, nullable=False),
    Index("ix_cameras_venue", "venue"),
)

camera_states = Table(  # what is followed at a camera, so that a restart opens nothing anew
    "camera_states",
    metadata,
    Column("camera_id", String(64), primary_key=True),
    Column("state", JSON, nullable=False),
    Column("saved_at", UtcDateTime, nullable=False),
)

cctv_events = Table(
    "cctv_events",
    metadata,
    Column("id", String(64), primary_key=True),
    Column("camera_id", String(64), nullable=False),
    Column("hazard", String(64), nullable=False),
    Column("opened_at", UtcDateTime, nullable=False),
    Column("ended_at", UtcDateTime),
    Column("revision", Integer, nullable=False),  # one more for each change that is told
    Column("event", JSON, nullable=False),
    Column("dismissed_at", UtcDateTime),
    Column("dismissed_until", UtcDateTime),
    Column("dismissed_by", String(32)),
    Column("dismissed_because", String(200)),
    Index("ix_cctv_events_opened", "opened_at", "id"),
    Index("ix_cctv_events_camera_opened", "camera_id", "opened_at"),
    Index("ix_cctv_events_ended", "ended_at"),
)

cctv_pictures = Table(  # one row for each file of the picture store; its lock guards the file
    "cctv_pictures",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("stored_at", UtcDateTime, nullable=False),
    Column("orphaned_at", UtcDateTime),
    Index("ix_cctv_pictures_orphaned", "orphaned_at"),
)

cctv_frames = Table(
    "cctv_frames",
    metadata,
    Column("event_id", String(64), primary_key=True),
    Column("sha256", String(64), primary_key=True),
    Column("camera_id", String(64), nullable=False),
    Column("taken_at", UtcDateTime, nullable=False),
    Column("retention_days", Integer),  # of a camera that a register file alone has
    Index("ix_cctv_frames_taken", "taken_at"),
    Index("ix_cctv_frames_sha256", "sha256"),
)

retired_masks = Table(  # private windows of cameras that were taken out, while pictures of them are kept
    "retired_masks",
    metadata,
    Column("camera_id", String(64), primary_key=True),
    Column("private_mask", JSON, nullable=False),
)

cctv_outbox = Table(
    "cctv_outbox",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("destination", String(32), nullable=False),
    Column("message_id", String(96), nullable=False),
    Column("event_id", String(64), nullable=False),
    Column("revision", Integer, nullable=False),
    Column("camera_id", String(64), nullable=False),
    Column("body", Text, nullable=False),  # the bytes that are signed
    Column("created_at", UtcDateTime, nullable=False),
    Column("due_at", UtcDateTime),  # None once sent or given up
    Column("attempts", Integer, nullable=False),
    Column("holder", String(64)),
    Column("sent_at", UtcDateTime),
    Column("dead_at", UtcDateTime),
    Column("last_error", String(300)),
    Index("ux_cctv_outbox_message", "destination", "message_id", unique=True),
    Index("ix_cctv_outbox_due", "destination", "due_at"),
    Index("ix_cctv_outbox_event", "destination", "event_id", "revision"),
    Index("ix_cctv_outbox_sent", "sent_at"),
    Index("ix_cctv_outbox_dead", "dead_at"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("key_id", String(32), nullable=False),
    Column("kind", String(16), nullable=False),
    Column("state", String(16), nullable=False),
    Column("created_at", UtcDateTime, nullable=False),
    Column("started_at", UtcDateTime),
    Column("ended_at", UtcDateTime),
    Column("claimed_at", UtcDateTime),  # when a worker last took items of it: jobs take turns
    Column("items", Integer, nullable=False),
    Column("context", JSON, nullable=False),
    Index("ix_jobs_key_created", "key_id", "created_at"),
    Index("ix_jobs_created", "created_at"),
    Index("ix_jobs_state", "state"),
    Index("ix_jobs_ended", "ended_at"),
)

job_items = Table(
    "job_items",
    metadata,
    Column("job_id", String(32), ForeignKey("jobs.id"), primary_key=True),
    Column("number", Integer, primary_key=True),  # from 1, in the order sent
    Column("path", Text, nullable=False),
    Column("place", Text, nullable=False),
    Column("facts", JSON, nullable=False),  # camera, time, venue, scene
    Column("sha256", String(64)),  # of the photo; null where none was kept
    Column("state", String(16), nullable=False),
    Column("attempts", Integer, nullable=False),
    Column("claim", String(32)),  # who works on it: one name for each time items were taken
    Column("due_at", UtcDateTime, nullable=False),  # when it may be taken (again)
    Column("error", Text),
    Column("verdict", String(32)),
    Column("risk_level", String(16)),
    Column("row", Text),  # the line of the results
    Index("ix_job_items_next", "job_id", "state", "attempts", "number"),
    Index("ix_job_items_claim", "claim"),
    Index("ix_job_items_sha256", "sha256"),
)

camera_health = Table(  # told now and then by the process that watches the camera
    "camera_health",
    metadata,
    Column("camera_id", String(64), primary_key=True),
    Column("status", JSON, nullable=False),
    Column("told_at", UtcDateTime, nullable=False),
    Index("ix_camera_health_told", "told_at"),
)

camera_claims = Table(  # which process watches a camera
    "camera_claims",
    metadata,
    Column("camera_id", String(64), primary_key=True),
    Column("holder", String(32), nullable=False),
    Column("due_at", UtcDateTime, nullable=False),  # when others may take it
)
