#!/bin/sh
# Lets a replica follow: a role for it, and a slot, so that the primary keeps what it has not read yet. Run at every
# start; what is there stays, and the password becomes the one that is configured.
set -eu
PGPASSWORD=${POSTGRES_PASSWORD:-$(cat "${POSTGRES_PASSWORD_FILE:-/dev/null}")}
REPLICATION_PASSWORD=${REPLICATION_PASSWORD:-$(cat "${REPLICATION_PASSWORD_FILE:-/dev/null}")}
export PGPASSWORD REPLICATION_PASSWORD
exec psql --no-psqlrc --quiet --set ON_ERROR_STOP=1 --host "$PGHOST" --username facepass --dbname facepass <<'END'
\getenv password REPLICATION_PASSWORD
SELECT 'CREATE ROLE replicator LOGIN REPLICATION' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'replicator')
\gexec
ALTER ROLE replicator LOGIN REPLICATION PASSWORD :'password';
SELECT pg_create_physical_replication_slot('replica')
 WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = 'replica');
END
