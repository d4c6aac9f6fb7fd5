#!/bin/sh
# A replica: at its first start it copies the primary, then it follows. Once promoted (docs/compose.md) it is a primary
# and stays one: PostgreSQL remembers that in its data.
set -eu
umask 077
password=${REPLICATION_PASSWORD:-$(cat "${REPLICATION_PASSWORD_FILE:-/dev/null}")}
# The address that is remembered names this file and no password.
printf '*:*:*:replicator:%s\n' "$password" >"$PASSFILE"
chmod 0700 "$PGDATA" # a new volume is open to all, and PostgreSQL refuses that
if [ ! -s "$PGDATA/PG_VERSION" ]; then
    # A copy that was broken off is of no use, and pg_basebackup wants an empty folder.
    find "$PGDATA" -mindepth 1 -delete
    pg_basebackup --pgdata "$PGDATA" --write-recovery-conf --slot replica --checkpoint fast --no-password \
        --dbname "host=$PRIMARY_HOST port=5432 user=replicator passfile=$PASSFILE application_name=replica"
fi
exec postgres -c config_file=/etc/postgresql/postgresql.conf
