#!/bin/sh
# update-database.sh FILE: stops the application, runs the SQL, starts the application again.
. "$(dirname "$(readlink -f "$0")")/settings"
file=$(readlink -f "${1:?which file?}")
bin/stop.sh
docker exec --interactive "${STUDIO}_db" sh -c \
    'MYSQL_PWD=$MYSQL_ROOT_PASSWORD exec mariadb --user=root "$MYSQL_DATABASE"' <"$file"
bin/start.sh
