package token_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	. "github.com/onsi/gomega"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	controller "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/token"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/join"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/parameter"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

const providerID = "aws:///ap-northeast-2a/i-0abc"

var errKilled = errors.New("killed")

// store is the tokens' Secrets and the parameters, which outlive processes. A process of it
// ends at its step number dies: before that step, or after it with late.
type store struct {
	*parameter.Instances
	account *awsfake.Server
	secrets map[instance.ID]bool
	step    int
	dies    int
	late    bool
}

func newStore(t *testing.T, clock *clocktesting.FakeClock) *store {
	t.Helper()
	account := awsfake.Start(t)
	return &store{
		account: account, secrets: map[instance.ID]bool{},
		Instances: parameter.NewInstances(ssm.NewFromConfig(account.Config()), sts.NewFromConfig(account.Config()), account.Region(), "seed", clock),
	}
}

func (s *store) do(effect func() error) error {
	s.step++
	if s.dies != 0 && s.step > s.dies || s.step == s.dies && !s.late {
		return errKilled
	}
	if err := effect(); err != nil || s.step != s.dies {
		return err
	}
	return errKilled
}

func (s *store) OfInstance(_ context.Context, id instance.ID) (join.Token, error) {
	return join.Token{ID: "of" + string(id[2:]), Secret: "0123456789abcdef"}, nil
}

func (s *store) Keep(_ context.Context, id instance.ID, _ join.Token) error {
	return s.do(func() error { s.secrets[id] = true; return nil })
}

func (s *store) End(_ context.Context, id instance.ID) error {
	return s.do(func() error { delete(s.secrets, id); return nil })
}

func (s *store) Put(ctx context.Context, id instance.ID, token join.Token) error {
	return s.do(func() error { return s.Instances.Put(ctx, id, token) })
}

func (s *store) Remove(ctx context.Context, id instance.ID) error {
	return s.do(func() error { return s.Instances.Remove(ctx, id) })
}

// left is what of tokens there is anywhere.
func (s *store) left() []string {
	left := s.account.SSM.Names(s.account.Region())
	for id := range s.secrets {
		left = append(left, "Secret of "+string(id))
	}
	return left
}

// ownToken is a claim that was made at noon and whose instance joins with a token of its own.
func ownToken(change func(*karpv1.NodeClaim)) *karpv1.NodeClaim {
	c := claim("claim", noon, false).(*karpv1.NodeClaim)
	c.Annotations = map[string]string{v1.AnnotationTokenDelivery: v1.TokenDeliveryPerInstance}
	c.Status.ProviderID = providerID
	if change != nil {
		change(c)
	}
	return c
}

func holding(objects ...client.Object) client.Client {
	return fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(objects...).Build()
}

func TestAnInstanceHasItsTokenWhileItWaits(t *testing.T) {
	node := &corev1.Node{ObjectMeta: metav1.ObjectMeta{Name: "node"}, Spec: corev1.NodeSpec{ProviderID: providerID}}
	for name, tc := range map[string]struct {
		change func(*karpv1.NodeClaim)
		at     time.Duration
		others []client.Object
		want   bool
	}{
		"it was launched":                    {nil, time.Minute, nil, true},
		"its node is there":                  {nil, time.Minute, []client.Object{node}, false},
		"it has registered":                  {func(c *karpv1.NodeClaim) { c.StatusConditions().SetTrue(karpv1.ConditionTypeRegistered) }, time.Minute, nil, false},
		"it was given up":                    {nil, 20 * time.Minute, nil, false},
		"it is being deleted":                {deleting, time.Minute, nil, false},
		"it shares a token":                  {func(c *karpv1.NodeClaim) { c.Annotations = nil }, time.Minute, nil, false},
		"its instance's id is not known yet": {func(c *karpv1.NodeClaim) { c.Status.ProviderID = "" }, time.Minute, nil, false},
		"it is another provider's NodeClaim": {func(c *karpv1.NodeClaim) { foreign(c) }, time.Minute, nil, false},
		"the node of another instance is there": {nil, time.Minute, []client.Object{&corev1.Node{
			ObjectMeta: metav1.ObjectMeta{Name: "node"}, Spec: corev1.NodeSpec{ProviderID: "aws:///ap-northeast-2a/i-0abd"},
		}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			g, clock := NewWithT(t), clocktesting.NewFakeClock(noon.Add(time.Minute))
			s := newStore(t, clock)
			before := ownToken(nil)
			after := ownToken(tc.change)
			c := controller.NewInstances(holding(tc.others...), &heard{}, s, s, clock)
			if tc.others == nil && after.Status.ProviderID != "" && !tc.want { // it had one before it changed
				g.Expect(c.Reconcile(t.Context(), before)).To(HaveField("RequeueAfter", time.Minute))
				g.Expect(s.left()).To(HaveLen(2))
			}
			clock.SetTime(noon.Add(tc.at))
			_, err := c.Reconcile(t.Context(), after)
			g.Expect(err).NotTo(HaveOccurred())
			if ours := after.Annotations != nil && after.Spec.NodeClassRef.Group != "example.com"; !ours {
				return // what it had is Sweep's
			}
			g.Expect(s.left()).To(HaveLen(map[bool]int{true: 2, false: 0}[tc.want]))
		})
	}
}

func deleting(c *karpv1.NodeClaim) {
	c.DeletionTimestamp, c.Finalizers = &metav1.Time{Time: noon}, []string{"karpenter.sh/termination"}
}

// TestNothingIsLeftWhereverAProcessEnds kills processes before and after each step of giving
// and taking back a token. The next one gives the token to who still waits, and whatever becomes
// of the claim, nothing is left in the end.
func TestNothingIsLeftWhereverAProcessEnds(t *testing.T) {
	ends := map[string][]client.Object{
		"the node registers":   {ownToken(func(c *karpv1.NodeClaim) { c.StatusConditions().SetTrue(karpv1.ConditionTypeRegistered) })},
		"the claim is deleted": {ownToken(deleting)},
		"the claim is gone":    nil,
	}
	for _, late := range []bool{false, true} {
		for step := 1; step <= 4; step++ { // put, keep; end, remove
			for end, objects := range ends {
				t.Run(fmt.Sprintf("step %d, after it %t, then %s", step, late, end), func(t *testing.T) {
					g, clock := NewWithT(t), clocktesting.NewFakeClock(noon.Add(time.Minute))
					s := newStore(t, clock)
					s.dies, s.late = step, late
					first := controller.NewInstances(holding(), &heard{}, s, s, clock)
					_, giving := first.Reconcile(t.Context(), ownToken(nil))
					var taking error
					if giving == nil {
						_, taking = first.Reconcile(t.Context(), ownToken(deleting))
					}
					g.Expect(errors.Join(giving, taking)).To(MatchError(errKilled))

					s.dies = 0
					s.Instances = parameter.NewInstances(ssm.NewFromConfig(s.account.Config()), sts.NewFromConfig(s.account.Config()), s.account.Region(), "seed", clock)
					if giving != nil {
						second := controller.NewInstances(holding(), &heard{}, s, s, clock)
						g.Expect(second.Reconcile(t.Context(), ownToken(nil))).Error().NotTo(HaveOccurred())
						g.Expect(s.left()).To(HaveLen(2), "it still joins")
					}
					third := controller.NewInstances(holding(objects...), &heard{}, s, s, clock)
					g.Expect(controller.NewSweep(holding(objects...), third).Reconcile(t.Context())).Error().NotTo(HaveOccurred())
					g.Expect(s.left()).To(BeEmpty())
				})
			}
		}
	}
}

func TestSweepLeavesWhoWaits(t *testing.T) {
	g, clock := NewWithT(t), clocktesting.NewFakeClock(noon.Add(time.Minute))
	s := newStore(t, clock)
	waiting := ownToken(nil)
	c := controller.NewInstances(holding(), &heard{}, s, s, clock)
	g.Expect(c.Reconcile(t.Context(), waiting)).Error().NotTo(HaveOccurred())
	for n := range 25 { // more than a page
		g.Expect(s.Put(t.Context(), instance.ID(fmt.Sprintf("i-0dead%d", n)), join.Token{ID: "abcdef", Secret: "0123456789abcdef"})).To(Succeed())
	}
	g.Expect(controller.NewSweep(holding(waiting), c).Reconcile(t.Context())).To(HaveField("RequeueAfter", time.Minute))
	g.Expect(s.left()).To(ConsistOf("/karpenter/seed/bootstrap-tokens/i-0abc", "Secret of i-0abc"))
}

func TestAThrottledDeliveryIsNamedAndComesLater(t *testing.T) {
	g, clock, said := NewWithT(t), clocktesting.NewFakeClock(noon.Add(time.Minute)), &heard{}
	s := newStore(t, clock)
	c := controller.NewInstances(holding(), said, s, s, clock)
	s.account.Inject(wire.Fault{Action: "PutParameter", Times: 3, Answer: wire.Errorf("ThrottlingException", "Rate exceeded")}) // all that the SDK tries
	_, err := c.Reconcile(t.Context(), ownToken(nil))
	g.Expect(err).To(HaveOccurred(), "the queue tries again")
	g.Expect(said.said).To(ConsistOf(And(HavePrefix("*v1.NodeClaim BootstrapTokenUndelivered"), ContainSubstring("Rate exceeded"), ContainSubstring("higher throughput"))))
	g.Expect(s.secrets).To(BeEmpty(), "what cannot be fetched is not made")

	g.Expect(c.Reconcile(t.Context(), ownToken(nil))).Error().NotTo(HaveOccurred())
	g.Expect(s.left()).To(HaveLen(2))
}
