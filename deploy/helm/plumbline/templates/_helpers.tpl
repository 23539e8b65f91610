{{- define "plumbline.name" -}}
{{- default .Release.Name .Values.nameOverride | trunc 40 | trimSuffix "-" -}}
{{- end -}}

{{- define "plumbline.labels" -}}
app.kubernetes.io/part-of: plumbline
app.kubernetes.io/name: plumbline
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .service }}
app.kubernetes.io/version: {{ .root.Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .root.Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .root.Chart.Name .root.Chart.Version }}
{{- end -}}

{{- define "plumbline.selector" -}}
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .service }}
{{- end -}}

{{- /* All replicas of audit by name: which one leads is for the client to find. */ -}}
{{- define "plumbline.logUrl" -}}
{{- $name := printf "%s-audit" (include "plumbline.name" .) -}}
{{- $hosts := list -}}
{{- range $index := until (int .Values.audit.replicas) -}}
{{- $hosts = append $hosts (printf "%s-%d.%s.%s.svc:7070" $name $index $name $.Release.Namespace) -}}
{{- end -}}
{{ if .Values.tls.enabled }}grpcs{{ else }}grpc{{ end }}://{{ join "," $hosts }}
{{- end -}}

{{- /* The credentials file of one service: only audit may publish. */ -}}
{{- define "plumbline.natsCredentials" -}}
{{- if .root.Values.nats.credentialsPerService -}}{{ .service }}.creds{{- else -}}nats.creds{{- end -}}
{{- end -}}

{{- define "plumbline.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ default .Chart.AppVersion .Values.image.tag }}
{{- end -}}
{{- end -}}

{{- /* The pod of one service. Takes root, service, config (resources), env, mounts, volumes, ports. */ -}}
{{- define "plumbline.pod" -}}
metadata:
  labels: {{- include "plumbline.labels" . | nindent 4 }}
    {{- with .root.Values.podLabels }}{{ toYaml . | nindent 4 }}{{ end }}
  annotations:
    prometheus.io/scrape: "true"
    prometheus.io/port: "9090"
    {{- with .root.Values.podAnnotations }}{{ toYaml . | nindent 4 }}{{ end }}
spec:
  serviceAccountName: {{ include "plumbline.name" .root }}-{{ .service }}
  automountServiceAccountToken: {{ eq .service "applier" }}
  {{- with .root.Values.imagePullSecrets }}
  imagePullSecrets: {{- range . }}
    - name: {{ . }}{{ end }}
  {{- end }}
  {{- with .root.Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .root.Values.nodeSelector }}
  nodeSelector: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .root.Values.tolerations }}
  tolerations: {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- if has .service (list "gateway" "audit") }}
  topologySpreadConstraints:
    - maxSkew: 1
      topologyKey: kubernetes.io/hostname
      whenUnsatisfiable: ScheduleAnyway
      labelSelector:
        matchLabels: {{- include "plumbline.selector" . | nindent 10 }}
  {{- end }}
  terminationGracePeriodSeconds: 40
  securityContext:
    runAsNonRoot: true
    runAsUser: 10001
    runAsGroup: 10001
    fsGroup: 10001
    seccompProfile: { type: RuntimeDefault }
  containers:
    - name: {{ .service }}
      image: {{ include "plumbline.image" .root }}
      imagePullPolicy: {{ .root.Values.image.pullPolicy }}
      command: ["node", "services/{{ .service }}/dist/main.js"]
      securityContext:
        allowPrivilegeEscalation: false
        readOnlyRootFilesystem: true
        capabilities: { drop: [ALL] }
      ports:
        - { name: health, containerPort: 9090 }
        {{- range .ports }}
        - { name: {{ .name }}, containerPort: {{ .port }} }
        {{- end }}
      env:
        {{- if eq .service "audit" }}
        - name: PLUMBLINE_LOG_URL
          valueFrom: { secretKeyRef: { name: {{ .root.Values.database.existingSecret }}, key: {{ .root.Values.database.key }} } }
        {{- else }}
        - { name: PLUMBLINE_LOG_URL, value: {{ include "plumbline.logUrl" .root | quote }} }
        {{- end }}
        - name: PLUMBLINE_OBJECT_STORE_URL
          valueFrom: { secretKeyRef: { name: {{ .root.Values.database.existingSecret }}, key: {{ .root.Values.database.objectStoreKey }} } }
        {{- if ne .service "audit" }}
        - { name: PLUMBLINE_LOG_CREDENTIAL_FILE, value: /etc/plumbline/log/{{ .service }}.credential }
        {{- if .root.Values.tls.enabled }}
        - { name: PLUMBLINE_LOG_CA_FILE, value: /etc/plumbline/tls/ca.crt }
        - { name: PLUMBLINE_LOG_TLS_NAME, value: {{ .root.Values.tls.serverName | quote }} }
        {{- end }}
        {{- end }}
        - { name: PLUMBLINE_LOG_PUBLIC_KEY_FILE, value: /etc/plumbline/log/log.pub }
        - { name: PLUMBLINE_NATS_URL, value: {{ .root.Values.nats.url | quote }} }
        {{- if .root.Values.nats.credentialsSecret }}
        - { name: PLUMBLINE_NATS_CREDENTIALS_FILE, value: {{ printf "/etc/plumbline/nats/%s" (include "plumbline.natsCredentials" .) }} }
        {{- end }}
        {{- if .root.Values.nats.tlsSecret }}
        - { name: PLUMBLINE_NATS_CA_FILE, value: /etc/plumbline/nats-tls/ca.crt }
        {{- if .root.Values.nats.clientCertificate }}
        - { name: PLUMBLINE_NATS_CERT_FILE, value: /etc/plumbline/nats-tls/tls.crt }
        - { name: PLUMBLINE_NATS_KEY_FILE, value: /etc/plumbline/nats-tls/tls.key }
        {{- end }}
        {{- end }}
        - { name: PLUMBLINE_HEALTH_LISTEN, value: "0.0.0.0:9090" }
        - { name: PLUMBLINE_LOGGING_LEVEL, value: {{ .root.Values.logging.level | quote }} }
        {{- with .root.Values.telemetry.otlpUrl }}
        - { name: PLUMBLINE_OTLP_URL, value: {{ . | quote }} }
        {{- end }}
        - { name: PLUMBLINE_DATA_DIR, value: /var/lib/plumbline }
        {{- range $name, $value := .env }}
        - { name: {{ $name }}, value: {{ $value | quote }} }
        {{- end }}
      startupProbe: { httpGet: { path: /healthz, port: health }, periodSeconds: 2, failureThreshold: 90 }
      livenessProbe: { httpGet: { path: /healthz, port: health }, periodSeconds: 10, failureThreshold: 6 }
      readinessProbe: { httpGet: { path: /readyz, port: health }, periodSeconds: 5 }
      resources: {{- toYaml .config.resources | nindent 8 }}
      volumeMounts:
        - { name: data, mountPath: /var/lib/plumbline }
        - { name: tmp, mountPath: /tmp }
        - { name: log-credential, mountPath: /etc/plumbline/log, readOnly: true }
        {{- if .root.Values.tls.enabled }}
        - { name: tls, mountPath: /etc/plumbline/tls, readOnly: true }
        {{- end }}
        {{- if .root.Values.nats.credentialsSecret }}
        - { name: nats, mountPath: /etc/plumbline/nats, readOnly: true }
        {{- end }}
        {{- if .root.Values.nats.tlsSecret }}
        - { name: nats-tls, mountPath: /etc/plumbline/nats-tls, readOnly: true }
        {{- end }}
        {{- range .mounts }}
        - { name: {{ .name }}, mountPath: {{ .path }}, readOnly: true }
        {{- end }}
  volumes:
    - name: tmp
      emptyDir: {}
    {{- if not .storage }}
    - name: data
      emptyDir: {}
    {{- end }}
    {{- $credential := ternary "services.pub" (printf "%s.credential" .service) (eq .service "audit") }}
    - name: log-credential
      secret: { secretName: {{ .root.Values.keys.existingSecret }}, items: [{ key: {{ $credential }}, path: {{ $credential }} }, { key: log.pub, path: log.pub }], defaultMode: 0440 }
    {{- if .root.Values.tls.enabled }}
    - name: tls
      secret:
        secretName: {{ default .root.Values.keys.existingSecret .root.Values.tls.existingSecret }}
        defaultMode: 0440
        items:
          - { key: {{ .root.Values.tls.caKey }}, path: ca.crt }
          {{- if eq .service "audit" }}
          - { key: {{ .root.Values.tls.certKey }}, path: log.crt }
          - { key: {{ .root.Values.tls.privateKeyKey }}, path: log.crt.key }
          {{- end }}
    {{- end }}
    {{- if .root.Values.nats.credentialsSecret }}
    - name: nats
      secret: { secretName: {{ .root.Values.nats.credentialsSecret }}, items: [{ key: {{ include "plumbline.natsCredentials" . }}, path: {{ include "plumbline.natsCredentials" . }} }], defaultMode: 0440 }
    {{- end }}
    {{- if .root.Values.nats.tlsSecret }}
    - name: nats-tls
      secret: { secretName: {{ .root.Values.nats.tlsSecret }}, defaultMode: 0440 }
    {{- end }}
    {{- range .mounts }}
    - name: {{ .name }}
      secret:
        secretName: {{ .secret }}
        defaultMode: 0440
        {{- with .items }}
        items: {{- range . }}
          - { key: {{ . }}, path: {{ . }} }{{ end }}
        {{- end }}
    {{- end }}
{{- end -}}
