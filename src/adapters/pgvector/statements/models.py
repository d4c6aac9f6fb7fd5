"""Which models there are, and making room for the templates of one more."""

from sqlalchemy import TextClause, text

from facepass.adapters.pgvector.statements.sql import sql

ALL_MODELS = sql("SELECT pk, name, dimension FROM models")

LOCK_MODELS = sql("LOCK TABLE models IN SHARE ROW EXCLUSIVE MODE")
"""Replicas that meet a model for the first time at the same moment take turns; reading goes on."""

ADD_MODEL = sql("""
    INSERT INTO models (name, dimension) VALUES (:model, :dimension) ON CONFLICT DO NOTHING RETURNING pk
""")


def add_partition(model_pk: int, dimension: int) -> tuple[TextClause, ...]:
    """The table of a model's templates, made aside and attached at last, so that no reader of `faces` waits."""
    table = f"faces_{model_pk:d}"
    return (
        text(f"CREATE TABLE {table} (LIKE faces INCLUDING STORAGE INCLUDING CONSTRAINTS)"),
        text(
            f"ALTER TABLE {table} ADD CONSTRAINT {table}_model CHECK (model_pk = {model_pk:d}),"
            f" ADD CONSTRAINT {table}_dimension CHECK (vector_dims(embedding) = {dimension:d})"
        ),
        text(f"ALTER TABLE faces ATTACH PARTITION {table} FOR VALUES IN ({model_pk:d})"),
    )
