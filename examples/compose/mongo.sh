#!/bin/bash
# Starts mongod with users, which a replica set has only with a key that its members share. This member is alone: any key will
# do, a new one at each start. The image's own entry point then makes the users, at the first start.
set -eu
key=/tmp/replica-set.key
rm -f "$key"
head -c 96 /dev/urandom | base64 -w 0 >"$key"
chmod 400 "$key"
chown mongodb:mongodb "$key"
exec docker-entrypoint.sh mongod --replSet rs0 --keyFile "$key" --bind_ip_all
