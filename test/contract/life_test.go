package contract_test

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"
	"github.com/samber/lo"
)

// lifeContracts are about an instance's way from its start to its end.
func lifeContracts() []contract {
	return []contract{
		{"a terminated instance is described as terminated", terminated},
		{"a terminated instance keeps its tags, and no address", terminatedKeepsTags},
		{"termination gives the subnet its address back", addressReturned},
		{"an instance can be terminated twice", terminatedTwice},
		{"terminating several instances ends all", terminatedAll},
		{"terminating an unknown instance ends none of the others", terminateMixed},
		{"a terminated instance's volume is gone", volumeGone},
		{"a stopped instance is described as stopped", stopped},
		{"a rebooted instance runs on with its id", rebooted},
		{"a terminated instance cannot be rebooted", rebootTerminated},
		{"an instance has console output, or says that it has none yet", console},
	}
}

func (a *account) terminate(ctx context.Context, g Gomega, ids ...string) {
	out, err := a.ec2.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: ids})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(out.TerminatingInstances).To(HaveLen(len(ids)))
}

func terminated(ctx context.Context, g Gomega, a *account) {
	id := *a.start(ctx, g, 1)[0].InstanceId
	a.terminate(ctx, g, id)
	a.eventually(ctx, g, id, ec2types.InstanceStateNameTerminated)
}

func terminatedKeepsTags(ctx context.Context, g Gomega, a *account) {
	mark := a.name("mark")
	id := *a.start(ctx, g, 1, func(input *ec2.CreateFleetInput) { input.TagSpecifications[0].Tags = a.tags("mark", mark) })[0].InstanceId
	a.terminate(ctx, g, id)
	a.eventually(ctx, g, id, ec2types.InstanceStateNameTerminated)
	found := a.instances(ctx, g, where("tag:mark", mark)...)
	g.Expect(found).To(HaveLen(1))
	g.Expect(found[0].PrivateIpAddress).To(BeNil(), "the address of a terminated instance")
}

func (a *account) freeAddresses(ctx context.Context, g Gomega, subnet string) int32 {
	out, err := a.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: []string{subnet}})
	g.Expect(err).NotTo(HaveOccurred())
	return *out.Subnets[0].AvailableIpAddressCount
}

func addressReturned(ctx context.Context, g Gomega, a *account) {
	subnet := *a.subnets[0].SubnetId
	before := a.freeAddresses(ctx, g, subnet)
	id := *a.start(ctx, g, 1)[0].InstanceId
	g.Expect(a.freeAddresses(ctx, g, subnet)).To(Equal(before-1), "free addresses after a launch")
	a.terminate(ctx, g, id)
	a.eventually(ctx, g, id, ec2types.InstanceStateNameTerminated)
	g.Expect(a.freeAddresses(ctx, g, subnet)).To(Equal(before), "free addresses after the end")
}

func terminatedTwice(ctx context.Context, g Gomega, a *account) {
	id := *a.start(ctx, g, 1)[0].InstanceId
	a.terminate(ctx, g, id)
	a.terminate(ctx, g, id)
	a.eventually(ctx, g, id, ec2types.InstanceStateNameTerminated)
}

func terminatedAll(ctx context.Context, g Gomega, a *account) {
	started := a.start(ctx, g, 3)
	_, err := a.ec2.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: lo.Map(started, func(i ec2types.Instance, _ int) string { return *i.InstanceId })})
	g.Expect(err).NotTo(HaveOccurred())
	for _, i := range started {
		a.eventually(ctx, g, *i.InstanceId, ec2types.InstanceStateNameTerminated)
	}
}

func terminateMixed(ctx context.Context, g Gomega, a *account) {
	id := *a.start(ctx, g, 1)[0].InstanceId
	_, err := a.ec2.TerminateInstances(ctx, &ec2.TerminateInstancesInput{InstanceIds: []string{id, "i-0123456789abcdef0"}})
	g.Expect(err).To(code("InvalidInstanceID.NotFound"))
	g.Expect(gone(a.instances(ctx, g, where("instance-id", id)...)[0])).To(BeFalse(), "the known instance is gone")
}

func volumeGone(ctx context.Context, g Gomega, a *account) {
	id := *a.start(ctx, g, 1)[0].InstanceId
	before := a.volumes(ctx, g, id)
	g.Expect(before).To(HaveLen(1))
	a.terminate(ctx, g, id)
	a.eventually(ctx, g, id, ec2types.InstanceStateNameTerminated)
	out, err := a.ec2.DescribeVolumes(ctx, &ec2.DescribeVolumesInput{Filters: where("volume-id", *before[0].VolumeId)})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(lo.Filter(out.Volumes, func(v ec2types.Volume, _ int) bool { return v.State == ec2types.VolumeStateInUse })).To(BeEmpty())
}

func stopped(ctx context.Context, g Gomega, a *account) {
	id := *a.start(ctx, g, 1)[0].InstanceId
	a.eventually(ctx, g, id, ec2types.InstanceStateNameRunning)
	_, err := a.ec2.StopInstances(ctx, &ec2.StopInstancesInput{InstanceIds: []string{id}})
	g.Expect(err).NotTo(HaveOccurred())
	a.eventually(ctx, g, id, ec2types.InstanceStateNameStopped)
}

func rebooted(ctx context.Context, g Gomega, a *account) {
	id := *a.start(ctx, g, 1)[0].InstanceId
	a.eventually(ctx, g, id, ec2types.InstanceStateNameRunning)
	_, err := a.ec2.RebootInstances(ctx, &ec2.RebootInstancesInput{InstanceIds: []string{id}})
	g.Expect(err).NotTo(HaveOccurred())
	a.eventually(ctx, g, id, ec2types.InstanceStateNameRunning)
}

func rebootTerminated(ctx context.Context, g Gomega, a *account) {
	id := *a.start(ctx, g, 1)[0].InstanceId
	a.terminate(ctx, g, id)
	a.eventually(ctx, g, id, ec2types.InstanceStateNameTerminated)
	_, err := a.ec2.RebootInstances(ctx, &ec2.RebootInstancesInput{InstanceIds: []string{id}})
	g.Expect(err).To(HaveOccurred(), "rebooting what is terminated")
	a.eventually(ctx, g, id, ec2types.InstanceStateNameTerminated)
}

func console(ctx context.Context, g Gomega, a *account) {
	id := *a.start(ctx, g, 1)[0].InstanceId
	out, err := a.ec2.GetConsoleOutput(ctx, &ec2.GetConsoleOutputInput{InstanceId: &id})
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(*out.InstanceId).To(Equal(id))
}
