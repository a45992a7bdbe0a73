{{/* The release's name, cut to what is left for KubeRay's own suffixes. */}}
{{- define "reelwright.name" -}}
{{- if contains "reelwright" .Release.Name -}}
{{- .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-reelwright" .Release.Name | trunc 40 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "reelwright.image" -}}
{{- printf "%s:%s" .Values.image.repository (default .Chart.AppVersion .Values.image.tag) -}}
{{- end -}}

{{- define "reelwright.serviceAccount" -}}
{{- if .Values.serviceAccount.name -}}
{{- .Values.serviceAccount.name -}}
{{- else if .Values.serviceAccount.create -}}
{{- include "reelwright.name" . -}}
{{- else -}}
default
{{- end -}}
{{- end -}}

{{- define "reelwright.claim" -}}
{{- default (printf "%s-home" (include "reelwright.name" .)) .Values.home.existingClaim -}}
{{- end -}}

{{- define "reelwright.selector" -}}
app.kubernetes.io/name: reelwright
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "reelwright.labels" -}}
{{ include "reelwright.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end -}}

{{/* Of pods: nobody is root, and files of a volume belong to the image's group. */}}
{{- define "reelwright.podSecurity" -}}
{{- with .Values.image.pullSecrets -}}
imagePullSecrets:
{{- range . }}
  - name: {{ . }}
{{- end }}
{{ end -}}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- define "reelwright.containerSecurity" -}}
securityContext:
  allowPrivilegeEscalation: false
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* What every container of ours knows: the database, the shared store, settings, keys. */}}
{{- define "reelwright.env" -}}
- name: REEL_DATABASE
  valueFrom:
    secretKeyRef:
      name: {{ .Values.database.secret }}
      key: {{ .Values.database.key }}
- name: REEL_CLUSTER__ARTIFACTS
  value: {{ .Values.artifacts.url | quote }}
- name: REEL_CLUSTER__NAMESPACE
  value: {{ include "reelwright.name" . }}
{{- range $name, $value := .Values.settings }}
- name: {{ $name }}
  value: {{ $value | quote }}
{{- end }}
{{- end -}}

{{- define "reelwright.envFrom" -}}
{{- if or .Values.artifacts.secret .Values.secrets -}}
envFrom:
{{- with .Values.artifacts.secret }}
  - secretRef:
      name: {{ . }}
{{- end }}
{{- range .Values.secrets }}
  - secretRef:
      name: {{ . }}
{{- end }}
{{- end }}
{{- end -}}
