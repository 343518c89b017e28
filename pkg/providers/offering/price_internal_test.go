package offering

import (
	"testing"

	. "github.com/onsi/gomega"
	"github.com/onsi/gomega/types"
	karpv1 "sigs.k8s.io/karpenter/pkg/apis/v1"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
)

func TestReadProduct(t *testing.T) {
	const head = `{"product":{"attributes":{"instanceType":"m5.large"}},"terms":{"OnDemand":{"A.B":{"priceDimensions":{"A.B.C":{"pricePerUnit":`
	const tail = `}}}}}}`
	for name, tc := range map[string]struct {
		document, currency string
		price              float64
		err                types.GomegaMatcher
	}{
		"dollars":                       {document: head + `{"USD":"0.0960000000"}` + tail, currency: "USD", price: 0.096, err: BeNil()},
		"yuan":                          {document: head + `{"CNY":"0.5"}` + tail, currency: "CNY", price: 0.5, err: BeNil()},
		"another currency is no price":  {document: head + `{"CNY":"0.5"}` + tail, currency: "USD", err: BeNil()},
		"free is no price":              {document: head + `{"USD":"0.0000000000"}` + tail, currency: "USD", err: BeNil()},
		"no terms":                      {document: `{"product":{"attributes":{"instanceType":"m5.large"}}}`, currency: "USD", err: BeNil()},
		"a product that is no instance": {document: `{"terms":{"OnDemand":{"A":{"priceDimensions":{"B":{"pricePerUnit":{"USD":"1"}}}}}}}`, currency: "USD", err: BeNil()},
		"a price that is no number":     {document: head + `{"USD":"cheap"}` + tail, currency: "USD", err: MatchError(errProduct)},
		"no JSON":                       {document: "<html>", currency: "USD", err: MatchError(errProduct)},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			_, price, err := readProduct(tc.document, tc.currency)
			g.Expect(err).To(tc.err)
			g.Expect(price).To(Equal(tc.price))
		})
	}
}

func TestPriceOf(t *testing.T) {
	list := map[string]float64{"m5.large": 0.1}
	history := map[place]float64{{"m5.large", "a"}: 0.03}
	for name, tc := range map[string]struct {
		prices prices
		in     pool.Pool
		want   float64
		known  bool
	}{
		"on-demand is the same in all zones":     {prices{list, history}, pool.Pool{InstanceType: "m5.large", Zone: "b", CapacityType: karpv1.CapacityTypeOnDemand}, 0.1, true},
		"on-demand of an unlisted type":          {prices{list, history}, pool.Pool{InstanceType: "m9.large", Zone: "a", CapacityType: karpv1.CapacityTypeOnDemand}, 0, false},
		"spot is by zone":                        {prices{list, history}, pool.Pool{InstanceType: "m5.large", Zone: "a", CapacityType: karpv1.CapacityTypeSpot}, 0.03, true},
		"a zone without a spot price has none":   {prices{list, history}, pool.Pool{InstanceType: "m5.large", Zone: "b", CapacityType: karpv1.CapacityTypeSpot}, 0, false},
		"before EC2 is asked, on-demand's price": {prices{list, nil}, pool.Pool{InstanceType: "m5.large", Zone: "b", CapacityType: karpv1.CapacityTypeSpot}, 0.1, true},
		"reserved capacity is not offered":       {prices{list, history}, pool.Pool{InstanceType: "m5.large", Zone: "a", CapacityType: karpv1.CapacityTypeReserved, ReservationID: "cr-1"}, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, known := tc.prices.of(tc.in)
			g.Expect(got).To(Equal(tc.want))
			g.Expect(known).To(Equal(tc.known))
		})
	}
}

func TestEmbeddedPrices(t *testing.T) {
	for name, tc := range map[string]struct {
		region, from string
		medium       float64
	}{
		"a region of the table":         {region: "ap-northeast-2", from: "ap-northeast-2 of 20", medium: 0.052},
		"us-east-1 for one that is not": {region: "mars-north-1", from: "us-east-1 of 20", medium: 0.0416},
	} {
		t.Run(name, func(t *testing.T) {
			g := NewWithT(t)
			got, from, err := embedded(tc.region)
			g.Expect(err).NotTo(HaveOccurred())
			g.Expect(got.onDemand).To(HaveKeyWithValue("t3.medium", tc.medium))
			g.Expect(got.spot).To(BeNil())
			g.Expect(from).To(HavePrefix(tc.from))
		})
	}
}

func TestPricingRegion(t *testing.T) {
	for region, want := range map[string]string{
		"us-west-2": "us-east-1", "sa-east-1": "us-east-1", "ap-northeast-2": "ap-south-1", "eu-west-1": "eu-central-1", "cn-north-1": "cn-northwest-1",
	} {
		t.Run(region, func(t *testing.T) {
			NewWithT(t).Expect(PricingRegion(region)).To(Equal(want))
		})
	}
}
