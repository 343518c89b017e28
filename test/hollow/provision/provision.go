// Package provision boots hollow machines as their operating systems boot.
//
// It answers who reads user data, and when: Ignition before anything else on Flatcar, the API of
// Bottlerocket, cloud-init on all others. It talks to the machine only, remembers nothing, and
// writes what fails to the machine's console, as the real ones do.
package provision

import (
	"context"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/bottlerocket"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/cloudinit"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/ignition"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

// Boot boots m and has it do what its user data says. What it starts ends with ctx.
func Boot(ctx context.Context, m *machine.Machine) {
	switch {
	case m.Flatcar():
		if err := ignition.Run(m.FS, m.Facts.UserData); err != nil {
			m.Logf("ignition: CRITICAL: %v; entering emergency mode", err)
			return
		}
		m.Boot(ctx)
	case m.Bottlerocket():
		m.Boot(ctx)
		if err := bottlerocket.Run(ctx, m); err != nil {
			m.Logf("bottlerocket: %v; the kubelet is not started", err)
		}
	default:
		m.Boot(ctx)
		if err := cloudinit.Run(ctx, m, m.FS, m.Facts.UserData); err != nil {
			m.Logf("cloud-init: status: error: %v", err)
		}
	}
}
