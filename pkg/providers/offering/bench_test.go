package offering_test

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"
	"k8s.io/utils/clock"
	clocktesting "k8s.io/utils/clock/testing"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cluster"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/instancetype"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/offering"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/providers/offering/pricetable"
)

const (
	benchTypes = 900
	benchZones = 6
)

// region answers as a large one does: so many types in so many zones, in one page, since
// the wire is not what is measured.
type region struct{ names, zones []string }

func (r region) DescribeInstanceTypes(context.Context, *ec2.DescribeInstanceTypesInput, ...func(*ec2.Options)) (*ec2.DescribeInstanceTypesOutput, error) {
	out := &ec2.DescribeInstanceTypesOutput{}
	for i, name := range r.names {
		out.InstanceTypes = append(out.InstanceTypes, ec2types.InstanceTypeInfo{
			InstanceType:          ec2types.InstanceType(name),
			Hypervisor:            ec2types.InstanceTypeHypervisorNitro,
			SupportedUsageClasses: []ec2types.UsageClassType{ec2types.UsageClassTypeOnDemand, ec2types.UsageClassTypeSpot},
			ProcessorInfo:         &ec2types.ProcessorInfo{Manufacturer: aws.String("Intel"), SupportedArchitectures: []ec2types.ArchitectureType{ec2types.ArchitectureTypeX8664}},
			VCpuInfo:              &ec2types.VCpuInfo{DefaultVCpus: aws.Int32(int32(2 + i%96))},
			MemoryInfo:            &ec2types.MemoryInfo{SizeInMiB: aws.Int64(int64(4096 * (1 + i%64)))},
			NetworkInfo: &ec2types.NetworkInfo{Ipv4AddressesPerInterface: aws.Int32(15), NetworkCards: []ec2types.NetworkCardInfo{
				{NetworkCardIndex: aws.Int32(0), MaximumNetworkInterfaces: aws.Int32(4), BaselineBandwidthInGbps: aws.Float64(5)},
			}},
		})
	}
	return out, nil
}

func (r region) DescribeInstanceTypeOfferings(context.Context, *ec2.DescribeInstanceTypeOfferingsInput, ...func(*ec2.Options)) (*ec2.DescribeInstanceTypeOfferingsOutput, error) {
	out := &ec2.DescribeInstanceTypeOfferingsOutput{}
	for _, name := range r.names {
		for _, zone := range r.zones {
			out.InstanceTypeOfferings = append(out.InstanceTypeOfferings, ec2types.InstanceTypeOffering{InstanceType: ec2types.InstanceType(name), Location: aws.String(zone)})
		}
	}
	return out, nil
}

// largeRegion returns a provider over 900 real type names in 6 zones, all priced, and a
// class that reaches all zones.
func largeRegion(b *testing.B, clk clock.PassiveClock) (*offering.Provider, *v1.EC2NodeClass) {
	b.Helper()
	g := NewWithT(b)
	table, err := pricetable.OnDemand("us-east-1")
	g.Expect(err).NotTo(HaveOccurred())
	names := slices.Sorted(maps.Keys(table))
	g.Expect(len(names)).To(BeNumerically(">=", benchTypes))
	large := region{names: names[:benchTypes]}
	class := newClass(func(c *v1.EC2NodeClass) { c.Status.Subnets = nil })
	for i := range benchZones {
		zone := "us-east-1" + string(rune('a'+i))
		large.zones = append(large.zones, zone)
		class.Status.Subnets = append(class.Status.Subnets, v1.Subnet{ID: "subnet-" + strconv.Itoa(i), Zone: zone, ZoneID: "use1-az" + strconv.Itoa(i+1)})
	}
	types := instancetype.New(large, instancetype.Config{Region: "us-east-1", MemoryOverheadPercent: 0.075})
	g.Expect(types.Update(b.Context())).To(Succeed())
	provider, err := offering.New(offering.Config{Region: "us-east-1"}, offering.Sources{
		Types: types, Clusters: &fixedCluster{Cluster: cluster.Cluster{Mode: cluster.Kubeadm}}, Clock: clk,
	})
	g.Expect(err).NotTo(HaveOccurred())
	return provider, class
}

func ask(b *testing.B, provider *offering.Provider, class *v1.EC2NodeClass) {
	b.Helper()
	if got, err := provider.InstanceTypes(b.Context(), class); err != nil || len(got) != benchTypes {
		b.Fatalf("got %d types: %v", len(got), err)
	}
}

// BenchmarkInstanceTypes is what Karpenter pays while nothing changes, several times for
// each NodePool in each of its loops: the budget is 2 µs besides copying 900 pointers.
func BenchmarkInstanceTypes(b *testing.B) {
	provider, class := largeRegion(b, clock.RealClock{})
	ask(b, provider, class)
	b.ReportAllocs()
	for b.Loop() {
		ask(b, provider, class)
	}
}

// BenchmarkRebuild is what a changed class costs: 900 types in 6 zones as both capacity
// types. The budget is 50 ms.
func BenchmarkRebuild(b *testing.B) {
	provider, class := largeRegion(b, clock.RealClock{})
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		class.ResourceVersion, class.Status.Subnets[0].ID = strconv.Itoa(i), "subnet-x"+strconv.Itoa(i)
		ask(b, provider, class)
	}
}

// BenchmarkRefusal is what each launch that EC2 refused costs the next loop, in a shortage
// in which one pool is refused each second. The budget is 5 ms.
func BenchmarkRefusal(b *testing.B) {
	clk := clocktesting.NewFakeClock(time.Unix(1_000_000, 0))
	provider, class := largeRegion(b, clk)
	ask(b, provider, class)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		clk.Step(time.Second)
		provider.Refuse([]pool.Pool{od("c5.large", zoneA), {InstanceType: "c5.large", Zone: strconv.Itoa(i)}}, "none")
		ask(b, provider, class)
	}
}

// BenchmarkCopy is the part of BenchmarkInstanceTypes that is owed to the caller's own slice.
func BenchmarkCopy(b *testing.B) {
	provider, class := largeRegion(b, clock.RealClock{})
	all, err := provider.InstanceTypes(b.Context(), class)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if copied := slices.Clone(all); len(copied) != benchTypes {
			b.Fatal(len(copied))
		}
	}
}
