"""Cameras, what is followed at them, their events and pictures, and the messages that tell of events."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None
_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create_cameras()
    _create_events()
    _create_outbox()


def _create_cameras() -> None:
    op.create_table(
        "cameras",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("venue", sa.String(200), nullable=False),
        sa.Column("definition", sa.JSON, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("updated_at", _TIME, nullable=False),
    )
    op.create_index("ix_cameras_venue", "cameras", ["venue"])
    op.create_table(
        "camera_states",
        sa.Column("camera_id", sa.String(64), primary_key=True),
        sa.Column("state", sa.JSON, nullable=False),
        sa.Column("saved_at", _TIME, nullable=False),
    )


def _create_events() -> None:
    op.create_table(
        "cctv_events",
        sa.Column("id", sa.String(64), primary_key=True),
        sa.Column("camera_id", sa.String(64), nullable=False),
        sa.Column("hazard", sa.String(64), nullable=False),
        sa.Column("opened_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("event", sa.JSON, nullable=False),
        sa.Column("dismissed_at", _TIME),
        sa.Column("dismissed_until", _TIME),
        sa.Column("dismissed_by", sa.String(32)),
        sa.Column("dismissed_because", sa.String(200)),
    )
    op.create_index("ix_cctv_events_opened", "cctv_events", ["opened_at", "id"])
    op.create_index("ix_cctv_events_camera_opened", "cctv_events", ["camera_id", "opened_at"])
    op.create_index("ix_cctv_events_ended", "cctv_events", ["ended_at"])
    op.create_table(
        "cctv_pictures",
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("stored_at", _TIME, nullable=False),
        sa.Column("orphaned_at", _TIME),
    )
    op.create_index("ix_cctv_pictures_orphaned", "cctv_pictures", ["orphaned_at"])
    op.create_table(
        "cctv_frames",
        sa.Column("event_id", sa.String(64), primary_key=True),
        sa.Column("sha256", sa.String(64), primary_key=True),
        sa.Column("camera_id", sa.String(64), nullable=False),
        sa.Column("taken_at", _TIME, nullable=False),
    )
    op.create_index("ix_cctv_frames_taken", "cctv_frames", ["taken_at"])
    op.create_index("ix_cctv_frames_sha256", "cctv_frames", ["sha256"])


def _create_outbox() -> None:
    op.create_table(
        "cctv_outbox",
        sa.Column("id", sa.Integer, primary_key=True, autoincrement=True),
        sa.Column("destination", sa.String(32), nullable=False),
        sa.Column("message_id", sa.String(96), nullable=False),
        sa.Column("event_id", sa.String(64), nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
        sa.Column("camera_id", sa.String(64), nullable=False),
        sa.Column("body", sa.Text, nullable=False),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("holder", sa.String(64)),
        sa.Column("sent_at", _TIME),
        sa.Column("dead_at", _TIME),
        sa.Column("last_error", sa.String(300)),
    )
    op.create_index("ux_cctv_outbox_message", "cctv_outbox", ["destination", "message_id"], unique=True)
    op.create_index("ix_cctv_outbox_due", "cctv_outbox", ["destination", "due_at"])
    op.create_index("ix_cctv_outbox_event", "cctv_outbox", ["destination", "event_id", "revision"])
    op.create_index("ix_cctv_outbox_sent", "cctv_outbox", ["sent_at"])


def downgrade() -> None:
    for table in ("cctv_outbox", "cctv_frames", "cctv_pictures", "cctv_events", "camera_states", "cameras"):
        op.drop_table(table)
