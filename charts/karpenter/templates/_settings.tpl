{{- /* What the settings become in the controller's environment. */ -}}

{{- /* Settings that are passed on as they are, one line each: environment variable, key under settings. */ -}}
{{- define "karpenter.plainSettings" -}}
BATCH_MAX_DURATION: batchMaxDuration
BATCH_IDLE_DURATION: batchIdleDuration
PREFERENCE_POLICY: preferencePolicy
MIN_VALUES_POLICY: minValuesPolicy
CLUSTER_CA_BUNDLE: clusterCABundle
CLUSTER_ENDPOINT: clusterEndpoint
ISOLATED_VPC: isolatedVPC
EKS_CONTROL_PLANE: eksControlPlane
VM_MEMORY_OVERHEAD_PERCENT: vmMemoryOverheadPercent
INTERRUPTION_QUEUE: interruptionQueue
ENABLE_ZONAL_SHIFT: enableZonalShift
RESERVED_ENIS: reservedENIs
LEGACY_NODE_REPAIR: legacyNodeRepair
DISABLE_CLUSTER_STATE_OBSERVABILITY: disableClusterStateObservability
DISABLE_DRY_RUN: disableDryRun
AMI_REFRESH_INTERVAL: amiRefreshInterval
SUBNET_REFRESH_INTERVAL: subnetRefreshInterval
SECURITY_GROUP_REFRESH_INTERVAL: securityGroupRefreshInterval
BOOTSTRAP_MODE: bootstrapMode
CLOUD_PROVIDER: cloudProvider
POD_NETWORK: podNetwork
CSR_APPROVAL: csrApproval
TOKEN_DELIVERY: tokenDelivery
BOOTSTRAP_TOKEN_FILE: bootstrapTokenFile
BOOTSTRAP_TOKEN_PARAMETER: bootstrapTokenParameter
ADOPT_UNTAGGED: adoptUntagged
KUBELET_VERSION_SKEW: kubeletVersionSkew
NODE_PACKAGE_REPOSITORY: nodePackageRepository
NODE_PACKAGE_KEY: nodePackageKey
NODE_BINARY_REPOSITORY: nodeBinaryRepository
NODE_HTTP_PROXY: nodeHTTPProxy
NODE_HTTPS_PROXY: nodeHTTPSProxy
NODE_NO_PROXY: nodeNoProxy
{{- end -}}

{{- /* "registry=URL" pairs of a map. */ -}}
{{- define "karpenter.mirrors" -}}
{{- $pairs := list -}}
{{- range $registry, $url := . -}}
{{- $pairs = append $pairs (printf "%s=%s" $registry $url) -}}
{{- end -}}
{{- join "," $pairs -}}
{{- end -}}

{{- /* "Gate=value" pairs of a map whose keys are gates in lower camel case. */ -}}
{{- define "karpenter.gates" -}}
{{- $pairs := list -}}
{{- range $key, $value := . -}}
{{- $pairs = append $pairs (printf "%s%s=%v" (substr 0 1 $key | upper) (substr 1 -1 $key) $value) -}}
{{- end -}}
{{- join "," $pairs -}}
{{- end -}}

{{- /* The DRA switches as JSON. enableDRA means all of them, so it excludes each of them. */ -}}
{{- define "karpenter.dra" -}}
{{- $settings := .Values.settings -}}
{{- $drivers := dict "draNVIDIAGPU" $settings.awsFeatureGates.draNVIDIAGPU "draEFA" $settings.awsFeatureGates.draEFA -}}
{{- $explicit := merge (dict "ignoreDRARequests" $settings.ignoreDRARequests) $drivers -}}
{{- range $key, $value := $explicit -}}
{{- if and $settings.enableDRA (not (kindIs "invalid" $value)) -}}
{{- fail (printf "settings.enableDRA switches on all of DRA; remove it or remove %s" $key) -}}
{{- end -}}
{{- end -}}
{{- $gpu := or $settings.enableDRA ($drivers.draNVIDIAGPU | default false) -}}
{{- $efa := or $settings.enableDRA ($drivers.draEFA | default false) -}}
{{- $ignore := ternary true $settings.ignoreDRARequests (kindIs "invalid" $settings.ignoreDRARequests) -}}
{{- dict "draNVIDIAGPU" $gpu "draEFA" $efa "ignore" (and $ignore (not (or $gpu $efa))) | toJson -}}
{{- end -}}

{{- define "karpenter.settingsEnv" -}}
{{- $settings := .Values.settings -}}
{{- if and $settings.legacyNodeRepair $settings.featureGates.terminateFirstRepair -}}
{{- fail "settings.legacyNodeRepair knows no terminate-first repair; switch off settings.featureGates.terminateFirstRepair" -}}
{{- end -}}
{{- $dra := include "karpenter.dra" . | fromJson -}}
{{- $aws := merge (dict "draNVIDIAGPU" $dra.draNVIDIAGPU "draEFA" $dra.draEFA) (pick $settings.awsFeatureGates "nodeClassCEL" "rebootForRepair") -}}
- name: CLUSTER_NAME
  value: {{ tpl (required "settings.clusterName is missing: set the name that the tags of this cluster's instances carry" $settings.clusterName) . | quote }}
{{- range $env, $key := include "karpenter.plainSettings" . | fromYaml }}
{{- $value := index $settings $key }}
{{- /* An explicit false or 0 is passed on, since it may not be the default. */}}
{{- if not (or (kindIs "invalid" $value) (eq (toString $value) "")) }}
- name: {{ $env }}
  value: {{ tpl (toString $value) $ | quote }}
{{- end }}
{{- end }}
{{- with $settings.nodeRegistryMirrors }}
- name: NODE_REGISTRY_MIRRORS
  value: {{ include "karpenter.mirrors" . | quote }}
{{- end }}
- name: IGNORE_DRA_REQUESTS
  value: {{ $dra.ignore | quote }}
- name: FEATURE_GATES
  value: {{ include "karpenter.gates" $settings.featureGates | quote }}
- name: AWS_FEATURE_GATES
  value: {{ include "karpenter.gates" (dict "nodeClassCEL" $aws.nodeClassCEL "dRANVIDIAGPU" $aws.draNVIDIAGPU "dRAEFA" $aws.draEFA "rebootForRepair" $aws.rebootForRepair) | quote }}
{{- end -}}
