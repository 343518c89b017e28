package refresh_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"
	"github.com/samber/lo"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/client/fake"
	crmetrics "sigs.k8s.io/controller-runtime/pkg/metrics"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"
	karpenter "sigs.k8s.io/karpenter/pkg/cloudprovider"
	"sigs.k8s.io/karpenter/pkg/scheduling"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/controllers/refresh"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/instancetype"
)

// series returns the values of a metric by its labels, as "a=b,c=d".
func series(t *testing.T, name string) map[string]float64 {
	t.Helper()
	families, err := crmetrics.Registry.Gather()
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	values := map[string]float64{}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, label := range metric.GetLabel() {
				labels = append(labels, label.GetName()+"="+label.GetValue())
			}
			values[strings.Join(labels, ",")] = metric.GetGauge().GetValue()
		}
	}
	return values
}

type types struct {
	facts []instancetype.Type
	err   error
}

func (s *types) Update(context.Context) error { return s.err }
func (s *types) Facts() []instancetype.Type   { return s.facts }

func TestTypesAreShownAndGoneOnesAreNot(t *testing.T) {
	g := NewWithT(t)
	source := &types{facts: []instancetype.Type{{Name: "old.large", VCPUs: 2, MemoryMiB: 1024}, {Name: "m5.large", VCPUs: 2, MemoryMiB: 8192}}}
	controller := refresh.NewTypes(source)

	result, err := controller.Reconcile(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.RequeueAfter).To(Equal(12 * time.Hour))
	g.Expect(series(t, "karpenter_cloudprovider_instance_type_memory_bytes")).To(Equal(map[string]float64{
		"instance_type=old.large": 1 << 30, "instance_type=m5.large": 8 << 30,
	}))

	source.facts = source.facts[1:]
	_, err = controller.Reconcile(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(series(t, "karpenter_cloudprovider_instance_type_cpu_cores")).To(Equal(map[string]float64{"instance_type=m5.large": 2}))

	source.err, source.facts = errors.New("throttled"), nil
	_, err = controller.Reconcile(t.Context())
	g.Expect(err).To(MatchError(ContainSubstring("throttled")))
	g.Expect(series(t, "karpenter_cloudprovider_instance_type_cpu_cores")).To(HaveLen(1), "a failure takes nothing away")
}

type prices struct {
	onDemand, spot           error
	askedOnDemand, askedSpot int
}

func (p *prices) UpdateOnDemandPrices(context.Context) error { p.askedOnDemand++; return p.onDemand }
func (p *prices) UpdateSpotPrices(context.Context) error     { p.askedSpot++; return p.spot }

func TestBothPriceFeedsAreAskedWhateverTheOtherSays(t *testing.T) {
	g := NewWithT(t)
	source := &prices{spot: errors.New("no spot"), onDemand: errors.New("no list")}
	controller := refresh.NewPrices(source)

	_, err := controller.Reconcile(t.Context())
	g.Expect(err).To(And(MatchError(ContainSubstring("no spot")), MatchError(ContainSubstring("no list"))))
	g.Expect([]int{source.askedSpot, source.askedOnDemand}).To(Equal([]int{1, 1}))

	source.spot, source.onDemand = nil, nil
	result, err := controller.Reconcile(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.RequeueAfter).To(Equal(12 * time.Hour))
}

// byPool answers with the offerings of each NodePool.
type byPool map[string]karpenter.Offerings

func (b byPool) GetInstanceTypes(_ context.Context, pool *karpv1.NodePool) ([]*karpenter.InstanceType, error) {
	offerings, ok := b[pool.Name]
	if !ok {
		return nil, errors.New("its class is broken")
	}
	return []*karpenter.InstanceType{{Name: "m5.large", Offerings: offerings}}, nil
}

func offering(zone string, price float64, available bool) *karpenter.Offering {
	return &karpenter.Offering{Price: price, Available: available, Requirements: scheduling.NewLabelRequirements(map[string]string{
		corev1.LabelTopologyZone: zone, karpv1.CapacityTypeLabelKey: karpv1.CapacityTypeSpot,
	})}
}

func nodePools(t *testing.T, groups map[string]string) client.Client {
	t.Helper()
	return fake.NewClientBuilder().WithScheme(scheme.Scheme).WithObjects(lo.MapToSlice(groups, func(name, group string) client.Object {
		pool := &karpv1.NodePool{}
		pool.Name = name
		pool.Spec.Template.Spec.NodeClassRef = &karpv1.NodeClassReference{Group: group, Kind: "EC2NodeClass", Name: "default"}
		return pool
	})...).Build()
}

func TestOfferingsAreShownAndGoneOnesAreNot(t *testing.T) {
	g := NewWithT(t)
	const price, available = "karpenter_cloudprovider_instance_type_offering_price_estimate", "karpenter_cloudprovider_instance_type_offering_available"
	const inA, inB = "capacity_type=spot,instance_type=m5.large,zone=a", "capacity_type=spot,instance_type=m5.large,zone=b"
	source := byPool{
		"one":   {offering("a", 0.5, false), offering("b", 0.25, false)},
		"two":   {offering("a", 0.5, true)},
		"other": {offering("c", 9, true)}, // of another provider
	}
	controller := refresh.NewOfferings(nodePools(t, map[string]string{"one": apis.Group, "two": apis.Group, "other": "example.com"}), source)

	result, err := controller.Reconcile(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(result.RequeueAfter).To(Equal(time.Minute))
	g.Expect(series(t, price)).To(Equal(map[string]float64{inA: 0.5, inB: 0.25}))
	g.Expect(series(t, available)).To(Equal(map[string]float64{inA: 1, inB: 0}), "available to one NodePool is available")

	delete(source, "one")
	_, err = controller.Reconcile(t.Context())
	g.Expect(err).To(MatchError(ContainSubstring(`NodePool "one": its class is broken`)))
	g.Expect(series(t, price)).To(HaveLen(2), "zone b is the broken NodePool's")

	source["one"] = nil
	_, err = controller.Reconcile(t.Context())
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(series(t, price)).To(Equal(map[string]float64{inA: 0.5}))
	g.Expect(series(t, available)).To(Equal(map[string]float64{inA: 1}))
}
