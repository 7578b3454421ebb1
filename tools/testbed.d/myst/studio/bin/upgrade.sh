#!/bin/sh
# upgrade.sh VERSION: pulls, backs up, stops, starts.
. "$(dirname "$(readlink -f "$0")")/settings"
bin/pull.sh "${1:?which version?}"
bin/backup-database.sh
bin/stop.sh
bin/start.sh
