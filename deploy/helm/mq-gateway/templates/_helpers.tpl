{{/* Names and labels. */}}

{{- define "mq-gateway.name" -}}
{{- default .Chart.Name .Values.nameOverride | trunc 51 | trimSuffix "-" }}
{{- end }}

{{/* 51 characters leave room for the longest ending of a name, and for the hash that a StatefulSet's pods get as a label. */}}
{{- define "mq-gateway.fullname" -}}
{{- if .Values.fullnameOverride }}
{{- .Values.fullnameOverride | trunc 51 | trimSuffix "-" }}
{{- else if contains (include "mq-gateway.name" .) .Release.Name }}
{{- .Release.Name | trunc 51 | trimSuffix "-" }}
{{- else }}
{{- printf "%s-%s" .Release.Name (include "mq-gateway.name" .) | trunc 51 | trimSuffix "-" }}
{{- end }}
{{- end }}

{{- define "mq-gateway.serviceAccountName" -}}
{{- if .Values.serviceAccount.create }}
{{- default (include "mq-gateway.fullname" .) .Values.serviceAccount.name }}
{{- else }}
{{- .Values.serviceAccount.name }}
{{- end }}
{{- end }}

{{- define "mq-gateway.image" -}}
{{- if .Values.image.digest }}
{{- printf "%s@%s" .Values.image.repository .Values.image.digest }}
{{- else }}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) }}
{{- end }}
{{- end }}

{{/* What never changes during a release's life, so that it can select. */}}
{{- define "mq-gateway.selector" -}}
app.kubernetes.io/name: {{ include "mq-gateway.name" . }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "mq-gateway.version" -}}
{{- default .Chart.AppVersion .Values.image.tag | trunc 63 | trimAll "-_." | quote }}
{{- end }}

{{- define "mq-gateway.labels" -}}
{{- with .Values.commonLabels }}
{{- toYaml . }}
{{ end -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "mq-gateway.selector" . }}
app.kubernetes.io/version: {{ include "mq-gateway.version" . }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}
