#!/bin/sh
# restart.sh: makes the application's container anew, and starts it.
. "$(dirname "$(readlink -f "$0")")/settings"
docker-compose up -d --no-deps --force-recreate web
docker exec "${STUDIO}_https" nginx -s reload
