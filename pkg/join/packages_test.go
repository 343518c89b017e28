package join_test

import (
	"errors"
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

func minor(n int) cluster.Version { return cluster.Version{Major: 1, Minor: n, Patch: 4} }

// Which kubelet user data installs is seen by what is refused on a cluster of 1.36.
func TestKubeletsThatTheAPIServerDoesNotTake(t *testing.T) {
	const none = ""
	repository := func(minor string) string {
		return "echo 'deb [signed-by=/k.gpg] https://pkgs.k8s.io/core:/stable:/v" + minor + "/deb/ /' | tee /etc/apt/sources.list.d/kubernetes.list\n"
	}
	const install = "apt-get install -y kubelet kubeadm\n"
	for name, tc := range map[string]struct{ userData, want string }{
		"the long script":                           {string(read(t, "seed-long.sh")), "1.28"},
		"the short one":                             {string(read(t, "seed.sh")), none},
		"a repository three minors older":           {repository("1.33") + install, none},
		"one more":                                  {repository("1.32") + install, "1.32"},
		"a newer repository":                        {repository("1.37") + install, "1.37"},
		"the newest of two repositories":            {repository("1.28") + repository("1.35") + install, none},
		"a repository of which it takes no kubelet": {repository("1.28") + "apt-get install -y kubectl\n", none},
		"a key of an older repository":              {"curl https://pkgs.k8s.io/core:/stable:/v1.28/deb/Release.key\n" + repository("1.36") + install, none},
		"a comment":                                 {"# " + repository("1.28") + install, none},
		"a mirror":                                  {strings.ReplaceAll(repository("1.28"), "pkgs.k8s.io/core:/stable:", "mirror.example.com/k8s") + install, "1.28"},
		"a version in a variable":                   {"V=v1.28\necho \"deb https://pkgs.k8s.io/core:/stable:/$V/deb/ /\" > /etc/apt/sources.list.d/k.list\n" + install, "1.28"},
		"packages in a variable":                    {repository("1.28") + "P='kubelet kubeadm'\napt-get install -y $P\n", "1.28"},
		"a pin of apt":                              {"apt-get install -y kubelet=1.30.2-1.1 kubeadm=1.30.2-1.1\n", "1.30"},
		"a pin over the repository":                 {repository("1.28") + "apt-get install -y kubelet=1.35.2-1.1\n", none},
		"a pin of dnf":                              {"dnf install -y kubelet-1.29.0 --disableexcludes=kubernetes\n", "1.29"},
		"a file by that name":                       {"tar xf kubelet-1.28.0.tgz\n", none},
		"a repository by here-document":             {"cat <<EOF > /etc/yum.repos.d/k.repo\n[k]\nbaseurl=https://pkgs.k8s.io/core:/stable:/v1.28/rpm/\nEOF\nyum install -y kubelet\n", "1.28"},
		"in a script that it writes":                {"cat <<'EOF' > /i.sh\n" + repository("1.28") + install + "EOF\nsh /i.sh\n", "1.28"},
		"cloud-config":                              {"#cloud-config\napt: {sources: {k: {source: 'deb https://pkgs.k8s.io/core:/stable:/v1.28/deb/ /'}}}\npackages: [kubelet]\n", "1.28"},
		"cloud-config's commands":                   {"#cloud-config\nruncmd:\n- [apt-get, install, -y, kubelet=1.27.1-00]\n", "1.27"},
		"a number beyond all":                       {"apt-get install kubelet=1.99999999999999999999\n", none},
	} {
		for _, family := range []join.Family{join.Ubuntu, join.Custom} {
			t.Run(name+" "+string(family), func(t *testing.T) {
				g := NewWithT(t)
				_, err := join.Render(spec(t, func(s *join.Spec) {
					s.Family, s.UserData, s.Cluster.Version = family, tc.userData, minor(36)
				}))
				var skew *join.SkewError
				if tc.want == none {
					g.Expect(err).NotTo(HaveOccurred())
					return
				}
				g.Expect(errors.As(err, &skew)).To(BeTrue(), "%v", err)
				g.Expect(skew.Kubelet.MinorString()).To(Equal(tc.want))
				g.Expect(err.Error()).To(And(HavePrefix("spec.userData: "), ContainSubstring("kubelet "+tc.want), ContainSubstring("API server is 1.36"),
					ContainSubstring("1.33 to 1.36"), ContainSubstring("v1.36")))
				var fault *join.SpecError
				g.Expect(errors.As(err, &fault)).To(BeTrue(), "a launch that meets it treats it as any other input")
			})
		}
	}
}

func TestAPasswordOfAMirrorIsNotSaid(t *testing.T) {
	g := NewWithT(t)
	_, err := join.Render(spec(t, func(s *join.Spec) {
		s.UserData = "echo 'deb https://me:" + secret + "@mirror.example.com/v1.28/deb/ /' > /etc/apt/sources.list.d/k.list\napt-get install kubelet\n"
	}))
	g.Expect(err).To(MatchError(And(ContainSubstring(`"/v1.28/deb/" installs kubelet 1.28`), Not(ContainSubstring(secret)))))
}

// kubeadm is the cluster's own although the script has an older repository; the kubelet is not.
func TestAnOlderRepositoryOfTheUsersKeepsItsKubelet(t *testing.T) {
	for name, tc := range map[string]struct {
		minor  int
		change func(string) string
		want   OmegaMatcher
	}{
		"an older minor": {31, strings.TrimSpace, And(HaveKeyWithValue("users_minor", "1.28"), HaveKeyWithValue("add_repository", "true"))},
		"the same minor": {28, strings.TrimSpace, And(Not(HaveKey("users_minor")), HaveKeyWithValue("add_repository", "false"))},
		"kubeadm pinned": {31, func(s string) string { return strings.ReplaceAll(s, "kubeadm kubectl", "kubeadm=1.28.1-1.1") },
			And(Not(HaveKey("users_minor")), HaveKeyWithValue("add_repository", "false"))},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			parts := render(t, spec(t, func(s *join.Spec) {
				s.Cluster.Version, s.UserData = minor(tc.minor), tc.change(string(read(t, "seed-long.sh")))
			}))
			g.Expect(variables(t, parts[0].body)).To(tc.want)
		})
	}
}

// The long script brings the packages of 1.28. On a cluster of 1.31 its kubelet is kept, which
// is supported, and kubeadm is the cluster's own, since 1.28's cannot join there.
func TestTheLongScriptJoinsWithItsKubeletAndTheClustersKubeadm(t *testing.T) {
	g := NewWithT(t)
	b := boot(t, goldens(t)["ubuntu/prepare-seed-long-1.31"], image{name: stock})
	console := b.Console.Text()
	g.Expect(b.joins).To(HaveLen(1), console)
	g.Expect(b.joins[0].args).To(HaveExactElements("api.example.com:6443", "--token", "abcdef."+secret, "--discovery-token-ca-cert-hash", HavePrefix("sha256:")))
	g.Expect(console).To(And(ContainSubstring("Setting up kubelet (1.28.0-1.1)"), ContainSubstring("Setting up kubectl (1.28.0-1.1)"),
		ContainSubstring("Setting up kubeadm (1.31.4-1.1)")))
	g.Expect(b.Hostname()).To(Equal(ourNode))
	g.Expect(b.file("/etc/default/kubelet")).To(ContainSubstring("--provider-id=aws:///ap-northeast-2a/i-0abc"))
	g.Expect(b.file("/etc/containerd/config.toml")).To(ContainSubstring("SystemdCgroup = true"))
	g.Expect(phases(console)).NotTo(ContainElement(ContainSubstring("result=error")), console)
}
