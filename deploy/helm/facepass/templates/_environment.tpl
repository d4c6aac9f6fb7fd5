{{/*
What a container is told: settings as plain variables, secrets as files. Who needs only the database gets no other secret,
and then no setting either that means nothing without one: `only` is a pattern of the names that are passed on.
*/}}

{{- define "facepass.onlyDatabase" -}}^(ENVIRONMENT|POSTGRES_.*|DATABASE_URL|DB_.*|LOG_.*)${{- end -}}
{{- define "facepass.onlyBackup" -}}^(ENVIRONMENT|POSTGRES_.*|DATABASE_URL|DB_.*|LOG_.*|S3_(ENDPOINT|REGION|SECURE|ACCESS_KEY|SECRET_KEY)|BACKUP_.*)${{- end -}}

{{/* A value as FacePass reads it: YAML's numbers have become floats by now, and lists are separated by commas. */}}
{{- define "facepass.text" -}}
{{- if kindIs "slice" . -}}
{{ join "," . }}
{{- else if and (kindIs "float64" .) (eq (floor .) .) -}}
{{ int64 . }}
{{- else -}}
{{ . }}
{{- end -}}
{{- end -}}

{{/* Takes (dict "root" . "settings" … "secrets" … "only" …). */}}
{{- define "facepass.env" -}}
{{- $only := .only -}}
- name: DATA_DIR
  value: /data
- name: TMPDIR  # where uploads wait; the image means a folder that its own volume has
  value: /tmp
{{- if .root.Values.databaseCA.name }}
- name: PGSSLROOTCERT  # read by the driver and by libpq's programs, not by FacePass
  value: /run/secrets/database-ca/ca.crt
{{- end }}
{{- range $name, $value := .settings }}
{{- if regexMatch $only $name }}
- name: {{ $name }}
  value: {{ include "facepass.text" $value | quote }}
{{- end }}
{{- end }}
{{- range $name, $from := .secrets }}
{{- if regexMatch $only $name }}
- name: {{ $name }}_FILE
  value: /run/secrets/facepass/{{ $name }}
{{- end }}
{{- end }}
{{- end -}}

{{/* Threads for models: as many as the container may use. The processors of the machine would be too many. */}}
{{- define "facepass.threads" -}}
{{- if not (hasKey .Values.settings "ML_THREADS") -}}
- name: ML_THREADS
  valueFrom:
    resourceFieldRef: {resource: limits.cpu}
{{- end -}}
{{- end -}}

{{- define "facepass.volumeMounts" -}}
- name: secrets
  mountPath: /run/secrets/facepass
  readOnly: true
{{- if .root.Values.databaseCA.name }}
- name: database-ca
  mountPath: /run/secrets/database-ca
  readOnly: true
{{- end }}
- name: tmp
  mountPath: /tmp
- name: data
  mountPath: /data
{{- end -}}

{{/* Takes what "facepass.env" takes, and `tmpBytes`. */}}
{{- define "facepass.volumes" -}}
{{- $only := .only -}}
- name: secrets
  projected:
    defaultMode: 0440
    sources:
      {{- range $name, $from := .secrets }}
      {{- if regexMatch $only $name }}
      - secret:
          name: {{ $from.name }}
          items:
            - key: {{ $from.key }}
              path: {{ $name }}
      {{- end }}
      {{- end }}
{{- with .root.Values.databaseCA }}
{{- if .name }}
- name: database-ca
  secret:
    secretName: {{ .name }}
    defaultMode: 0440
    items:
      - key: {{ .key }}
        path: ca.crt
{{- end }}
{{- end }}
- name: tmp
  emptyDir:
    sizeLimit: {{ add 128 (div (int64 .tmpBytes) 1048576) }}Mi
- name: data
  emptyDir:
    sizeLimit: 256Mi
{{- end -}}
