{{- define "mongolake.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/* Start of the names of objects; short enough for "-coordinator" after it. */}}
{{- define "mongolake.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride | trunc 50 | trimSuffix "-" -}}
{{- else -}}
{{- $name := include "mongolake.name" . -}}
{{- ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) | trunc 50 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* Labels of every object. */}}
{{- define "mongolake.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "mongolake.selector" . }}
{{- end -}}

{{/* What never changes between releases, so that Deployments can be upgraded. */}}
{{- define "mongolake.selector" -}}
app.kubernetes.io/name: {{ include "mongolake.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "mongolake.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{- default (include "mongolake.fullname" .) .Values.serviceAccount.name -}}
{{- else -}}
{{- default "default" .Values.serviceAccount.name -}}
{{- end -}}
{{- end -}}

{{/* host:port of Redis for KEDA's operator, which lives in another namespace. */}}
{{- define "mongolake.kedaRedisAddress" -}}
{{- $host := .Values.redis.host -}}
{{- if not (contains "." $host) -}}{{- $host = printf "%s.%s.svc" $host .Release.Namespace -}}{{- end -}}
{{- default (printf "%s:%d" $host (int .Values.redis.port)) .Values.keda.redisAddress -}}
{{- end -}}

{{/* Resources of a worker: those given, else from its concurrency and memory. */}}
{{- define "mongolake.workerResources" -}}
{{- with .Values.worker -}}
{{- if .resources -}}
{{- toYaml .resources -}}
{{- else -}}
{{- $units := dict "MB" 1e6 "Mi" 1048576.0 "MiB" 1048576.0 "GB" 1e9 "Gi" 1073741824.0 "GiB" 1073741824.0 -}}
{{- $unit := regexFind "[A-Za-z]+$" .memory -}}
{{- $thread := mulf (regexFind "^[0-9.]+" .memory | float64) (get $units $unit) -}}
{{- $memory := divf (addf (mulf (float64 .concurrency) $thread) 512e6) 1048576.0 | ceil | int -}}
requests:
  cpu: {{ mul .concurrency 500 }}m
  memory: {{ $memory }}Mi
limits:
  memory: {{ $memory }}Mi
{{- end -}}
{{- end -}}
{{- end -}}

{{/* Environment variables that come from one key of existingSecret each, as a YAML list. */}}
{{- define "mongolake.secretEnv" -}}
{{- $keys := dict -}}
{{- with .Values.redis.passwordKey }}{{- $_ := set $keys "REDIS_PASSWORD" . -}}{{- end -}}
{{- if .Values.dashboard.enabled }}{{- $_ := set $keys "DASHBOARD_PASSWORD" .Values.dashboard.passwordKey -}}{{- end -}}
{{- if .Values.vault.enabled -}}
{{- if eq .Values.vault.method "ec2" -}}
{{- $_ := set $keys "VAULT_EC2_NONCE" .Values.vault.nonceKey -}}
{{- else if eq .Values.vault.method "approle" -}}
{{- $_ := set $keys "VAULT_ROLE_ID" .Values.vault.roleIdKey -}}
{{- $_ := set $keys "VAULT_SECRET_ID" .Values.vault.secretIdKey -}}
{{- else if eq .Values.vault.method "token" -}}
{{- $_ := set $keys "VAULT_TOKEN" .Values.vault.tokenKey -}}
{{- end -}}
{{- end -}}
{{- range $name, $key := $keys }}
- name: {{ $name }}
  valueFrom:
    secretKeyRef:
      name: {{ required (printf "existingSecret is empty: it must name a Secret whose key %s has the value of %s" $key $name) $.Values.existingSecret }}
      key: {{ $key }}
{{- end -}}
{{- end -}}
