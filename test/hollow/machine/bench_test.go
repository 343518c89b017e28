package machine_test

import (
	"testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// BenchmarkBoot makes and boots a machine without user data. A run of 5,000 nodes makes as
// many, so the budget is 5 ms and 1 MB allocated each.
func BenchmarkBoot(b *testing.B) {
	config := machine.Config{Kubernetes: "v1.36.3", Speed: 100, Pipes: b.TempDir()}
	b.ReportAllocs()
	for b.Loop() {
		m := machine.New(facts(nil), config, func(*machine.Machine) map[string]shell.Command { return nil })
		m.Boot(b.Context())
		if m.BootID() == "" {
			b.Fatal("the machine has not booted")
		}
	}
}
