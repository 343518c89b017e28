package token_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/go-logr/logr/funcr"
	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/client-go/kubernetes/scheme"
	clocktesting "k8s.io/utils/clock/testing"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	"sigs.k8s.io/controller-runtime/pkg/log"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	"sigs.k8s.io/karpenter/pkg/events"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	controller "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/token"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// keeper stands for the provider.
type keeper struct {
	epochs     []token.Epoch
	revoked    []string
	maintained int
	asked      int
	warnings   []token.Warning
	err        error
}

// Publish keeps events as "<kind of object> <reason>".
func (h *heard) Publish(published ...events.Event) {
	for _, e := range published {
		h.said = append(h.said, fmt.Sprintf("%T %s: %s", e.InvolvedObject, e.Reason, e.Message))
	}
}

type heard struct{ said []string }

func (k *keeper) Maintain(context.Context) error                { k.maintained++; return k.err }
func (k *keeper) Epochs(context.Context) ([]token.Epoch, error) { return k.epochs, nil }
func (k *keeper) Warnings(context.Context) ([]token.Warning, error) {
	k.asked++
	return k.warnings, nil
}
func (k *keeper) Revoke(_ context.Context, id string) error {
	k.revoked = append(k.revoked, id)
	return nil
}

func claim(name string, since time.Time, registered bool) client.Object {
	c := &karpv1.NodeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name, CreationTimestamp: metav1.NewTime(since)},
		Spec:       karpv1.NodeClaimSpec{NodeClassRef: &karpv1.NodeClassReference{Group: "karpenter.k8s.aws", Kind: "EC2NodeClass", Name: "default"}},
	}
	if registered {
		c.StatusConditions().SetTrue(karpv1.ConditionTypeRegistered)
	}
	return c
}

func TestSpentTokensAreRevoked(t *testing.T) {
	epochs := []token.Epoch{
		{ID: "gone00", Created: noon.Add(-24 * time.Hour), Expires: noon.Add(-time.Hour), Retired: noon.Add(-12 * time.Hour)},
		{ID: "old000", Created: noon.Add(-7 * time.Hour), Expires: noon.Add(5 * time.Hour), Retired: noon.Add(-time.Hour)},
		{ID: "now000", Created: noon.Add(-time.Hour), Expires: noon.Add(11 * time.Hour)},
	}
	for name, tc := range map[string]struct {
		claims []client.Object
		want   []string
	}{
		"nobody waits":                    {nil, []string{"old000"}},
		"a node launched with it waits":   {[]client.Object{claim("a", noon.Add(-61*time.Minute), false)}, nil},
		"that node has registered":        {[]client.Object{claim("a", noon.Add(-61*time.Minute), true)}, []string{"old000"}},
		"a node launched after it waits":  {[]client.Object{claim("a", noon.Add(-time.Minute), false)}, []string{"old000"}},
		"somebody else's claim waits too": {[]client.Object{foreign(claim("a", noon.Add(-61*time.Minute), false))}, []string{"old000"}},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			kube := fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(tc.claims...).Build()
			k := &keeper{epochs: append([]token.Epoch{}, epochs...)}
			result, err := controller.New(kube, &heard{}, k, clocktesting.NewFakeClock(noon)).Reconcile(t.Context())
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(result.RequeueAfter).To(Equal(15 * time.Second))
			g.Expect(k.revoked).To(Equal(tc.want))
		})
	}
}

func foreign(object client.Object) client.Object {
	object.(*karpv1.NodeClaim).Spec.NodeClassRef.Group = "example.com"
	return object
}

func class() client.Object { return &v1.EC2NodeClass{ObjectMeta: metav1.ObjectMeta{Name: "default"}} }

// withClass also knows of no NodeClaims.
func withClass() client.Client {
	known := runtime.NewScheme()
	_ = v1.AddToScheme(known) // a scheme that lacks it is found by the first use
	return fake.NewClientBuilder().WithScheme(known).WithObjects(class()).Build()
}

func TestWarningsAreToldOnceInTheLogAndAgainOnClasses(t *testing.T) {
	g := NewWithT(t)
	var lines []string
	ctx := log.IntoContext(t.Context(), funcr.New(func(_, args string) { lines = append(lines, args) }, funcr.Options{}))
	k, said, clock := &keeper{warnings: []token.Warning{{Reason: "Doubtful", Message: "it never expires"}}}, &heard{}, clocktesting.NewFakeClock(noon)
	c := controller.New(withClass(), said, k, clock)
	for range 2 {
		g.Expect(c.Reconcile(ctx)).Error().NotTo(HaveOccurred())
	}
	g.Expect(k.asked).To(Equal(1), "it costs requests")
	clock.Step(5 * time.Minute)
	g.Expect(c.Reconcile(ctx)).Error().NotTo(HaveOccurred())
	g.Expect(k.asked).To(Equal(2))
	g.Expect(lines).To(HaveLen(1))
	g.Expect(said.said).To(HaveLen(2)) // the recorder drops what is sent again within an hour
	g.Expect(said.said).To(HaveEach("*v1.EC2NodeClass Doubtful: it never expires"))
}

func TestAFailureIsTriedAgainAndSaidOnClasses(t *testing.T) {
	g := NewWithT(t)
	k, said := &keeper{err: errors.New("no API server")}, &heard{}
	_, err := controller.New(withClass(), said, k, clocktesting.NewFakeClock(noon)).Reconcile(t.Context())
	g.Expect(err).To(MatchError(ContainSubstring("looking after bootstrap tokens: no API server")))
	g.Expect(said.said).To(ConsistOf(And(HavePrefix("*v1.EC2NodeClass NoBootstrapToken"), ContainSubstring("no API server"))))
}
