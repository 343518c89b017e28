package launch_test

import (
	"context"
	"errors"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"k8s.io/apimachinery/pkg/types"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
	awsfakeec2 "github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

// invisible is how long new instances are unknown to Describe in these tests.
const invisible = 5 * time.Second

// beUncertain matches the error of a claim whose instance may exist.
func beUncertain() OmegaMatcher {
	return WithTransform(func(err error) bool {
		var uncertain *launch.UncertainError
		return errors.As(err, &uncertain)
	}, BeTrue())
}

func TestALostAnswerIsLookedForAndNotLaunchedAgain(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	a.EC2.SetDelays(awsfakeec2.Delays{Visible: invisible})
	a.Inject(wire.Fault{Action: "CreateFleet", Stage: wire.After, Times: -1, Drop: true})

	_, err := a.launcher.Launch(t.Context(), a.request("claim"))
	g.Expect(err).To(beUncertain())
	a.ClearFaults()
	_, err = a.launcher.Launch(t.Context(), a.request("claim"))
	g.Expect(err).To(beUncertain(), "EC2 does not show it yet")
	g.Expect(a.alive()).To(HaveLen(1))

	a.clock.Step(invisible + time.Second)
	got, err := a.launcher.Launch(t.Context(), a.request("claim"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.aliveIDs()).To(ConsistOf(got.ID))
}

func TestACallThatNeverArrivedIsMadeAgainAfterTheWindow(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	a.Inject(wire.Fault{Action: "CreateFleet", Times: -1, Drop: true})
	_, err := a.launcher.Launch(t.Context(), a.request("claim"))
	g.Expect(err).To(beUncertain())
	a.ClearFaults()
	a.clock.Step(launch.ConsistencyWindow - time.Second)
	_, err = a.launcher.Launch(t.Context(), a.request("claim"))
	g.Expect(err).To(beUncertain())
	g.Expect(a.alive()).To(BeEmpty())

	a.clock.Step(2 * time.Second)
	got, err := a.launcher.Launch(t.Context(), a.request("claim"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.aliveIDs()).To(ConsistOf(got.ID))
}

func TestTheSDKsOwnRetryOfALostAnswerHasItsResult(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	a.Inject(wire.Fault{Action: "CreateFleet", Stage: wire.After, Drop: true})
	got, err := a.launcher.Launch(t.Context(), a.request("claim"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.Calls("CreateFleet")).To(Equal(2))
	g.Expect(a.aliveIDs()).To(ConsistOf(got.ID))
}

func TestOutcomesThatAreNotKnown(t *testing.T) {
	for name, faults := range map[string][]wire.Fault{
		"an answer is lost, and the retries are throttled": {
			{Action: "CreateFleet", Stage: wire.After, Drop: true},
			{Action: "CreateFleet", Skip: 1, Times: -1, Answer: wire.Errorf("RequestLimitExceeded", "slow down")},
		},
		"EC2 fails after it has done its work": {
			{Action: "CreateFleet", Stage: wire.After, Times: -1, Answer: &wire.Error{Status: 500, Code: "InternalError", Message: "sorry"}},
		},
		"EC2 knows the token with other parameters": {
			{Action: "CreateFleet", Stage: wire.After, Times: -1, Answer: wire.Errorf("IdempotentParameterMismatch", "other parameters")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			g, a := NewWithT(t), newAccount(t)
			for _, fault := range faults {
				a.Inject(fault)
			}
			_, err := a.launcher.Launch(t.Context(), a.request("claim"))
			g.Expect(err).To(beUncertain())
			a.ClearFaults()
			got, err := a.launcher.Launch(t.Context(), a.request("claim"))
			g.Expect(err).NotTo(HaveOccurred(), "EC2 shows it at once here")
			g.Expect(a.aliveIDs()).To(ConsistOf(got.ID))
		})
	}
}

func TestThrottlingIsKnownToHaveDoneNothing(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	a.Inject(wire.Fault{Action: "CreateFleet", Times: -1, Answer: wire.Errorf("RequestLimitExceeded", "slow down")})
	_, err := a.launcher.Launch(t.Context(), a.request("claim"))
	var refused *launch.RefusedError
	g.Expect(errors.As(err, &refused)).To(BeTrue(), "%v", err)
	g.Expect(refused.Reason).To(Equal("RequestLimitExceeded"))
	a.ClearFaults()
	_, err = a.launcher.Launch(t.Context(), a.request("claim"))
	g.Expect(err).NotTo(HaveOccurred(), "no window to wait for")
}

func TestARestartAdoptsWhatWasLaunched(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	a.EC2.SetDelays(awsfakeec2.Delays{Visible: invisible})
	before, err := a.launcher.Launch(t.Context(), a.request("claim"))
	g.Expect(err).NotTo(HaveOccurred())

	next := a.process("claim")
	_, err = next.Launch(t.Context(), a.request("claim"))
	g.Expect(err).To(beUncertain())
	a.clock.Step(invisible + time.Second)
	after, err := next.Launch(t.Context(), a.request("claim"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(after.ID).To(Equal(before.ID))
	g.Expect(after.Pool).To(Equal(before.Pool))
	g.Expect(after.ImageID).To(Equal(before.ImageID))
}

func TestAClaimThatARestartFindsUnlaunchedIsLaunchedAfterTheWindow(t *testing.T) {
	g, a := NewWithT(t), newAccount(t, "found")
	_, err := a.launcher.Launch(t.Context(), a.request("found"))
	g.Expect(err).To(beUncertain())
	_, err = a.launcher.Launch(t.Context(), a.request("new"))
	g.Expect(err).NotTo(HaveOccurred(), "a claim of this process does not wait")
	a.clock.Step(launch.ConsistencyWindow + time.Second)
	_, err = a.launcher.Launch(t.Context(), a.request("found"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.alive()).To(HaveLen(2))
}

func TestARestartSharesOutTheInstancesOfAMergedLaunch(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	claims := uids("a", "b", "c", "d")
	got := a.merged(claims)
	a.claims.owned[got[0].ID] = true // its claim's status was written before the end

	next := a.process(claims[1:]...)
	after, errs := a.launchAll(next, claims[1:])
	g.Expect(errors.Join(errs...)).NotTo(HaveOccurred())
	g.Expect([]instance.ID{after[0].ID, after[1].ID, after[2].ID}).To(ConsistOf(got[1].ID, got[2].ID, got[3].ID))
	g.Expect(a.alive()).To(HaveLen(4))
}

func TestOnlyWhatIsACandidateIsAdopted(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	others, err := a.launcher.Launch(t.Context(), a.request("claim", func(r *launch.Request) { r.ClusterUID = "another" }))
	g.Expect(err).NotTo(HaveOccurred())
	_, err = a.launcher.Launch(t.Context(), a.request("neighbour"))
	g.Expect(err).NotTo(HaveOccurred())

	next := a.process("claim")
	a.clock.Step(launch.ConsistencyWindow + time.Second)
	got, err := next.Launch(t.Context(), a.request("claim"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.ID).NotTo(Equal(others.ID))
	g.Expect(a.alive()).To(HaveLen(3))
}

func TestADeadInstanceIsNotAdopted(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	dead, err := a.launcher.Launch(t.Context(), a.request("claim"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(a.EC2.Terminate(region, string(dead.ID))).To(Succeed())

	next := a.process("claim")
	a.clock.Step(launch.ConsistencyWindow + time.Second)
	got, err := next.Launch(t.Context(), a.request("claim"))
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got.ID).NotTo(Equal(dead.ID), "the token of the first launch would be answered with it")
	g.Expect(a.aliveIDs()).To(ConsistOf(got.ID))
}

func TestACallerThatLeavesFindsTheResultLater(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	arrived, answer := make(chan struct{}), make(chan struct{})
	a.Inject(wire.Fault{Action: "CreateFleet", Stage: wire.After, Do: func(*wire.Call) { close(arrived); <-answer }})
	ctx, leave := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() { _, err := a.launcher.Launch(ctx, a.request("claim")); left <- err }()
	<-arrived
	leave()
	g.Expect(<-left).To(MatchError(context.Canceled))
	_, err := a.launcher.Launch(t.Context(), a.request("claim"))
	g.Expect(err).To(MatchError(ContainSubstring("still under way")))
	close(answer)
	g.Eventually(func() error { _, err = a.launcher.Launch(t.Context(), a.request("claim")); return err }).Should(Succeed())
	g.Expect(a.alive()).To(HaveLen(1))
	g.Expect(a.Calls("CreateFleet")).To(Equal(1))
}

func TestNothingIsLaunchedBeforeTheProviderKnowsWhatAnEarlierProcessLeft(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	idle := a.unbegun()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err := idle.Launch(ctx, a.request("claim"))
	g.Expect(err).To(MatchError(context.DeadlineExceeded))
	g.Expect(a.alive()).To(BeEmpty())
}

func TestMergedLaunchesGiveEachClaimAnInstanceOfItsOwn(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	claims := numbered(45)
	got := a.merged(claims)
	ids := map[instance.ID]bool{}
	for _, i := range got {
		ids[i.ID] = true
	}
	g.Expect(ids).To(HaveLen(45))
	g.Expect(a.alive()).To(HaveLen(45))
	g.Expect(a.Calls("CreateFleet")).To(BeNumerically("<", 10), "1 alone, 44 in calls of at most 20")
	g.Expect(a.taken.total()).To(Equal(45))
	for _, i := range a.alive() {
		g.Expect(len(i.Tags["karpenter.k8s.aws/launch-claims"])).To(BeNumerically("<=", 256))
	}
}

func TestAMergedLaunchThatFallsShortFailsForTheRest(t *testing.T) {
	g, a := NewWithT(t), newAccount(t)
	g.Expect(a.EC2.SetCapacity(region, awsfakeec2.Pool{}, 0)).To(Succeed())
	g.Expect(a.EC2.SetCapacity(region, awsfakeec2.Pool{Type: "t3.medium", Zone: zoneA, CapacityType: "on-demand"}, 4)).To(Succeed())
	got, errs := a.gather(numbered(6))
	launched := map[instance.ID]bool{}
	for n, err := range errs {
		var none *launch.CapacityError
		if errors.As(err, &none) {
			continue
		}
		g.Expect(err).NotTo(HaveOccurred())
		launched[got[n].ID] = true
	}
	g.Expect(launched).To(HaveLen(4))
	g.Expect(a.alive()).To(HaveLen(4))
}

// merged launches claims as they arrive together, and returns their instances.
func (a *account) merged(claims []types.UID) []instance.Instance {
	a.t.Helper()
	got, errs := a.gather(claims)
	NewWithT(a.t).Expect(errors.Join(errs...)).NotTo(HaveOccurred())
	return got
}

// gather holds the first call up until the other claims have gathered behind it.
func (a *account) gather(claims []types.UID) ([]instance.Instance, []error) {
	a.Inject(wire.Fault{Action: "CreateFleet", Do: func(*wire.Call) { time.Sleep(100 * time.Millisecond) }})
	return a.launchAll(a.launcher, claims)
}
