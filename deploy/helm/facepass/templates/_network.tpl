{{/*
What one part may reach, and who may reach it. Takes (dict "root" . "part" "api" "egress" (list "dns" …) "ingress" (list (dict "from" … "port" …))
"peer" "api"), the last for a part that may reach another one. An empty `to` or `from` would mean everybody in a NetworkPolicy: such
a rule is left out, and so means nobody.
*/}}
{{- define "facepass.policy" -}}
{{- $root := .root -}}
{{- $in := list -}}
{{- range .ingress -}}
{{- if .from -}}
{{- $in = append $in (dict "from" .from "ports" (list (dict "protocol" "TCP" "port" .port))) -}}
{{- end -}}
{{- end -}}
{{- $out := list -}}
{{- range $kind := .egress -}}
{{- with index $root.Values.networkPolicy.egress $kind -}}
{{- if .to -}}
{{- $ports := list -}}
{{- range .ports -}}
{{- $ports = append $ports (dict "protocol" "TCP" "port" (int .)) -}}
{{- if eq $kind "dns" -}}
{{- $ports = append $ports (dict "protocol" "UDP" "port" (int .)) -}}
{{- end -}}
{{- end -}}
{{- $out = append $out (dict "to" .to "ports" $ports) -}}
{{- end -}}
{{- end -}}
{{- end -}}
{{- if .peer -}}
{{- $peer := dict "podSelector" (dict "matchLabels" (include "facepass.selector" (list $root .peer) | fromYaml)) -}}
{{- $out = append $out (dict "to" (list $peer) "ports" (list (dict "protocol" "TCP" "port" "http"))) -}}
{{- end -}}
podSelector:
  matchLabels: {{- include "facepass.selector" (list $root .part) | nindent 4 }}
policyTypes: [Ingress, Egress]
ingress: {{- toYaml $in | nindent 2 }}
egress: {{- toYaml $out | nindent 2 }}
{{- end -}}
