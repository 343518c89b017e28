package ec2_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsec2 "github.com/aws/aws-sdk-go-v2/service/ec2"
	. "github.com/onsi/gomega"
)

func TestInstanceTopology(t *testing.T) {
	a := start(t)
	read := func(ids ...string) (*awsec2.DescribeInstanceTopologyOutput, error) {
		return a.api.DescribeInstanceTopology(t.Context(), &awsec2.DescribeInstanceTopologyInput{InstanceIds: ids})
	}
	out, err := read(a.launch())
	a.Expect(err).NotTo(HaveOccurred())
	a.Expect(out.Instances).To(BeEmpty(), "a t3 has no place that EC2 tells of")

	_, err = read("i-00000000000000000")
	a.Expect(code(err)).To(Equal("InvalidInstanceID.NotFound"))

	accelerated := a.fleet(a.request(a.template("accelerated"), 1, region+"a", "p3.2xlarge"))
	a.Expect(accelerated.Errors).To(BeEmpty())
	_, err = read(accelerated.Instances[0].InstanceIds...)
	a.Expect(code(err)).To(Equal("UnsupportedOperation"), "what is not modelled is refused")
	_, err = a.api.DescribeInstanceTopology(t.Context(), &awsec2.DescribeInstanceTopologyInput{DryRun: aws.Bool(true)})
	a.Expect(code(err)).To(Equal("DryRunOperation"))
}
