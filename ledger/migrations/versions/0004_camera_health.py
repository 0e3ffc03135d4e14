"""How cameras do, told by the process that watches them; messages given up are found without reading all."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "camera_health",
        sa.Column("camera_id", sa.String(64), primary_key=True),
        sa.Column("status", sa.JSON, nullable=False),
        sa.Column("told_at", sa.DateTime(timezone=True), nullable=False),
    )
    op.create_index("ix_camera_health_told", "camera_health", ["told_at"])
    op.create_index("ix_cctv_outbox_dead", "cctv_outbox", ["dead_at"])
    op.create_index("ix_jobs_ended", "jobs", ["ended_at"])


def downgrade() -> None:
    op.drop_index("ix_jobs_ended", "jobs")
    op.drop_index("ix_cctv_outbox_dead", "cctv_outbox")
    op.drop_table("camera_health")
