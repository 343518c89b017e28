package machine_test

import (
	"context"
	"net/netip"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

func facts(change func(*machine.Facts)) machine.Facts {
	f := machine.Facts{
		ID: "i-0abc", Type: "t3.large", Zone: "ap-northeast-2a", Region: "ap-northeast-2", Arch: "amd64", ImageID: "ami-1", ImageName: "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-1",
		PrivateIP: netip.MustParseAddr("10.0.1.23"), PrivateDNS: "ip-10-0-1-23.ap-northeast-2.compute.internal", MAC: "02:00:00:00:00:01", CPUs: 2, MemoryMiB: 8192, DiskGiB: 40,
		TokensRequired: true, UserData: []byte("#!/bin/sh\n"),
	}
	if change != nil {
		change(&f)
	}
	return f
}

// boot boots a machine whose kubelet blocks, as a daemon does, and whose kubeadm prints its version.
func boot(t *testing.T, f machine.Facts) *machine.Machine {
	t.Helper()
	m := machine.New(f, machine.Config{Kubernetes: "v1.36.3", Speed: 100, Pipes: t.TempDir()}, func(*machine.Machine) map[string]shell.Command {
		return map[string]shell.Command{
			"kubelet": func(ctx context.Context, p *shell.Proc) int {
				p.Printf("kubelet args %q\n", p.Args[1:])
				if _, err := p.ReadFile("/var/lib/kubelet/config.yaml"); err != nil {
					return p.Fail(1, "no config")
				}
				<-ctx.Done()
				return 0
			},
			"kubeadm": func(_ context.Context, p *shell.Proc) int { p.Printf("kubeadm %s\n", p.Build()); return 0 },
		}
	})
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	m.Boot(ctx)
	return m
}

const addRepository = `curl -fsSL https://pkgs.k8s.io/core:/stable:/v1.36/deb/Release.key | gpg --dearmor -o /etc/apt/keyrings/kubernetes-apt-keyring.gpg
echo 'deb [signed-by=/etc/apt/keyrings/kubernetes-apt-keyring.gpg] https://pkgs.k8s.io/core:/stable:/v1.36/deb/ /' > /etc/apt/sources.list.d/kubernetes.list
apt-get update >/dev/null
`

func TestScripts(t *testing.T) {
	token := `T=$(curl -sf -X PUT http://169.254.169.254/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60'); get() { curl -sf -H "X-aws-ec2-metadata-token: $T" http://169.254.169.254/latest/$1; }; `
	for name, tc := range map[string]struct {
		script string
		change func(*machine.Facts)
		out    OmegaMatcher
		status int
	}{
		"metadata with token":              {script: token + "get meta-data/instance-id; echo; get meta-data/placement/availability-zone; echo; get user-data", out: Equal("i-0abc\nap-northeast-2a\n#!/bin/sh\n")},
		"metadata without token":           {script: "curl -sf http://169.254.169.254/latest/meta-data/instance-id", status: 22, out: BeEmpty()},
		"metadata without token, status":   {script: "curl -s -o /dev/null -w '%{http_code}' http://169.254.169.254/latest/meta-data/instance-id", out: Equal("401")},
		"metadata with a made-up token":    {script: "curl -s -o /dev/null -w '%{http_code}' -H 'X-aws-ec2-metadata-token: x' http://169.254.169.254/latest/meta-data/", out: Equal("401")},
		"token without lifetime":           {script: "curl -s -o /dev/null -w '%{http_code}' -X PUT http://169.254.169.254/latest/api/token", out: Equal("400")},
		"token by GET":                     {script: "curl -s -o /dev/null -w '%{http_code}' http://169.254.169.254/latest/api/token", out: Equal("405")},
		"metadata version 1 allowed":       {script: "curl -s http://169.254.169.254/latest/meta-data/local-ipv4", change: func(f *machine.Facts) { f.TokensRequired = false }, out: Equal("10.0.1.23")},
		"metadata by wget":                 {script: `T=$(wget -qO- --method=PUT --header='X-aws-ec2-metadata-token-ttl-seconds: 60' http://169.254.169.254/latest/api/token); wget -qO - --header="X-aws-ec2-metadata-token: $T" http://169.254.169.254/latest/meta-data/mac`, out: Equal("02:00:00:00:00:01")},
		"metadata listing":                 {script: token + "get meta-data/placement/", out: Equal("availability-zone\nregion")},
		"metadata of nothing":              {script: token + "get meta-data/nope", status: 22, out: BeEmpty()},
		"metadata switched off":            {script: "curl -s -o /dev/null -w '%{http_code}' -X PUT http://169.254.169.254/latest/api/token -H 'X-aws-ec2-metadata-token-ttl-seconds: 60'", change: func(f *machine.Facts) { f.MetadataDisabled = true }, out: Equal("403")},
		"no other host":                    {script: "curl -sS https://example.com/", status: 6, out: ContainSubstring("Could not resolve host: example.com")},
		"no loopback either":               {script: "curl -sS http://127.0.0.1:6443/", status: 28, out: ContainSubstring("Connection timed out")},
		"kubelet is not in the archive":    {script: "apt-get update -qq >/dev/null; apt-get install -y containerd kubelet", status: 100, out: ContainSubstring("E: Unable to locate package kubelet")},
		"nothing before apt-get update":    {script: "apt-get install -y containerd", status: 100, out: ContainSubstring("Unable to locate package containerd")},
		"kubeadm before it is installed":   {script: "kubeadm version", status: 127, out: ContainSubstring("kubeadm: command not found")},
		"kubeadm from its repository":      {script: addRepository + "apt-get install -y kubeadm >/dev/null; kubeadm", out: ContainSubstring("kubeadm v1.36.3\n")},
		"pinned version":                   {script: addRepository + "apt-get install -y kubeadm=1.36.1-1.1 && kubeadm && apt-mark hold kubeadm", out: ContainSubstring("kubeadm v1.36.1\n")},
		"version with a star":              {script: addRepository + "apt-get install -y 'kubeadm=1.36.3-*' >/dev/null && kubeadm", out: ContainSubstring("kubeadm v1.36.3\n")},
		"version by preference":            {script: "mkdir -p /etc/apt/preferences.d; printf 'Package: kubeadm kubelet\\nPin: version 1.36.1-*\\nPin-Priority: 1001\\n\\nPackage: kubeadm\\nPin: version 1.36.*\\nPin-Priority: 1000\\n' > /etc/apt/preferences.d/k; " + addRepository + "apt-get install -y kubeadm >/dev/null && kubeadm", out: ContainSubstring("kubeadm v1.36.1\n")},
		"preference that is not there":     {script: "mkdir -p /etc/apt/preferences.d; printf 'Package: kubeadm\\nPin: version 1.36.8-*\\nPin-Priority: 1001\\n' > /etc/apt/preferences.d/k; " + addRepository + "apt-get install -y kubeadm >/dev/null && kubeadm", out: ContainSubstring("kubeadm v1.36.3\n")},
		"version that was never released":  {script: addRepository + "apt-get install -y kubeadm=1.36.9-1.1", status: 100, out: ContainSubstring("Version '1.36.9-1.1' for 'kubeadm' was not found")},
		"repository without key":           {script: "echo 'deb [signed-by=/etc/apt/keyrings/k.gpg] https://pkgs.k8s.io/core:/stable:/v1.36/deb/ /' > /etc/apt/sources.list.d/k.list; apt-get update", status: 100, out: ContainSubstring("is not signed")},
		"repository that is gone":          {script: "echo 'deb https://apt.kubernetes.io/ kubernetes-xenial main' > /etc/apt/sources.list.d/k.list; apt-get update", status: 100, out: ContainSubstring("Failed to fetch https://apt.kubernetes.io/")},
		"repository in the new format":     {script: addRepository[:len(addRepository)-len("apt-get update >/dev/null\n")] + "rm /etc/apt/sources.list.d/kubernetes.list; printf 'Types: deb\\nURIs: https://pkgs.k8s.io/core:/stable:/v1.36/deb/\\nSuites: /\\nSigned-By: /etc/apt/keyrings/kubernetes-apt-keyring.gpg\\n' > /etc/apt/sources.list.d/k.sources; apt-get update && apt-get install -y kubectl", out: ContainSubstring("Setting up kubectl (1.36.3-1.1)")},
		"program by download":              {script: "curl -sSLo /usr/local/bin/kubeadm https://dl.k8s.io/release/v1.36.2/bin/linux/amd64/kubeadm && chmod +x /usr/local/bin/kubeadm && kubeadm", out: Equal("kubeadm v1.36.2\n")},
		"program of another architecture":  {script: "curl -fsSLo /k https://dl.k8s.io/release/v1.36.2/bin/linux/arm64/kubeadm", status: 22, out: ContainSubstring("error: 404")},
		"dnf with exclusion":               {script: "printf '[kubernetes]\\nbaseurl=https://pkgs.k8s.io/core:/stable:/v1.36/rpm/\\nenabled=1\\ngpgkey=https://pkgs.k8s.io/core:/stable:/v1.36/rpm/repodata/repomd.xml.key\\nexclude=kubelet kubeadm\\n' > /etc/yum.repos.d/k.repo; dnf install -y kubeadm || dnf install -y kubeadm --disableexcludes=kubernetes && kubeadm", change: func(f *machine.Facts) { f.ImageName = "al2023-ami-2023.9-x86_64" }, out: And(ContainSubstring("Unable to find a match: kubeadm"), ContainSubstring("kubeadm v1.36.3"))},
		"dnf without a key":                {script: "printf '[kubernetes]\\nbaseurl=https://pkgs.k8s.io/core:/stable:/v1.36/rpm/\\nenabled=1\\n' > /etc/yum.repos.d/k.repo; dnf install -y kubeadm", change: func(f *machine.Facts) { f.ImageName = "al2023-ami-2023.9-x86_64" }, status: 1, out: ContainSubstring("GPG check FAILED")},
		"AL2023 has no apt":                {script: "apt-get update", change: func(f *machine.Facts) { f.ImageName = "al2023-ami-2023.9-x86_64" }, status: 127, out: ContainSubstring("apt-get: command not found")},
		"baked image by tag":               {script: "kubeadm; systemctl is-active containerd", change: func(f *machine.Facts) { f.ImageTags = map[string]string{machine.BakedTag: "1.36.3"} }, out: ContainSubstring("kubeadm v1.36.3\nactive\n")},
		"baked image by name":              {script: "kubeadm; sysctl -n net.ipv4.ip_forward", change: func(f *machine.Facts) { f.ImageName = "capa-ami-ubuntu-24.04-v1.36.2-1700000000" }, out: Equal("kubeadm v1.36.2\n1\n")},
		"modules and settings":             {script: "sysctl -w net.bridge.bridge-nf-call-iptables=1; modprobe br_netfilter; sysctl -w net.bridge.bridge-nf-call-iptables=1; echo 'net.ipv4.ip_forward = 1' > /etc/sysctl.d/k.conf; sysctl --system; cat /proc/sys/net/ipv4/ip_forward", out: Equal("sysctl: cannot stat /proc/sys/net/bridge/bridge-nf-call-iptables: No such file or directory\n1\n")},
		"module that does not exist":       {script: "modprobe nope", status: 1, out: ContainSubstring("not found")},
		"host name":                        {script: "hostname; hostnamectl set-hostname n1; hostname; cat /etc/hostname", out: Equal("ip-10-0-1-23.ap-northeast-2.compute.internal\nn1\nn1\n")},
		"containerd as the article has it": {script: "apt-get update >/dev/null; apt-get install -y containerd >/dev/null; mkdir -p /etc/containerd; containerd config default > /etc/containerd/config.toml; systemctl restart containerd && systemctl is-active containerd", out: Equal("active\n")},
		"containerd with broken config":    {script: "apt-get update >/dev/null; apt-get install -y containerd >/dev/null; mkdir -p /etc/containerd; echo 'x = [' > /etc/containerd/config.toml; systemctl restart containerd", status: 1, out: ContainSubstring("Job for containerd.service failed")},
		"unit that is not there":           {script: "systemctl restart nope", status: 5, out: ContainSubstring("Unit nope.service not found")},
		"unit of one's own":                {script: "printf '[Service]\\nType=oneshot\\nEnvironment=\"WHO=you all\"\\nExecStart=/bin/bash -c \"echo hello ${WHO} > /x\"\\n' > /etc/systemd/system/own.service; systemctl daemon-reload; systemctl start own && cat /x", out: Equal("hello you all\n")},
		"pin by openssl, no certificate":   {script: "openssl x509 -pubkey -in /nope", status: 1, out: ContainSubstring("No such file")},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			m := boot(t, facts(tc.change))
			out, status := script(t, m, tc.script)
			g.Expect(out).To(tc.out)
			g.Expect(status).To(Equal(tc.status), out)
		})
	}
}

// script runs text on a machine and returns its own output and status.
func script(t *testing.T, m *machine.Machine, text string) (string, int) {
	t.Helper()
	g := NewWithT(t)
	g.Expect(m.FS.Put("/root/test.sh", []byte("#!/bin/bash\n("+text+"\n) > /root/out 2>&1\n"), 0o755)).To(Succeed())
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	status := m.Run(ctx, "/root/test.sh")
	out, err := m.FS.ReadFile("/root/out")
	g.Expect(err).NotTo(HaveOccurred())
	return string(out), status
}

func TestKubeletGetsItsArgumentsFromTheFilesOfItsPackages(t *testing.T) {
	g := NewWithT(t)
	m := boot(t, facts(nil))
	out, status := script(t, m, addRepository+`apt-get install -y kubelet kubeadm >/dev/null
mkdir -p /var/lib/kubelet
echo 'KUBELET_KUBEADM_ARGS="--hostname-override=n1 --register-with-taints=a=b:NoSchedule"' > /var/lib/kubelet/kubeadm-flags.env
echo 'KUBELET_EXTRA_ARGS=--node-labels=x=y --max-pods=7' > /etc/default/kubelet
echo > /var/lib/kubelet/config.yaml
systemctl restart kubelet; systemctl is-active kubelet`)
	g.Expect(status).To(BeZero(), out)
	g.Eventually(m.Journal.Text, 10*time.Second).Should(ContainSubstring(`kubelet args ["--bootstrap-kubeconfig=/etc/kubernetes/bootstrap-kubelet.conf" "--kubeconfig=/etc/kubernetes/kubelet.conf" "--config=/var/lib/kubelet/config.yaml" "--hostname-override=n1" "--register-with-taints=a=b:NoSchedule" "--node-labels=x=y" "--max-pods=7"]`))
	g.Expect(m.Active("kubelet")).To(BeTrue())
}

func TestRebootKeepsTheDiskAndStartsWhatIsEnabled(t *testing.T) {
	g := NewWithT(t)
	m := boot(t, facts(nil))
	_, status := script(t, m, "apt-get update >/dev/null; apt-get install -y containerd >/dev/null; modprobe br_netfilter; echo br_netfilter > /etc/modules-load.d/k.conf; echo gone > /tmp/x; echo kept > /root/x")
	g.Expect(status).To(BeZero())
	before := m.BootID()
	m.Boot(t.Context())
	out, _ := script(t, m, "cat /root/x; cat /tmp/x; systemctl is-active containerd; sysctl -n net.bridge.bridge-nf-call-iptables")
	g.Expect(out).To(Equal("kept\ncat: /tmp/x: No such file or directory\nactive\n1\n"))
	g.Expect(m.BootID()).NotTo(Equal(before))
}
