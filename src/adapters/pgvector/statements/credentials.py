"""API keys and uses of tokens."""

from facepass.adapters.pgvector.statements.sql import sql

ADD_KEY = sql("""
    INSERT INTO api_keys (prefix, name, scopes, digest, created_at, expires_at)
    VALUES (:prefix, :name, :scopes, :digest, :at, :expires_at) ON CONFLICT (prefix) DO NOTHING
""")
FIND_KEY = sql("SELECT * FROM api_keys WHERE prefix = :prefix")
NEWEST_KEYS = sql("SELECT * FROM api_keys ORDER BY created_at DESC, prefix LIMIT :limit")
END_KEY = sql("""
    UPDATE api_keys SET revoked_at = least(revoked_at, :revoked_at), expires_at = least(expires_at, :expires_at)
    WHERE prefix = :prefix
""")
"""PostgreSQL's least() passes over what is null."""
NOTE_USE = sql("UPDATE api_keys SET last_used_at = greatest(last_used_at, :at) WHERE prefix = :prefix")
PURGE_KEYS = sql("DELETE FROM api_keys WHERE least(expires_at, revoked_at) < :before")
SPEND = sql("""
    INSERT INTO token_uses (token_id, used, expires_at) VALUES (:token_id, 1, :expires_at)
    ON CONFLICT (token_id) DO UPDATE SET used = token_uses.used + 1 WHERE token_uses.used < :most
""")
"""Changes no row where nothing is left; others that spend of the same token wait for their turn."""
PURGE_USES = sql("DELETE FROM token_uses WHERE expires_at < :before")
