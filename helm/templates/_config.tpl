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
{{- $config := mustMergeOverwrite (deepCopy .Values.config) $chart | toYaml -}}
{{- if regexMatch "://[^\\s/:@]*:([^\\s/@$]|\\$[^\\s/@{])[^\\s/@]*@" $config -}}
{{- fail "config has a URL with a password in it, and a ConfigMap is no place for one: put it into existingSecret and write ${VAR}" -}}
{{- end -}}
{{- range $name, $connection := .Values.config.connections -}}
{{- range $key, $value := get $connection "credentials" | default dict -}}
{{- if not (contains "${" (toString $value)) -}}
{{- fail (printf "config.connections.%s.credentials.%s is written out, and a ConfigMap is no place for it: put it into existingSecret and write ${VAR}" $name $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $secrets := dict "vault.auth.token" (dig "vault" "auth" "token" "${" .Values.config) "vault.auth.nonce" (dig "vault" "auth" "nonce" "${" .Values.config) "vault.auth.secretId" (dig "vault" "auth" "secretId" "${" .Values.config) "dashboard.password" (dig "dashboard" "password" "${" .Values.config) "hashKey" (dig "hashKey" "${" .Values.config) -}}
{{- range $key, $value := $secrets -}}
{{- if not (contains "${" (toString $value)) -}}
{{- fail (printf "config.%s is written out, and a ConfigMap is no place for it: put it into existingSecret and write ${VAR}" $key) -}}
{{- end -}}
{{- end -}}
{{- range $index, $webhook := .Values.config.notify -}}
{{- /* Where it has no other secret, a webhook's address is the secret. */}}
{{- $kept := ternary (dict) (dict "url" (get $webhook "url")) (hasKey $webhook "headers") -}}
{{- range $name, $value := get $webhook "headers" | default dict -}}{{- $_ := set $kept (printf "headers.%s" $name) $value -}}{{- end -}}
{{- range $key, $value := $kept -}}
{{- if not (contains "${" (toString $value)) -}}
{{- fail (printf "config.notify[%d].%s is written out, and a ConfigMap is no place for it: put it into existingSecret and write ${VAR}" $index $key) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- $config -}}
{{- end -}}
