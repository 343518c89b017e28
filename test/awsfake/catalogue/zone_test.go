package catalogue_test

import (
	"testing"

	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
)

func TestZonesAreNamedInTheOrderOfTheirIDs(t *testing.T) {
	g := NewWithT(t)
	g.Expect(catalogue.Zones("ap-northeast-2")).To(Equal([]catalogue.Zone{
		{Name: "ap-northeast-2a", ID: "apne2-az1"},
		{Name: "ap-northeast-2b", ID: "apne2-az2"},
		{Name: "ap-northeast-2c", ID: "apne2-az3"},
		{Name: "ap-northeast-2d", ID: "apne2-az4"},
	}))
	g.Expect(catalogue.Zones("us-east-1")).To(HaveLen(6))
	g.Expect(catalogue.Zones("af-south-1")).To(BeEmpty())
	g.Expect(catalogue.Regions()).To(HaveLen(17))
}

func TestOffered(t *testing.T) {
	for name, tc := range map[string]struct {
		region, zone, name string
		want               bool
	}{
		"t3 in the first zone of Seoul":        {"ap-northeast-2", "ap-northeast-2a", "t3.medium", true},
		"t3 in the third zone of Seoul":        {"ap-northeast-2", "ap-northeast-2c", "t3.xlarge", true},
		"A100s are in the fourth zone":         {"ap-northeast-2", "ap-northeast-2d", "p4d.24xlarge", true},
		"and in no other":                      {"ap-northeast-2", "ap-northeast-2a", "p4d.24xlarge", false},
		"G5 skips the second":                  {"ap-northeast-2", "ap-northeast-2b", "g5.xlarge", false},
		"the old zone of Virginia lacks Nitro": {"us-east-1", "us-east-1c", "t3.medium", false},
		"a zone of another region":             {"us-east-1", "ap-northeast-2a", "t3.medium", false},
		"a type that is retired":               {"us-east-1", "us-east-1a", "p2.xlarge", false},
		"a type that is unknown":               {"us-east-1", "us-east-1a", "z9.large", false},
	} {
		t.Run(name, func(t *testing.T) {
			NewWithT(t).Expect(catalogue.Offered(tc.region, tc.zone, tc.name)).To(Equal(tc.want))
		})
	}
}

func TestOfferedInLooksAtEveryZone(t *testing.T) {
	g := NewWithT(t)
	g.Expect(catalogue.OfferedIn("ap-northeast-2", "p4d.24xlarge")).To(BeTrue())
	g.Expect(catalogue.OfferedIn("ap-northeast-2", "inf2.xlarge")).To(BeFalse())
	g.Expect(catalogue.OfferedIn("af-south-1", "t3.medium")).To(BeFalse())
}

func TestPrice(t *testing.T) {
	g := NewWithT(t)
	price, ok := catalogue.Price("ap-northeast-2", "t3.medium")
	g.Expect(ok).To(BeTrue())
	g.Expect(price).To(Equal(0.052))
	_, ok = catalogue.Price("ap-northeast-2", "inf2.xlarge")
	g.Expect(ok).To(BeFalse())
}

func TestSpotPriceStaysWithinItsBoundsAndDiffersByZone(t *testing.T) {
	g := NewWithT(t)
	differs := 0
	for _, it := range catalogue.Types() {
		first, inFirst := catalogue.SpotPrice("ap-northeast-2", "ap-northeast-2a", it.Name)
		third, inThird := catalogue.SpotPrice("ap-northeast-2", "ap-northeast-2c", it.Name)
		if !inFirst || !inThird {
			continue
		}
		onDemand, _ := catalogue.Price("ap-northeast-2", it.Name)
		g.Expect(first).To(And(BeNumerically(">=", onDemand*0.2999), BeNumerically("<", onDemand*0.5)), it.Name)
		if first != third {
			differs++
		}
	}
	g.Expect(differs).To(BeNumerically(">", 300))
}

func TestSpotIsNotSoldWhereTheTypeIsNotOffered(t *testing.T) {
	_, ok := catalogue.SpotPrice("ap-northeast-2", "ap-northeast-2a", "p4d.24xlarge")
	NewWithT(t).Expect(ok).To(BeFalse())
}
