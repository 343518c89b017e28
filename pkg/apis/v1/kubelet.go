package v1

import apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"

// KubeletConfiguration is the kubelet's own configuration (kubelet.config.k8s.io/v1beta1)
// as an open map, so that new kubelet fields need no new CRD.
// +kubebuilder:pruning:PreserveUnknownFields
// +kubebuilder:validation:Type=object
type KubeletConfiguration map[string]apiextensionsv1.JSON
