package pricetable_test

import (
	"strings"
	"testing"
	"time"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/offering/pricetable"
)

// The prices are those of https://aws.amazon.com/ec2/pricing/on-demand, in China those
// of the source.
func TestOnDemandKnowsPublishedPrices(t *testing.T) {
	for region, want := range map[string]map[string]float64{
		"us-east-1":      {"t3.medium": 0.0416, "t3.large": 0.0832, "m5.large": 0.096, "c7g.xlarge": 0.145},
		"ap-northeast-2": {"t3.medium": 0.052, "t3.large": 0.104, "t3.xlarge": 0.208},
		"us-gov-west-1":  {"t3.medium": 0.0488},
		"cn-north-1":     {"t3.medium": 0.2629},
	} {
		t.Run(region, func(t *testing.T) {
			g := NewWithT(t)
			got, err := pricetable.OnDemand(region)
			g.Expect(err).NotTo(HaveOccurred())
			for name, price := range want {
				g.Expect(got[name]).To(Equal(price), name)
			}
		})
	}
}

func TestEveryRegionHasPositivePrices(t *testing.T) {
	g := NewWithT(t)
	regions, err := pricetable.Regions()
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(len(regions)).To(BeNumerically(">=", 34))
	for _, region := range regions {
		got, err := pricetable.OnDemand(region)
		g.Expect(err).NotTo(HaveOccurred())
		g.Expect(len(got)).To(BeNumerically(">", 150), region)
		for name, price := range got {
			g.Expect(price).To(BeNumerically(">", 0), name)
			g.Expect(strings.Count(name, ".")).To(Equal(1), name)
		}
	}
}

func TestEveryRegionHasADay(t *testing.T) {
	g := NewWithT(t)
	regions, err := pricetable.Regions()
	g.Expect(err).NotTo(HaveOccurred())
	for _, region := range regions {
		date, err := pricetable.Date(region)
		g.Expect(err).NotTo(HaveOccurred())
		_, err = time.Parse(time.DateOnly, date)
		g.Expect(err).NotTo(HaveOccurred(), region)
	}
	_, err = pricetable.Date("us-east-9")
	g.Expect(err).To(MatchError(pricetable.ErrUnknownRegion))
}

func TestTypesThatARegionDoesNotSellAreAbsent(t *testing.T) {
	g := NewWithT(t)
	got, err := pricetable.OnDemand("ap-northeast-2")
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(got).NotTo(HaveKey("inf2.xlarge"))
}

func TestOnDemandOfAnUnknownRegion(t *testing.T) {
	_, err := pricetable.OnDemand("us-east-9")
	NewWithT(t).Expect(err).To(And(MatchError(pricetable.ErrUnknownRegion), MatchError(ContainSubstring("us-east-9"))))
}

// BenchmarkOnDemand decodes the table for one region, which a controller does once
// when it cannot reach the Pricing API; the budget is 10 ms.
func BenchmarkOnDemand(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if got, err := pricetable.OnDemand("us-east-1"); err != nil || len(got) < 800 {
			b.Fatalf("%d prices, %v", len(got), err)
		}
	}
}
