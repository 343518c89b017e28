package plane

import (
	"net/netip"
	"strings"
	"testing"

	. "github.com/onsi/gomega"
)

func TestCommand(t *testing.T) {
	cases := map[string]struct {
		manifest string
		want     []string
		err      string
	}{
		"the command of the first container": {
			manifest: "apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - name: etcd\n    command: [etcd, --name=a]\n  - name: other\n    command: [other]\n",
			want:     []string{"etcd", "--name=a"},
		},
		"and its arguments": {
			manifest: "spec: {containers: [{name: a, command: [a, --b], args: [--c]}]}",
			want:     []string{"a", "--b", "--c"},
		},
		"no container":   {manifest: "metadata: {name: lonely}\nspec: {containers: []}", err: `static pod "lonely": the first container has no command`},
		"no command":     {manifest: "spec: {containers: [{name: a, args: [--c]}]}", err: "no command"},
		"not a pod":      {manifest: "spec: {replicas: 1}", err: "replicas"},
		"not YAML":       {manifest: "\t", err: "reading a static pod"},
		"an empty file":  {manifest: "", err: "no command"},
		"a wrong indent": {manifest: "spec:\n  containers: {name: a}", err: "reading a static pod"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			line, err := command([]byte(c.manifest))
			if c.err != "" {
				g.Expect(err).To(MatchError(ContainSubstring(c.err)))
				return
			}
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(line).To(Equal(c.want))
		})
	}
}

func TestRelocate(t *testing.T) {
	cases := map[string]struct{ in, want string }{
		"a certificate":                   {in: "--client-ca-file=/etc/kubernetes/pki/ca.crt", want: "--client-ca-file=/c/k/ca.crt"},
		"one of etcd's":                   {in: "--etcd-cafile=/etc/kubernetes/pki/etcd/ca.crt", want: "--etcd-cafile=/c/k/etcd/ca.crt"},
		"a kubeconfig":                    {in: "--kubeconfig=/etc/kubernetes/scheduler.conf", want: "--kubeconfig=/c/k/scheduler.conf"},
		"a path elsewhere stays":          {in: "--data-dir=/var/lib/etcd", want: "--data-dir=/var/lib/etcd"},
		"a path in the middle stays":      {in: "--x=a:/etc/kubernetes/b", want: "--x=a:/etc/kubernetes/b"},
		"a flag without value stays":      {in: "--leader-elect", want: "--leader-elect"},
		"the program's name stays":        {in: "kube-apiserver", want: "kube-apiserver"},
		"a value with an equal sign, too": {in: "--feature-gates=A=true", want: "--feature-gates=A=true"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			in := []string{c.in}
			g.Expect(relocate(in, "/c/k")).To(Equal([]string{c.want}))
			g.Expect(in).To(Equal([]string{c.in}), "the argument is left as it was")
		})
	}
}

func TestOverride(t *testing.T) {
	cases := map[string]struct {
		line  []string
		flags []Arg
		want  []string
	}{
		"no flag":                       {line: []string{"p", "--a=1"}, want: []string{"p", "--a=1"}},
		"a flag that is there":          {line: []string{"p", "--a=1", "--b=2"}, flags: []Arg{{"a", "9"}}, want: []string{"p", "--a=9", "--b=2"}},
		"a flag that is not":            {line: []string{"p", "--a=1"}, flags: []Arg{{"b", "2"}}, want: []string{"p", "--a=1", "--b=2"}},
		"a flag without value":          {line: []string{"p", "--a"}, flags: []Arg{{"a", "false"}}, want: []string{"p", "--a=false"}},
		"a longer name is another flag": {line: []string{"p", "--ab=1"}, flags: []Arg{{"a", "2"}}, want: []string{"p", "--ab=1", "--a=2"}},
		"the later of two wins":         {line: []string{"p"}, flags: []Arg{{"a", "1"}, {"a", "2"}}, want: []string{"p", "--a=2"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(override(c.line, c.flags)).To(Equal(c.want))
		})
	}
}

// Everything a program listens on must be on the cluster's own address: a listener elsewhere meets the next cluster's.
func TestOwnFlagsMoveEveryListener(t *testing.T) {
	g := NewWithT(t)
	flags := ownFlags(Config{Addr: netip.MustParseAddr("127.70.1.2")}, "/c")
	g.Expect(flags).To(HaveLen(4))
	for program, list := range flags {
		for _, f := range list {
			if strings.Contains(f.Value, "://") || f.Name == "bind-address" {
				g.Expect(f.Value).To(ContainSubstring("127.70.1.2"), program)
			}
		}
	}
	kubeadmWrote := []string{"etcd", "--listen-client-urls=https://127.0.0.1:2379,https://192.0.2.10:2379", "--listen-peer-urls=https://192.0.2.10:2380",
		"--advertise-client-urls=https://192.0.2.10:2379", "--initial-advertise-peer-urls=https://192.0.2.10:2380",
		"--initial-cluster=control-plane=https://192.0.2.10:2380", "--listen-metrics-urls=http://127.0.0.1:2381"}
	line := strings.Join(override(kubeadmWrote, flags[etcd]), " ")
	g.Expect(line).NotTo(Or(ContainSubstring("127.0.0.1"), ContainSubstring(advertised)))
}
