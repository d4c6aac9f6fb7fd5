"""The audit trail."""

from facepass.adapters.pgvector.statements.sql import sql

APPEND = sql("""
    WITH head AS (
        UPDATE audit_head SET no = no + 1, hash = sha256(hash || convert_to(:entry, 'UTF8')) RETURNING no, hash
    )
    INSERT INTO audit (no, entry, hash) SELECT no, :entry, hash FROM head
""")
"""Locks the head until the end of the transaction: entries are in the order of their commits."""

RECORDS = sql("SELECT no, entry, hash FROM audit WHERE no > :after_no ORDER BY no LIMIT :limit")
HEAD = sql("SELECT no, hash FROM audit_head")
