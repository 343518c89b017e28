{{- /* A term of pod affinity or topology spread that says nothing of labels means the controller's own pods. */ -}}
{{- define "karpenter.ownPods" -}}
{{- $term := .term -}}
{{- if not (hasKey $term "labelSelector") -}}
{{- $_ := set $term "labelSelector" (dict "matchLabels" (include "karpenter.selectorLabels" .root | fromYaml)) -}}
{{- end -}}
{{- end -}}

{{- define "karpenter.affinity" -}}
{{- $root := . -}}
{{- $affinity := deepCopy .Values.affinity -}}
{{- range $kind := list "podAffinity" "podAntiAffinity" -}}
{{- $pods := index $affinity $kind | default dict -}}
{{- range $pods.requiredDuringSchedulingIgnoredDuringExecution -}}
{{- include "karpenter.ownPods" (dict "root" $root "term" .) -}}
{{- end -}}
{{- range $pods.preferredDuringSchedulingIgnoredDuringExecution -}}
{{- include "karpenter.ownPods" (dict "root" $root "term" .podAffinityTerm) -}}
{{- end -}}
{{- end -}}
{{- toYaml $affinity -}}
{{- end -}}

{{- define "karpenter.topologySpread" -}}
{{- $root := . -}}
{{- $constraints := deepCopy .Values.topologySpreadConstraints -}}
{{- range $constraints -}}
{{- include "karpenter.ownPods" (dict "root" $root "term" .) -}}
{{- end -}}
{{- toYaml $constraints -}}
{{- end -}}
