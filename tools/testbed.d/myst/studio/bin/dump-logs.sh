#!/bin/sh
# dump-logs.sh: writes the application's log into logs/, and prints the file's path.
. "$(dirname "$(readlink -f "$0")")/settings"
mkdir -p logs
file=$PWD/logs/web-$(date -u +%Y%m%d-%H%M%S).log
docker logs "${STUDIO}_web" >"$file" 2>&1
echo "$file"
