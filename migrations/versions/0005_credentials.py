"""API keys, and how often session tokens were used.

New tables only: an older version that still serves does not see them. On the way down the keys are lost, and whoever
holds one is refused.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

IDENTIFIER = sa.Text(collation="C")
INSTANT = postgresql.TIMESTAMP(timezone=True)


def upgrade() -> None:
    op.create_table(
        "api_keys",
        sa.Column("prefix", IDENTIFIER, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("scopes", postgresql.ARRAY(sa.Text), nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("created_at", INSTANT, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=True),
        sa.Column("revoked_at", INSTANT, nullable=True),
        sa.Column("last_used_at", INSTANT, nullable=True),
        sa.PrimaryKeyConstraint("prefix", name="api_keys_pkey"),
        sa.CheckConstraint("char_length(name) BETWEEN 1 AND 100", name="api_keys_name_length"),
        sa.CheckConstraint("cardinality(scopes) > 0", name="api_keys_scopes_some"),
        sa.CheckConstraint("octet_length(digest) = 32", name="api_keys_digest_length"),
    )
    op.create_table(
        "token_uses",
        sa.Column("token_id", IDENTIFIER, nullable=False),
        sa.Column("used", sa.Integer, nullable=False),
        sa.Column("expires_at", INSTANT, nullable=False),
        sa.PrimaryKeyConstraint("token_id", name="token_uses_pkey"),
    )


def downgrade() -> None:
    op.drop_table("token_uses")
    op.drop_table("api_keys")
