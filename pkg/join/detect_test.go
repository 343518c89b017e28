package join_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// Who joins is seen by where our script stands: before the user's document when that joins.
func TestWhoJoins(t *testing.T) {
	const mine, theirs = false, true
	for name, tc := range map[string]struct {
		userData string
		want     bool
	}{
		"plain":                         {"#!/bin/bash\nkubeadm join a:6443 --token ${BOOTSTRAP_TOKEN}\n", theirs},
		"without our placeholders":      {"kubeadm join a:6443 --token x.y\n", theirs},
		"by path":                       {"/usr/bin/kubeadm join a\n", theirs},
		"quoted":                        {"\"kubeadm\" 'join' a\n", theirs},
		"broken in two":                 {"kubeadm \\\n  join \\\n  a\n", theirs},
		"broken inside the word":        {"kube\\\nadm join a\n", theirs},
		"flags before":                  {"kubeadm --v=5 join a\n", theirs},
		"with sudo":                     {"sudo -E kubeadm join a\n", theirs},
		"with a time limit":             {"timeout 300 kubeadm join a\n", theirs},
		"with a retry of his own":       {"retry() { \"$@\" || \"$@\"; }\nretry kubeadm join a\n", theirs},
		"in a function":                 {"j() {\n  kubeadm join a\n}\nj\n", theirs},
		"in a condition":                {"if [ -f /x ]; then kubeadm join a; fi\n", theirs},
		"in a loop":                     {"until kubeadm join a; do sleep 1; done\n", theirs},
		"behind a pipe":                 {"kubeadm join a | tee log\n", theirs},
		"in a substitution":             {"out=$(kubeadm join a)\n", theirs},
		"by variable":                   {"K=kubeadm\n$K join a\n", theirs},
		"command in a variable":         {"CMD=\"kubeadm join a\"\n$CMD\n", theirs},
		"by bash -c":                    {"bash -c 'kubeadm join a'\n", theirs},
		"by eval":                       {"J='kubeadm join a'\neval \"$J\"\n", theirs},
		"in a script that it writes":    {"cat > /j.sh <<'EOF'\nkubeadm join a\nEOF\nsh /j.sh\n", theirs},
		"by cloud-config line":          {"#cloud-config\nruncmd:\n- apt-get update && kubeadm join a\n", theirs},
		"by cloud-config words":         {"#cloud-config\nruncmd:\n- [kubeadm, join, a]\n", theirs},
		"by cloud-config shell":         {"#cloud-config\nruncmd:\n- [sh, -c, 'kubeadm join a']\n", theirs},
		"in a file of cloud-config":     {"#cloud-config\nwrite_files:\n- path: /j\n  content: |\n    kubeadm join a\nruncmd:\n- /j\n", theirs},
		"in a comment":                  {"#!/bin/bash\n# kubeadm join a\ntrue\n", mine},
		"only said":                     {"echo kubeadm join a\n", mine},
		"only looked for":               {"grep 'kubeadm join' /etc/x || true\n", mine},
		"only installed":                {"apt-get install -y kubeadm\n", mine},
		"another command of kubeadm":    {"kubeadm config images pull\n", mine},
		"another command's join":        {"join a b\n", mine},
		"not shell":                     {"#!/usr/bin/python3\nprint('kubeadm join')\nif (x:=1): pass\n", mine},
		"cloud-config that does not":    {"#cloud-config\nruncmd:\n- [echo, hello, 1]\n- {a: b}\n", mine},
		"cloud-config that is not YAML": {"#cloud-config\n\tkubeadm join\n", mine},
		"a word list without join":      {"#cloud-config\nruncmd:\n- [kubeadm, version]\n", mine},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			parts := render(t, spec(t, func(s *join.Spec) { s.UserData = tc.userData }))
			g.Expect(parts).To(HaveLen(2))
			g.Expect(parts[0].filename == "00-karpenter-prepare.sh").To(Equal(tc.want))
		})
	}
}
