"""Whether an item of a batch names a photo is found without reading all items."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_job_items_sha256", "job_items", ["sha256"])


def downgrade() -> None:
    op.drop_index("ix_job_items_sha256", "job_items")
