{{- define "mongolake.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{/*
Start of the names of objects, of at most 44 characters: with "-backfill-" and 8 digits after it a name has at most 63. A longer one ends in
a hash, so that two long names that begin alike differ.
*/}}
{{- define "mongolake.fullname" -}}
{{- $full := .Values.fullnameOverride -}}
{{- if not $full -}}
{{- $name := include "mongolake.name" . -}}
{{- $full = ternary .Release.Name (printf "%s-%s" .Release.Name $name) (contains $name .Release.Name) -}}
{{- end -}}
{{- if not (regexMatch "^[a-z]([-a-z0-9]*[a-z0-9])?$" $full) -}}
{{- fail (printf "%s is no name for a Service (lower case letters, digits and -, a letter first): set fullnameOverride, or install under another name" $full) -}}
{{- end -}}
{{- if gt (len $full) 44 -}}
{{- $full = printf "%s-%s" ($full | trunc 35 | trimSuffix "-") ($full | sha256sum | trunc 8) -}}
{{- end -}}
{{- $full -}}
{{- end -}}

{{/* What never changes between releases, so that Deployments can be upgraded. */}}
{{- define "mongolake.selector" -}}
app.kubernetes.io/name: {{ include "mongolake.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* Labels of every object. */}}
{{- define "mongolake.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" | trunc 63 | trimSuffix "-" }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{ include "mongolake.selector" . }}
{{- with include "mongolake.moreLabels" (dict "key" "commonLabels" "labels" .Values.commonLabels) }}
{{ . }}
{{- end }}
{{- end -}}

{{/* Labels that people give, a line each. Takes a dict: labels, and key, where they are in the values. */}}
{{- define "mongolake.moreLabels" -}}
{{- range $name, $_ := .labels -}}
{{- if or (eq $name "helm.sh/chart") (regexMatch "^app\\.kubernetes\\.io/(name|instance|component|version|managed-by)$" $name) -}}
{{- fail (printf "%s.%s is set by the chart, whose selectors need it: remove it" $.key $name) -}}
{{- end -}}
{{- end -}}
{{- with .labels }}{{ toYaml . }}{{ end -}}
{{- end -}}

{{/* metadata of an object. Takes a dict: root, name; component, labels and annotations where it has some of its own. */}}
{{- define "mongolake.metadata" -}}
name: {{ .name }}
labels:
  {{- include "mongolake.labels" .root | nindent 2 }}
  {{- with .component }}
  app.kubernetes.io/component: {{ . }}
  {{- end }}
  {{- with .labels }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- with merge (dict) (default (dict) .annotations) .root.Values.commonAnnotations }}
annotations:
  {{- toYaml . | nindent 2 }}
{{- end }}
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

{{/*
Seconds before Kubernetes kills the coordinator, or a backfill: at least 15 more than config.coordinator.drainTimeout, which is written as
src/shared/config/units.ts reads it.
*/}}
{{- define "mongolake.coordinatorGrace" -}}
{{- $written := dig "coordinator" "drainTimeout" "10s" .Values.config | toString -}}
{{- $units := dict "ms" 1.0 "s" 1e3 "m" 6e4 "h" 36e5 "d" 864e5 "w" 6048e5 -}}
{{- $part := "[0-9]+(?:\\.[0-9]+)? ?(?:ms|s|m|h|d|w)" -}}
{{- if not (regexMatch (printf "^%s(?: ?%s)*$" $part $part) $written) -}}
{{- fail (printf "config.coordinator.drainTimeout is %q: write a duration, such as 10s. The chart makes the pod's grace period from it" $written) -}}
{{- end -}}
{{- $drain := 0.0 -}}
{{- range regexFindAll $part $written -1 -}}
{{- $drain = addf $drain (mulf (regexFind "^[0-9.]+" . | float64) (get $units (regexFind "[a-z]+$" .))) -}}
{{- end -}}
{{- max 30 (add (divf $drain 1000 | ceil | int) 15) -}}
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
