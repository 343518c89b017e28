package operator

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/utils/clock"
	"sigs.k8s.io/controller-runtime/pkg/client"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	coreoptions "sigs.k8s.io/karpenter/pkg/operator/options"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/operator/options"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/launch"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/token"
)

func TestTellCoreMayBeCalledTwice(t *testing.T) {
	g := NewWithT(t)
	g.Expect(TellCore()).To(Succeed())
	g.Expect(TellCore()).To(Succeed())
	ours := 0
	for _, i := range coreoptions.Injectables {
		if isOurs(i) {
			ours++
		}
	}
	g.Expect(ours).To(Equal(1))
	g.Expect(karpv1.WellKnownLabels.Has(v1.LabelInstanceFamily)).To(BeTrue())
	g.Expect(karpenter.ReservationIDLabel).To(Equal(v1.LabelCapacityReservationID))
	g.Expect(scheme.Scheme.Recognizes(v1.GroupVersion().WithKind("EC2NodeClass"))).To(BeTrue())
}

func TestStartSaysWhatIsWrongBeforeItReachesForAnything(t *testing.T) {
	t.Setenv("AWS_CONFIG_FILE", t.TempDir()+"/none")
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	for name, tc := range map[string]struct {
		env  map[string]string
		want string
	}{
		"an option is missing": {env: map[string]string{"CLUSTER_NAME": ""}, want: "--cluster-name (CLUSTER_NAME) must be set"},
		"the region is none":   {env: map[string]string{"CLUSTER_NAME": "demo", "AWS_REGION": "here"}, want: `AWS region "here" is not a region name`},
	} {
		t.Run(name, func(t *testing.T) {
			for key, value := range tc.env {
				t.Setenv(key, value)
			}
			NewWithT(t).Expect(Start(t.Context(), nil, io.Discard)).To(MatchError(ContainSubstring(tc.want)))
		})
	}
}

func TestTokensAreKubeadmsWhereKubeadmApproves(t *testing.T) {
	g := NewWithT(t)
	g.Expect(tokenOptions(&options.Options{CSRApproval: options.Kubeadm}).Group).To(Equal(token.KubeadmGroup))
	g.Expect(tokenOptions(&options.Options{CSRApproval: options.Karpenter}).Group).To(BeEmpty())
	g.Expect(clusterOptions(&options.Options{BootstrapMode: options.Auto, CloudProvider: options.None}).Mode).To(BeEmpty())
	g.Expect(string(clusterOptions(&options.Options{CloudProvider: options.None}).CloudProvider)).To(Equal("none"))
	g.Expect(clusterOptions(&options.Options{PodNetwork: options.Auto}).PodNetwork).To(BeEmpty())
	g.Expect(string(clusterOptions(&options.Options{PodNetwork: options.VPC}).PodNetwork)).To(Equal("vpc"))
}

// nodeClaims is an API server that has these, after it has failed a few times.
type nodeClaims struct {
	items    []karpv1.NodeClaim
	failures int
}

func (n *nodeClaims) Get(context.Context, client.ObjectKey, client.Object, ...client.GetOption) error {
	return errors.New("not asked for")
}

func (n *nodeClaims) List(_ context.Context, list client.ObjectList, _ ...client.ListOption) error {
	if n.failures > 0 {
		n.failures--
		return errors.New("no answer")
	}
	list.(*karpv1.NodeClaimList).Items = n.items
	return nil
}

func nodeClaim(uid types.UID, group, providerID string) karpv1.NodeClaim {
	c := karpv1.NodeClaim{ObjectMeta: metav1.ObjectMeta{UID: uid}}
	c.Spec.NodeClassRef = &karpv1.NodeClassReference{Group: group}
	c.Status.ProviderID = providerID
	return c
}

func TestClaimsTellsTheLaunchedFromTheOthers(t *testing.T) {
	g := NewWithT(t)
	c := claims{&nodeClaims{items: []karpv1.NodeClaim{
		nodeClaim("launched", "karpenter.k8s.aws", "aws:///us-east-1a/i-0abc"),
		nodeClaim("waiting", "karpenter.k8s.aws", ""),
		nodeClaim("another-providers", "karpenter.example.com", ""),
	}}}
	g.Expect(c.Owned(t.Context())).To(Equal(map[instance.ID]bool{"i-0abc": true}))
	g.Expect(c.unlaunched(t.Context())).To(Equal([]types.UID{"waiting"}))
}

func TestRecoveryBeginsOnceTheClaimsAreKnown(t *testing.T) {
	g := NewWithT(t)
	launcher := launch.New(launch.Deps{Clock: clock.RealClock{}, Finder: noLaunches{}, Claims: claims{&nodeClaims{}}})
	r := &recovery{claims: claims{&nodeClaims{items: []karpv1.NodeClaim{nodeClaim("waiting", "karpenter.k8s.aws", "")}, failures: 1}}, launcher: launcher}
	g.Expect(r.NeedLeaderElection()).To(BeTrue())
	g.Expect(r.Start(t.Context())).To(Succeed())
	_, err := launcher.Launch(t.Context(), launch.Request{Claim: "waiting"})
	var uncertain *launch.UncertainError
	g.Expect(errors.As(err, &uncertain)).To(BeTrue(), "%v", err)
	g.Expect(uncertain.Until).To(BeTemporally("~", time.Now().Add(launch.ConsistencyWindow), 5*time.Second))
}

func TestRecoveryEndsWithItsContext(t *testing.T) {
	g := NewWithT(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	r := &recovery{claims: claims{&nodeClaims{failures: 1000}}}
	g.Expect(r.Start(ctx)).To(Succeed())
}

type noLaunches struct{}

func (noLaunches) Launches(context.Context) ([]instance.Instance, error) { return nil, nil }
