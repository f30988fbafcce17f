#!/bin/sh
# Write what `docker events` tells into the host's log, under the tag docker-events.
#
# The time of the last event passed on is kept in $STATE_DIRECTORY, so that a restart of
# this script or a lost connection asks the engine for what came since, once. (A restarted
# engine only remembers what it did itself.)
set -u
state=${STATE_DIRECTORY:-/var/lib/docker-events}
last=$state/last

mkdir -p "$state"
nano=$(cat "$last" 2>/dev/null)
case $nano in
  ''|*[!0-9]*) nano=$(date +%s)000000000 ;;
esac
# The engine takes seconds.nanoseconds and includes that very moment.
nano=$((nano + 1))
since=${nano%?????????}.${nano#"${nano%?????????}"}

docker events --since "$since" --format '{{json .}}' |
while IFS= read -r event; do
  printf '%s\n' "$event"
  case $event in
    *'"timeNano":'*)
      nano=${event##*'"timeNano":'}
      printf '%s\n' "${nano%%[!0-9]*}" > "$last"
      ;;
  esac
done |
# An event with many labels is longer than the 1 KiB at which logger cuts by itself.
logger --tag docker-events --size 16384 ${LOGGER_OPTIONS:-}
