"""Jobs and their units. What is queued where is for the queue: see `facepass.adapters.pgqueuer`."""

from facepass.adapters.pgvector.statements.sql import sql

ADD_JOB = sql("""
    INSERT INTO jobs (job_id, kind, session_id, created_at) VALUES (:job, :kind, :session, :at)
    ON CONFLICT (job_id) DO NOTHING
""")
ADD_UNITS = sql("""
    INSERT INTO job_units (job_id, unit_no, photo_id, source_key)
    SELECT :job, new.no - 1, new.photo_id, new.source_key
    FROM unnest(:photos, :source_keys) WITH ORDINALITY AS new (photo_id, source_key, no)
""")

_COUNTS = """
    SELECT count(*) FILTER (WHERE state = 'queued') AS queued, count(*) FILTER (WHERE state = 'done') AS done,
        count(*) FILTER (WHERE state = 'failed') AS failed, count(*) FILTER (WHERE state = 'cancelled') AS cancelled,
        count(*) FILTER (WHERE state = 'done' AND faces_detected = 0) AS without_faces,
        coalesce(sum(faces_indexed) FILTER (WHERE state = 'done'), 0) AS faces_indexed, max(ended_at) AS ended_at
    FROM job_units WHERE job_id = j.job_id
"""
PROGRESS = sql(f"SELECT j.*, u.* FROM jobs j, LATERAL ({_COUNTS}) u WHERE j.job_id = :job")  # noqa: S608 - constant  # nosec
_NEWEST = "job_id < :before_job ORDER BY job_id DESC LIMIT :limit"
NEWEST = sql(f"""
    SELECT j.*, u.* FROM (SELECT * FROM jobs WHERE {_NEWEST}) j, LATERAL ({_COUNTS}) u ORDER BY j.job_id DESC
""")  # noqa: S608 - constant  # nosec
NEWEST_OF_SESSION = sql(f"""
    SELECT j.*, u.* FROM (SELECT * FROM jobs WHERE session_id = :session AND {_NEWEST}) j, LATERAL ({_COUNTS}) u
    ORDER BY j.job_id DESC
""")  # noqa: S608 - constant  # nosec
FAILURES = sql("""
    SELECT unit_no, photo_id, source_key, code, detail FROM job_units
    WHERE job_id = :job AND state = 'failed' AND unit_no > :after_unit ORDER BY unit_no LIMIT :limit
""")

BACKLOG = sql("""
    SELECT (SELECT count(*) FROM job_units WHERE state = 'queued') AS queued,
        (SELECT count(*) FROM job_units WHERE state = 'failed') AS failed,
        (SELECT min(coalesce(j.queued_at, j.created_at)) FROM jobs j
            WHERE EXISTS (SELECT FROM job_units u WHERE u.job_id = j.job_id AND u.state = 'queued')) AS oldest_at
""")
BEGIN = sql("""
    WITH started AS (UPDATE jobs SET started_at = :at WHERE job_id = :job AND started_at IS NULL)
    UPDATE job_units u SET attempts = attempts + 1 FROM jobs j
    WHERE u.job_id = :job AND u.unit_no = :unit_no AND u.state = 'queued' AND j.job_id = u.job_id
    RETURNING u.photo_id, u.source_key, u.attempts, j.session_id, j.created_at
""")
PUT_BACK = sql("""
    UPDATE job_units SET attempts = attempts - 1
    WHERE job_id = :job AND unit_no = :unit_no AND state = 'queued' AND attempts > 0
""")
FINISH = sql("""
    UPDATE job_units SET state = 'done', faces_detected = :faces_found, faces_indexed = :faces_kept, ended_at = :at
    WHERE job_id = :job AND unit_no = :unit_no AND state = 'queued'
""")
FAIL = sql("""
    UPDATE job_units SET state = 'failed', code = :code, detail = :detail, ended_at = :at
    WHERE job_id = :job AND unit_no = :unit_no AND state = 'queued'
""")
CANCEL = sql("""
    UPDATE job_units SET state = 'cancelled', ended_at = :at WHERE job_id = :job AND state = 'queued'
""")
_CANCEL_OF_SESSION = """
    UPDATE job_units u SET state = 'cancelled', code = NULL, detail = NULL, ended_at = coalesce(ended_at, :at)
    FROM jobs j WHERE j.session_id = :session AND u.job_id = j.job_id AND u.state IN ('queued', 'failed')
"""
CANCEL_SESSION = sql(_CANCEL_OF_SESSION)
CANCEL_PHOTO = sql(f"{_CANCEL_OF_SESSION} AND u.photo_id = :photo")
"""Those that had failed, too: of what is erased, no list of failures tells any more."""
QUEUE_FAILED = sql("""
    WITH waits AS (
        UPDATE jobs SET queued_at = :at WHERE job_id = :job AND NOT EXISTS (
            SELECT FROM job_units u WHERE u.job_id = jobs.job_id AND u.state = 'queued'))
    UPDATE job_units SET state = 'queued', attempts = 0, code = NULL, detail = NULL, ended_at = NULL
    WHERE job_id = :job AND state = 'failed' RETURNING unit_no
""")
STRAYED = sql("""
    SELECT u.job_id, u.unit_no FROM job_units u
    WHERE u.state = 'queued' AND NOT EXISTS (
        SELECT FROM pgqueuer q WHERE q.dedupe_key = u.job_id || ':' || u.unit_no AND q.status IN ('queued', 'picked'))
    ORDER BY u.job_id, u.unit_no LIMIT :limit
""")
PURGE = sql("""
    DELETE FROM jobs j WHERE j.created_at < :before AND NOT EXISTS (
        SELECT FROM job_units u WHERE u.job_id = j.job_id AND (u.state = 'queued' OR u.ended_at >= :before))
""")
PURGE_LOG = sql("DELETE FROM pgqueuer_log WHERE created < now() - interval '1 day'")
"""What the queue notes of every entry it has handed out: nobody reads it, and a day is enough to look into a fault."""
