#!/usr/bin/env bash
# Back the database up, for cron or a timer:
#
#   15 3 * * *  FACEPASS=/opt/facepass/.venv/bin/facepass /opt/facepass/scripts/backup_database.sh /var/backups/facepass
#   15 4 * * 0  VERIFY=1 FACEPASS=… /opt/facepass/scripts/backup_database.sh s3://backups/facepass
#
# Settings come from the environment or .env in the working directory, as always. With VERIFY=1 the new backup is also
# restored into a database of its own and compared. Writes to standard error; ends with 0 only when all went well.
set -euo pipefail

if [ $# -ne 1 ]; then
    echo "usage: backup_database.sh DIR|s3://BUCKET/PREFIX" >&2
    exit 2
fi
facepass=${FACEPASS:-facepass}

"$facepass" db backup --to "$1" >&2
if [ "${VERIFY:-0}" = 1 ]; then
    "$facepass" db verify-backup --from "$1" >&2
fi
