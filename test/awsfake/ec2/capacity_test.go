package ec2_test

import (
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
)

// launchedTypes counts a fleet's instances by type.
func launchedTypes(out *awsec2.CreateFleetOutput) map[string]int {
	got := map[string]int{}
	for _, set := range out.Instances {
		got[string(set.InstanceType)] += len(set.InstanceIds)
	}
	return got
}

func errorCodes(out *awsec2.CreateFleetOutput) []string {
	var got []string
	for _, e := range out.Errors {
		got = append(got, aws.ToString(e.ErrorCode))
	}
	return got
}

func onDemand(strategy types.FleetOnDemandAllocationStrategy, priorities ...float64) func(*awsec2.CreateFleetInput) {
	return func(in *awsec2.CreateFleetInput) {
		in.OnDemandOptions = &types.OnDemandOptionsRequest{AllocationStrategy: strategy}
		prioritize(in, priorities)
	}
}

func spot(strategy types.SpotAllocationStrategy, priorities ...float64) func(*awsec2.CreateFleetInput) {
	return func(in *awsec2.CreateFleetInput) {
		in.TargetCapacitySpecification.DefaultTargetCapacityType = types.DefaultTargetCapacityTypeSpot
		in.SpotOptions = &types.SpotOptionsRequest{AllocationStrategy: strategy}
		prioritize(in, priorities)
	}
}

func prioritize(in *awsec2.CreateFleetInput, priorities []float64) {
	for i, p := range priorities {
		in.LaunchTemplateConfigs[0].Overrides[i].Priority = aws.Float64(p)
	}
}

// The overrides are t3.xlarge, t3.medium, t3.large, whose on-demand prices here are 0.208,
// 0.052, 0.104 and whose spot prices are set to 0.03, 0.02, 0.01.
func TestFleetChoosesByStrategy(t *testing.T) {
	type pools map[string]int
	for name, tc := range map[string]struct {
		change   func(*awsec2.CreateFleetInput)
		count    int32
		capacity pools
		want     pools
		errors   []string
	}{
		"on-demand without a strategy goes by price": {
			change: func(*awsec2.CreateFleetInput) {}, count: 2, want: pools{"t3.medium": 2},
		},
		"lowest-price takes the next when the cheapest is empty, and says so": {
			change: onDemand(types.FleetOnDemandAllocationStrategyLowestPrice), count: 2,
			capacity: pools{"t3.medium": 0}, want: pools{"t3.large": 2}, errors: []string{"InsufficientInstanceCapacity"},
		},
		"lowest-price takes what there is and the rest elsewhere": {
			change: onDemand(types.FleetOnDemandAllocationStrategyLowestPrice), count: 5,
			capacity: pools{"t3.medium": 1, "t3.large": 2}, want: pools{"t3.medium": 1, "t3.large": 2, "t3.xlarge": 2},
			errors: []string{"InsufficientInstanceCapacity", "InsufficientInstanceCapacity"},
		},
		"prioritized goes by priority, lowest number first": {
			change: onDemand(types.FleetOnDemandAllocationStrategyPrioritized, 0, 1, 2), count: 1, want: pools{"t3.xlarge": 1},
		},
		"prioritized puts those without priority last": {
			change: onDemand(types.FleetOnDemandAllocationStrategyPrioritized), count: 1, want: pools{"t3.xlarge": 1},
		},
		"all empty launches nothing and names every pool": {
			change: onDemand(types.FleetOnDemandAllocationStrategyLowestPrice), count: 1,
			capacity: pools{"t3.medium": 0, "t3.large": 0, "t3.xlarge": 0}, want: pools{},
			errors: []string{"InsufficientInstanceCapacity", "InsufficientInstanceCapacity", "InsufficientInstanceCapacity"},
		},
		"spot lowest-price goes by the spot price": {
			change: spot(types.SpotAllocationStrategyLowestPrice), count: 1, want: pools{"t3.large": 1},
		},
		"price-capacity-optimized is by price where capacity is ample": {
			change: spot(types.SpotAllocationStrategyPriceCapacityOptimized), count: 1, want: pools{"t3.large": 1},
		},
		"price-capacity-optimized leaves a pool that cannot serve all": {
			change: spot(types.SpotAllocationStrategyPriceCapacityOptimized), count: 3,
			capacity: pools{"t3.large": 2}, want: pools{"t3.medium": 3},
		},
		"capacity-optimized-prioritized goes by priority where capacity is ample": {
			change: spot(types.SpotAllocationStrategyCapacityOptimizedPrioritized, 2, 0, 1), count: 1, want: pools{"t3.medium": 1},
		},
		"capacity-optimized-prioritized puts capacity before priority": {
			change: spot(types.SpotAllocationStrategyCapacityOptimizedPrioritized, 2, 0, 1), count: 1,
			capacity: pools{"t3.medium": 0}, want: pools{"t3.large": 1},
		},
		"a strategy that is not modelled is refused": {
			change: spot(types.SpotAllocationStrategyDiversified), count: 1, want: pools{}, errors: []string{"InvalidParameterValue"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t)
			for kind, price := range map[string]float64{"t3.xlarge": 0.03, "t3.medium": 0.02, "t3.large": 0.01} {
				a.Expect(a.EC2.SetSpotPrice(region, region+"a", kind, price)).To(Succeed())
			}
			for kind, n := range tc.capacity {
				a.Expect(a.EC2.SetCapacity(region, ec2.Pool{Type: kind, Zone: region + "a"}, n)).To(Succeed())
			}
			in := a.request(a.template("chosen"), tc.count, region+"a", "t3.xlarge", "t3.medium", "t3.large")
			tc.change(in)
			out := a.fleet(in)
			a.Expect(launchedTypes(out)).To(Equal(map[string]int(tc.want)))
			a.Expect(errorCodes(out)).To(Equal(tc.errors))
			a.Expect(a.describe(nil)).To(HaveLen(sum(tc.want)))
		})
	}
}

func sum(m map[string]int) int {
	total := 0
	for _, n := range m {
		total += n
	}
	return total
}

func TestSpotInstancesSaySo(t *testing.T) {
	a := start(t)
	in := a.request(a.template("spot"), 1, region+"a", "t3.large")
	spot(types.SpotAllocationStrategyPriceCapacityOptimized)(in)
	out := a.fleet(in)
	a.Expect(out.Instances[0].Lifecycle).To(Equal(types.InstanceLifecycleSpot))
	i := a.one(out.Instances[0].InstanceIds[0])
	a.Expect(i.InstanceLifecycle).To(Equal(types.InstanceLifecycleTypeSpot))
	a.Expect(aws.ToString(i.SpotInstanceRequestId)).To(HavePrefix("sir-"))
	a.Expect(ids(a.describe(filter("instance-lifecycle", "spot")))).To(ConsistOf(aws.ToString(i.InstanceId)))
}

func TestCapacityReturnsWithTheInstance(t *testing.T) {
	a := start(t, delays(ec2.Delays{ShuttingDown: time.Minute}))
	pool := ec2.Pool{Type: "t3.large", Zone: region + "a", CapacityType: ec2.OnDemand}
	a.Expect(a.EC2.SetCapacity(region, pool, 1)).To(Succeed())
	in := a.request(a.template("scarce"), 1, region+"a", "t3.large")
	first := a.fleet(in).Instances[0].InstanceIds[0]
	in.ClientToken = nil
	a.Expect(errorCodes(a.fleet(in))).To(Equal([]string{"InsufficientInstanceCapacity"}))

	_, err := a.api.TerminateInstances(t.Context(), &awsec2.TerminateInstancesInput{InstanceIds: []string{first}})
	a.Expect(err).NotTo(HaveOccurred())
	in.ClientToken = nil
	a.Expect(errorCodes(a.fleet(in))).To(HaveLen(1), "while it shuts down it still holds its place")
	a.clock.Step(time.Minute)
	in.ClientToken = nil
	a.Expect(a.fleet(in).Instances).To(HaveLen(1))
}

func TestAPatternLimitsEachPoolItCovers(t *testing.T) {
	a := start(t)
	a.Expect(a.EC2.SetCapacity(region, ec2.Pool{CapacityType: ec2.OnDemand}, 1)).To(Succeed())
	out := a.fleet(a.request(a.template("pattern"), 5, region+"a", "t3.medium", "t3.large"))
	a.Expect(launchedTypes(out)).To(Equal(map[string]int{"t3.medium": 1, "t3.large": 1}))

	a.Expect(a.EC2.SetCapacity(region, ec2.Pool{Type: "t3.large"}, 3)).To(Succeed())
	out = a.fleet(a.request(a.template("replaced"), 5, region+"a", "t3.medium", "t3.large"))
	a.Expect(launchedTypes(out)).To(Equal(map[string]int{"t3.large": 3}), "what is set later counts from then on")

	a.Expect(a.EC2.ClearCapacity(region)).To(Succeed())
	a.Expect(launchedTypes(a.fleet(a.request(a.template("again"), 5, region+"a", "t3.medium")))).To(Equal(map[string]int{"t3.medium": 5}))
}

func TestLimitsOfTheAccount(t *testing.T) {
	for name, tc := range map[string]struct {
		capacityType string
		change       func(*awsec2.CreateFleetInput)
		code         string
	}{
		"on-demand": {ec2.OnDemand, func(*awsec2.CreateFleetInput) {}, "VcpuLimitExceeded"},
		"spot":      {ec2.Spot, spot(types.SpotAllocationStrategyLowestPrice), "MaxSpotInstanceCountExceeded"},
	} {
		t.Run(name, func(t *testing.T) {
			a := start(t)
			a.Expect(a.EC2.SetVCPULimit(region, tc.capacityType, 4)).To(Succeed()) // two t3.large
			in := a.request(a.template("limited"), 3, region+"a", "t3.large")
			tc.change(in)
			out := a.fleet(in)
			a.Expect(launchedTypes(out)).To(Equal(map[string]int{"t3.large": 2}))
			a.Expect(errorCodes(out)).To(Equal([]string{tc.code}))
			_, err := a.api.TerminateInstances(t.Context(), &awsec2.TerminateInstancesInput{InstanceIds: out.Instances[0].InstanceIds})
			a.Expect(err).NotTo(HaveOccurred())
			a.Expect(a.EC2.SetVCPULimit(region, tc.capacityType, 2)).To(Succeed())
			in.ClientToken = nil
			a.Expect(launchedTypes(a.fleet(in))).To(Equal(map[string]int{"t3.large": 1}))
		})
	}
}

func TestRefusalsOfTheTestsChoice(t *testing.T) {
	a := start(t)
	a.Expect(a.EC2.SetRefusal(region, ec2.Pool{Zone: region + "a"}, "UnfulfillableCapacity", "Unable to fulfill capacity")).To(Succeed())
	out := a.fleet(a.request(a.template("refused"), 1, region+"a", "t3.large"))
	a.Expect(errorCodes(out)).To(Equal([]string{"UnfulfillableCapacity"}))
	a.Expect(aws.ToString(out.Errors[0].ErrorMessage)).To(Equal("Unable to fulfill capacity"))
	a.Expect(out.Errors[0].LaunchTemplateAndOverrides.Overrides.InstanceType).To(Equal(types.InstanceTypeT3Large))
	a.Expect(out.Errors[0].Lifecycle).To(Equal(types.InstanceLifecycleOnDemand))
}

func TestCapacityOfWhatDoesNotExistIsRefused(t *testing.T) {
	a := start(t)
	a.Expect(a.EC2.SetCapacity(region, ec2.Pool{Zone: "us-east-1a"}, 1)).To(MatchError(ContainSubstring("is no zone of " + region)))
	a.Expect(a.EC2.SetCapacity(region, ec2.Pool{Type: "t3.huge"}, 1)).To(MatchError(ContainSubstring("is no instance type")))
	a.Expect(a.EC2.SetCapacity(region, ec2.Pool{CapacityType: "reserved"}, 1)).To(MatchError(ContainSubstring("is no capacity type")))
}
