#!/usr/bin/env bash
# Make a data folder that recovers to a moment when a server is started on it.
#
#   restore_to_time.sh /var/backups/facepass/base/base-… /var/backups/facepass/wal '2026-05-17 12:00:00+00' DATA
#
# DATA must be missing or empty: the folder of the server that failed stays as evidence. Run as the account that the
# server runs under. Changes neither the base backup nor the archive.
set -euo pipefail
umask 077

if [ $# -ne 4 ]; then
    echo "usage: restore_to_time.sh BASE ARCHIVE TIME DATA" >&2
    exit 2
fi
base=$1 archive=$2 time=$3 data=$4
zoned='^[0-9]{4}-[0-9]{2}-[0-9]{2}[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?(Z|[+-][0-9]{2}(:?[0-9]{2})?)$'
if ! [[ $time =~ $zoned ]]; then
    echo "restore_to_time: write TIME with its zone, as 2026-05-17 12:00:00+00" >&2
    exit 2
fi
if [ ! -f "$base/backup_label" ] || [ ! -d "$archive" ]; then
    echo "restore_to_time: $base is no base backup, or $archive no folder" >&2
    exit 2
fi
if [ -d "$data" ] && [ -n "$(ls -A -- "$data")" ]; then
    echo "restore_to_time: $data is not empty" >&2
    exit 1
fi

pg_verifybackup --quiet "$base"
mkdir -p -- "$data"
chmod 700 -- "$data"
cp -a -- "$base"/. "$data"

quoted() { printf '%s' "$1" | sed "s/'/''/g"; }
archive=$(cd -- "$archive" && pwd)
cat >> "$data/postgresql.auto.conf" <<SETTINGS
# written by restore_to_time.sh
restore_command = '$(quoted "cp -- \"$archive/%f\" \"%p\"")'
recovery_target_time = '$time'
recovery_target_action = 'promote'
# a rehearsal must not write into the archive of the server it rehearses for; turn on when this one takes over
archive_mode = off
SETTINGS
touch -- "$data/recovery.signal"
sync -- "$data"
echo "restore_to_time: start PostgreSQL on $data; it replays the archive up to $time and then takes writes."
echo "restore_to_time: what was erased after $time is back: erase it again (docs/backup.md)."
