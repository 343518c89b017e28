package offering_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	. "github.com/onsi/gomega"
	clocktesting "k8s.io/utils/clock/testing"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/instancetype"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/offering"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

const seoul = "ap-northeast-2"

// market is a provider with all of its real parts, on a pretended account in Seoul.
type market struct {
	*offering.Provider
	account *awsfake.Server
}

func openMarket(t *testing.T, config offering.Config) *market {
	t.Helper()
	g, account := NewWithT(t), awsfake.Start(t)
	retryless := account.Config()
	retryless.RetryMaxAttempts = 1
	elsewhere := account.ConfigFor(awsfake.AccessKey, offering.PricingRegion(config.Region))
	elsewhere.RetryMaxAttempts = 1
	types := instancetype.New(ec2.NewFromConfig(retryless), instancetype.Config{Region: seoul})
	g.Expect(types.Update(t.Context())).To(Succeed())
	provider, err := offering.New(config, offering.Sources{
		Types: types, Clusters: &fixedCluster{Cluster: cluster.Cluster{Mode: cluster.Kubeadm}},
		Spot: ec2.NewFromConfig(retryless), OnDemand: pricing.NewFromConfig(elsewhere),
		Clock: clocktesting.NewFakeClock(time.Unix(1_000_000, 0)),
	})
	g.Expect(err).NotTo(HaveOccurred())
	return &market{Provider: provider, account: account}
}

func (m *market) price(t *testing.T, capacityType, zone string) float64 {
	t.Helper()
	got, ok := m.Price(pool.Pool{InstanceType: "t3.medium", Zone: zone, CapacityType: capacityType})
	NewWithT(t).Expect(ok).To(BeTrue())
	return got
}

func TestOnDemandPricesFollowThePricingAPI(t *testing.T) {
	g, m := NewWithT(t), openMarket(t, offering.Config{Region: seoul})
	g.Expect(m.price(t, karpv1.CapacityTypeOnDemand, seoul+"a")).To(Equal(0.052), "the embedded table")

	m.account.Pricing.SetPrice(seoul, "t3.medium", 0.06)
	g.Expect(m.UpdateOnDemandPrices(t.Context())).To(Succeed())
	g.Expect(m.price(t, karpv1.CapacityTypeOnDemand, seoul+"a")).To(Equal(0.06))
	g.Expect(m.account.Calls("GetProducts")).To(BeNumerically(">", 2), "all pages, shared and bare metal")
	metal, ok := m.Price(od("m5.metal", seoul+"a"))
	g.Expect(ok).To(BeTrue())
	g.Expect(metal).To(BeNumerically(">", 1))
}

func TestSpotPricesFollowEC2(t *testing.T) {
	g, m := NewWithT(t), openMarket(t, offering.Config{Region: seoul})
	g.Expect(m.price(t, karpv1.CapacityTypeSpot, seoul+"a")).To(Equal(0.052), "on-demand's until EC2 was asked")

	g.Expect(m.UpdateSpotPrices(t.Context())).To(Succeed())
	a, c := m.price(t, karpv1.CapacityTypeSpot, seoul+"a"), m.price(t, karpv1.CapacityTypeSpot, seoul+"c")
	g.Expect(a).To(And(BeNumerically(">", 0), BeNumerically("<", 0.052)))
	g.Expect(c).NotTo(Equal(a), "each zone has its own")
	g.Expect(m.price(t, karpv1.CapacityTypeOnDemand, seoul+"a")).To(Equal(0.052))
	_, ok := m.Price(pool.Pool{InstanceType: "t3.medium", Zone: "us-east-1a", CapacityType: karpv1.CapacityTypeSpot})
	g.Expect(ok).To(BeFalse())
}

func TestAFailedFeedChangesNoPrice(t *testing.T) {
	g, m := NewWithT(t), openMarket(t, offering.Config{Region: seoul})
	g.Expect(m.UpdateSpotPrices(t.Context())).To(Succeed())
	g.Expect(m.UpdateOnDemandPrices(t.Context())).To(Succeed())
	spot, onDemand := m.price(t, karpv1.CapacityTypeSpot, seoul+"a"), m.price(t, karpv1.CapacityTypeOnDemand, seoul+"a")

	// On the second page, when half of the new prices are in.
	m.account.Pricing.SetPrice(seoul, "t3.medium", 9)
	for _, action := range []string{"GetProducts", "DescribeSpotPriceHistory"} {
		m.account.Inject(wire.Fault{Action: action, Stage: wire.Before, Skip: 1, Answer: wire.Errorf("ThrottlingException", "Rate exceeded")})
	}
	g.Expect(m.UpdateOnDemandPrices(t.Context())).To(MatchError(And(ContainSubstring("ThrottlingException"), ContainSubstring("the built-in ones of ap-northeast-2 of 20"))))
	g.Expect(m.UpdateSpotPrices(t.Context())).To(MatchError(ContainSubstring("ThrottlingException")))
	g.Expect(m.price(t, karpv1.CapacityTypeSpot, seoul+"a")).To(Equal(spot))
	g.Expect(m.price(t, karpv1.CapacityTypeOnDemand, seoul+"a")).To(Equal(onDemand))
}

func TestThePricingAPIIsLeftAloneWhereItCannotBeReached(t *testing.T) {
	for name, config := range map[string]offering.Config{
		"an isolated VPC": {Region: seoul, IsolatedVPC: true},
		"GovCloud":        {Region: "us-gov-west-1"},
	} {
		t.Run(name, func(t *testing.T) {
			g, m := NewWithT(t), openMarket(t, config)
			g.Expect(m.UpdateOnDemandPrices(t.Context())).To(Succeed())
			g.Expect(m.account.Calls("GetProducts")).To(BeZero())
		})
	}
}

func TestPricesReachTheOfferings(t *testing.T) {
	g, m := NewWithT(t), openMarket(t, offering.Config{Region: seoul})
	class := newClass()
	for i, zone := range []string{"a", "b", "c"} {
		class.Status.Subnets[i].Zone = seoul + zone
	}
	price := func() float64 {
		types, err := m.InstanceTypes(t.Context(), class)
		g.Expect(err).NotTo(HaveOccurred())
		for _, it := range types {
			if it.Name == "t3.medium" {
				got, ok := it.OfferingPrice(seoul+"a", karpv1.CapacityTypeOnDemand)
				g.Expect(ok).To(BeTrue())
				return got
			}
		}
		t.Fatal("no t3.medium")
		return 0
	}
	g.Expect(price()).To(Equal(0.052))
	m.account.Pricing.SetPrice(seoul, "t3.medium", 0.07)
	g.Expect(m.UpdateOnDemandPrices(t.Context())).To(Succeed())
	g.Expect(price()).To(Equal(0.07))

	// The same answer again renews nothing.
	before, err := m.InstanceTypes(t.Context(), class)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(m.UpdateOnDemandPrices(t.Context())).To(Succeed())
	after, err := m.InstanceTypes(t.Context(), class)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(after[0]).To(BeIdenticalTo(before[0]))
}
