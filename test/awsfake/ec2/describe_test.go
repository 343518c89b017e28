package ec2_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/ec2"
)

func TestInstancesInPages(t *testing.T) {
	a := start(t)
	launched := a.fleet(a.request(a.template("twelve"), 12, region+"a", "t3.large")).Instances[0].InstanceIds
	pages := awsec2.NewDescribeInstancesPaginator(a.api, &awsec2.DescribeInstancesInput{MaxResults: aws.Int32(5), Filters: filter("instance-state-name", "running", "pending")})
	var got []string
	for pages.HasMorePages() {
		page, err := pages.NextPage(t.Context())
		a.Expect(err).NotTo(HaveOccurred())
		got = append(got, ids(instances(page))...)
		if len(got) == 5 { // what ends between two pages shifts nothing
			a.Expect(a.EC2.Terminate(region, launched[0])).To(Succeed())
		}
	}
	a.Expect(got).To(Equal(launched))
	a.Expect(a.Calls("DescribeInstances")).To(Equal(3))
	_, err := a.api.DescribeInstances(t.Context(), &awsec2.DescribeInstancesInput{MaxResults: aws.Int32(5), InstanceIds: launched})
	a.Expect(code(err)).To(Equal("InvalidParameterCombination"))
}

func TestInstancesThatDoNotExist(t *testing.T) {
	a := start(t)
	for want, in := range map[string][]string{
		"The instance ID 'i-00000000000000000' does not exist":                     {"i-00000000000000000"},
		"The instance IDs 'i-00000000000000000, i-00000000000000001' do not exist": {"i-00000000000000000", "i-00000000000000001"},
		`Invalid id: "i-123"`:               {"i-123"},
		`Invalid id: "x-00000000000000000"`: {"x-00000000000000000"},
		`Invalid id: "i-0000000000000000G"`: {"i-0000000000000000G"},
	} {
		_, err := a.api.DescribeInstances(t.Context(), &awsec2.DescribeInstancesInput{InstanceIds: in})
		a.Expect(err).To(MatchError(ContainSubstring(want)))
	}
}

func TestInstancesByWhatTheyAre(t *testing.T) {
	a := start(t)
	id := a.launch()
	other := a.fleet(a.request(a.template("other"), 1, region+"c", "t3.medium")).Instances[0].InstanceIds[0]
	i := a.one(id)
	for name, value := range map[string]*string{
		"instance-id": i.InstanceId, "instance-type": aws.String("t3.large"), "availability-zone": i.Placement.AvailabilityZone,
		"subnet-id": i.SubnetId, "private-ip-address": i.PrivateIpAddress, "private-dns-name": i.PrivateDnsName,
	} {
		a.Expect(ids(a.describe(filter(name, aws.ToString(value))))).To(Equal([]string{id}), name)
	}
	for name, value := range map[string]*string{
		"image-id": i.ImageId, "vpc-id": i.VpcId, "instance.group-id": i.SecurityGroups[0].GroupId, "instance-state-code": aws.String("16"),
		"iam-instance-profile.arn": i.IamInstanceProfile.Arn,
	} {
		a.Expect(ids(a.describe(filter(name, aws.ToString(value))))).To(Equal([]string{id, other}), name)
	}
	_, err := a.api.DescribeInstances(t.Context(), &awsec2.DescribeInstancesInput{Filters: filter("colour", "red")})
	a.Expect(code(err)).To(Equal("InvalidParameterValue"))
}

func TestConsoleOutput(t *testing.T) {
	a := start(t)
	id := a.launch()
	read := func(latest bool) string {
		out, err := a.api.GetConsoleOutput(t.Context(), &awsec2.GetConsoleOutputInput{InstanceId: aws.String(id), Latest: aws.Bool(latest)})
		a.Expect(err).NotTo(HaveOccurred())
		text, err := base64.StdEncoding.DecodeString(aws.ToString(out.Output))
		a.Expect(err).NotTo(HaveOccurred())
		return string(text)
	}
	a.Expect(read(false)).To(BeEmpty())
	a.Expect(a.EC2.SetConsoleOutput(region, id, []byte("karpenter-join phase=join result=ok\n"))).To(Succeed())
	a.Expect(read(true)).To(Equal("karpenter-join phase=join result=ok\n"))
	a.Expect(a.EC2.SetConsoleOutput(region, id, []byte(strings.Repeat("x", 70000)+"end"))).To(Succeed())
	a.Expect(read(true)).To(And(HaveLen(65536), HaveSuffix("end")))

	old := a.fleet(a.request(a.template("xen"), 1, region+"a", "m4.large")).Instances[0].InstanceIds[0]
	_, err := a.api.GetConsoleOutput(t.Context(), &awsec2.GetConsoleOutputInput{InstanceId: aws.String(old), Latest: aws.Bool(true)})
	a.Expect(code(err)).To(Equal("UnsupportedOperation"), "no latest output on a type that is not Nitro")
}

func TestInstanceStatus(t *testing.T) {
	a := start(t, delays(ec2.Delays{Pending: time.Minute}))
	id := a.launch()
	read := func(in *awsec2.DescribeInstanceStatusInput) []types.InstanceStatus {
		out, err := a.api.DescribeInstanceStatus(t.Context(), in)
		a.Expect(err).NotTo(HaveOccurred())
		return out.InstanceStatuses
	}
	a.Expect(read(&awsec2.DescribeInstanceStatusInput{})).To(BeEmpty(), "only running ones are listed")
	a.Expect(read(&awsec2.DescribeInstanceStatusInput{IncludeAllInstances: aws.Bool(true)})).To(HaveLen(1))
	a.clock.Step(time.Minute)
	a.Expect(read(&awsec2.DescribeInstanceStatusInput{})[0].InstanceStatus.Status).To(Equal(types.SummaryStatusOk))
	a.Expect(a.EC2.SetHealth(region, id, "impaired")).To(Succeed())
	a.Expect(a.EC2.SetScheduledEvents(region, id, ec2.ScheduledEvent{ID: "instance-event-1", Code: "instance-retirement", NotBefore: a.clock.Now()})).To(Succeed())
	got := read(&awsec2.DescribeInstanceStatusInput{Filters: filter("event.code", "instance-retirement")})
	a.Expect(got).To(HaveLen(1))
	a.Expect(got[0].SystemStatus.Status).To(Equal(types.SummaryStatusImpaired))
	a.Expect(got[0].Events[0].NotBefore.Equal(a.clock.Now())).To(BeTrue())
	a.Expect(read(&awsec2.DescribeInstanceStatusInput{Filters: filter("instance-status.reachability", "passed")})).To(BeEmpty())
}

func TestInstanceAttributes(t *testing.T) {
	a := start(t)
	id := a.launch()
	out, err := a.api.DescribeInstanceAttribute(t.Context(), &awsec2.DescribeInstanceAttributeInput{InstanceId: aws.String(id), Attribute: types.InstanceAttributeNameInstanceType})
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(aws.ToString(out.InstanceType.Value)).To(Equal("t3.large"))
	a.Expect(out.UserData).To(BeNil(), "one attribute at a time")
	_, err = a.api.DescribeInstanceAttribute(t.Context(), &awsec2.DescribeInstanceAttributeInput{InstanceId: aws.String(id), Attribute: "kernel"})
	a.Expect(code(err)).To(Equal("InvalidParameterValue"))
}
