#!/usr/bin/env bash
# Ask a service how it is, and say in words what is wrong:
#
#   health_check.sh [URL]                    default http://127.0.0.1:8000
#   TIMEOUT_S=2 health_check.sh https://faces.example.org
#
# Ends with 0 healthy, 1 degraded (it answers, without something it can do without), 2 down, stopping or out of reach,
# and 64 where it was called wrongly. In production the names of what is away want a key: FACEPASS_CLIENT_KEY. Asks
# directly, through no proxy of the environment.
set -euo pipefail

readonly HEALTHY=0 DEGRADED=1 DOWN=2 USAGE=64
timeout_s=${TIMEOUT_S:-5}

usage() {
    echo "usage: health_check.sh [URL]" >&2
    exit "$USAGE"
}
[ $# -le 1 ] || usage
url=${1:-http://127.0.0.1:8000}
case $url in
    http://?* | https://?*) url=${url%/} ;;
    *) usage ;;
esac
case $timeout_s in
    '' | 0 | *[!0-9]*) echo "health_check: TIMEOUT_S must be a number of seconds from 1" >&2; exit "$USAGE" ;;
esac
command -v curl >/dev/null || { echo "health_check: curl is needed" >&2; exit "$USAGE"; }

body='' status='' failure=0
# What is read from standard input are further options, such as a header that no list of processes is to show.
ask() {
    local answer
    failure=0
    answer=$(curl --silent --noproxy '*' --max-time "$timeout_s" --max-filesize 1048576 --config - \
        --write-out '\n%{http_code}' "$url$1") || failure=$?
    status=${answer##*$'\n'} body=${answer%$'\n'*}
}

why_unreachable() {
    case $failure in
        6) echo "its name is not known" ;;
        7) echo "nothing listens there" ;;
        28) echo "it did not answer within $timeout_s s" ;;
        35 | 51 | 58 | 60) echo "TLS failed: is the certificate valid for this name?" ;;
        52 | 56) echo "it broke the connection off" ;;
        *) echo "curl failed with $failure" ;;
    esac
}

down() {
    echo "DOWN: $*"
    exit "$DOWN"
}

text_of() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" <<<"$body"; }

asked_for() {
    ask "$1" </dev/null
    [ "$failure" = 0 ] || down "$url$1: $(why_unreachable)"
}

# What is away, a line each: "NAME: what callers see meanwhile".
what_is_away() {
    if [ -n "${FACEPASS_CLIENT_KEY:-}" ]; then
        ask /health/detailed < <(printf 'header = "X-API-Key: %s"\n' "$FACEPASS_CLIENT_KEY")
    else
        ask /health/detailed </dev/null
    fi
    if [ "$failure" != 0 ] || [ "$status" = 401 ] || [ "$status" = 403 ]; then
        echo "what is away is said to callers with a key: set FACEPASS_CLIENT_KEY"
        return
    fi
    grep -o '"[a-z0-9_]*":{"status":"unreachable"[^}]*}' <<<"$body" \
        | sed 's/^"\([a-z0-9_]*\)".*"without_it":"\([^"]*\)".*/\1 is out of reach: \2/' || true
}

asked_for /health
case $status in
    200 | 503) ;;
    30?) down "$url/health answers $status, a redirect: give the address that it leads to" ;;
    *) down "$url/health answers $status: is this the address of a FacePass?" ;;
esac
state=$(text_of status) version=$(text_of version)
[ -n "$(text_of face_recognition_model)" ] || down "$url/health answers $status, but not as a FacePass does"

case $state in
    healthy | degraded) ;;
    stopping) down "it is stopping: it finishes what it has, and takes nothing new" ;;
    unhealthy) down "unhealthy, database $(text_of database)"$'\n'"$(what_is_away)" ;;
    *) down "it says '$state', which this script does not know" ;;
esac

asked_for /health/ready
[ "$status" = 200 ] || down "it answers, but is not ready ($status): send it no requests"

if [ "$state" = degraded ]; then
    echo "DEGRADED: $url, version $version"
    what_is_away
    exit "$DEGRADED"
fi
echo "HEALTHY: $url, version $version, database $(text_of database)"
exit "$HEALTHY"
