package pricing_test

import (
	"encoding/json"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awspricing "github.com/aws/aws-sdk-go-v2/service/pricing"
	"github.com/aws/aws-sdk-go-v2/service/pricing/types"
	. "github.com/onsi/gomega"
	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/offering/pricetable"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/pricing"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire/wiretest"
)

type account struct {
	*GomegaWithT
	t      *testing.T
	world  *pricing.World
	server *wire.Server
	client *awspricing.Client
}

func open(t *testing.T, region string) account {
	t.Helper()
	env := wiretest.Env(clock.RealClock{})
	world := pricing.New(env)
	server, cfg := wiretest.Start(t, env, region, world.Service())
	return account{NewWithT(t), t, world, server, awspricing.NewFromConfig(cfg)}
}

// item is the part of a product that a reader of prices needs.
type item struct {
	Product struct {
		ProductFamily string
		Attributes    map[string]string
	}
	Terms struct {
		OnDemand map[string]struct {
			PriceDimensions map[string]struct{ PricePerUnit map[string]string }
		}
	}
}

func (i item) usd(g *GomegaWithT) float64 {
	for _, term := range i.Terms.OnDemand {
		for _, rate := range term.PriceDimensions {
			price, err := strconv.ParseFloat(rate.PricePerUnit["USD"], 64)
			g.Expect(err).NotTo(HaveOccurred())
			return price
		}
	}
	g.Expect(i).To(BeNil(), "it has no price")
	return 0
}

// list reads all pages; filters are pairs of field and value.
func (a account) list(filters ...string) []item {
	a.t.Helper()
	in := &awspricing.GetProductsInput{ServiceCode: aws.String("AmazonEC2")}
	for i := 0; i < len(filters); i += 2 {
		in.Filters = append(in.Filters, types.Filter{Type: types.FilterTypeTermMatch, Field: aws.String(filters[i]), Value: aws.String(filters[i+1])})
	}
	var out []item
	pages := awspricing.NewGetProductsPaginator(a.client, in)
	for pages.HasMorePages() {
		page, err := pages.NextPage(a.t.Context())
		a.Expect(err).NotTo(HaveOccurred())
		for _, document := range page.PriceList {
			var i item
			a.Expect(json.Unmarshal([]byte(document), &i)).To(Succeed())
			out = append(out, i)
		}
	}
	return out
}

// running are the filters of the AWS provider for what runs with shared tenancy.
func running(region string) []string {
	return []string{
		"regionCode", region, "serviceCode", "AmazonEC2", "preInstalledSw", "NA", "operatingSystem", "Linux",
		"capacitystatus", "Used", "marketoption", "OnDemand", "tenancy", "Shared", "productFamily", "Compute Instance",
	}
}

func TestEveryTypeOfARegionIsListedOnceWithItsPrice(t *testing.T) {
	a := open(t, "us-east-1")
	want, err := pricetable.OnDemand("ap-northeast-2")
	a.Expect(err).NotTo(HaveOccurred())
	metal := append(running("ap-northeast-2")[:12], "tenancy", "Dedicated", "productFamily", "Compute Instance (bare metal)")

	got := map[string]float64{}
	for _, i := range append(a.list(running("ap-northeast-2")...), a.list(metal...)...) {
		name := i.Product.Attributes["instanceType"]
		a.Expect(got).NotTo(HaveKey(name))
		got[name] = i.usd(a.GomegaWithT)
	}
	a.Expect(got).To(Equal(want))
	a.Expect(a.server.Calls("GetProducts")).To(BeNumerically(">", 5), "it is read in pages")
}

func TestWithoutAFilterReservedCapacityIsListedForNothing(t *testing.T) {
	a := open(t, "us-east-1")
	prices := map[string]float64{}
	for _, i := range a.list("regionCode", "us-east-1", "instanceType", "t3.medium") {
		prices[i.Product.Attributes["capacitystatus"]] = i.usd(a.GomegaWithT)
	}
	a.Expect(prices).To(Equal(map[string]float64{"Used": 0.0416, "UnusedCapacityReservation": 0.0416, "AllocatedCapacityReservation": 0}))
}

func TestAChangedPriceIsListed(t *testing.T) {
	a := open(t, "us-east-1")
	a.world.SetPrice("us-east-1", "t3.medium", 0.07)
	got := a.list(append(running("us-east-1"), "instanceType", "t3.medium")...)
	a.Expect(got).To(HaveLen(1))
	a.Expect(got[0].usd(a.GomegaWithT)).To(Equal(0.07))

	a.world.SetPrice("us-east-1", "t3.medium", 0)
	a.Expect(a.list(append(running("us-east-1"), "instanceType", "t3.medium")...)).To(BeEmpty())
}

func TestAFilterOnAnAttributeThatNoProductHasFindsNothing(t *testing.T) {
	a := open(t, "us-east-1")
	a.Expect(a.list("regionCode", "us-east-1", "instanceType", "t3.medium", "colour", "blue")).To(BeEmpty())
}

func TestRefused(t *testing.T) {
	for name, tc := range map[string]struct {
		region string
		in     awspricing.GetProductsInput
		code   string
	}{
		"a region without the API": {"ap-northeast-2", awspricing.GetProductsInput{}, "InvalidSignatureException"},
		"another service":          {"us-east-1", awspricing.GetProductsInput{ServiceCode: aws.String("AmazonRDS")}, "NotFoundException"},
		"a page of 101":            {"us-east-1", awspricing.GetProductsInput{MaxResults: aws.Int32(101)}, "InvalidParameterException"},
		"a token of nobody":        {"us-east-1", awspricing.GetProductsInput{NextToken: aws.String("x")}, "InvalidNextTokenException"},
		"another kind of filter": {"us-east-1", awspricing.GetProductsInput{Filters: []types.Filter{
			{Type: types.FilterTypeContains, Field: aws.String("instanceType"), Value: aws.String("t3")},
		}}, "InvalidParameterException"},
	} {
		t.Run(name, func(t *testing.T) {
			a := open(t, tc.region)
			if tc.in.ServiceCode == nil {
				tc.in.ServiceCode = aws.String("AmazonEC2")
			}
			_, err := a.client.GetProducts(t.Context(), &tc.in)
			a.Expect(wiretest.Code(err)).To(Equal(tc.code))
		})
	}
}
