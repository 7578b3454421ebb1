#!/bin/sh
# import.sh FILE: loads a downloaded image, and makes it the one to start.
. "$(dirname "$(readlink -f "$0")")/settings"
loaded=$(docker load --quiet --input "${1:?which file?}" | sed -n 's/^Loaded image\( ID\)\{0,1\}: //p')
docker tag "$(echo "$loaded" | tail -n 1)" "$STUDIO_IMAGE"
echo "$loaded"
