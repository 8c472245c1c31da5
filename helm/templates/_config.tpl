{{/* The parts of mongolake.yaml that values other than `config` set, as YAML. */}}
{{- define "mongolake.chartConfig" -}}
{{- $redis := .Values.redis -}}
{{- $user := "" -}}
{{- if $redis.passwordKey -}}
{{- $user = printf "%s:${REDIS_PASSWORD}@" (urlquery $redis.username) -}}
{{- else if $redis.username -}}
{{- $user = printf "%s@" (urlquery $redis.username) -}}
{{- end -}}
{{- $database := ternary "" (printf "/%d" (int $redis.database)) (eq (int $redis.database) 0) -}}
{{- $scheme := ternary "rediss" "redis" $redis.tls -}}
{{- $url := printf "%s://%s%s:%d%s" $scheme $user $redis.host (int $redis.port) $database -}}
queue:
  kind: redis
  url: {{ default $url $redis.url | quote }}
  prefix: {{ $redis.prefix | quote }}
{{- if $redis.caKey }}
{{- if not (and $redis.tls .Values.existingSecret) }}
{{- fail "redis.caKey needs redis.tls, and existingSecret, which has the certificate under that key" }}
{{- end }}
  tls: { caFile: /var/run/secrets/redis/ca.pem }
{{- end }}
worker:
  concurrency: {{ .Values.worker.concurrency }}
  memory: {{ .Values.worker.memory }}
  scratch: /scratch
  {{- with include "mongolake.scratchSize" .Values.worker.scratch }}
  scratchSize: {{ . }}
  {{- end }}
  drainTimeout: {{ .Values.worker.drainTimeoutSeconds }}s
{{- with .Values.dashboard }}
{{- if .enabled }}
dashboard:
  user: {{ .user | quote }}
  password: ${DASHBOARD_PASSWORD}
  readOnly: {{ .readOnly }}
{{- end }}
{{- end }}
{{- with .Values.vault }}
{{- if .enabled }}
vault:
  address: {{ required "vault.address is empty: it must be the URL of Vault" .address | quote }}
  {{- with .namespace }}
  namespace: {{ . | quote }}
  {{- end }}
  auth:
    method: {{ .method }}
    {{- if has .method (list "kubernetes" "iam" "ec2") }}
    role: {{ .role | quote }}
    {{- end }}
    {{- if ne .method "token" }}
    {{- with .mount }}
    mount: {{ . | quote }}
    {{- end }}
    {{- end }}
    {{- if eq .method "kubernetes" }}
    tokenFile: /var/run/secrets/vault/token
    {{- else if eq .method "iam" }}
    {{- with .region }}
    region: {{ . | quote }}
    {{- end }}
    {{- with .serverId }}
    serverId: {{ . | quote }}
    {{- end }}
    {{- else if eq .method "ec2" }}
    nonce: ${VAULT_EC2_NONCE}
    {{- else if eq .method "approle" }}
    roleId: ${VAULT_ROLE_ID}
    secretId: ${VAULT_SECRET_ID}
    {{- else }}
    token: ${VAULT_TOKEN}
    {{- end }}
{{- end }}
{{- end }}
{{- end -}}

{{/*
The limit of an emptyDir as src/shared/config/units.ts reads sizes: Gi and its like are the same there, G is GB. Nothing of another volume, whose
file system says its size, nor of a quantity beyond those units.
*/}}
{{- define "mongolake.scratchSize" -}}
{{- if and (eq .type "emptyDir") (regexMatch "([KMGT]i|[kMGT]|[0-9])$" .size) -}}
{{- .size }}{{ ternary "" "B" (hasSuffix "i" .size) -}}
{{- end -}}
{{- end -}}

{{/* mongolake.yaml: `config` and what the chart sets. A key may come from one of them only. */}}
{{- define "mongolake.config" -}}
{{- $chart := include "mongolake.chartConfig" . | fromYaml -}}
{{- $values := dict "queue" "redis" "worker" "worker" "dashboard" "dashboard" "vault" "vault" -}}
{{- range $section, $keys := $chart -}}
{{- range $key, $_ := $keys -}}
{{- if hasKey (get $.Values.config $section | default dict) $key -}}
{{- fail (printf "config.%s.%s is made from the values under %s: set those, and remove it from config" $section $key (get $values $section)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- range $section := list "coordinator" "worker" "dashboard" -}}
{{- if hasKey (get $.Values.config $section | default dict) "listen" -}}
{{- fail (printf "config.%s.listen is set by the chart, whose probes and services need it (metrics.port): remove it from config" $section) -}}
{{- end -}}
{{- end -}}
{{- $merged := mustMergeOverwrite (deepCopy .Values.config) $chart -}}
{{- $sections := pick $merged "connections" "queue" "vault" "dashboard" "hashKey" -}}
{{- include "mongolake.refuseSecrets" (dict "value" $sections "path" "config") -}}
{{- include "mongolake.refusePasswords" (dict "value" $merged "path" "config") -}}
{{- range $index, $webhook := .Values.config.notify -}}
{{- $at := printf "config.notify[%d]" $index -}}
{{- include "mongolake.refuseWritten" (dict "value" (get $webhook "url") "path" (printf "%s.url" $at)) -}}
{{- range $name, $value := get $webhook "headers" | default dict -}}
{{- if regexMatch "(?i)auth|token|key|secret|cookie|passw|credential|signature" $name -}}
{{- include "mongolake.refuseWritten" (dict "value" $value "path" (printf "%s.headers.%s" $at $name)) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- toYaml $merged -}}
{{- end -}}

{{/* Stops helm where a secret below `value` is written out. Takes a dict: value, its path and key. Keys as src/shared/config/secrets.ts has them. */}}
{{- define "mongolake.refuseSecrets" -}}
{{- if kindIs "map" .value -}}
{{- range $key, $inner := .value -}}
{{- include "mongolake.refuseSecrets" (dict "value" $inner "key" $key "path" (printf "%s.%s" $.path $key)) -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $index, $inner := .value -}}
{{- include "mongolake.refuseSecrets" (dict "value" $inner "key" $.key "path" (printf "%s[%d]" $.path $index)) -}}
{{- end -}}
{{- else if and (regexMatch "(?i)^(?:.*(?:password|token|nonce)|secret.*|hashKey)$" .key) (not (regexMatch "(?i)(?:file|path)$" .key)) -}}
{{- include "mongolake.refuseWritten" (pick . "value" "path") -}}
{{- end -}}
{{- end -}}

{{/* Stops helm where `value`, a secret, is there and no reference, or has a default that is written out. Takes a dict: value and its path. */}}
{{- define "mongolake.refuseWritten" -}}
{{- $text := toString .value -}}
{{- if and .value (or (not (contains "${" $text)) (regexMatch "\\$\\{\\w+:-[^}]" $text)) -}}
{{- fail (printf "%s is written out, and a ConfigMap is no place for it: put it into existingSecret and write ${VAR}" .path) -}}
{{- end -}}
{{- end -}}

{{/* Stops helm where a URL below `value` has a password that is more than references. Takes a dict: value and its path. */}}
{{- define "mongolake.refusePasswords" -}}
{{- if kindIs "map" .value -}}
{{- range $key, $inner := .value -}}
{{- include "mongolake.refusePasswords" (dict "value" $inner "path" (printf "%s.%s" $.path $key)) -}}
{{- end -}}
{{- else if kindIs "slice" .value -}}
{{- range $index, $inner := .value -}}
{{- include "mongolake.refusePasswords" (dict "value" $inner "path" (printf "%s[%d]" $.path $index)) -}}
{{- end -}}
{{- else if kindIs "string" .value -}}
{{- /* A reference with a default becomes that, another a character that no URL has. */}}
{{- $text := regexReplaceAll "\\$\\{\\w+:-([^}]*)\\}" .value "${1}" -}}
{{- $text = regexReplaceAll "\\$\\{[^}]*\\}" $text "\u0001" -}}
{{- $user := "://[^\\s/:@]*:[^\\s/@]*[^\\s/@\\x01][^\\s/@]*@" -}}
{{- $option := "(?i)(?:[?&](?:tlsCertificateKeyFilePassword|proxyPassword)=|AWS_SESSION_TOKEN(?::|%3A))[^\\s&#,]*[^\\s&#,\\x01]" -}}
{{- if or (regexMatch $user $text) (regexMatch $option $text) -}}
{{- fail (printf "%s has a URL with a password in it, and a ConfigMap is no place for one: put it into existingSecret and write ${VAR}" .path) -}}
{{- end -}}
{{- end -}}
{{- end -}}
