{{/* What all Pods have in common: no rights, no token, a root file system that nobody writes to. */}}

{{- define "facepass.podSecurity" -}}
automountServiceAccountToken: false
# Kubernetes would tell of Services by variables such as REDIS_PORT=tcp://…, which are settings here.
enableServiceLinks: false
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile: {type: RuntimeDefault}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
  {{- range . }}
  - name: {{ . }}
  {{- end }}
{{- end }}
{{- with .Values.priorityClassName }}
priorityClassName: {{ . }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end -}}

{{- define "facepass.container" -}}
image: {{ include "facepass.image" . }}
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  readOnlyRootFilesystem: true
  runAsNonRoot: true
  capabilities: {drop: [ALL]}
  seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{/* Seconds until SIGKILL: docs/replicas.md asks for 5 more than the grace, and the kubelet's clock begins a little earlier. */}}
{{- define "facepass.terminationSeconds" -}}
{{ add 10 (int64 (ceil .Values.settings.SHUTDOWN_GRACE_S)) }}
{{- end -}}

{{/* Spread over nodes and zones where there are several; a Pod that finds no such place still starts. */}}
{{- define "facepass.spread" -}}
topologySpreadConstraints:
  {{- range list "kubernetes.io/hostname" "topology.kubernetes.io/zone" }}
  - maxSkew: 1
    topologyKey: {{ . }}
    whenUnsatisfiable: ScheduleAnyway
    matchLabelKeys: [pod-template-hash]
    labelSelector:
      matchLabels: {{- include "facepass.selector" $ | nindent 8 }}
  {{- end }}
{{- end -}}
