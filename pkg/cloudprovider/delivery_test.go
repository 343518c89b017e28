package cloudprovider

import (
	"context"
	"errors"
	"testing"

	. "github.com/onsi/gomega"
	"github.com/samber/lo"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
)

// parameters is a delivery that keeps the ids of tokens.
type parameters struct {
	ids []string
	err error
}

func (p *parameters) Deliver(_ context.Context, token join.Token) (string, error) {
	p.ids = append(p.ids, token.ID)
	return "/karpenter/demo/bootstrap-token", p.err
}

func TestADeliveredTokenIsNotInUserData(t *testing.T) {
	g, p := NewWithT(t), newParts(t)
	delivery, provider := &parameters{}, p.provider()
	provider.Delivery = delivery
	render := func() []byte {
		groups, err := provider.render(t.Context(), p.order(t, ubuntu("default")))
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(groups).To(HaveLen(1))
		g.Expect(groups[0].Template.Expires.IsZero()).To(BeTrue(), "it outlives the token")
		return groups[0].Template.UserData.Bytes()
	}
	before := render()
	g.Expect(string(before)).NotTo(ContainSubstring(p.token.Secret))
	g.Expect(string(before)).To(ContainSubstring("/karpenter/demo/bootstrap-token"))
	p.token.ID, p.token.Secret = "ghijkl", "fedcba9876543210"
	g.Expect(render()).To(Equal(before), "a rotation makes no new template")
	g.Expect(delivery.ids).To(Equal([]string{"abcdef", "ghijkl"}))
}

func TestNothingIsLaunchedWithoutADelivery(t *testing.T) {
	g, p := NewWithT(t), newParts(t)
	provider := p.provider()
	provider.Delivery = &parameters{err: errors.New("AccessDeniedException")}
	_, err := provider.render(t.Context(), p.order(t, ubuntu("default")))
	g.Expect(err).To(MatchError(ContainSubstring("AccessDeniedException")))
	g.Expect(core(translate(err))).To(Equal("retried: NoJoinToken"))
}

func TestNothingIsDeliveredToWhoHasNoUseForIt(t *testing.T) {
	g, p := NewWithT(t), newParts(t)
	delivery, provider := &parameters{}, p.provider()
	provider.Delivery = delivery
	class := ubuntu("default")
	class.Spec.AMIFamily, class.Spec.UserData = lo.ToPtr(v1.AMIFamilyCustom), lo.ToPtr("#!/bin/sh\n")
	_, err := provider.render(t.Context(), p.order(t, class))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(delivery.ids).To(BeEmpty())
}

func TestATokenOfItsOwnIsFetchedByEachInstance(t *testing.T) {
	g, p := NewWithT(t), newParts(t)
	provider := p.provider()
	provider.config.InstanceParameter = "/karpenter/demo/bootstrap-tokens/" + join.InstanceID
	groups, err := provider.render(t.Context(), p.order(t, ubuntu("default")))
	g.Expect(err).NotTo(HaveOccurred())
	data := string(groups[0].Template.UserData.Bytes())
	g.Expect(data).To(And(ContainSubstring("/karpenter/demo/bootstrap-tokens/"+join.InstanceID), Not(ContainSubstring(p.token.Secret))))
	g.Expect(p.asked).To(BeZero(), "nobody shares one")

	class := ubuntu("default")
	class.Spec.UserData = lo.ToPtr("#!/bin/sh\nkubeadm join ${CLUSTER_ENDPOINT}:6443 --token ${BOOTSTRAP_TOKEN}\n")
	_, err = provider.render(t.Context(), p.order(t, class))
	g.Expect(core(translate(err))).To(Equal("retried: UserDataInvalid"), "a script that has to hold it")
}
