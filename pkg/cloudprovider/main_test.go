package cloudprovider

import (
	"os"
	"testing"

	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
)

// TestMain tells core which labels are known, as pkg/operator does in the controller: a claim
// that says nothing of a label is compatible with a type that has it only if it is known.
func TestMain(m *testing.M) {
	karpv1.WellKnownLabels.Insert(v1.GetWellKnown().Labels...)
	os.Exit(m.Run())
}
