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

func TestAnInstanceLivesByTheClock(t *testing.T) {
	a := start(t, delays(ec2.Delays{Pending: 20 * time.Second, ShuttingDown: 30 * time.Second}))
	id := a.launch()
	state := func() types.InstanceStateName { return a.one(id).State.Name }
	a.Expect(state()).To(Equal(types.InstanceStateNamePending))
	a.clock.Step(19 * time.Second)
	a.Expect(state()).To(Equal(types.InstanceStateNamePending))
	a.clock.Step(time.Second)
	a.Expect(state()).To(Equal(types.InstanceStateNameRunning))

	out, err := a.api.TerminateInstances(t.Context(), &awsec2.TerminateInstancesInput{InstanceIds: []string{id}})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(out.TerminatingInstances[0].PreviousState.Name).To(Equal(types.InstanceStateNameRunning))
	a.Expect(out.TerminatingInstances[0].CurrentState.Name).To(Equal(types.InstanceStateNameShuttingDown))
	a.Expect(a.one(id).PrivateIpAddress).NotTo(BeNil(), "it has its address to the end")
	a.clock.Step(30 * time.Second)
	gone := a.one(id)
	a.Expect(gone.State.Name).To(Equal(types.InstanceStateNameTerminated))
	a.Expect(gone.PrivateIpAddress).To(BeNil())
	a.Expect(gone.SubnetId).To(BeNil())
	a.Expect(gone.NetworkInterfaces).To(BeEmpty())
	a.Expect(aws.ToString(gone.StateReason.Code)).To(Equal("Client.UserInitiatedShutdown"))
	a.Expect(tags(gone.Tags)).To(HaveKey("aws:ec2:fleet-id"))

	a.clock.Step(time.Hour - time.Second)
	a.Expect(state()).To(Equal(types.InstanceStateNameTerminated))
	fleet := tags(gone.Tags)["aws:ec2:fleet-id"]
	a.Expect(a.describe(filter("tag:aws:ec2:fleet-id", fleet))).To(HaveLen(1))
	a.clock.Step(time.Second)
	a.Expect(a.describe(filter("tag:aws:ec2:fleet-id", fleet))).To(BeEmpty())
	_, err = a.api.DescribeInstances(t.Context(), &awsec2.DescribeInstancesInput{InstanceIds: []string{id}})
	a.Expect(code(err)).To(Equal("InvalidInstanceID.NotFound"))
}

func TestTerminationGivesBackWhatTheInstanceHeld(t *testing.T) {
	a := start(t)
	before := aws.ToInt32(a.subnet(region + "a").AvailableIpAddressCount)
	id := a.launch()
	a.Expect(aws.ToInt32(a.subnet(region + "a").AvailableIpAddressCount)).To(Equal(before - 1))
	_, err := a.api.TerminateInstances(t.Context(), &awsec2.TerminateInstancesInput{InstanceIds: []string{id}})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(aws.ToInt32(a.subnet(region + "a").AvailableIpAddressCount)).To(Equal(before))
	volumes, err := a.api.DescribeVolumes(t.Context(), &awsec2.DescribeVolumesInput{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(volumes.Volumes).To(BeEmpty())
	nics, err := a.api.DescribeNetworkInterfaces(t.Context(), &awsec2.DescribeNetworkInterfacesInput{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(nics.NetworkInterfaces).To(BeEmpty())
}

func TestAVolumeThatIsToStayStays(t *testing.T) {
	a := start(t)
	lt := a.template("keep", func(d *types.RequestLaunchTemplateData) {
		d.BlockDeviceMappings = []types.LaunchTemplateBlockDeviceMappingRequest{
			{DeviceName: aws.String("/dev/sdf"), Ebs: &types.LaunchTemplateEbsBlockDeviceRequest{VolumeSize: aws.Int32(5), VolumeType: types.VolumeTypeGp3}},
		}
	})
	id := a.fleet(a.request(lt, 1, region+"a", "t3.large")).Instances[0].InstanceIds[0]
	a.Expect(a.one(id).BlockDeviceMappings).To(HaveLen(2))
	a.Expect(a.EC2.Terminate(region, id)).To(Succeed())
	volumes, err := a.api.DescribeVolumes(t.Context(), &awsec2.DescribeVolumesInput{})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(volumes.Volumes).To(HaveLen(1))
	a.Expect(volumes.Volumes[0].State).To(Equal(types.VolumeStateAvailable))
	a.Expect(aws.ToInt32(volumes.Volumes[0].Size)).To(Equal(int32(5)))
}

func TestTerminateIsAllOrNothing(t *testing.T) {
	a := start(t)
	id := a.launch()
	_, err := a.api.TerminateInstances(t.Context(), &awsec2.TerminateInstancesInput{InstanceIds: []string{id, "i-00000000000000000"}})
	a.Expect(code(err)).To(Equal("InvalidInstanceID.NotFound"))
	a.Expect(a.one(id).State.Name).To(Equal(types.InstanceStateNameRunning))
	_, err = a.api.TerminateInstances(t.Context(), &awsec2.TerminateInstancesInput{InstanceIds: []string{"nonsense"}})
	a.Expect(code(err)).To(Equal("InvalidInstanceID.Malformed"))
	_, err = a.api.TerminateInstances(t.Context(), &awsec2.TerminateInstancesInput{InstanceIds: []string{id}, DryRun: aws.Bool(true)})
	a.Expect(code(err)).To(Equal("DryRunOperation"))
	a.Expect(a.one(id).State.Name).To(Equal(types.InstanceStateNameRunning))
}

func TestTerminateTwiceIsNoError(t *testing.T) {
	a := start(t)
	id := a.launch()
	in := &awsec2.TerminateInstancesInput{InstanceIds: []string{id}}
	_, err := a.api.TerminateInstances(t.Context(), in)
	a.Expect(err).NotTo(HaveOccurred())
	free := a.subnet(region + "a").AvailableIpAddressCount
	out, err := a.api.TerminateInstances(t.Context(), in)
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(out.TerminatingInstances[0].PreviousState.Name).To(Equal(types.InstanceStateNameTerminated))
	a.Expect(a.subnet(region + "a").AvailableIpAddressCount).To(Equal(free))
}

func TestProtectedInstancesStay(t *testing.T) {
	a := start(t)
	lt := a.template("protected", func(d *types.RequestLaunchTemplateData) { d.DisableApiTermination = aws.Bool(true) })
	id := a.fleet(a.request(lt, 1, region+"a", "t3.large")).Instances[0].InstanceIds[0]
	_, err := a.api.TerminateInstances(t.Context(), &awsec2.TerminateInstancesInput{InstanceIds: []string{id}})
	a.Expect(code(err)).To(Equal("OperationNotPermitted"))
	a.Expect(a.one(id).State.Name).To(Equal(types.InstanceStateNameRunning))
}

func TestStopAndReboot(t *testing.T) {
	a := start(t, delays(ec2.Delays{Stopping: time.Minute}))
	id := a.launch()
	lastBoot := func() time.Time {
		all, err := a.EC2.Instances(region)
		a.Expect(err).NotTo(HaveOccurred())
		return all[len(all)-1].LastBoot
	}
	a.Expect(lastBoot()).To(BeTemporally("==", a.clock.Now()))
	a.clock.Step(time.Second)
	_, err := a.api.RebootInstances(t.Context(), &awsec2.RebootInstancesInput{InstanceIds: []string{id}})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(lastBoot()).To(BeTemporally("==", a.clock.Now()), "a reboot is told to what boots the machine")
	a.Expect(a.one(id).State.Name).To(Equal(types.InstanceStateNameRunning))
	_, err = a.api.StopInstances(t.Context(), &awsec2.StopInstancesInput{InstanceIds: []string{id}})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(a.one(id).State.Name).To(Equal(types.InstanceStateNameStopping))
	a.clock.Step(time.Minute)
	stopped := a.one(id)
	a.Expect(stopped.State.Name).To(Equal(types.InstanceStateNameStopped))
	a.Expect(stopped.PrivateIpAddress).NotTo(BeNil())
	_, err = a.api.RebootInstances(t.Context(), &awsec2.RebootInstancesInput{InstanceIds: []string{id}})
	a.Expect(code(err)).To(Equal("IncorrectState"))
}

func TestSpotInstancesAreNotStopped(t *testing.T) {
	a := start(t)
	in := a.request(a.template("spot"), 1, region+"a", "t3.large")
	spot(types.SpotAllocationStrategyLowestPrice)(in)
	id := a.fleet(in).Instances[0].InstanceIds[0]
	a.clock.Step(time.Second)
	a.Expect(a.one(id).State.Name).To(Equal(types.InstanceStateNameRunning))
	_, err := a.api.StopInstances(t.Context(), &awsec2.StopInstancesInput{InstanceIds: []string{id}})
	a.Expect(code(err)).To(Equal("UnsupportedOperation"))
	a.Expect(a.EC2.Reclaim(region, id)).To(Succeed())
	a.Expect(aws.ToString(a.one(id).StateReason.Code)).To(Equal("Server.SpotInstanceTermination"))
}

func TestStateChangesAreTold(t *testing.T) {
	a := start(t, delays(ec2.Delays{Pending: time.Second, ShuttingDown: time.Second}))
	var heard []string
	a.EC2.OnStateChange(func(c ec2.StateChange) { heard = append(heard, c.State) })
	id := a.launch()
	a.clock.Step(time.Second)
	a.EC2.Advance()
	a.Expect(a.EC2.Terminate(region, id)).To(Succeed())
	a.clock.Step(time.Second)
	a.EC2.Advance()
	a.Expect(heard).To(Equal([]string{ec2.Pending, ec2.Running, ec2.ShuttingDown, ec2.Terminated}))
}

// A new instance is unknown to everything but the call that made it.
func TestANewInstanceIsInvisibleForAWhile(t *testing.T) {
	a := start(t, delays(ec2.Delays{Visible: 5 * time.Second}))
	id := a.launch()
	calls := map[string]func() error{
		"DescribeInstances": func() error {
			_, err := a.api.DescribeInstances(t.Context(), &awsec2.DescribeInstancesInput{InstanceIds: []string{id}})
			return err
		},
		"CreateTags": func() error {
			_, err := a.api.CreateTags(t.Context(), &awsec2.CreateTagsInput{Resources: []string{id}, Tags: []types.Tag{{Key: aws.String("k"), Value: aws.String("v")}}})
			return err
		},
		"DescribeInstanceAttribute": func() error {
			_, err := a.api.DescribeInstanceAttribute(t.Context(), &awsec2.DescribeInstanceAttributeInput{InstanceId: aws.String(id), Attribute: "userData"})
			return err
		},
		"GetConsoleOutput": func() error {
			_, err := a.api.GetConsoleOutput(t.Context(), &awsec2.GetConsoleOutputInput{InstanceId: aws.String(id)})
			return err
		},
		"TerminateInstances": func() error {
			_, err := a.api.TerminateInstances(t.Context(), &awsec2.TerminateInstancesInput{InstanceIds: []string{id}})
			return err
		},
	}
	for name, call := range calls {
		a.Expect(code(call())).To(Equal("InvalidInstanceID.NotFound"), name)
	}
	a.Expect(a.describe(filter("tag-key", "aws:ec2:fleet-id"))).To(BeEmpty())
	known, err := a.EC2.Instances(region)
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(known).To(HaveLen(1), "the test itself sees it")
	a.clock.Step(5 * time.Second)
	a.Expect(a.describe(filter("tag-key", "aws:ec2:fleet-id"))).To(HaveLen(1))
	for name, call := range calls {
		if name != "TerminateInstances" {
			a.Expect(call()).To(Succeed(), name)
		}
	}
	a.Expect(calls["TerminateInstances"]()).To(Succeed())
}
