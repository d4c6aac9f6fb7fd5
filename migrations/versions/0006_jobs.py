"""Jobs: what is kept of them, and PgQueuer's tables, in which their units wait.

`photos` learns when somebody asked for each photo; of the photos there are, and of those that an older version indexes
meanwhile, that stays unknown. On the way down jobs are lost: what they have indexed stays, the rest is not done.
"""

import sqlalchemy as sa
from alembic import op
from pgqueuer.adapters.persistence.qb import QueryBuilderEnvironment
from sqlalchemy.dialects import postgresql

from facepass.adapters.pgqueuer.names import SETTINGS

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

IDENTIFIER = sa.Text(collation="C")
INSTANT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.add_column("photos", sa.Column("requested_at", INSTANT, nullable=True))
    op.create_table(
        "jobs",
        sa.Column("job_id", IDENTIFIER, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("session_id", IDENTIFIER, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("started_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("job_id", name="jobs_pkey"),
    )
    op.create_index("jobs_session_idx", "jobs", ["session_id", "job_id"])
    op.create_table(
        "job_units",
        sa.Column("job_id", IDENTIFIER, nullable=False),
        sa.Column("unit_no", sa.Integer, nullable=False),
        sa.Column("photo_id", IDENTIFIER, nullable=False),
        sa.Column("source_key", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="queued"),
        sa.Column("attempts", sa.Integer, nullable=False, server_default="0"),
        sa.Column("faces_detected", sa.Integer, nullable=True),
        sa.Column("faces_indexed", sa.Integer, nullable=True),
        sa.Column("code", sa.Text, nullable=True),
        sa.Column("detail", sa.Text, nullable=True),
        sa.Column("ended_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("job_id", "unit_no", name="job_units_pkey"),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.job_id"], name="job_units_job_fkey", ondelete="CASCADE"),
        sa.CheckConstraint("state IN ('queued', 'done', 'failed', 'cancelled')", name="job_units_state"),
        sa.CheckConstraint("(state = 'queued') = (ended_at IS NULL)", name="job_units_ended"),
    )
    op.create_index(
        "job_units_queued_idx", "job_units", ["job_id", "unit_no"], postgresql_where=sa.text("state = 'queued'")
    )
    _run(QueryBuilderEnvironment(SETTINGS).build_install_query(create_schema=False))


def downgrade() -> None:
    _run(QueryBuilderEnvironment(SETTINGS).build_uninstall_query())
    op.drop_table("job_units")
    op.drop_table("jobs")
    op.drop_column("photos", "requested_at")


def _run(statements: str) -> None:
    """Several statements at once, which only the driver itself takes."""
    connection = op.get_bind().connection.dbapi_connection
    connection.run_async(lambda driver: driver.execute(statements))
