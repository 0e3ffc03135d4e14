"""Private windows of cameras that were taken out, while pictures of them are kept."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "retired_masks",
        sa.Column("camera_id", sa.String(64), primary_key=True),
        sa.Column("private_mask", sa.JSON(), nullable=False),
    )


def downgrade() -> None:
    op.drop_table("retired_masks")
