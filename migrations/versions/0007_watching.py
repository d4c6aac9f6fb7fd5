"""What watching needs: since when jobs wait, how many photos of jobs were given up, when the newest backup was made.

A column that may be empty, a table and a small index: an older version that still serves does not see them. Jobs that
it has retried seem to wait since they were asked for. On the way down the time of the newest backup is lost; the next
backup tells it again.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

INSTANT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.add_column("jobs", sa.Column("queued_at", INSTANT, nullable=True))
    op.create_index("job_units_failed_idx", "job_units", ["job_id"], postgresql_where=sa.text("state = 'failed'"))
    op.create_table(
        "last_backup",
        sa.Column("single", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sa.Column("taken_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("single", name="last_backup_pkey"),
        sa.CheckConstraint("single", name="last_backup_single"),
    )


def downgrade() -> None:
    op.drop_table("last_backup")
    op.drop_index("job_units_failed_idx", "job_units")
    op.drop_column("jobs", "queued_at")
