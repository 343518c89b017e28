package identity_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	clocktesting "k8s.io/utils/clock/testing"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/identity"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

type world struct {
	*awsfake.Server
	provider *identity.Provider
	clock    *clocktesting.FakeClock
	api      *iam.Client
}

func start(t *testing.T) world {
	t.Helper()
	fake, clk := awsfake.Start(t), clocktesting.NewFakeClock(time.Unix(1_700_000_000, 0))
	api := iam.NewFromConfig(fake.Config())
	return world{Server: fake, provider: identity.New(api, clk), clock: clk, api: api}
}

func wanted(role string) identity.Wanted {
	return identity.Wanted{Name: "prod_1", Path: "/karpenter/ap-northeast-2/prod/uid/", Role: role, Tags: map[string]string{"b": "2", "a": "1"}}
}

func TestGet(t *testing.T) {
	g, w := NewWithT(t), start(t)
	got, err := w.provider.Get(t.Context(), awsfake.NodeProfile)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).To(Equal(identity.Profile{Name: awsfake.NodeProfile, Role: awsfake.NodeRole}))
	_, err = w.provider.Get(t.Context(), awsfake.NodeProfile)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(w.Calls("GetInstanceProfile")).To(Equal(1), "it is remembered")
}

// What is listed is deleted when nothing uses it, so an endpoint that ignores the path, as
// emulators do, must not have us delete the profiles of others.
func TestListDropsWhatIsNotBelowThePath(t *testing.T) {
	g, w := NewWithT(t), start(t)
	w.Inject(wire.Fault{Action: "ListInstanceProfiles", Stage: wire.Before, Match: func(c *wire.Call) bool {
		c.Form.Del("PathPrefix")
		return false
	}})
	g.Expect(w.provider.Ensure(t.Context(), wanted(awsfake.NodeRole))).To(Succeed())
	g.Expect(w.provider.List(t.Context(), "/karpenter/ap-northeast-2/prod/uid/")).To(Equal([]string{"prod_1"}))
	g.Expect(w.provider.List(t.Context(), "/karpenter/ap-northeast-2/other/uid/")).To(BeEmpty())
}

func TestAMissingProfileIsSeenAsSoonAsItExists(t *testing.T) {
	g, w := NewWithT(t), start(t)
	_, err := w.provider.Get(t.Context(), "mine")
	g.Expect(err).To(MatchError(identity.ErrNotFound))
	w.IAM.AddProfile("mine", "")
	got, err := w.provider.Get(t.Context(), "mine")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.Role).To(BeEmpty())
	w.IAM.AddProfile("mine", awsfake.NodeRole)
	got, err = w.provider.Get(t.Context(), "mine")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.Role).To(Equal(awsfake.NodeRole), "a profile without a role is about to get one")
}

func TestLookingMayBeDenied(t *testing.T) {
	g, w := NewWithT(t), start(t)
	w.Inject(wire.Fault{Action: "GetInstanceProfile", Answer: &wire.Error{Code: "AccessDenied", Message: "no", Status: 403}})
	_, err := w.provider.Get(t.Context(), "mine")
	g.Expect(err).To(MatchError(identity.ErrDenied))
	var call *aws.CallError
	g.Expect(errors.As(err, &call)).To(BeTrue())
	g.Expect(call.Action).To(Equal("iam:GetInstanceProfile"))
}

func TestEnsureMakesAProfileOnce(t *testing.T) {
	g, w := NewWithT(t), start(t)
	for range 3 {
		g.Expect(w.provider.Ensure(t.Context(), wanted(awsfake.NodeRole))).To(Succeed())
	}
	g.Expect(w.Calls("CreateInstanceProfile")).To(Equal(1))
	g.Expect(w.Calls("AddRoleToInstanceProfile")).To(Equal(1))

	out, err := w.api.GetInstanceProfile(t.Context(), &iam.GetInstanceProfileInput{InstanceProfileName: lo.ToPtr("prod_1")})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*out.InstanceProfile.Path).To(Equal("/karpenter/ap-northeast-2/prod/uid/"))
	g.Expect(*out.InstanceProfile.Roles[0].RoleName).To(Equal(awsfake.NodeRole))
	tags := map[string]string{}
	for _, tag := range out.InstanceProfile.Tags {
		tags[*tag.Key] = *tag.Value
	}
	g.Expect(tags).To(Equal(map[string]string{"a": "1", "b": "2"}))
}

func TestEnsureFinishesWhatWasBegun(t *testing.T) {
	for name, tc := range map[string]struct{ begun, role string }{
		"a profile that got no role":        {begun: "", role: awsfake.NodeRole},
		"a profile that has another role":   {begun: "old", role: awsfake.NodeRole},
		"a profile that has it already":     {begun: awsfake.NodeRole, role: awsfake.NodeRole},
		"a role is named with its IAM path": {begun: "", role: "nodes/" + awsfake.NodeRole},
	} {
		t.Run(name, func(t *testing.T) {
			g, w := NewWithT(t), start(t)
			w.IAM.AddRole("old")
			w.IAM.AddProfile("prod_1", tc.begun)
			g.Expect(w.provider.Ensure(t.Context(), wanted(tc.role))).To(Succeed())
			got, err := identity.New(w.api, w.clock).Get(t.Context(), "prod_1")
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got.Role).To(Equal(awsfake.NodeRole))
		})
	}
}

func TestEnsureToleratesAProfileThatSomeoneElseJustMade(t *testing.T) {
	g, w := NewWithT(t), start(t)
	w.Inject(wire.Fault{Action: "CreateInstanceProfile", Stage: wire.Before, Do: func(*wire.Call) { w.IAM.AddProfile("prod_1", "") }})
	g.Expect(w.provider.Ensure(t.Context(), wanted(awsfake.NodeRole))).To(Succeed())
}

func TestAMissingRoleIsNotAskedForAgainAtOnce(t *testing.T) {
	g, w := NewWithT(t), start(t)
	isMissing := func() {
		var missing *identity.RoleNotFoundError
		g.Expect(errors.As(w.provider.Ensure(t.Context(), wanted("misspelt")), &missing)).To(BeTrue())
		g.Expect(missing.Role).To(Equal("misspelt"))
	}
	isMissing()
	isMissing()
	g.Expect(w.Calls("AddRoleToInstanceProfile")).To(Equal(1))
	w.IAM.AddRole("misspelt")
	w.clock.Step(cache.MissingRole)
	g.Expect(w.provider.Ensure(t.Context(), wanted("misspelt"))).To(Succeed())
	g.Expect(w.Calls("CreateInstanceProfile")).To(Equal(1), "the profile was there all the time")
}

func TestAMissingProfileIsNotTakenForAMissingRole(t *testing.T) {
	g, w := NewWithT(t), start(t)
	// IAM answers with the same code when it has not heard yet of the profile it just made.
	w.Inject(wire.Fault{Action: "AddRoleToInstanceProfile", Answer: &wire.Error{Code: "NoSuchEntity", Message: "Instance Profile prod_1 cannot be found.", Status: 404}})
	w.Inject(wire.Fault{Action: "GetInstanceProfile", Skip: 1, Answer: &wire.Error{Code: "NoSuchEntity", Message: "Instance Profile prod_1 cannot be found.", Status: 404}})
	err := w.provider.Ensure(t.Context(), wanted(awsfake.NodeRole))
	var missing *identity.RoleNotFoundError
	g.Expect(errors.As(err, &missing)).To(BeFalse())
	g.Expect(err).To(MatchError(ContainSubstring("adding role")))
	g.Expect(w.provider.Ensure(t.Context(), wanted(awsfake.NodeRole))).To(Succeed())
}

func TestDelete(t *testing.T) {
	g, w := NewWithT(t), start(t)
	g.Expect(w.provider.Ensure(t.Context(), wanted(awsfake.NodeRole))).To(Succeed())
	g.Expect(w.provider.Delete(t.Context(), "prod_1")).To(Succeed())
	_, err := w.provider.Get(t.Context(), "prod_1")
	g.Expect(err).To(MatchError(identity.ErrNotFound), "it is neither there nor remembered")
	g.Expect(w.provider.Delete(t.Context(), "prod_1")).To(Succeed(), "there is nothing left to do")
	_, err = w.api.GetRole(t.Context(), &iam.GetRoleInput{RoleName: lo.ToPtr(awsfake.NodeRole)})
	g.Expect(err).NotTo(HaveOccurred(), "the role is not ours")
}

func TestListReadsEveryPageBelowAPath(t *testing.T) {
	g, w := NewWithT(t), start(t)
	const many = 250 // IAM pages at 100
	for i := range many {
		_, err := w.api.CreateInstanceProfile(t.Context(), &iam.CreateInstanceProfileInput{
			InstanceProfileName: lo.ToPtr(fmt.Sprintf("prod_%d", i)), Path: lo.ToPtr("/karpenter/prod/"),
		})
		g.Expect(err).NotTo(HaveOccurred())
	}
	names, err := w.provider.List(t.Context(), "/karpenter/prod/")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(names).To(HaveLen(many))
	g.Expect(w.Calls("ListInstanceProfiles")).To(BeNumerically(">", 1))
	g.Expect(w.provider.List(t.Context(), "/karpenter/other/")).To(BeEmpty())
}
