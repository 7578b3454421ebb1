#!/bin/sh
# backup-database.sh: dumps the database into backups/, and prints the file's path.
. "$(dirname "$(readlink -f "$0")")/settings"
mkdir -p backups
file=$PWD/backups/fusioncloud-$(date -u +%Y%m%d-%H%M%S).sql
docker exec "${STUDIO}_db" sh -c 'MYSQL_PWD=$MYSQL_ROOT_PASSWORD exec mariadb-dump --user=root \
    --single-transaction --routines --events --triggers "$MYSQL_DATABASE"' >"$file"
echo "$file"
