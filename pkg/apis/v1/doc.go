// Package v1 is the API that users write: EC2NodeClass, with its conditions, the labels,
// annotations and tags that carry its name, and the hash that tells when a node no
// longer is what its class asks for.
//
// It answers: what did the user ask for, and is it well formed? It talks to nothing and
// remembers nothing; everything here is a value or a pure function.
//
// Go names, JSON names, enums and defaults are those of the AWS provider's v1, so that
// manifests and objects written for it are valid here. What is added: the image families
// Ubuntu, Debian and Flatcar, and a default image for the families that have one.
//
// Most faults are refused by the API server through the schema. What a schema cannot say
// (spec.kubelet is an open map) is reported by ValidateKubelet.
//
// +kubebuilder:object:generate=true
// +groupName=karpenter.k8s.aws
package v1
