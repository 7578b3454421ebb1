#!/bin/sh
# start.sh: starts the application; a release that was pulled or imported since is the one.
. "$(dirname "$(readlink -f "$0")")/settings"
docker-compose up -d --no-deps web
# The new container may have another address.
docker exec "${STUDIO}_https" nginx -s reload
