#!/bin/sh
# Runs a command on another machine, in the folder that has the path of this one there. A signal ends
# the command as it would here, and this script when the command has ended.
#
#     SSH="ssh -o BatchMode=yes" scripts/on_host.sh HOST COMMAND [argument...]
#
# A signal does not travel, but the end of standard input does: there a shell waits for it beside the
# command, and passes it on as SIGTERM. The connection lost has the same effect.
set -eu
host=$1
shift

quoted() { # WORD...
    for word in "$@"; do
        printf "'%s' " "$(printf '%s' "$word" | sed "s/'/'\\\\''/g")"
    done
}

there="cd $(quoted "$PWD") || exit 1
exec 3<&0
$(quoted "$@") < /dev/null 3<&- &
command=\$!
{ read -r end <&3; kill -TERM \$command; } 2> /dev/null &
watch=\$!
code=0
wait \$command || code=\$?
kill \$watch 2> /dev/null
exit \$code"

folder=$(mktemp -d)
mkfifo "$folder/stdin"
${SSH:-ssh -o BatchMode=yes} "$host" "$there" < "$folder/stdin" &
connection=$!
exec 3> "$folder/stdin"
rm -r "$folder"
trap 'exec 3>&-' INT TERM HUP
code=0
wait $connection || code=$?
while kill -0 $connection 2> /dev/null; do # a signal has ended the wait and not the command
    code=0
    wait $connection || code=$?
done
exit $code
