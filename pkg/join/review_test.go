package join_test

import (
	"strings"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

const goodJoin = "kubeadm join ${CLUSTER_ENDPOINT}:6443 --token ${BOOTSTRAP_TOKEN} --discovery-token-ca-cert-hash sha256:${CA_CERT_HASH}\n"

func TestReview(t *testing.T) {
	traced, port, never, older := ConsistOf(join.ReasonTokenTraced), ConsistOf(join.ReasonPortDiffers), ConsistOf(join.ReasonNeverJoins), ConsistOf(join.ReasonKubeadmOlder)
	custom := func(s *join.Spec) { s.Family = join.Custom }
	for name, tc := range map[string]struct {
		userData string
		want     OmegaMatcher
		change   func(*join.Spec)
	}{
		"nothing to say":                 {"#!/bin/bash\nset -e\n" + goodJoin, BeEmpty(), nil},
		"no user data":                   {"", BeEmpty(), nil},
		"a cluster of EKS":               {"set -x\n" + goodJoin, BeEmpty(), func(s *join.Spec) { s.Cluster.Mode = cluster.EKS }},
		"the seed's script":              {string(read(t, "seed.sh")), traced, nil},
		"the long script":                {string(read(t, "seed-long.sh")), traced, nil},
		"set -o xtrace":                  {"set -o xtrace\n" + goodJoin, traced, nil},
		"set -euxo pipefail":             {"set -euxo pipefail\n" + goodJoin, traced, nil},
		"set -eo xtrace":                 {"set -eo xtrace\n" + goodJoin, traced, nil},
		"by its first line":              {"#!/bin/bash -ex\n" + goodJoin, traced, nil},
		"by bash -x":                     {"bash -xc '" + strings.TrimSpace(goodJoin) + "'\n", traced, nil},
		"a token of the user's":          {"set -x\nTOKEN=abcdef.0123456789abcdef\n", traced, nil},
		"a token that is read":           {"set -x\nkubeadm join a:6443 --token \"$(cat /t)\"\n", traced, nil},
		"an exported token":              {"set -x\nexport T=${BOOTSTRAP_TOKEN}\n", traced, nil},
		"a token that is said":           {"set -x\necho ${BOOTSTRAP_TOKEN} > /t\n", traced, nil},
		"by cloud-config":                {"#cloud-config\nruncmd:\n- [sh, -xc, '" + strings.TrimSpace(goodJoin) + "']\n", traced, nil},
		"off before the token":           {"set -x\ntrue\nset +x\n" + goodJoin, BeEmpty(), nil},
		"off by name":                    {"set -o xtrace\nset +o xtrace\n" + goodJoin, BeEmpty(), nil},
		"on after the token":             {goodJoin + "set -x\ntrue\n", BeEmpty(), nil},
		"another flag":                   {"set -eu\n" + goodJoin, BeEmpty(), nil},
		"an argument after --":           {"set -- -x\n" + goodJoin, BeEmpty(), nil},
		"the body of a here-document":    {"set -x\ncat > /t <<EOF\n${BOOTSTRAP_TOKEN}\nEOF\n", BeEmpty(), nil},
		"no token":                       {"set -x\nkubeadm join --config /etc/mine.yaml\n", BeEmpty(), nil},
		"another port":                   {strings.ReplaceAll(goodJoin, ":6443", ":443"), port, nil},
		"a port in a variable":           {"P=8443\nE=${CLUSTER_ENDPOINT}:$P\nkubeadm join $E --token ${BOOTSTRAP_TOKEN}\n", port, nil},
		"a cluster with another port":    {goodJoin, port, func(s *join.Spec) { s.Cluster.Endpoint = "api.example.com:443" }},
		"a port in a configuration":      {"cat > /c <<EOF\napiServerEndpoint: \"${CLUSTER_ENDPOINT}:443\"\ntoken: ${BOOTSTRAP_TOKEN}\nEOF\nkubeadm join --config /c\n", port, nil},
		"a port in a kubeconfig":         {"cat > /c <<EOF\n    server: https://${CLUSTER_ENDPOINT}:443\n    token: ${BOOTSTRAP_TOKEN}\nEOF\nkubeadm join --discovery-file /c\n", port, nil},
		"another host":                   {"kubeadm join other.example.com:443 --token ${BOOTSTRAP_TOKEN}\n", BeEmpty(), nil},
		"another service of the host":    {"curl https://${CLUSTER_ENDPOINT}:8443/\n" + goodJoin, BeEmpty(), nil},
		"custom that joins":              {"#!/bin/bash\n" + goodJoin, BeEmpty(), custom},
		"custom that never joins":        {"#!/bin/bash\napt-get install -y kubeadm\n", never, custom},
		"custom that only says so":       {"#!/bin/bash\necho kubeadm join\n", never, custom},
		"custom without user data":       {"", never, custom},
		"custom cloud-config":            {"#cloud-config\nruncmd: [date]\n", never, custom},
		"custom of another distribution": {"#!/bin/bash\ncurl -sfL https://get.k3s.io | sh -\n", BeEmpty(), custom},
		"custom settings":                {"[settings.kubernetes]\na = 1\n", BeEmpty(), custom},
		"custom Ignition":                {`{"ignition":{"version":"3.4.0"}}`, BeEmpty(), custom},
		"custom Python":                  {"#!/usr/bin/python3\nprint(1)\n", BeEmpty(), custom},
		"custom bytes":                   {"\x1f\x8b\x00", BeEmpty(), custom},
		"one that Karpenter joins":       {"#!/bin/bash\ntrue\n", BeEmpty(), nil},
		"an older kubeadm":               {"#!/bin/sh\napt-get install -y kubelet=1.30.1-1.1 kubeadm=1.30.1-1.1\n", older, func(s *join.Spec) { s.Cluster.Version = minor(33) }},
		"an older kubeadm that will do":  {"#!/bin/sh\napt-get install -y kubelet=1.29.1-1.1 kubeadm=1.29.1-1.1\n", BeEmpty(), func(s *join.Spec) { s.Cluster.Version = minor(30) }},
		"two at once":                    {"set -x\n" + strings.ReplaceAll(goodJoin, ":6443", ":443"), ConsistOf(join.ReasonPortDiffers, join.ReasonTokenTraced), nil},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			s := spec(t, func(s *join.Spec) {
				s.UserData = tc.userData
				if tc.change != nil {
					tc.change(s)
				}
			})
			var reasons []string
			for _, warning := range join.Review(s) {
				reasons = append(reasons, warning.Reason)
				g.Expect(warning.Message).To(HavePrefix("spec.userData "))
				g.Expect(warning.Message).NotTo(ContainSubstring(secret))
			}
			g.Expect(reasons).To(tc.want)
		})
	}
}
