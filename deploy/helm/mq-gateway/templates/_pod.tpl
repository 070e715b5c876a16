{{/* The pods' template, the same below a Deployment and a StatefulSet. */}}
{{- define "mq-gateway.pod" -}}
{{- $monitored := .Values.metrics.monitor.enabled }}
metadata:
  labels:
    {{- with .Values.podLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- with .Values.commonLabels }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
    {{- include "mq-gateway.selector" . | nindent 4 }}
    app.kubernetes.io/version: {{ include "mq-gateway.version" . }}
  annotations:
    # Configuration is read at start, so a change has to roll the pods. Keys are not in here: they are watched.
    checksum/config: {{ .Values.config | sha256sum }}
    {{- if and .Values.metrics.scrapeAnnotations (not $monitored) }}
    prometheus.io/scrape: "true"
    prometheus.io/port: {{ include "mq-gateway.managementPort" . | quote }}
    prometheus.io/path: /metrics
    {{- end }}
    {{- with .Values.podAnnotations }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
spec:
  serviceAccountName: {{ include "mq-gateway.serviceAccountName" . }}
  automountServiceAccountToken: false
  enableServiceLinks: false
  # No preStop sleep: on SIGTERM the gateway itself fails its readiness and goes on serving for drain_delay while the
  # endpoint controllers take it out, then closes its listeners and gives running requests shutdown_timeout.
  terminationGracePeriodSeconds: {{ .Values.terminationGracePeriodSeconds }}
  {{- with .Values.imagePullSecrets }}
  imagePullSecrets:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.priorityClassName }}
  priorityClassName: {{ . }}
  {{- end }}
  {{- with .Values.dnsConfig }}
  dnsConfig:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  securityContext:
    {{- toYaml .Values.podSecurityContext | nindent 4 }}
    {{- if .Values.persistence.enabled }}
    # Else the kubelet would open the gateway's own files to the group at every start.
    fsGroupChangePolicy: OnRootMismatch
    {{- end }}
  {{- with .Values.topologySpreadConstraints }}
  topologySpreadConstraints:
    {{- range . }}
    - {{ toYaml . | nindent 6 | trim }}
      {{- if not .labelSelector }}
      labelSelector:
        matchLabels:
          {{- include "mq-gateway.selector" $ | nindent 10 }}
      {{- end }}
    {{- end }}
  {{- end }}
  {{- with .Values.nodeSelector }}
  nodeSelector:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.tolerations }}
  tolerations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  {{- with .Values.affinity }}
  affinity:
    {{- toYaml . | nindent 4 }}
  {{- end }}
  containers:
    - name: mq-gateway
      image: {{ include "mq-gateway.image" . | quote }}
      imagePullPolicy: {{ .Values.image.pullPolicy }}
      args:
        - --config
        - /etc/mq-gateway/gateway.toml
        {{- if .Values.persistence.enabled }}
        # A folder below the volume: the volume's own top is open to the group (fsGroup), and the data directory has to be
        # 0700.
        - --data-dir
        - /data/mq-gateway
        {{- end }}
        {{- with .Values.extraArgs }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
      {{- with .Values.extraEnv }}
      env:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      ports:
        - name: data
          containerPort: {{ include "mq-gateway.dataPort" . }}
          protocol: TCP
        - name: management
          containerPort: {{ include "mq-gateway.managementPort" . }}
          protocol: TCP
      # All probes ask the management port: a flood of callers on the data port cannot make the kubelet kill the pod.
      startupProbe:
        httpGet:
          path: /startupz
          port: management
        periodSeconds: 1
        failureThreshold: {{ .Values.startupSeconds }}
      # Alive says nothing about the MQ: an MQ that is away must not restart the pods.
      livenessProbe:
        httpGet:
          path: /livez
          port: management
        periodSeconds: 10
        timeoutSeconds: 2
        failureThreshold: 3
      # Fails at once when the drain begins; two failures, 2 s, are well inside drain_delay, for which serving goes on.
      readinessProbe:
        httpGet:
          path: /readyz
          port: management
        periodSeconds: 1
        timeoutSeconds: 1
        failureThreshold: 2
      {{- with .Values.resources }}
      resources:
        {{- toYaml . | nindent 8 }}
      {{- end }}
      securityContext:
        {{- toYaml .Values.securityContext | nindent 8 }}
      volumeMounts:
        - name: config
          mountPath: /etc/mq-gateway
          readOnly: true
        # Directories, never single files by subPath: only a directory's mount follows a rotated Secret.
        {{- range $index, $secret := .Values.credentials }}
        - name: {{ include "mq-gateway.credentialsVolume" $index }}
          mountPath: {{ $secret.mountPath }}
          readOnly: true
        {{- end }}
        {{- if .Values.persistence.enabled }}
        - name: data
          mountPath: /data
        {{- end }}
        {{- if .Values.tracing.headersSecret }}
        - name: tracing-headers
          mountPath: {{ include "mq-gateway.headersMount" . }}
          readOnly: true
        {{- end }}
        {{- if .Values.management.tokenSecret }}
        - name: operator-token
          mountPath: {{ include "mq-gateway.tokenMount" . }}
          readOnly: true
        {{- end }}
        {{- with .Values.extraVolumeMounts }}
        {{- toYaml . | nindent 8 }}
        {{- end }}
  volumes:
    - name: config
      configMap:
        name: {{ include "mq-gateway.fullname" . }}-config
    {{- range $index, $secret := .Values.credentials }}
    - name: {{ include "mq-gateway.credentialsVolume" $index }}
      secret:
        secretName: {{ $secret.secretName }}
        defaultMode: 0440
    {{- end }}
    {{- with .Values.tracing.headersSecret }}
    - name: tracing-headers
      secret:
        secretName: {{ . }}
        defaultMode: 0440
    {{- end }}
    {{- with .Values.management.tokenSecret }}
    - name: operator-token
      secret:
        secretName: {{ . }}
        defaultMode: 0440
    {{- end }}
    {{- with .Values.extraVolumes }}
    {{- toYaml . | nindent 4 }}
    {{- end }}
{{- end }}

{{/* The first is `credentials`, the second `credentials-2`. */}}
{{- define "mq-gateway.credentialsVolume" -}}
credentials{{ if . }}-{{ add . 1 }}{{ end }}
{{- end }}
