#!/bin/sh
# Says of each container of a compose project whether it is well, and ends with 1 unless all are:
#
#   scripts/docker_health_check.sh              # the project facepass
#   scripts/docker_health_check.sh PROJECT
#   WAIT_S=120 scripts/docker_health_check.sh   # give those that start so many seconds
#
# Well is what runs and is healthy (or has no check), and what was to run once and ended with 0.
set -eu

if [ $# -gt 1 ] || [ "${1:-}" = --help ]; then
    sed -n 's/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
project=${1:-${COMPOSE_PROJECT_NAME:-facepass}}
wait_s=${WAIT_S:-0}
tab=$(printf '\t')
# A container: its name, its state, what its check says, its exit status, and how it is restarted.
shown='{{.Name}}{{"\t"}}{{.State.Status}}{{"\t"}}{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}'
shown="$shown"'{{"\t"}}{{.State.ExitCode}}{{"\t"}}{{.HostConfig.RestartPolicy.Name}}'

# Sets `report`, a line for each container, and `verdict`: well, starting or ill.
look() {
    ids=$(docker ps --all --quiet --filter "label=com.docker.compose.project=$project")
    if [ -z "$ids" ]; then
        report="no container of the project $project"
        verdict=ill
        return
    fi
    # shellcheck disable=SC2086 # several ids
    states=$(docker inspect --format "$shown" $ids | sort)
    report=
    verdict=well
    while IFS=$tab read -r name state health status policy; do
        case $state/$health in
            running/healthy) word=healthy mark=ok ;;
            running/none) word="runs, has no check" mark=ok ;;
            running/starting | created/*) word=starting mark=.. ;;
            exited/*)
                if [ "$status" = 0 ] && [ "$policy" != unless-stopped ] && [ "$policy" != always ]; then
                    word="done" mark=ok
                else
                    word="ended with $status" mark=ILL
                fi
                ;;
            running/*) word=$health mark=ILL ;;
            *) word=$state mark=ILL ;;
        esac
        case $mark in
            ILL) verdict=ill ;;
            ..) [ "$verdict" = ill ] || verdict=starting ;;
        esac
        report="$report$(printf '%-4s %-34s %s' "$mark" "${name#/}" "$word")
"
    done <<END
$states
END
}

look
while [ "$verdict" = starting ] && [ "$wait_s" -gt 0 ]; do
    sleep 1
    wait_s=$((wait_s - 1))
    look
done
printf '%s\n' "${report%
}"
if [ "$verdict" != well ]; then
    echo "What the last checks said: docker inspect --format '{{json .State.Health.Log}}' NAME" >&2
    exit 1
fi
