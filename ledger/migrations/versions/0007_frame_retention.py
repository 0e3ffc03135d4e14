"""How long a picture of an event is kept, where only a register file says so."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("cctv_frames", sa.Column("retention_days", sa.Integer()))


def downgrade() -> None:
    op.drop_column("cctv_frames", "retention_days")
