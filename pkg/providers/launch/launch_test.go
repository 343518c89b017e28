package launch_test

import (
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
	awsfakeec2 "github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

func TestLaunchStartsTheCheapestWithTheTagsThatPoliciesCompare(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	got, err := a.launcher.Launch(t.Context(), a.request("claim"))
	g.Expect(err).NotTo(HaveOccurred())

	there := a.alive()
	g.Expect(there).To(HaveLen(1))
	g.Expect(got.ID).To(Equal(instance.ID(there[0].ID)))
	g.Expect(got.Pool).To(Equal(pool.Pool{InstanceType: "t3.medium", Zone: there[0].Zone, CapacityType: "on-demand"}))
	g.Expect(got.ProviderID()).To(Equal("aws:///" + there[0].Zone + "/" + there[0].ID))
	g.Expect(got.ImageID).To(Equal(a.image))
	g.Expect(got.SubnetID).To(Equal(there[0].SubnetID))
	g.Expect(got.ZoneID).NotTo(BeEmpty())
	maps.DeleteFunc(there[0].Tags, func(key, _ string) bool { return strings.HasPrefix(key, "aws:") }) // EC2's own
	g.Expect(there[0].Tags).To(Equal(map[string]string{
		"kubernetes.io/cluster/demo": "owned", "karpenter.sh/nodepool": "workers", "eks:eks-cluster-name": "demo",
		"karpenter.k8s.aws/ec2nodeclass": "default", "Environment": "dev",
		"karpenter.k8s.aws/cluster-uid": clusterUID, "karpenter.k8s.aws/launch-claims": launch.ClaimHash("claim"),
	}))
	g.Expect(a.taken.total()).To(Equal(1), "one address stays taken, the other zones' came back")
}

func TestTheSameClaimIsLaunchedOnce(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	first, err := a.launcher.Launch(t.Context(), a.request("claim"))
	g.Expect(err).NotTo(HaveOccurred())
	again, err := a.launcher.Launch(t.Context(), a.request("claim"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(again.ID).To(Equal(first.ID))
	g.Expect(a.alive()).To(HaveLen(1))
}

func TestTemplatesAreSharedByEqualContentAndHoldTheUserData(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	for _, claim := range uids("a", "b", "c") {
		_, err := a.launcher.Launch(t.Context(), a.request(claim))
		g.Expect(err).NotTo(HaveOccurred())
	}
	g.Expect(a.Calls("CreateLaunchTemplate")).To(Equal(1))
	_, err := a.process().Launch(t.Context(), a.request("d"))
	g.Expect(err).NotTo(HaveOccurred(), "another process finds it by its name")
	g.Expect(a.templateNames()).To(HaveLen(1))

	_, err = a.launcher.Launch(t.Context(), a.request("e", func(r *launch.Request) { r.Groups[0].Template.InstanceProfile = "other" }))
	g.Expect(err).To(HaveOccurred())
	g.Expect(a.templateNames()).To(HaveLen(2), "other content is another template")
	for _, i := range a.alive() {
		g.Expect(i.UserData).To(Equal("IyEvYmluL3NoCiMgdG9rZW4gYWJjZGVmLjAxMjM0NTY3ODlhYmNkZWYK"))
	}
}

func (a *account) templateNames() []string {
	a.t.Helper()
	out, err := a.api.DescribeLaunchTemplates(a.t.Context(), &ec2.DescribeLaunchTemplatesInput{})
	NewWithT(a.t).Expect(err).NotTo(HaveOccurred())
	var names []string
	for _, template := range out.LaunchTemplates {
		names = append(names, *template.LaunchTemplateName)
	}
	return names
}

func TestATemplateThatIsGoneIsMadeAgain(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	_, err := a.launcher.Launch(t.Context(), a.request("a"))
	g.Expect(err).NotTo(HaveOccurred())
	for _, name := range a.templateNames() {
		_, err := a.api.DeleteLaunchTemplate(t.Context(), &ec2.DeleteLaunchTemplateInput{LaunchTemplateName: &name})
		g.Expect(err).NotTo(HaveOccurred())
	}
	_, err = a.launcher.Launch(t.Context(), a.request("b"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.alive()).To(HaveLen(2))
	g.Expect(a.templateNames()).To(HaveLen(1))
}

func TestATemplateThatFleetDoesNotSeeYetIsAskedForTwiceOnly(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	a.Inject(wire.Fault{Action: "CreateFleet", Times: -1, Answer: wire.Errorf("InvalidLaunchTemplateName.NotFoundException", "not there")})
	_, err := a.launcher.Launch(t.Context(), a.request("a"))
	var refused *launch.RefusedError
	g.Expect(errors.As(err, &refused)).To(BeTrue(), "%v", err)
	g.Expect(refused.Reason).To(Equal("LaunchTemplateNotFound"))
	g.Expect(a.Calls("CreateFleet")).To(Equal(2))
	a.ClearFaults()
	_, err = a.launcher.Launch(t.Context(), a.request("a"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.alive()).To(HaveLen(1))
}

func TestSpotPrefersPoolsThatAreLikelyToLast(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	spot := func(r *launch.Request) {
		r.CapacityType = "spot"
		for n := range r.Groups[0].Offers {
			r.Groups[0].Offers[n].Pool.CapacityType = "spot"
		}
	}
	got, err := a.launcher.Launch(t.Context(), a.request("claim", spot))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.Pool.CapacityType).To(Equal("spot"))
	g.Expect(a.alive()[0].CapacityType).To(Equal("spot"))
	g.Expect(a.Requests("CreateFleet")[0].Form.Get("SpotOptions.AllocationStrategy")).To(Equal("price-capacity-optimized"))
}

func TestCapacityErrorsNameAllRefusedPoolsAndAreRemembered(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	g.Expect(a.EC2.SetCapacity(region, awsfakeec2.Pool{}, 0)).To(Succeed())
	_, err := a.launcher.Launch(t.Context(), a.request("claim"))
	var none *launch.CapacityError
	g.Expect(errors.As(err, &none)).To(BeTrue(), "%v", err)
	g.Expect(none.Pools).To(HaveLen(4))
	g.Expect(a.refused.pools).To(ConsistOf(none.Pools))
	g.Expect(err).To(MatchError(ContainSubstring("InsufficientInstanceCapacity")))
	g.Expect(a.taken.total()).To(BeZero(), "no address stays taken")
}

func TestANewAttemptIsNotAnsweredWithTheOldRefusal(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	g.Expect(a.EC2.SetCapacity(region, awsfakeec2.Pool{}, 0)).To(Succeed())
	_, err := a.launcher.Launch(t.Context(), a.request("claim"))
	g.Expect(err).To(HaveOccurred())
	g.Expect(a.EC2.ClearCapacity(region)).To(Succeed())
	_, err = a.launcher.Launch(t.Context(), a.request("claim"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.alive()).To(HaveLen(1))
}

func TestRefusalsOfOtherKinds(t *testing.T) {
	for name, tc := range map[string]struct {
		code, message  string
		want           OmegaMatcher
		subnets, types OmegaMatcher
	}{
		"a subnet is full": {
			code: "InsufficientFreeAddressesInSubnet", message: "not enough addresses",
			want: MatchError(ContainSubstring("no capacity in 4 pools")), subnets: HaveLen(4), types: BeEmpty(),
		},
		"spot lacks its role": {
			code: "AuthFailure.ServiceLinkedRoleCreationNotPermitted", message: "may not create the role",
			want: MatchError(ContainSubstring("no capacity")), subnets: BeEmpty(), types: ContainElement("spot"),
		},
		"what is no matter of capacity stays an error of its own": {
			code: "InvalidParameterValue", message: "Value (x) for parameter iamInstanceProfile.name is invalid. Invalid IAM Instance Profile name",
			want: MatchError(ContainSubstring("iamInstanceProfile.name is invalid")), subnets: BeEmpty(), types: BeEmpty(),
		},
	} {
		t.Run(name, func(t *testing.T) {
			g, a := NewWithT(t), newAccount(t)
			g.Expect(a.EC2.SetRefusal(region, awsfakeec2.Pool{}, tc.code, tc.message)).To(Succeed())
			_, err := a.launcher.Launch(t.Context(), a.request("claim"))
			g.Expect(err).To(tc.want)
			g.Expect(a.refused.subnets).To(tc.subnets)
			g.Expect(a.refused.capacityTypes).To(tc.types)
		})
	}
}

func TestNoSubnetInAnyZoneIsAMatterOfCapacity(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	_, err := a.launcher.Launch(t.Context(), a.request("claim", func(r *launch.Request) { r.Subnets = nil }))
	var none *launch.CapacityError
	g.Expect(errors.As(err, &none)).To(BeTrue(), "%v", err)
	g.Expect(a.Calls("CreateFleet")).To(BeZero())
}

func TestExpiredTemplatesAndThoseOfAClassAreDeleted(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	expiring := func(after time.Duration, profile string) func(*launch.Request) {
		return func(r *launch.Request) {
			r.Groups[0].Template.Expires, r.Groups[0].Template.DetailedMonitoring = a.clock.Now().Add(after), profile == "monitored"
		}
	}
	_, err := a.launcher.Launch(t.Context(), a.request("a", expiring(time.Hour, "")))
	g.Expect(err).NotTo(HaveOccurred())
	_, err = a.launcher.Launch(t.Context(), a.request("b", expiring(3*time.Hour, "monitored")))
	g.Expect(err).NotTo(HaveOccurred())

	g.Expect(a.launcher.RefreshTemplates(t.Context(), clusterUID)).To(Succeed())
	g.Expect(a.templateNames()).To(HaveLen(2))
	a.clock.Step(2 * time.Hour)
	g.Expect(a.launcher.RefreshTemplates(t.Context(), clusterUID)).To(Succeed())
	g.Expect(a.templateNames()).To(HaveLen(1))

	g.Expect(a.launcher.DeleteTemplates(t.Context(), clusterUID, "another")).To(Succeed())
	g.Expect(a.launcher.DeleteTemplates(t.Context(), "another", "default")).To(Succeed())
	g.Expect(a.templateNames()).To(HaveLen(1))
	g.Expect(a.launcher.DeleteTemplates(t.Context(), clusterUID, "default")).To(Succeed())
	g.Expect(a.templateNames()).To(BeEmpty())
	g.Expect(a.alive()).To(HaveLen(2), "nodes do not need the template that they started from")
}

func TestDryRunLeavesNothingBehind(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	g.Expect(a.launcher.DryRun(t.Context(), a.request("nobody"))).To(Succeed())
	g.Expect(a.alive()).To(BeEmpty())
	g.Expect(a.templateNames()).To(BeEmpty())
	g.Expect(a.Calls("CreateFleet")).To(Equal(1))
	g.Expect(a.Calls("RunInstances")).To(Equal(1))
}

func TestDryRunSaysWhichCallIsRefused(t *testing.T) {
	for _, call := range []string{"CreateLaunchTemplate", "CreateFleet", "RunInstances"} {
		t.Run(call, func(t *testing.T) {
			g, a := NewWithT(t), newAccount(t)
			a.Inject(wire.Fault{Action: call, Times: -1, Answer: wire.Errorf("UnauthorizedOperation", "You are not authorized to perform this operation.")})
			err := a.launcher.DryRun(t.Context(), a.request("nobody"))
			var denied *launch.DeniedError
			g.Expect(errors.As(err, &denied)).To(BeTrue(), "%v", err)
			reason, message := denied.Condition()
			g.Expect(reason).To(Equal(call + "AuthCheckFailed"))
			g.Expect(message).To(ContainSubstring("attach the controller's IAM policy"))
			g.Expect(a.templateNames()).To(BeEmpty())
		})
	}
}
