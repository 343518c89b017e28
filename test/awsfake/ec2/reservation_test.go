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

func (a *account) available(id string) int32 {
	a.t.Helper()
	out, err := a.api.DescribeCapacityReservations(a.t.Context(), &awsec2.DescribeCapacityReservationsInput{CapacityReservationIds: []string{id}})
	a.Expect(err).NotTo(HaveOccurred())
	return aws.ToInt32(out.CapacityReservations[0].AvailableInstanceCount)
}

func TestATargetedReservationIsUsedUp(t *testing.T) {
	a := start(t)
	id, err := a.EC2.AddReservation(region, ec2.Reservation{Type: "t3.large", Zone: region + "a", Total: 1, Tags: map[string]string{"k": "v"}})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(a.EC2.SetCapacity(region, ec2.Pool{Type: "t3.large"}, 0)).To(Succeed())
	lt := a.template("reserved", func(d *types.RequestLaunchTemplateData) { d.CapacityReservationSpecification = reserved(id) })
	out := a.fleet(a.request(lt, 2, region+"a", "t3.large"))
	a.Expect(errorCodes(out)).To(Equal([]string{"ReservationCapacityExceeded"}))
	a.Expect(out.Instances[0].InstanceIds).To(HaveLen(1))
	a.Expect(aws.ToString(a.one(out.Instances[0].InstanceIds[0]).CapacityReservationId)).To(Equal(id))
	a.Expect(a.available(id)).To(Equal(int32(0)))
	a.Expect(a.EC2.Terminate(region, out.Instances[0].InstanceIds[0])).To(Succeed())
	a.Expect(a.available(id)).To(Equal(int32(1)))
	a.Expect(errorCodes(a.fleet(a.request(a.template("plain"), 1, region+"a", "t3.large")))).To(
		Equal([]string{"InsufficientInstanceCapacity"}), "others do not get it")
}

func TestAnOpenReservationServesWhoeverMatches(t *testing.T) {
	a := start(t)
	id, err := a.EC2.AddReservation(region, ec2.Reservation{Type: "t3.large", Zone: region + "a", Total: 1, MatchCriteria: "open"})
	a.Expect(err).NotTo(HaveOccurred())
	out := a.fleet(a.request(a.template("open"), 2, region+"a", "t3.large"))
	a.Expect(out.Instances[0].InstanceIds).To(HaveLen(2), "the second is an ordinary one")
	a.Expect(a.available(id)).To(Equal(int32(0)))
	a.Expect(a.one(out.Instances[0].InstanceIds[1]).CapacityReservationId).To(BeNil())
}

func TestALaunchMayOptOutOfReservations(t *testing.T) {
	a := start(t)
	id, err := a.EC2.AddReservation(region, ec2.Reservation{Type: "t3.large", Zone: region + "a", Total: 1, MatchCriteria: "open"})
	a.Expect(err).NotTo(HaveOccurred())
	lt := a.template("none", func(d *types.RequestLaunchTemplateData) {
		d.CapacityReservationSpecification = &types.LaunchTemplateCapacityReservationSpecificationRequest{
			CapacityReservationPreference: types.CapacityReservationPreferenceNone,
		}
	})
	a.fleet(a.request(lt, 1, region+"a", "t3.large"))
	a.Expect(a.available(id)).To(Equal(int32(1)))
}

func TestReservationsEnd(t *testing.T) {
	a := start(t)
	id, err := a.EC2.AddReservation(region, ec2.Reservation{Type: "t3.large", Zone: region + "a", Total: 1, End: a.clock.Now().Add(time.Hour)})
	a.Expect(err).NotTo(HaveOccurred())
	active := func() int {
		out, err := a.api.DescribeCapacityReservations(t.Context(), &awsec2.DescribeCapacityReservationsInput{Filters: filter("state", "active")})
		a.Expect(err).NotTo(HaveOccurred())
		return len(out.CapacityReservations)
	}
	a.Expect(active()).To(Equal(1))
	a.clock.Step(time.Hour)
	a.Expect(active()).To(Equal(0))
	lt := a.template("late", func(d *types.RequestLaunchTemplateData) { d.CapacityReservationSpecification = reserved(id) })
	a.Expect(errorCodes(a.fleet(a.request(lt, 1, region+"a", "t3.large")))).To(Equal([]string{"InvalidCapacityReservationState.Unavailable"}))
}

func TestASpreadGroupHoldsSevenInAZone(t *testing.T) {
	a := start(t)
	id, err := a.EC2.AddPlacementGroup(region, ec2.PlacementGroup{Name: "apart", Strategy: "spread"})
	a.Expect(err).NotTo(HaveOccurred())
	found, err := a.api.DescribePlacementGroups(t.Context(), &awsec2.DescribePlacementGroupsInput{GroupNames: []string{"apart"}})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(aws.ToString(found.PlacementGroups[0].GroupId)).To(Equal(id))
	lt := a.template("spread", func(d *types.RequestLaunchTemplateData) {
		d.Placement = &types.LaunchTemplatePlacementRequest{GroupId: aws.String(id)}
	})
	out := a.fleet(a.request(lt, 8, region+"a", "t3.large"))
	a.Expect(out.Instances[0].InstanceIds).To(HaveLen(7))
	a.Expect(aws.ToString(out.Errors[0].ErrorMessage)).To(ContainSubstring("limit of instances in this spread placement group"))
	a.Expect(aws.ToString(a.one(out.Instances[0].InstanceIds[0]).Placement.GroupName)).To(Equal("apart"))
	a.Expect(a.fleet(a.request(lt, 1, region+"c", "t3.large")).Instances).To(HaveLen(1), "another zone has its own seven")
	a.Expect(a.EC2.Terminate(region, out.Instances[0].InstanceIds[0])).To(Succeed())
	a.Expect(a.fleet(a.request(lt, 1, region+"a", "t3.large")).Instances).To(HaveLen(1), "the place of one that ended is free")
	_, err = a.api.DescribePlacementGroups(t.Context(), &awsec2.DescribePlacementGroupsInput{GroupNames: []string{"together"}})
	a.Expect(code(err)).To(Equal("InvalidPlacementGroup.Unknown"))
}

func TestCapacityBlocksAreEnteredByName(t *testing.T) {
	a := start(t)
	id, err := a.EC2.AddReservation(region, ec2.Reservation{Type: "t3.large", Zone: region + "a", Total: 1, Kind: "capacity-block"})
	a.Expect(err).NotTo(HaveOccurred())
	block := func(template string) *awsec2.CreateFleetInput {
		in := a.request(template, 1, region+"a", "t3.large")
		in.TargetCapacitySpecification.DefaultTargetCapacityType = types.DefaultTargetCapacityTypeCapacityBlock
		return in
	}
	a.Expect(errorCodes(a.fleet(block(a.template("nameless"))))).To(Equal([]string{"InvalidParameterValue"}))
	named := a.template("named", func(d *types.RequestLaunchTemplateData) { d.CapacityReservationSpecification = reserved(id) })
	out := a.fleet(block(named))
	a.Expect(a.one(out.Instances[0].InstanceIds[0]).InstanceLifecycle).To(Equal(types.InstanceLifecycleTypeCapacityBlock))
	a.Expect(a.available(id)).To(Equal(int32(0)))
	a.Expect(errorCodes(a.fleet(block(named)))).To(Equal([]string{"ReservationCapacityExceeded"}))
}
