{{/*
The template of a Deployment's pods. Takes a dict: root, component (a section of the values), args, port, portName ("metrics" where it
serves /metrics, /healthz and /readyz there), resources (YAML), scratch (size of the emptyDir) and graceSeconds.
*/}}
{{- define "mongolake.pod" -}}
{{- $root := .root -}}
{{- $values := get .root.Values .component -}}
metadata:
  labels:
    {{- include "mongolake.selector" $root | nindent 4 }}
    app.kubernetes.io/component: {{ .component }}
  annotations:
    checksum/config: {{ include "mongolake.config" $root | sha256sum }}
    {{- if and (eq .portName "metrics") $root.Values.metrics.annotations }}
    prometheus.io/scrape: "true"
    prometheus.io/port: {{ .port | quote }}
    prometheus.io/path: /metrics
    {{- end }}
    {{- with $values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "mongolake.serviceAccount" $root }}
  automountServiceAccountToken: false
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
      image: "{{ $root.Values.image.repository }}:{{ default $root.Chart.AppVersion $root.Values.image.tag }}"
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
        # The dashboard has no other path.
        httpGet: { path: {{ ternary "/readyz" "/healthz" (eq .portName "metrics") }}, port: {{ .portName }} }
        periodSeconds: 10
        timeoutSeconds: 5
      resources:
        {{- .resources | nindent 8 }}
      securityContext:
        {{- toYaml $root.Values.securityContext | nindent 8 }}
      volumeMounts:
        - name: config
          mountPath: /etc/mongolake
          readOnly: true
        - name: scratch
          mountPath: /scratch
        {{- if and $root.Values.vault.enabled (eq $root.Values.vault.method "kubernetes") }}
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
      emptyDir:
        sizeLimit: {{ .scratch }}
    {{- if and $root.Values.vault.enabled (eq $root.Values.vault.method "kubernetes") }}
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
  {{- with $values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with $values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
{{- end -}}
