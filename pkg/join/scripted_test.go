package join_test

import (
	"context"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/hollow/machine"
)

// scripted are the families that a shell script joins, with what differs between them.
var scripted = map[string]struct {
	family      join.Family
	image       string
	repository  string // the file that names Kubernetes' packages
	environment string // the file with kubelet's extra arguments
	users       string // how a user's script of this family installs
}{
	"Ubuntu": {join.Ubuntu, stock, "/etc/apt/sources.list.d/karpenter-kubernetes.list", "/etc/default/kubelet", "apt-get update\napt-get install -y containerd kubelet kubeadm"},
	"Debian": {join.Debian, "debian-12-amd64-20260101-1", "/etc/apt/sources.list.d/karpenter-kubernetes.list", "/etc/default/kubelet", "apt-get update\napt-get install -y containerd kubelet kubeadm"},
	"AL2023": {join.AL2023, "al2023-ami-2023.9.20260101.0-kernel-6.1-x86_64", "/etc/yum.repos.d/kubernetes.repo", "/etc/sysconfig/kubelet", "dnf install -y containerd kubelet kubeadm"},
}

// eachScripted boots a family's image with what s becomes by change, and has look look.
func eachScripted(t *testing.T, i image, change func(*join.Spec), look func(g Gomega, family string, b *booted)) {
	t.Helper()
	for name, family := range scripted {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := served(t, spec(t, func(s *join.Spec) { s.Family = family.family }))
			if change != nil {
				change(&s)
			}
			own := i
			own.name = family.image
			look(NewWithT(t), name, boot(t, s, own))
		})
	}
}

func patched(patch int) func(*join.Spec) {
	return func(s *join.Spec) { s.Cluster.Version = cluster.Version{Major: 1, Minor: 36, Patch: patch} }
}

func TestEveryStockImageJoins(t *testing.T) {
	eachScripted(t, image{}, nil, func(g Gomega, family string, b *booted) {
		console := b.Console.Text()
		g.Expect(b.joins).To(HaveLen(1), console)
		g.Expect(b.joins[0].config["nodeRegistration"]).To(HaveKeyWithValue("name", ourNode))
		g.Expect(phases(console)).NotTo(ContainElement(ContainSubstring("result=error")), console)
		g.Expect(console).NotTo(ContainSubstring(secret))
		g.Expect(b.file(scripted[family].repository)).To(ContainSubstring("https://pkgs.k8s.io/core:/stable:/v1.36/"))
		g.Expect(b.file("/etc/containerd/config.toml")).To(And(ContainSubstring("SystemdCgroup = true"), ContainSubstring("pause:3.10.2")))
		g.Expect(b.file("/etc/containerd/config.toml")).To(ContainSubstring(`bin_dir = "/opt/cni/bin"`), "where network plugins are installed")
		g.Expect(b.Active("containerd")).To(BeTrue())
	})
}

func TestEveryPreparedImageSkipsWhatItHas(t *testing.T) {
	eachScripted(t, image{baked: "1.36.3"}, nil, func(g Gomega, family string, b *booted) {
		g.Expect(b.joins).To(HaveLen(1), b.Console.Text())
		g.Expect(b.FS.Exists(scripted[family].repository)).To(BeFalse(), "nothing is missing, so no repository is needed")
		g.Expect(b.Console.Text()).NotTo(ContainSubstring("Setting up"))
	})
}

// kubelet and kubeadm are of the control plane's version, though there are newer patches.
func TestTheControlPlanesVersionIsInstalled(t *testing.T) {
	newer := func(c *machine.Config) { c.Kubernetes = "v1.36.7" }
	eachScripted(t, image{around: newer}, patched(3), func(g Gomega, _ string, b *booted) {
		g.Expect(b.Console.Text()).To(And(ContainSubstring("Setting up kubelet (1.36.3"), ContainSubstring("Setting up kubeadm (1.36.3")))
		g.Expect(b.joins).To(HaveLen(1), b.Console.Text())
	})
}

func TestTheNewestPatchIsInstalledWhereThatVersionIsNotServed(t *testing.T) {
	older := func(c *machine.Config) { c.Kubernetes = "v1.36.1" }
	eachScripted(t, image{around: older}, patched(3), func(g Gomega, _ string, b *booted) {
		g.Expect(b.Console.Text()).To(And(ContainSubstring("Setting up kubelet (1.36.1"), ContainSubstring("Setting up kubeadm (1.36.1")))
		g.Expect(b.joins).To(HaveLen(1), b.Console.Text())
	})
}

// Instructions for rpm have the repository keep its packages from updates.
func TestAL2023InstallsFromARepositoryThatHoldsItsPackages(t *testing.T) {
	g := NewWithT(t)
	b := boot(t, served(t, spec(t, func(s *join.Spec) { s.Family = join.AL2023 })), image{name: scripted["AL2023"].image, before: func(m *machine.Machine) {
		repository := "[kubernetes]\nbaseurl=https://pkgs.k8s.io/core:/stable:/v1.36/rpm/\nenabled=1\n" +
			"gpgkey=https://pkgs.k8s.io/core:/stable:/v1.36/rpm/repodata/repomd.xml.key\nexclude=kubelet kubeadm kubectl\n"
		if err := m.FS.Put("/etc/yum.repos.d/kubernetes.repo", []byte(repository), 0o644); err != nil {
			panic(err)
		}
	}})
	g.Expect(b.joins).To(HaveLen(1), b.Console.Text())
	g.Expect(strings.Count(b.file("/etc/yum.repos.d/kubernetes.repo"), "exclude=")).To(Equal(1))
}

func TestNoFamilyJoinsWithAKubeletThatIsTooNew(t *testing.T) {
	eachScripted(t, image{baked: "1.37.0"}, nil, func(g Gomega, _ string, b *booted) {
		g.Expect(b.joins).To(BeEmpty())
		g.Expect(phases(b.Console.Text())).To(ContainElement("karpenter-join phase=version result=error kubelet=1.37 cluster=1.36"))
	})
}

func TestNoFamilyChangesAnythingTheSecondTime(t *testing.T) {
	eachScripted(t, image{}, nil, func(g Gomega, family string, b *booted) {
		files := []string{scripted[family].repository, "/etc/containerd/config.toml", "/etc/sysctl.d/90-karpenter.conf", "/etc/fstab"}
		var before []string
		for _, file := range files {
			before = append(before, b.file(file))
		}
		ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
		defer cancel()
		archive := string(b.Facts.UserData)
		script := archive[strings.Index(archive, "#!/bin/bash"):strings.LastIndex(archive, "\n--karpenter-")]
		g.Expect(b.FS.Put("/root/again.sh", []byte(script), 0o700)).To(Succeed())
		g.Expect(b.Run(ctx, "/root/again.sh")).To(BeZero(), b.Console.Text())
		g.Expect(b.joins).To(HaveLen(1), "it has joined already")
		for n, file := range files {
			g.Expect(b.file(file)).To(Equal(before[n]), file)
		}
	})
}

// The user's script knows nothing of repositories, node names, taints or cgroups.
func TestEveryFamilyPreparesForAScriptThatJoins(t *testing.T) {
	for name, family := range scripted {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			s := served(t, spec(t, func(s *join.Spec) { s.Family = family.family }))
			s.UserData = "#!/bin/bash\nset -ex\n" + family.users + "\ncontainerd config default > /etc/containerd/config.toml\nsystemctl restart containerd\n" +
				"kubeadm join ${CLUSTER_ENDPOINT}:6443 --token ${BOOTSTRAP_TOKEN} --discovery-token-ca-cert-hash sha256:${CA_CERT_HASH}\n"
			b := boot(t, s, image{name: family.image})
			g.Expect(b.joins).To(HaveLen(1), b.Console.Text())
			g.Expect(b.Hostname()).To(Equal(ourNode), "kubeadm takes the host name for the node's")
			g.Expect(b.file(family.environment)).To(And(
				ContainSubstring("--provider-id=aws:///ap-northeast-2a/i-0abc"),
				ContainSubstring("--register-with-taints=workload=ai:NoSchedule,karpenter.sh/unregistered=:NoExecute"),
			), "kubelet's package keeps what is there")
			g.Expect(b.file("/etc/containerd/config.toml")).To(ContainSubstring("SystemdCgroup = true"), "the script writes false")
			_, systemdCgroup := b.Runtime()
			g.Expect(systemdCgroup).To(BeTrue())
		})
	}
}

// One that leaves containerd's configuration to its package: Debian's says nothing of cgroups.
func TestEveryFamilyAgreesOnCgroupsWithoutAConfiguration(t *testing.T) {
	for name, family := range scripted {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := NewWithT(t)
			s := served(t, spec(t, func(s *join.Spec) { s.Family = family.family }))
			s.UserData = "#!/bin/bash\nset -ex\n" + family.users + "\nsystemctl start containerd\nkubeadm join ${CLUSTER_ENDPOINT}:6443 --token ${BOOTSTRAP_TOKEN} --discovery-token-ca-cert-hash sha256:${CA_CERT_HASH}\n"
			b := boot(t, s, image{name: family.image})
			g.Expect(b.joins).To(HaveLen(1), b.Console.Text())
			serves, systemdCgroup := b.Runtime()
			g.Expect(serves && systemdCgroup).To(BeTrue())
		})
	}
}

func TestInstanceStoreDisksBecomeOneArray(t *testing.T) {
	raid := func(s *join.Spec) { s.InstanceStoreRAID0 = true }
	for name, tc := range map[string]struct {
		disks  int
		device string
		holds  string
	}{
		"no disk":    {0, "", ""},
		"one disk":   {1, "/dev/nvme1n1", "ext4 on "},
		"four disks": {4, "/dev/md/karpenter", "ext4 on /dev/nvme1n1 /dev/nvme2n1 /dev/nvme3n1 /dev/nvme4n1"},
	} {
		t.Run(name, func(t *testing.T) {
			eachScripted(t, image{before: func(m *machine.Machine) { m.AddInstanceStore(tc.disks) }}, raid, func(g Gomega, _ string, b *booted) {
				g.Expect(b.joins).To(HaveLen(1), b.Console.Text())
				if tc.disks == 0 {
					g.Expect(b.file("/etc/fstab")).NotTo(ContainSubstring("/mnt/karpenter"))
					return
				}
				g.Expect(b.file(tc.device)).To(Equal(tc.holds))
				g.Expect(b.file("/etc/fstab")).To(And(
					ContainSubstring("UUID=uuid-of-"+strings.ReplaceAll(strings.Trim(tc.device, "/"), "/", "-")+" /mnt/karpenter ext4"),
					ContainSubstring("/mnt/karpenter/kubelet /var/lib/kubelet none bind"),
					ContainSubstring("/mnt/karpenter/containerd /var/lib/containerd none bind"),
				))
			})
		})
	}
}

func TestSELinuxIsPermissiveOnlyWhereWeInstall(t *testing.T) {
	enforcing := func(m *machine.Machine) {
		if err := m.FS.Put("/sys/fs/selinux/enforce", []byte("1\n"), 0o644); err != nil {
			panic(err)
		}
		if err := m.FS.Put("/etc/selinux/config", []byte("SELINUX=enforcing\n"), 0o644); err != nil {
			panic(err)
		}
	}
	for baked, want := range map[string]string{"": "0\n", "1.36.3": "1\n"} {
		g := NewWithT(t)
		s := served(t, spec(t, func(s *join.Spec) { s.Family = join.AL2023 }))
		b := boot(t, s, image{name: scripted["AL2023"].image, baked: baked, before: enforcing})
		g.Expect(b.joins).To(HaveLen(1), b.Console.Text())
		g.Expect(b.file("/sys/fs/selinux/enforce")).To(Equal(want), "baked: %q", baked)
		g.Expect(strings.Contains(b.file("/etc/selinux/config"), "SELINUX=enforcing")).To(Equal(baked != ""))
	}
}
