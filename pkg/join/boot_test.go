package join_test

import (
	"cmp"
	"context"
	"net/netip"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"sigs.k8s.io/yaml"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/provision"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/shell"
)

// booted is a machine that has run its user data, and what it told kubeadm.
type booted struct {
	*machine.Machine
	joins []joined
}

// joined is one call of kubeadm join and the files as they were then.
type joined struct {
	args      []string
	config    map[string]any
	discovery string
	mode      string // of the discovery file
	patch     string
}

// kubeadm stands for the program: it keeps what it is told, and makes what join makes. It
// fails as often as failures says.
func (b *booted) kubeadm(failures int) shell.Command {
	return func(_ context.Context, p *shell.Proc) int {
		if len(p.Args) > 3 && p.Args[1] == "config" {
			p.Printf("registry.k8s.io/kube-proxy:v1.36.3\nregistry.k8s.io/pause:3.10.2\n")
			return 0
		}
		if p.Args[1] != "join" {
			return 0
		}
		call := joined{args: p.Args[2:]}
		if len(call.args) == 2 && call.args[0] == "--config" {
			config, err := b.FS.ReadFile(call.args[1])
			if err != nil {
				return p.Fail(1, "%v", err)
			}
			if err := yaml.Unmarshal(config, &call.config); err != nil {
				return p.Fail(1, "%v", err)
			}
			call.discovery = b.file("/run/karpenter-join/discovery.conf")
			call.patch = b.file("/run/karpenter-join/patches/kubeletconfiguration+json.json")
			if info, err := b.FS.Stat("/run/karpenter-join/discovery.conf"); err == nil {
				call.mode = info.Mode().Perm().String()
			}
		}
		b.joins = append(b.joins, call)
		if len(b.joins) <= failures {
			return p.Fail(1, "the API server is not there")
		}
		if err := b.FS.Put("/etc/kubernetes/kubelet.conf", nil, 0o600); err != nil {
			return p.Fail(1, "%v", err)
		}
		return 0
	}
}

func (b *booted) file(name string) string {
	content, err := b.FS.ReadFile(name)
	if err != nil {
		return ""
	}
	return string(content)
}

type image struct {
	name, baked string
	arch        string // amd64 when empty
	failures    int
	behind      time.Duration // that the clock is
	around      func(*machine.Config)
	before      func(*machine.Machine) // it boots for the first time
}

// boot boots a machine of image with what s renders to.
func boot(t *testing.T, s join.Spec, i image) *booted {
	t.Helper()
	data, err := join.Render(s)
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	facts := machine.Facts{
		ID: "i-0abc", Type: "t3.xlarge", Zone: s.Region + "a", Region: s.Region, Arch: cmp.Or(i.arch, "amd64"), ImageID: "ami-1", ImageName: i.name,
		PrivateIP: netip.MustParseAddr("10.0.1.23"), PrivateDNS: "ip-10-0-1-23.corp.example.com", MAC: "02:00:00:00:00:01",
		CPUs: 4, MemoryMiB: 16384, DiskGiB: 40, TokensRequired: true, UserData: data.Bytes(),
	}
	if i.baked != "" {
		facts.ImageTags = map[string]string{machine.BakedTag: i.baked}
	}
	b := &booted{}
	kubelet := func(ctx context.Context, p *shell.Proc) int {
		if len(p.Args) > 1 && p.Args[1] == "--version" {
			p.Printf("Kubernetes %s\n", p.Build())
			return 0
		}
		<-ctx.Done()
		return 0
	}
	config := machine.Config{Kubernetes: "v" + s.Cluster.Version.String(), Speed: 1000, Pipes: t.TempDir(), Reachable: []string{"127.0.0.1"}}
	if i.around != nil {
		i.around(&config)
	}
	b.Machine = machine.New(facts, config, func(*machine.Machine) map[string]shell.Command {
		return map[string]shell.Command{"kubeadm": b.kubeadm(i.failures), "kubelet": kubelet}
	})
	if i.before != nil {
		i.before(b.Machine)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	t.Cleanup(cancel)
	b.SetClock(-i.behind)
	provision.Boot(ctx, b.Machine)
	t.Cleanup(b.Halt)
	return b
}

const (
	stock   = "ubuntu/images/hvm-ssd-gp3/ubuntu-noble-24.04-amd64-server-1"
	ourNode = "ip-10-0-1-23.ap-northeast-2.compute.internal"
)

func phases(console string) []string {
	var found []string
	for _, line := range strings.Split(console, "\n") {
		if at := strings.Index(line, "karpenter-join phase="); at >= 0 {
			found = append(found, line[at:])
		}
	}
	return found
}

func TestAStockUbuntuJoins(t *testing.T) {
	g := NewWithT(t)
	b := boot(t, served(t, goldens(t)["ubuntu/1.36"]), image{name: stock})
	console := b.Console.Text()
	g.Expect(b.joins).To(HaveLen(1), console)

	call := b.joins[0]
	node := call.config["nodeRegistration"].(map[string]any)
	g.Expect(node["name"]).To(Equal(ourNode))
	g.Expect(node["name"]).To(Equal(instance.NodeName(b.Facts.PrivateIP, "i-0abc", "ap-northeast-2", false)), "the controller computes the same name")
	g.Expect(node["kubeletExtraArgs"]).To(ContainElements(
		HaveKeyWithValue("value", "aws:///ap-northeast-2a/i-0abc"),
		HaveKeyWithValue("value", ContainSubstring(",topology.kubernetes.io/zone=ap-northeast-2a,topology.kubernetes.io/region=ap-northeast-2,node.kubernetes.io/instance-type=t3.xlarge")),
	))
	g.Expect(call.discovery).To(ContainSubstring("token: abcdef." + secret))
	g.Expect(call.mode).To(Equal("-rw-------"))
	g.Expect(call.patch).To(ContainSubstring("/maxPods"))

	g.Expect(b.FS.Exists("/run/karpenter-join")).To(BeFalse(), "the secret does not stay")
	g.Expect(console).NotTo(ContainSubstring(secret))
	g.Expect(phases(console)).To(Equal([]string{
		"karpenter-join phase=identity result=ok", "karpenter-join phase=host-name result=ok", "karpenter-join phase=reach result=ok", "karpenter-join phase=swap-off result=ok",
		"karpenter-join phase=kernel result=ok", "karpenter-join phase=packages result=ok", "karpenter-join phase=version result=ok",
		"karpenter-join phase=runtime result=ok", "karpenter-join phase=join result=ok",
	}), console)
	g.Expect(b.file("/etc/containerd/config.toml")).To(And(ContainSubstring("SystemdCgroup = true"), Not(ContainSubstring("SystemdCgroup = false"))))
	g.Expect(b.Hostname()).To(Equal(ourNode))
	g.Expect(b.Active("containerd")).To(BeTrue())
}

// One document for both architectures: the golden of each family joins on either.
func TestOneDocumentServesBothArchitectures(t *testing.T) {
	for name, row := range families {
		if row.stock == "" {
			continue
		}
		for _, arch := range []string{"amd64", "arm64"} {
			t.Run(name+" "+arch, func(t *testing.T) {
				g := NewWithT(t)
				image := image{name: strings.ReplaceAll(row.stock, "amd64", arch), arch: arch}
				b := boot(t, served(t, goldens(t)[name+"/1.36"]), image)
				g.Expect(b.joins).To(HaveLen(1), b.Console.Text())
				g.Expect(phases(b.Console.Text())).NotTo(ContainElement(ContainSubstring("result=error")))
			})
		}
	}
}

func TestTheSeedsScriptJoinsAsTheNodeThatWasAskedFor(t *testing.T) {
	g := NewWithT(t)
	b := boot(t, goldens(t)["ubuntu/prepare-seed"], image{name: stock})
	console := b.Console.Text()
	g.Expect(b.joins).To(HaveLen(1), console)
	pins, err := cluster.Pins(read(t, "ca.pem"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(b.joins[0].args).To(Equal([]string{
		"api.example.com:6443", "--token", "abcdef." + secret, "--discovery-token-ca-cert-hash", pins[0],
	}))
	g.Expect(b.Hostname()).To(Equal(ourNode), "kubeadm takes the host name for the node's")
	g.Expect(b.file("/etc/default/kubelet")).To(And(
		ContainSubstring("--provider-id=aws:///ap-northeast-2a/i-0abc"),
		ContainSubstring("--register-with-taints=workload=ai:NoSchedule,karpenter.sh/unregistered=:NoExecute"),
		ContainSubstring("node.kubernetes.io/instance-type=t3.xlarge"),
		ContainSubstring("--max-pods=110"),
	))
	g.Expect(b.file("/etc/containerd/config.toml")).To(ContainSubstring("SystemdCgroup = true"),
		"the script writes false, and the kubelets of the cluster use systemd")
	g.Expect(phases(console)).NotTo(ContainElement(ContainSubstring("result=error")), console)
}

func TestAPreparedImageSkipsWhatItHas(t *testing.T) {
	g := NewWithT(t)
	b := boot(t, goldens(t)["ubuntu/1.36"], image{name: stock, baked: "1.36.3"})
	g.Expect(b.joins).To(HaveLen(1), b.Console.Text())
	g.Expect(b.FS.Exists("/etc/apt/sources.list.d/karpenter-kubernetes.list")).To(BeFalse(), "nothing is missing, so no repository is needed")
}

func TestAKubeletThatIsNewerThanTheClusterDoesNotJoin(t *testing.T) {
	g := NewWithT(t)
	b := boot(t, goldens(t)["ubuntu/1.36"], image{name: stock, baked: "1.37.0"})
	g.Expect(b.joins).To(BeEmpty())
	g.Expect(phases(b.Console.Text())).To(ContainElements(
		"karpenter-join phase=version result=error kubelet=1.37 cluster=1.36", "karpenter-join phase=version result=error exit=1"))
}

func TestAJoinThatFailsIsTriedAgain(t *testing.T) {
	g := NewWithT(t)
	b := boot(t, goldens(t)["ubuntu/external-1.30"], image{name: stock, failures: 2})
	console := b.Console.Text()
	g.Expect(b.joins).To(HaveLen(3), console)
	g.Expect(b.joins[2].config["nodeRegistration"].(map[string]any)["name"]).To(Equal("i-0abc.ec2.internal"), "resource naming, in us-east-1")
	g.Expect(phases(console)).To(ContainElements("karpenter-join phase=join result=error attempt=1", "karpenter-join phase=join result=ok"))
	g.Expect(b.FS.Exists("/etc/mine")).To(BeTrue(), "the user's cloud-config runs too")
}

func TestAJoinThatNeverSucceedsSaysSo(t *testing.T) {
	g := NewWithT(t)
	b := boot(t, goldens(t)["ubuntu/1.36"], image{name: stock, failures: 100})
	g.Expect(b.joins).To(HaveLen(4))
	console := b.Console.Text()
	g.Expect(phases(console)).To(ContainElement("karpenter-join phase=join result=error exit=1"))
	g.Expect(b.FS.Exists("/run/karpenter-join")).To(BeFalse())
	g.Expect(console).NotTo(ContainSubstring(secret))
}

func TestASecondRunChangesNothing(t *testing.T) {
	g := NewWithT(t)
	b := boot(t, goldens(t)["ubuntu/1.36"], image{name: stock})
	g.Expect(b.FS.Put("/root/again.sh", []byte(render(t, goldens(t)["ubuntu/1.36"])[0].body), 0o700)).To(Succeed())
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	g.Expect(b.Run(ctx, "/root/again.sh")).To(BeZero(), b.Console.Text())
	g.Expect(b.joins).To(HaveLen(1), "it has joined already")
}

func TestCustomRunsAsItIs(t *testing.T) {
	g := NewWithT(t)
	b := boot(t, goldens(t)["custom/seed"], image{name: stock})
	g.Expect(b.joins).To(BeEmpty())
	g.Expect(b.Console.Text()).To(ContainSubstring("Unable to locate package kubelet"), "Ubuntu's archive has none; with Custom that is the user's to know")
}
