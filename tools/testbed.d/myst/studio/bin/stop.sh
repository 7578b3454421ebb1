#!/bin/sh
# stop.sh: stops the application; the database and the proxy go on.
. "$(dirname "$(readlink -f "$0")")/settings"
docker-compose stop web
