package cloudinit_test

import (
	"context"
	"net/netip"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/cloudinit"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

func booted(t *testing.T) *machine.Machine {
	t.Helper()
	m := machine.New(machine.Facts{ID: "i-0abc", PrivateIP: netip.MustParseAddr("10.0.0.9"), PrivateDNS: "ip-10-0-0-9.ec2.internal"},
		machine.Config{Kubernetes: "v1.36.3", Speed: 1000, Pipes: t.TempDir()}, func(*machine.Machine) map[string]shell.Command { return nil })
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	m.Boot(ctx)
	return m
}

func TestRun(t *testing.T) {
	for name, tc := range map[string]struct {
		data    string
		console OmegaMatcher
		err     OmegaMatcher
	}{
		"script":              {data: "#!/bin/bash\necho as $(whoami)", console: ContainSubstring("as root\n"), err: BeNil()},
		"script that fails":   {data: "#!/bin/bash\nexit 3", console: ContainSubstring("exit status 3"), err: MatchError(ContainSubstring("exit status 3"))},
		"script of no shell":  {data: "MIME-Version: 1.0\nContent-Type: text/x-shellscript\n\necho x", console: ContainSubstring("Missing #!"), err: HaveOccurred()},
		"not user data":       {data: "hello", console: ContainSubstring("unhandled non-multipart"), err: HaveOccurred()},
		"cloud-config, all":   {data: "#cloud-config\nhostname: fresh\nbootcmd: [echo booting]\nwrite_files:\n- {path: /opt/x.sh, permissions: '0755', content: \"#!/bin/sh\\necho from file\"}\npackages: [containerd]\nruncmd:\n- /opt/x.sh\n- [hostname]\n- [echo, \"it's $HOME\"]\n- systemctl is-active containerd", console: And(MatchRegexp(`(?s)booting\n.*Setting up containerd.*from file\nfresh\nit's \$HOME\nactive\n`)), err: BeNil()},
		"config is malformed": {data: "#cloud-config\nruncmd: {", console: ContainSubstring("reading cloud-config"), err: HaveOccurred()},
		"parts in order":      {data: "MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: text/cloud-config\n\nruncmd: [echo third]\n--B\nContent-Type: text/x-shellscript\n\n#!/bin/sh\necho first; exit 1\n--B\nContent-Type: text/x-shellscript\n\n#!/bin/sh\necho second\n--B--\n", console: MatchRegexp(`(?s)first\n.*second\n.*third\n`), err: HaveOccurred()},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			m := booted(t)
			err := cloudinit.Run(t.Context(), m, m.FS, []byte(tc.data))
			g.Expect(err).To(tc.err)
			g.Expect(m.Console.Text()).To(tc.console)
		})
	}
}

func TestSecondBootRepeatsBootcmdOnly(t *testing.T) {
	g := NewWithT(t)
	m := booted(t)
	data := []byte("#cloud-config\nbootcmd: [echo b >> /root/log]\nruncmd: [echo r >> /root/log]\n")
	g.Expect(cloudinit.Run(t.Context(), m, m.FS, data)).To(Succeed())
	m.Boot(t.Context())
	g.Expect(cloudinit.Run(t.Context(), m, m.FS, data)).To(Succeed())
	log, err := m.FS.ReadFile("/root/log")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(log)).To(Equal("b\nr\nb\n"))
}
