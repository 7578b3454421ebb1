#!/bin/sh
# output-logs.sh: shows the application's log, and what comes.
. "$(dirname "$(readlink -f "$0")")/settings"
exec docker logs --follow "${STUDIO}_web"
