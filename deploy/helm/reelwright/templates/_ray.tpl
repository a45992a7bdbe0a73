{{/* Of `ray start`. Ports are outside of 10002-19999, where Ray's workers take theirs. */}}
{{- define "reelwright.rayParams" -}}
node-manager-port: "6380"
object-manager-port: "6381"
runtime-env-agent-port: "6382"
dashboard-agent-listen-port: "6383"
dashboard-agent-grpc-port: "6384"
metrics-export-port: "6385"
include-log-monitor: "false"
# Frames of models go through it, artifacts do not. Ray would take a third of the memory.
object-store-memory: "268435456"
{{- end -}}

{{/* What `reel cluster start` and `join` give to Ray (reelwright.tools.ray.settings), in every container
     that speaks it; a test compares them. The token is a file: no step finds it in its environment. */}}
{{- define "reelwright.rayEnv" -}}
- name: RAY_AUTH_MODE
  value: token
- name: RAY_AUTH_TOKEN_PATH
  value: /etc/reelwright/ray/auth_token
- name: RAY_USAGE_STATS_ENABLED
  value: "0"
# A node that is gone is noticed within seconds: asked each second, five to answer, three times.
- name: RAY_health_check_initial_delay_ms
  value: "1000"
- name: RAY_health_check_period_ms
  value: "1000"
- name: RAY_health_check_timeout_ms
  value: "5000"
- name: RAY_health_check_failure_threshold
  value: "3"
- name: RAY_grpc_keepalive_time_ms
  value: "5000"
- name: RAY_grpc_keepalive_timeout_ms
  value: "5000"
- name: RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S
  value: "0"
- name: RAY_DISABLE_IMPORT_WARNING
  value: "1"
- name: RAY_DEDUP_LOGS
  value: "0"
- name: RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO
  value: "0"
- name: RAY_memory_monitor_refresh_ms
  value: "0"
- name: PYTHONSAFEPATH
  value: "1"
{{- end -}}

{{- define "reelwright.tokenMount" -}}
- name: ray-token
  mountPath: /etc/reelwright/ray
  readOnly: true
{{- end -}}

{{- define "reelwright.tokenVolume" -}}
- name: ray-token
  secret:
    secretName: {{ .Values.ray.tokenSecret }}
    defaultMode: 0440
    items:
      - {key: auth_token, path: auth_token}
{{- end -}}

{{/* gRPC's health check of the head (6379) or of a raylet (6380); it needs no token. */}}
{{- define "reelwright.rayProbes" -}}
startupProbe:
  grpc: {port: {{ . }}}
  periodSeconds: 3
  timeoutSeconds: 3
  failureThreshold: 60
readinessProbe:
  grpc: {port: {{ . }}}
  periodSeconds: 5
  timeoutSeconds: 5
livenessProbe:
  grpc: {port: {{ . }}}
  periodSeconds: 10
  timeoutSeconds: 10
  failureThreshold: 6
{{- end -}}
