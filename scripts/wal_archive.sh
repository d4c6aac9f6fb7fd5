#!/usr/bin/env bash
# Put one file of the write-ahead log into the archive, whole or not at all. For postgresql.conf:
#
#   archive_mode = on
#   archive_command = '/opt/facepass/scripts/wal_archive.sh "%p" "%f" /var/backups/facepass/wal'
#
# Ends with 0 only when the file is in the archive and on its disk; PostgreSQL keeps it and tries again otherwise.
# A file that is archived already is never overwritten: the same content is success, another is refused.
set -euo pipefail
umask 077

if [ $# -ne 3 ]; then
    echo "usage: wal_archive.sh SOURCE NAME ARCHIVE" >&2
    exit 2
fi
source=$1 name=$2 archive=$3
target=$archive/$name
case $name in
    '' | *[!0-9A-Za-z.]*) echo "wal_archive: $name is no name of a log file" >&2; exit 2 ;;
esac

same_or_refused() {
    if cmp -s -- "$source" "$target"; then
        sync -- "$target" "$archive"
        exit 0
    fi
    echo "wal_archive: $target is there with other content: do two servers share the archive?" >&2
    exit 1
}

if [ -e "$target" ]; then same_or_refused; fi
partial=$(mktemp -- "$archive/.$name.XXXXXX")
trap 'rm -f -- "$partial"' EXIT
cp -- "$source" "$partial"
sync -- "$partial"
# a link is made only where nothing has the name; where there are no links, neither does this move overwrite
if ! ln -- "$partial" "$target" 2>/dev/null; then
    if [ -e "$target" ]; then same_or_refused; fi
    mv -n -- "$partial" "$target"
    if [ -e "$partial" ]; then same_or_refused; fi
fi
sync -- "$archive"
