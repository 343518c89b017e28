// Package options holds what the controller was started with.
//
// It answers "what did the person who installed it ask for?": Karpenter core's options,
// the AWS provider's under the same names, and those of kubeadm clusters. It reads command
// line and environment, once; a flag wins over its variable. It is read in pkg/operator
// only, which hands plain values on. It fails with all faults in one error, each with the
// flag, the value and what it must be.
package options
