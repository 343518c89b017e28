package machine

import (
	"context"
	"strings"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// enforce says whether SELinux enforces, 1, or only notes, 0. It is there where SELinux is.
const enforce = "/sys/fs/selinux/enforce"

func (m *Machine) getenforce(_ context.Context, p *shell.Proc) int {
	content, err := m.FS.ReadFile(enforce)
	switch {
	case err != nil:
		p.Printf("Disabled\n")
	case strings.TrimSpace(string(content)) == "1":
		p.Printf("Enforcing\n")
	default:
		p.Printf("Permissive\n")
	}
	return 0
}

func (m *Machine) setenforce(_ context.Context, p *shell.Proc) int {
	if !m.FS.Exists(enforce) || len(p.Args) != 2 {
		return p.Fail(1, "SELinux is disabled")
	}
	mode := map[string]string{"Enforcing": "1", "Permissive": "0"}[p.Args[1]]
	if mode == "" {
		mode = p.Args[1]
	}
	if err := m.FS.WriteFile(enforce, []byte(mode+"\n"), 0o644); err != nil {
		return p.Fail(1, "%v", err)
	}
	return 0
}
