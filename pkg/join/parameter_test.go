package join_test

import (
	"errors"
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

const parameterName = "/karpenter/demo/bootstrap-token"

func TestAParameterKeepsTheTokenOut(t *testing.T) {
	g := NewWithT(t)
	fetched := spec(t, func(s *join.Spec) { s.Parameter = parameterName })
	data, err := join.Render(fetched)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(data.Bytes())).NotTo(ContainSubstring(secret))
	g.Expect(string(data.Bytes())).To(And(ContainSubstring("token_parameter='"+parameterName+"'"), ContainSubstring("aws_domain='amazonaws.com'")))

	fetched.Token = join.Token{ID: "ghijkl", Secret: "fedcba9876543210"}
	g.Expect(join.Render(fetched)).To(Equal(data), "another token is the same user data")

	fetched.Region = "cn-north-1"
	data, err = join.Render(fetched)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(string(data.Bytes())).To(ContainSubstring("aws_domain='amazonaws.com.cn'"))
}

func TestAPlaceForTheTokenAndAParameterExcludeEachOther(t *testing.T) {
	for _, family := range []join.Family{join.Ubuntu, join.Custom} {
		t.Run(string(family), func(t *testing.T) {
			g := NewWithT(t)
			_, err := join.Render(spec(t, func(s *join.Spec) {
				s.Family, s.Parameter = family, parameterName
				s.UserData = "#!/bin/bash\nkubeadm join ${CLUSTER_ENDPOINT}:6443 --token ${BOOTSTRAP_TOKEN}\n"
			}))
			var fault *join.SpecError
			g.Expect(errors.As(err, &fault)).To(BeTrue(), "%v", err)
			g.Expect(fault.Field).To(Equal("spec.userData"))
			g.Expect(fault.Problem).To(And(ContainSubstring("${BOOTSTRAP_TOKEN}"), ContainSubstring("TOKEN_DELIVERY=UserData")))
		})
	}
}
