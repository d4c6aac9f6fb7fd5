"""What only earlier versions read of a session is gone: a model's name and dimension stand in `models`.

Changes of the catalogue, without touching a row. On the way down sessions that were erased are lost: earlier versions
know none.
"""

from alembic import op

from facepass.adapters.pgvector.migration_steps import lock_out_writers

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    lock_out_writers("sessions")
    op.execute("ALTER TABLE sessions DROP COLUMN model, DROP COLUMN dimension, ALTER COLUMN revision DROP DEFAULT")


def downgrade() -> None:
    op.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
    op.execute("DELETE FROM sessions WHERE model_pk IS NULL")
    op.execute(
        "ALTER TABLE sessions ADD COLUMN model text, ADD COLUMN dimension integer, ALTER COLUMN revision SET DEFAULT 1"
    )
    op.execute("UPDATE sessions s SET model = m.name, dimension = m.dimension FROM models m WHERE m.pk = s.model_pk")
    op.execute(
        "ALTER TABLE sessions ALTER COLUMN model SET NOT NULL,"
        " ADD CONSTRAINT sessions_dimension_positive CHECK (dimension > 0)"
    )
