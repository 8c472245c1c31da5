#!/bin/sh
# Writes what mongolake.yaml refers to as ${vault:secret/data/mongolake#…}. Vault in dev mode has KV version 2 at secret/, where
# the path of a read has data/ in it.
set -eu
vault kv put -mount=secret mongolake \
  mongodb_password="$MONGODB_PASSWORD" \
  s3_access_key_id="$S3_ACCESS_KEY_ID" \
  s3_secret_access_key="$S3_SECRET_ACCESS_KEY" \
  dashboard_password="$DASHBOARD_PASSWORD" >/dev/null
echo 'vault: secret/mongolake is written'
