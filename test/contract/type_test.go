package contract_test

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/pricing"
	pricingtypes "github.com/aws/aws-sdk-go-v2/service/pricing/types"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
)

func typeContracts() []contract {
	return []contract{
		{"a type has its processors, memory and interfaces", typeFacts},
		{"a type says which architecture it runs", typeArchitecture},
		{"a type says what graphics cards it has", typeGPU},
		{"types come in pages", typePages},
		{"an unknown type is InvalidInstanceType", unknownType},
		{"a dry run of DescribeInstanceTypes says so", typesDryRun},
		{"offerings are listed by zone", offeringsByZone},
		{"offerings by zone id are those by zone", offeringsByZoneID},
		{"spot prices are listed for each zone that offers a type", spotZones},
		{"a larger type costs more on spot", spotOrder},
		{"spot prices are of this hour", spotTime},
		{"the price list has a type's on-demand price", onDemandPrice},
	}
}

func (a *account) describeType(ctx context.Context, g Gomega, name ec2types.InstanceType) ec2types.InstanceTypeInfo {
	out, err := a.ec2.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{InstanceTypes: []ec2types.InstanceType{name}})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.InstanceTypes).To(HaveLen(1))
	return out.InstanceTypes[0]
}

func typeFacts(ctx context.Context, g Gomega, a *account) {
	it := a.describeType(ctx, g, large)
	g.Expect(*it.VCpuInfo.DefaultVCpus).To(BeEquivalentTo(2))
	g.Expect(*it.MemoryInfo.SizeInMiB).To(BeEquivalentTo(8192))
	g.Expect(*it.NetworkInfo.MaximumNetworkInterfaces).To(BeEquivalentTo(3))
	g.Expect(*it.NetworkInfo.Ipv4AddressesPerInterface).To(BeEquivalentTo(10))
	g.Expect(it.Hypervisor).To(Equal(ec2types.InstanceTypeHypervisorNitro))
	g.Expect(it.SupportedUsageClasses).To(ContainElements(ec2types.UsageClassTypeOnDemand, ec2types.UsageClassTypeSpot))
}

func typeArchitecture(ctx context.Context, g Gomega, a *account) {
	g.Expect(a.describeType(ctx, g, arm).ProcessorInfo.SupportedArchitectures).To(Equal([]ec2types.ArchitectureType{ec2types.ArchitectureTypeArm64}))
	g.Expect(a.describeType(ctx, g, small).ProcessorInfo.SupportedArchitectures).To(ContainElement(ec2types.ArchitectureTypeX8664))
}

func typeGPU(ctx context.Context, g Gomega, a *account) {
	cards := a.describeType(ctx, g, "g4dn.xlarge").GpuInfo.Gpus
	g.Expect(cards).To(HaveLen(1))
	g.Expect(*cards[0].Name).To(Equal("T4"))
	g.Expect(*cards[0].Count).To(BeEquivalentTo(1))
	cards = a.describeType(ctx, g, "g5.xlarge").GpuInfo.Gpus
	g.Expect(cards).To(HaveLen(1))
	g.Expect(*cards[0].Name).To(Equal("A10G"))
	g.Expect(*cards[0].MemoryInfo.SizeInMiB).To(BeEquivalentTo(22888))
}

func typePages(ctx context.Context, g Gomega, a *account) {
	first, err := a.ec2.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{MaxResults: aws.Int32(5)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(first.InstanceTypes).To(HaveLen(5))
	second, err := a.ec2.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{MaxResults: aws.Int32(5), NextToken: first.NextToken})
	g.Expect(err).NotTo(HaveOccurred())
	names := lo.Map(slices.Concat(first.InstanceTypes, second.InstanceTypes), func(i ec2types.InstanceTypeInfo, _ int) string { return string(i.InstanceType) })
	g.Expect(lo.Uniq(names)).To(HaveLen(10))
}

func unknownType(ctx context.Context, g Gomega, a *account) {
	_, err := a.ec2.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{InstanceTypes: []ec2types.InstanceType{"m5.enormous"}})
	g.Expect(err).To(code("InvalidInstanceType"))
}

func typesDryRun(ctx context.Context, g Gomega, a *account) {
	_, err := a.ec2.DescribeInstanceTypes(ctx, &ec2.DescribeInstanceTypesInput{DryRun: aws.Bool(true)})
	g.Expect(err).To(code("DryRunOperation"))
}

func (a *account) offerings(ctx context.Context, g Gomega, by ec2types.LocationType) []string {
	out, err := a.ec2.DescribeInstanceTypeOfferings(ctx, &ec2.DescribeInstanceTypeOfferingsInput{LocationType: by, Filters: where("instance-type", large)})
	g.Expect(err).NotTo(HaveOccurred())
	return lo.Map(out.InstanceTypeOfferings, func(o ec2types.InstanceTypeOffering, _ int) string { return *o.Location })
}

func offeringsByZone(ctx context.Context, g Gomega, a *account) {
	zones, err := a.ec2.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{})
	g.Expect(err).NotTo(HaveOccurred())
	known := lo.Map(zones.AvailabilityZones, func(z ec2types.AvailabilityZone, _ int) string { return *z.ZoneName })
	found := a.offerings(ctx, g, ec2types.LocationTypeAvailabilityZone)
	g.Expect(known).To(ContainElements(found))
	g.Expect(found).To(ContainElements(*a.subnets[0].AvailabilityZone, *a.subnets[1].AvailabilityZone))
}

func offeringsByZoneID(ctx context.Context, g Gomega, a *account) {
	zones, err := a.ec2.DescribeAvailabilityZones(ctx, &ec2.DescribeAvailabilityZonesInput{})
	g.Expect(err).NotTo(HaveOccurred())
	ids := lo.SliceToMap(zones.AvailabilityZones, func(z ec2types.AvailabilityZone) (string, string) { return *z.ZoneName, *z.ZoneId })
	want := lo.Map(a.offerings(ctx, g, ec2types.LocationTypeAvailabilityZone), func(zone string, _ int) string { return ids[zone] })
	g.Expect(a.offerings(ctx, g, ec2types.LocationTypeAvailabilityZoneId)).To(ConsistOf(want))
}

func (a *account) spotPrices(ctx context.Context, g Gomega, of ...ec2types.InstanceType) []ec2types.SpotPrice {
	out, err := a.ec2.DescribeSpotPriceHistory(ctx, &ec2.DescribeSpotPriceHistoryInput{
		InstanceTypes: of, ProductDescriptions: []string{"Linux/UNIX"}, StartTime: aws.Time(a.now()),
	})
	g.Expect(err).NotTo(HaveOccurred())
	return out.SpotPriceHistory
}

func spotZones(ctx context.Context, g Gomega, a *account) {
	found := lo.Map(a.spotPrices(ctx, g, large), func(p ec2types.SpotPrice, _ int) string { return *p.AvailabilityZone })
	g.Expect(lo.Uniq(found)).To(ConsistOf(a.offerings(ctx, g, ec2types.LocationTypeAvailabilityZone)))
}

func spotOrder(ctx context.Context, g Gomega, a *account) {
	cheap, dear := a.spotPrices(ctx, g, "m5.large"), a.spotPrices(ctx, g, "m5.12xlarge")
	g.Expect(cheap).NotTo(BeEmpty())
	g.Expect(dear).NotTo(BeEmpty())
	price := func(p ec2types.SpotPrice) float64 {
		value, err := strconv.ParseFloat(*p.SpotPrice, 64)
		g.Expect(err).NotTo(HaveOccurred())
		return value
	}
	g.Expect(price(dear[0])).To(BeNumerically(">", 2*price(cheap[0])))
}

func spotTime(ctx context.Context, g Gomega, a *account) {
	for _, p := range a.spotPrices(ctx, g, large) {
		g.Expect(*p.Timestamp).To(BeTemporally("~", a.now(), 90*24*time.Hour))
	}
}

func onDemandPrice(ctx context.Context, g Gomega, a *account) {
	equal := func(field, value string) pricingtypes.Filter {
		return pricingtypes.Filter{Type: pricingtypes.FilterTypeTermMatch, Field: &field, Value: &value}
	}
	out, err := a.pricing.GetProducts(ctx, &pricing.GetProductsInput{
		ServiceCode: aws.String("AmazonEC2"),
		Filters: []pricingtypes.Filter{
			equal("regionCode", a.cfg.Region), equal("serviceCode", "AmazonEC2"), equal("preInstalledSw", "NA"), equal("operatingSystem", "Linux"),
			equal("capacitystatus", "Used"), equal("marketoption", "OnDemand"), equal("tenancy", "Shared"), equal("productFamily", "Compute Instance"),
		},
	})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.PriceList).NotTo(BeEmpty())
	var product struct {
		Product struct{ Attributes map[string]string }
	}
	g.Expect(json.Unmarshal([]byte(out.PriceList[0]), &product)).To(Succeed())
	g.Expect(product.Product.Attributes).To(And(HaveKeyWithValue("regionCode", a.cfg.Region), HaveKey("instanceType")))
}
