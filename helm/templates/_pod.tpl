{{/*
The template of pods, of one container. Takes a dict: root, component, args, graceSeconds, resources and scratch (see below), section (of the
values, where to run; the component's own where left out). Of a Deployment also port and portName ("metrics" where it serves /metrics, /healthz
and /readyz there); of others restartPolicy.
*/}}
{{- define "mongolake.pod" -}}
{{- $root := .root -}}
{{- $values := get .root.Values (default .component .section) -}}
{{- $vaultToken := and $root.Values.vault.enabled (eq $root.Values.vault.method "kubernetes") -}}
metadata:
  {{- include "mongolake.podMetadata" (dict "pod" . "values" $values) | nindent 2 }}
spec:
  {{- with .restartPolicy }}
  restartPolicy: {{ . }}
  {{- end }}
  serviceAccountName: {{ include "mongolake.serviceAccount" $root }}
  automountServiceAccountToken: false
  # No variables of other services, which could be taken for ${VAR} of the configuration.
  enableServiceLinks: false
  # Not process 1, so that SIGTERM ends it from its first moment.
  shareProcessNamespace: true
  terminationGracePeriodSeconds: {{ .graceSeconds }}
  {{- with $root.Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml $root.Values.podSecurityContext | nindent 4 }}
  containers:
    - name: {{ .component }}
      image: {{ include "mongolake.image" $root | quote }}
      imagePullPolicy: {{ $root.Values.image.pullPolicy }}
      args:
        - -c
        - /etc/mongolake/mongolake.yaml
        {{- toYaml .args | nindent 8 }}
      {{- with $root.Values.existingSecret }}
      envFrom:
        - secretRef:
            name: {{ . }}
      {{- end }}
      env:
        - name: TMPDIR
          value: /scratch
        {{- with include "mongolake.secretEnv" $root | trim }}
        {{- . | nindent 8 }}
        {{- end }}
        {{- with $root.Values.extraEnv }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- if .port }}
      {{- include "mongolake.probes" . | nindent 6 }}
      {{- end }}
      resources:
        {{- include "mongolake.resources" . | nindent 8 }}
      securityContext:
        {{- toYaml $root.Values.securityContext | nindent 8 }}
      volumeMounts:
        - name: config
          mountPath: /etc/mongolake
          readOnly: true
        - name: scratch
          mountPath: /scratch
        {{- if $root.Values.redis.caKey }}
        - name: redis-ca
          mountPath: /var/run/secrets/redis
          readOnly: true
        {{- end }}
        {{- if $vaultToken }}
        - name: vault-token
          mountPath: /var/run/secrets/vault
          readOnly: true
        {{- end }}
        {{- with $root.Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "mongolake.fullname" $root }}
    - name: scratch
      {{- include "mongolake.scratch" . | nindent 6 }}
    {{- with $root.Values.redis.caKey }}
    - name: redis-ca
      secret:
        secretName: {{ $root.Values.existingSecret }}
        items:
          - key: {{ . }}
            path: ca.pem
    {{- end }}
    {{- if $vaultToken }}
    # For Vault alone: the Kubernetes API does not take it.
    - name: vault-token
      projected:
        sources:
          - serviceAccountToken:
              path: token
              audience: {{ $root.Values.vault.audience | quote }}
              expirationSeconds: 3600
    {{- end }}
    {{- with $root.Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
  {{- with include "mongolake.scheduling" (dict "root" $root "component" .component "values" $values) | trim }}
  {{- . | nindent 2 }}
  {{- end }}
{{- end -}}

{{/* metadata of a pod. Takes a dict: pod (the dict above) and values (the section). */}}
{{- define "mongolake.podMetadata" -}}
{{- $root := .pod.root -}}
{{- $scraped := and (eq (default "" .pod.portName) "metrics") $root.Values.metrics.annotations (not $root.Values.serviceMonitor.enabled) -}}
labels:
  {{- include "mongolake.selector" $root | nindent 2 }}
  app.kubernetes.io/component: {{ .pod.component }}
  {{- $_ := include "mongolake.moreLabels" (dict "key" "commonLabels" "labels" $root.Values.commonLabels) }}
  {{- $more := merge (dict) .values.podLabels $root.Values.commonLabels }}
  {{- with include "mongolake.moreLabels" (dict "key" (printf "%s.podLabels" (default .pod.component .pod.section)) "labels" $more) }}
  {{- . | nindent 2 }}
  {{- end }}
{{- if or .pod.port .values.podAnnotations }}
annotations:
  {{- if .pod.port }}
  checksum/config: {{ include "mongolake.config" $root | sha256sum }}
  {{- end }}
  {{- if $scraped }}
  prometheus.io/scrape: "true"
  prometheus.io/port: {{ .pod.port | quote }}
  prometheus.io/path: /metrics
  {{- end }}
  {{- with .values.podAnnotations }}
  {{- toYaml . | nindent 2 }}
  {{- end }}
{{- end }}
{{- end -}}

{{- define "mongolake.image" -}}
{{- with .Values.image -}}
{{- if .digest }}{{ .repository }}@{{ .digest }}{{ else }}{{ .repository }}:{{ default $.Chart.AppVersion .tag }}{{ end -}}
{{- end -}}
{{- end -}}

{{/* Port and probes of a container. */}}
{{- define "mongolake.probes" -}}
ports:
  - name: {{ .portName }}
    containerPort: {{ .port }}
startupProbe:
  httpGet: { path: /healthz, port: {{ .portName }} }
  periodSeconds: 2
  failureThreshold: 60
livenessProbe:
  httpGet: { path: /healthz, port: {{ .portName }} }
  periodSeconds: 10
  timeoutSeconds: 5
  failureThreshold: 6
readinessProbe:
  {{- /* The dashboard has no other path. */}}
  httpGet: { path: {{ ternary "/readyz" "/healthz" (eq .portName "metrics") }}, port: {{ .portName }} }
  periodSeconds: 10
  timeoutSeconds: 5
{{- end -}}

{{/* The volume of a pod's temporary files. `scratch` is a dict: size, and of a worker type and storageClass. */}}
{{- define "mongolake.scratch" -}}
{{- if eq (default "emptyDir" .scratch.type) "emptyDir" -}}
emptyDir:
  sizeLimit: {{ .scratch.size }}
{{- else -}}
ephemeral:
  volumeClaimTemplate:
    metadata:
      labels:
        {{- include "mongolake.selector" .root | nindent 8 }}
        app.kubernetes.io/component: {{ .component }}
    spec:
      accessModes: [ReadWriteOnce]
      {{- with .scratch.storageClass }}
      storageClassName: {{ . }}
      {{- end }}
      resources:
        requests:
          storage: {{ .scratch.size }}
{{- end -}}
{{- end -}}

{{/* Requests and limits of a container: those of `resources`, and room on the node for an emptyDir unless they name it. */}}
{{- define "mongolake.resources" -}}
{{- $resources := deepCopy .resources -}}
{{- $requests := default (dict) $resources.requests -}}
{{- $named := or (hasKey $requests "ephemeral-storage") (hasKey (default (dict) $resources.limits) "ephemeral-storage") -}}
{{- if and (eq (default "emptyDir" .scratch.type) "emptyDir") (not $named) -}}
{{- $_ := set $requests "ephemeral-storage" .scratch.size -}}
{{- $_ := set $resources "requests" $requests -}}
{{- end -}}
{{- toYaml $resources -}}
{{- end -}}

{{/* Where pods run. Takes a dict: root, component, values (the section). */}}
{{- define "mongolake.scheduling" -}}
{{- $selector := fromYaml (include "mongolake.selector" .root) -}}
{{- $_ := set $selector "app.kubernetes.io/component" .component -}}
{{- with .values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .values.nodeSelector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.affinity }}
affinity:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .values.topologySpreadConstraints }}
topologySpreadConstraints:
  {{- range . }}
  - {{- toYaml (hasKey . "labelSelector" | ternary . (set (deepCopy .) "labelSelector" (dict "matchLabels" $selector))) | nindent 4 }}
  {{- end }}
{{- end }}
{{- end -}}
