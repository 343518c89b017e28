package join_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/coreos/ignition/v2/config/v3_4"
	ignition "github.com/coreos/ignition/v2/config/v3_4/types"
	"github.com/coreos/ignition/v2/config/validate"
	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
	"github.com/vincent-petithory/dataurl"
	"k8s.io/utils/ptr"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// merged are the configurations that one has Ignition merge, as they were packed, in order.
func merged(t *testing.T, userData []byte) []string {
	t.Helper()
	g := NewWithT(t)
	whole, found, err := v3_4.ParseCompatibleVersion(userData)
	g.Expect(err).NotTo(HaveOccurred(), found.String())
	var all []string
	for _, one := range whole.Ignition.Config.Merge {
		g.Expect(one.Compression).To(HaveValue(Equal("gzip")))
		packed, err := dataurl.DecodeString(*one.Source)
		g.Expect(err).NotTo(HaveOccurred())
		all = append(all, string(unpacked(t, packed.Data)))
	}
	return all
}

// ignited is what Ignition makes of user data by its own rules: each configuration over those before it.
func ignited(t *testing.T, userData []byte) ignition.Config {
	t.Helper()
	g := NewWithT(t)
	var result ignition.Config
	for _, text := range merged(t, userData) {
		one, found, err := v3_4.ParseCompatibleVersion([]byte(text))
		g.Expect(err).NotTo(HaveOccurred(), found.String())
		result = v3_4.Merge(result, one)
	}
	g.Expect(validate.ValidateWithContext(result, nil).IsFatal()).To(BeFalse())
	return result
}

// ignitedFile is the content of a file that Ignition writes, and its mode.
func ignitedFile(t *testing.T, config ignition.Config, path string) (string, int) {
	t.Helper()
	g := NewWithT(t)
	for _, file := range config.Storage.Files {
		if file.Path == path {
			content, err := dataurl.DecodeString(*file.Contents.Source)
			g.Expect(err).NotTo(HaveOccurred())
			return string(content.Data), ptr.Deref(file.Mode, 0)
		}
	}
	t.Fatalf("no file %s", path)
	return "", 0
}

// ignitionScript is the script that our unit runs.
func ignitionScript(t *testing.T, userData []byte) string {
	t.Helper()
	g := NewWithT(t)
	config := ignited(t, userData)
	script, mode := ignitedFile(t, config, "/opt/karpenter/join.sh")
	g.Expect(mode).To(Equal(0o700), "it holds a secret")
	g.Expect(config.Systemd.Units).To(ContainElement(And(
		HaveField("Name", "karpenter-join.service"), HaveField("Enabled", HaveValue(BeTrue())), HaveField("Mask", HaveValue(BeFalse())),
		HaveField("Contents", HaveValue(ContainSubstring("\nExecStart=/usr/bin/bash /opt/karpenter/join.sh\n"))),
	)))
	return script
}

func flatcar(t *testing.T, change func(*join.Spec)) []byte {
	t.Helper()
	data, err := join.Render(spec(t, func(s *join.Spec) {
		s.Family = join.Flatcar
		if change != nil {
			change(s)
		}
	}))
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return data.Bytes()
}

func TestFlatcarMergesOursOverTheUsers(t *testing.T) {
	g := NewWithT(t)
	users := "\n" + `{ "ignition": {"version": "3.4.0", "config": {"merge": [{"source": "https://example.com/base.ign"}]}},
  "of-tomorrow": true,
  "passwd": {"users": [{"name": "core", "sshAuthorizedKeys": ["ssh-ed25519 AAAA me"]}]},
  "storage": {"files": [{"path": "/etc/mine", "contents": {"source": "data:,hi"}}, {"path": "/opt/karpenter/join.sh", "mode": 511}]},
  "systemd": {"units": [{"name": "mine.service", "enabled": true}, {"name": "karpenter-join.service", "enabled": false}]} }` + "\r\n"
	got := flatcar(t, func(s *join.Spec) { s.UserData = users })
	g.Expect(merged(t, got)).To(HaveLen(2))
	g.Expect(merged(t, got)[0]).To(Equal(users), "with every byte")
	config := ignited(t, got)
	mine, _ := ignitedFile(t, config, "/etc/mine")
	g.Expect(mine).To(Equal("hi"))
	g.Expect(config.Passwd.Users).To(HaveLen(1))
	g.Expect(config.Systemd.Units).To(HaveLen(2))
	g.Expect(ignitionScript(t, got)).To(HavePrefix("#!/bin/bash\n"))
}

func TestFlatcarsTokenStandsInOnePlace(t *testing.T) {
	g := NewWithT(t)
	got := flatcar(t, nil)
	g.Expect(strings.Count(ignitionScript(t, got), secret)).To(Equal(1))

	got = flatcar(t, func(s *join.Spec) { s.Parameter = parameterName })
	script := ignitionScript(t, got)
	g.Expect(script).NotTo(ContainSubstring(secret))
	g.Expect(variables(t, script)).To(HaveKeyWithValue("token_parameter", parameterName))
}

func TestFlatcarFetchesProgramsFromTheirProjectsOrAMirror(t *testing.T) {
	g := NewWithT(t)
	g.Expect(variables(t, ignitionScript(t, flatcar(t, nil)))).To(And(
		HaveKeyWithValue("binaries", "https://dl.k8s.io/release"),
		HaveKeyWithValue("cni_plugins", "https://github.com/containernetworking/plugins/releases/download"),
		HaveKeyWithValue("cri_tools", "https://github.com/kubernetes-sigs/cri-tools/releases/download"),
	))
	mirrored := flatcar(t, func(s *join.Spec) { s.Sources.Binaries = "https://m.example.com/k8s" })
	g.Expect(variables(t, ignitionScript(t, mirrored))).To(And(
		HaveKeyWithValue("binaries", "https://m.example.com/k8s"),
		HaveKeyWithValue("cni_plugins", "https://m.example.com/k8s/cni-plugins"),
		HaveKeyWithValue("cri_tools", "https://m.example.com/k8s/cri-tools"),
	))
}

func TestFlatcarRefuses(t *testing.T) {
	for name, tc := range map[string]struct {
		change func(*join.Spec)
		want   types.GomegaMatcher
	}{
		"EKS":                   {func(s *join.Spec) { s.Cluster.Mode = cluster.EKS }, HavePrefix("spec.amiFamily: Flatcar is rendered for kubeadm")},
		"a place for the token": {func(s *join.Spec) { s.UserData = `{"ignition":{"version":"3.3.0"},"x":"${BOOTSTRAP_TOKEN}"}` }, ContainSubstring("not filled in on Flatcar")},
		"a script":              {func(s *join.Spec) { s.UserData = "#!/bin/bash\necho hi\n" }, ContainSubstring("is not Ignition as Flatcar takes it")},
		"Butane's YAML":         {func(s *join.Spec) { s.UserData = "variant: flatcar\nversion: 1.0.0\n" }, ContainSubstring("butane makes of YAML of variant flatcar")},
		"an older Ignition":     {func(s *join.Spec) { s.UserData = `{"ignition":{"version":"2.3.0"}}` }, ContainSubstring("ignition.version is none of them")},
		"a newer Ignition":      {func(s *join.Spec) { s.UserData = `{"ignition":{"version":"3.5.0"}}` }, ContainSubstring("ignition.version is none of them")},
		"a path that is none": {func(s *join.Spec) {
			s.UserData = `{"ignition":{"version":"3.3.0"},"storage":{"files":[{"path":"etc/x"}]}}`
		}, ContainSubstring("path not absolute")},
		"a folder where our file is to be": {func(s *join.Spec) {
			s.UserData = `{"ignition":{"version":"3.3.0"},"storage":{"links":[{"path":"/opt/karpenter","target":"/usr"}]}}`
		}, ContainSubstring("does not go together with Karpenter's own")},
		"what no packing makes fit": {func(s *join.Spec) {
			s.UserData = `{"ignition":{"version":"3.3.0"},"x":"` + noise(3*join.MaxUserData) + `"}`
		}, ContainSubstring("EC2 takes 16384")},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, err := join.Render(spec(t, func(s *join.Spec) { s.Family = join.Flatcar; tc.change(s) }))
			var fault *join.SpecError
			var size *join.SizeError
			g.Expect(errors.As(err, &fault) || errors.As(err, &size)).To(BeTrue(), "%v", err)
			g.Expect(err.Error()).To(tc.want)
			g.Expect(err.Error()).NotTo(ContainSubstring(secret))
		})
	}
}

// FuzzIgnition expects the user's configuration with every byte, and one that Ignition takes.
func FuzzIgnition(f *testing.F) {
	for _, seed := range []string{
		"", "\n", `{"ignition":{"version":"3.0.0"}}`, `{"ignition":{"version":"3.4.0","config":{"replace":{"source":"data:,x"}}}}` + "\r\n",
		`{"ignition":{"version":"3.3.0"},"storage":{"files":[{"path":"/opt/karpenter/join.sh","append":[{"source":"data:,x"}]}]}}`,
		`{"ignition":{"version":"3.3.0"},"storage":{"directories":[{"path":"/opt/karpenter"}],"links":[{"path":"/a","target":"b"}]}}`,
		`{"ignition":{"version":"3.2.0"},"systemd":{"units":[{"name":"karpenter-join.service","mask":true,"dropins":[{"name":"a.conf"}]}]}}`,
		`{"ignition":{"version":"3.3.0"},"storage":{"files":[{"path":"/etc/systemd/system/karpenter-join.service"}]}}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, userData string) {
		raw, ok := rendered(t, join.Flatcar, userData)
		if !ok {
			return
		}
		g := NewWithT(t)
		g.Expect(ignitionScript(t, raw)).To(HavePrefix("#!/bin/bash\nset -euo pipefail\n"))
		configs := merged(t, raw)
		if strings.TrimSpace(userData) == "" {
			g.Expect(configs).To(HaveLen(1))
			return
		}
		g.Expect(configs).To(HaveLen(2))
		g.Expect(configs[0]).To(Equal(userData))
	})
}
