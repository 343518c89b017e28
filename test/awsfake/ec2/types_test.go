package ec2_test

import (
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/catalogue"
)

func TestAllTypesComeInPagesOfAHundred(t *testing.T) {
	a := start(t)
	want := map[string]catalogue.Type{}
	for _, it := range catalogue.Types() {
		if catalogue.OfferedIn(region, it.Name) && (it.Supports("x86_64") || it.Supports("arm64")) {
			want[it.Name] = it
		}
	}
	pages := awsec2.NewDescribeInstanceTypesPaginator(a.api, &awsec2.DescribeInstanceTypesInput{MaxResults: aws.Int32(100), Filters: append(
		filter("supported-virtualization-type", "hvm"), filter("processor-info.supported-architecture", "x86_64", "arm64")...)})
	seen := map[string]bool{}
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		a.Expect(err).NotTo(HaveOccurred())
		for _, it := range page.InstanceTypes {
			fact := want[string(it.InstanceType)]
			a.Expect(aws.ToInt32(it.VCpuInfo.DefaultVCpus)).To(Equal(fact.VCPUs))
			a.Expect(aws.ToInt64(it.MemoryInfo.SizeInMiB)).To(Equal(fact.MemoryMiB))
			a.Expect(aws.ToInt32(it.NetworkInfo.MaximumNetworkInterfaces)).To(Equal(fact.MaxENIs))
			a.Expect(aws.ToBool(it.BareMetal)).To(Equal(fact.BareMetal))
			seen[string(it.InstanceType)] = true
		}
	}
	a.Expect(seen).To(HaveLen(len(want)))
	a.Expect(len(want)).To(BeNumerically(">", 400))
	a.Expect(a.Calls("DescribeInstanceTypes")).To(Equal((len(want) + 99) / 100))
	_, err := a.api.DescribeInstanceTypes(t.Context(), &awsec2.DescribeInstanceTypesInput{MaxResults: aws.Int32(101)})
	a.Expect(code(err)).To(Equal("InvalidParameterValue"))
}

func TestTypesInDetail(t *testing.T) {
	a := start(t, func(o *awsfake.Options) { o.Region = "us-east-1" })
	out, err := a.api.DescribeInstanceTypes(t.Context(), &awsec2.DescribeInstanceTypesInput{
		InstanceTypes: []types.InstanceType{"t3.large", "g5.xlarge", "m5d.large", "m7g.large", "inf2.xlarge", "m5.metal"},
	})
	a.Expect(err).NotTo(HaveOccurred())
	got := map[types.InstanceType]types.InstanceTypeInfo{}
	for _, it := range out.InstanceTypes {
		got[it.InstanceType] = it
	}
	a.Expect(aws.ToBool(got["t3.large"].BurstablePerformanceSupported)).To(BeTrue())
	a.Expect(got["t3.large"].SupportedUsageClasses).To(ConsistOf(types.UsageClassTypeOnDemand, types.UsageClassTypeSpot))
	a.Expect(aws.ToInt32(got["t3.large"].NetworkInfo.Ipv4AddressesPerInterface)).To(Equal(int32(12)))
	a.Expect(got["t3.large"].Hypervisor).To(Equal(types.InstanceTypeHypervisorNitro))
	a.Expect(aws.ToInt32(got["g5.xlarge"].GpuInfo.Gpus[0].Count)).To(Equal(int32(1)))
	a.Expect(aws.ToString(got["g5.xlarge"].GpuInfo.Gpus[0].Manufacturer)).To(Equal("NVIDIA"))
	a.Expect(aws.ToInt64(got["m5d.large"].InstanceStorageInfo.TotalSizeInGB)).To(Equal(int64(75)))
	a.Expect(got["m5d.large"].InstanceStorageInfo.NvmeSupport).To(Equal(types.EphemeralNvmeSupportRequired))
	a.Expect(got["m7g.large"].ProcessorInfo.SupportedArchitectures).To(Equal([]types.ArchitectureType{types.ArchitectureTypeArm64}))
	a.Expect(got["inf2.xlarge"].InferenceAcceleratorInfo.Accelerators).To(HaveLen(1))
	a.Expect(got["m5.metal"].Hypervisor).To(BeEmpty())
	for name, it := range got {
		a.Expect(it.NetworkInfo.NetworkCards).NotTo(BeEmpty(), string(name))
	}
}

func TestTypesThatTheRegionDoesNotKnow(t *testing.T) {
	a := start(t)
	for _, name := range []types.InstanceType{"t3.huge", "p4de.24xlarge"} {
		_, err := a.api.DescribeInstanceTypes(t.Context(), &awsec2.DescribeInstanceTypesInput{InstanceTypes: []types.InstanceType{"t3.large", name}})
		a.Expect(code(err)).To(Equal("InvalidInstanceType"))
		a.Expect(err).To(MatchError(ContainSubstring(string(name))))
	}
	out, err := a.api.DescribeInstanceTypes(t.Context(), &awsec2.DescribeInstanceTypesInput{
		InstanceTypes: []types.InstanceType{"p4de.24xlarge"}, IncludeUnsupportedInRegion: aws.Bool(true),
	})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(out.InstanceTypes).To(HaveLen(1))
}

func TestOfferingsDifferByZone(t *testing.T) {
	a := start(t)
	pages := awsec2.NewDescribeInstanceTypeOfferingsPaginator(a.api, &awsec2.DescribeInstanceTypeOfferingsInput{LocationType: types.LocationTypeAvailabilityZone})
	zones, total := map[string][]string{}, 0
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		a.Expect(err).NotTo(HaveOccurred())
		a.Expect(len(page.InstanceTypeOfferings)).To(BeNumerically("<=", 1000))
		total += len(page.InstanceTypeOfferings)
		for _, o := range page.InstanceTypeOfferings {
			zones[string(o.InstanceType)] = append(zones[string(o.InstanceType)], aws.ToString(o.Location))
		}
	}
	a.Expect(total).To(BeNumerically(">", 1000))
	a.Expect(a.Calls("DescribeInstanceTypeOfferings")).To(Equal((total + 999) / 1000))
	a.Expect(zones["t3.large"]).To(ContainElements(region+"a", region+"c"))
	differ := 0
	for _, where := range zones {
		if len(where) < 4 {
			differ++
		}
	}
	a.Expect(differ).To(BeNumerically(">", 0))

	one, err := a.api.DescribeInstanceTypeOfferings(t.Context(), &awsec2.DescribeInstanceTypeOfferingsInput{
		LocationType: types.LocationTypeAvailabilityZoneId, Filters: append(filter("instance-type", "t3.large"), filter("location", "apne2-az1")...),
	})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(one.InstanceTypeOfferings).To(HaveLen(1))
}

func TestSpotPrices(t *testing.T) {
	a := start(t)
	a.Expect(a.EC2.SetSpotPrice(region, region+"a", "t3.large", 0.0123)).To(Succeed())
	out, err := a.api.DescribeSpotPriceHistory(t.Context(), &awsec2.DescribeSpotPriceHistoryInput{
		InstanceTypes: []types.InstanceType{"t3.large"}, ProductDescriptions: []string{"Linux/UNIX"}, StartTime: aws.Time(a.clock.Now()), MaxResults: aws.Int32(2000),
	})
	a.Expect(err).NotTo(HaveOccurred())
	onDemand, _ := catalogue.Price(region, "t3.large")
	zones := map[string]float64{}
	for _, p := range out.SpotPriceHistory {
		price, err := strconv.ParseFloat(aws.ToString(p.SpotPrice), 64)
		a.Expect(err).NotTo(HaveOccurred())
		a.Expect(price).To(And(BeNumerically(">", 0), BeNumerically("<", onDemand)))
		zones[aws.ToString(p.AvailabilityZone)] = price
	}
	a.Expect(zones).To(HaveLen(len(out.SpotPriceHistory)), "one row for each zone")
	a.Expect(zones).To(HaveKeyWithValue(region+"a", 0.0123))

	all := awsec2.NewDescribeSpotPriceHistoryPaginator(a.api, &awsec2.DescribeSpotPriceHistoryInput{ProductDescriptions: []string{"Linux/UNIX"}})
	rows := 0
	for all.HasMorePages() {
		page, err := all.NextPage(t.Context())
		a.Expect(err).NotTo(HaveOccurred())
		rows += len(page.SpotPriceHistory)
	}
	a.Expect(rows).To(BeNumerically(">", 1000))
}
