#!/bin/sh
# pull.sh VERSION: pulls a release (`docker login` comes first), and makes it the one to start.
. "$(dirname "$(readlink -f "$0")")/settings"
docker pull "$STUDIO_REPOSITORY:${1:?which version?}"
docker tag "$STUDIO_REPOSITORY:$1" "$STUDIO_IMAGE"
