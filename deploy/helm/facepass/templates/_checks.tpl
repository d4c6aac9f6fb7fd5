{{/* What the schema cannot say. All that is wrong is told at once, before anything is made. */}}

{{- define "facepass.checks" -}}
{{- $wrong := list -}}
{{- $v := .Values -}}
{{- range list "SECRET_KEY" "JWT_SECRET_KEY" -}}
{{- if not (hasKey $v.secrets .) -}}
{{- $wrong = append $wrong (printf "secrets.%s is missing: name an existing Secret and its key" .) -}}
{{- end -}}
{{- end -}}
{{- if not (or (hasKey $v.secrets "DATABASE_URL") (hasKey $v.settings "POSTGRES_HOST")) -}}
{{- $wrong = append $wrong "no database: set secrets.DATABASE_URL, or settings.POSTGRES_HOST and secrets.POSTGRES_PASSWORD. The embedded PostgreSQL would go with its Pod" -}}
{{- end -}}
{{- if and $v.settings.S3_BUCKET $v.photos.existingClaim -}}
{{- $wrong = append $wrong "settings.S3_BUCKET and photos.existingClaim are two places for photos: choose one" -}}
{{- end -}}
{{- with $v.backup -}}
{{- if .enabled -}}
{{- if not .to -}}
{{- $wrong = append $wrong "backup.to is missing: s3://BUCKET/PREFIX, or /backups with backup.existingClaim" -}}
{{- else if and (not (hasPrefix "s3://" .to)) (not .existingClaim) -}}
{{- $wrong = append $wrong "backup.to is a folder: it needs backup.existingClaim, or it goes with its Pod" -}}
{{- else if and .existingClaim (not (or (eq .to "/backups") (hasPrefix "/backups/" .to))) -}}
{{- $wrong = append $wrong "backup.existingClaim is mounted at /backups: let backup.to be there" -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if and $v.ingress.enabled (not $v.ingress.host) -}}
{{- $wrong = append $wrong "ingress.host is missing" -}}
{{- end -}}
{{- if and $v.monitoring.enabled $v.monitoring.rules (not (.Files.Get "files/alerts.yml" | fromYaml).groups) -}}
{{- $wrong = append $wrong "files/alerts.yml is missing from this copy of the chart, or no YAML: set monitoring.rules=false, or copy deploy/prometheus/alerts.yml there" -}}
{{- end -}}
{{- range $name := list "api" "worker" -}}
{{- with (index $v $name).autoscaling -}}
{{- if and .enabled (gt (int .minReplicas) (int .maxReplicas)) -}}
{{- $wrong = append $wrong (printf "%s.autoscaling.minReplicas is above maxReplicas" $name) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if $v.networkPolicy.enabled -}}
{{- $needed := dict "database" true
    "redis" (or $v.settings.REDIS_HOST (hasKey $v.secrets "REDIS_URL"))
    "objectStore" (or $v.settings.S3_BUCKET (and $v.backup.enabled (hasPrefix "s3://" $v.backup.to)))
    "otlp" $v.settings.OTEL_EXPORTER_OTLP_ENDPOINT -}}
{{- range $kind, $is := $needed -}}
{{- if and $is (not (index $v.networkPolicy.egress $kind).to) -}}
{{- $wrong = append $wrong (printf "networkPolicy.egress.%s.to is empty, so nothing gets there: say where it is" $kind) -}}
{{- end -}}
{{- end -}}
{{- if and $v.ingress.enabled (not $v.networkPolicy.ingressFrom) -}}
{{- $wrong = append $wrong "networkPolicy.ingressFrom is empty, so the ingress controller is kept out: say where its Pods are" -}}
{{- end -}}
{{- if and $v.monitoring.enabled (not $v.networkPolicy.metricsFrom) -}}
{{- $wrong = append $wrong "networkPolicy.metricsFrom is empty, so Prometheus is kept out: say where its Pods are" -}}
{{- end -}}
{{- end -}}
{{- if $wrong -}}
{{- fail (printf "\nThis does not make an installation:\n- %s\n" (join "\n- " $wrong)) -}}
{{- end -}}
{{- end -}}
