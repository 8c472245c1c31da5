#!/bin/sh
# Fills guest.notifications of $MONGODB_URI: `sample.sh 1` once, however often it is called, and `sample.sh 2` with what the day
# after changed. Other options go to the generator: `sample.sh 1 --docs 1000000`, and the same ones again for day two.
set -eu
state=${SAMPLE_STATE:-/var/lib/sample}
day=${1:-1}
[ $# -eq 0 ] || shift

# Day one would undo day two: once filled, the collection is left alone.
if [ "$day" = 1 ] && [ -e "$state/filled" ]; then
  echo 'sample: the collection is filled already'
  exit 0
fi

# Day one ends now, and day two must be told the same end. What `sync` reads has to be newer than its watermark.
[ -e "$state/as-of" ] || date -u +%Y-%m-%dT%H:%M:%SZ >"$state/as-of"

node --import tsx examples/sample/main.ts --mongodb --day "$day" --as-of "$(cat "$state/as-of")" "$@"
touch "$state/filled"
