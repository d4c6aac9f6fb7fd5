#!/usr/bin/env bash
# Copy a running server's data folder: where recovery to a point in time begins.
#
#   PGHOST=db PGUSER=backup PGPASSFILE=/etc/facepass/pgpass base_backup.sh /var/backups/facepass/base [ARCHIVE]
#
# The role needs LOGIN and REPLICATION. Connects as libpq's variables say, so that no password is in an argument.
# Keeps the newest KEEP copies (default 2), and of ARCHIVE, where it is named, only what the oldest of them needs.
set -euo pipefail
umask 077

if [ $# -lt 1 ] || [ $# -gt 2 ]; then
    echo "usage: base_backup.sh FOLDER [ARCHIVE]" >&2
    exit 2
fi
folder=$1 archive=${2:-} keep=${KEEP:-2}
case $keep in
    '' | 0 | *[!0-9]*) echo "base_backup: KEEP must be a number from 1" >&2; exit 2 ;;
esac

mkdir -p -- "$folder"
exec 9> "$folder/.lock"
flock -n 9 || { echo "base_backup: another one is under way" >&2; exit 1; }
rm -rf -- "$folder"/.base-*.partial # of runs that were killed: we hold the lock

name=base-$(date -u +%Y%m%dT%H%M%SZ)
partial=$folder/.$name.partial
trap 'rm -rf -- "$partial"' EXIT
if [ -e "$folder/$name" ]; then
    echo "base_backup: $folder/$name is there already" >&2
    exit 1
fi
pg_basebackup --pgdata="$partial" --format=plain --checkpoint=fast --wal-method=stream \
    --manifest-checksums=SHA256 --no-password
pg_verifybackup --quiet "$partial"
sync -- "$partial"
mv -- "$partial" "$folder/$name"
sync -- "$folder"
echo "base_backup: $folder/$name"

# names sort by time, and hold nothing that a shell would split
mapfile -t copies < <(find "$folder" -maxdepth 1 -type d -name 'base-*' -printf '%f\n' | sort)
while [ "${#copies[@]}" -gt "$keep" ]; do
    rm -rf -- "${folder:?}/${copies[0]}"
    echo "base_backup: deleted ${copies[0]}"
    copies=("${copies[@]:1}")
done
if [ -n "$archive" ]; then
    first=$(sed -n 's/^START WAL LOCATION: .* (file \([0-9A-F]*\))$/\1/p' "$folder/${copies[0]}/backup_label")
    pg_archivecleanup "$archive" "${first:?no start in the label of ${copies[0]}}"
fi
