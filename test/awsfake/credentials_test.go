package awsfake_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	. "github.com/onsi/gomega"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/policy"
)

// An instance's credentials are a session of its role that says which instance it is, so that a
// policy can give each its own.
func TestInstancesHaveTheCredentialsOfTheirRole(t *testing.T) {
	g, account := NewWithT(t), awsfake.Start(t)
	document, err := policy.Parse("node", []byte(`{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": "ssm:GetParameter", "Resource": "*",
		"Condition": {"StringEquals": {"aws:ResourceTag/owner": "${ec2:SourceInstanceARN}"}}}}`))
	g.Expect(err).NotTo(HaveOccurred())
	role, ok := account.IAM.RoleARN(awsfake.NodeRole)
	g.Expect(ok).To(BeTrue())
	account.Policy.SetRole(role, policy.Principal{Documents: []*policy.Document{document}})

	api, store := ec2.NewFromConfig(account.Config()), ssm.NewFromConfig(account.Config())
	subnets, err := api.DescribeSubnets(t.Context(), &ec2.DescribeSubnetsInput{})
	g.Expect(err).NotTo(HaveOccurred())
	run := func(profile string) string {
		in := &ec2.RunInstancesInput{
			ImageId: aws.String(anImage(t, api)), InstanceType: types.InstanceTypeT3Small, MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
			SubnetId: subnets.Subnets[0].SubnetId,
		}
		if profile != "" {
			in.IamInstanceProfile = &types.IamInstanceProfileSpecification{Name: aws.String(profile)}
		}
		out, err := api.RunInstances(t.Context(), in)
		g.Expect(err).NotTo(HaveOccurred())
		return aws.ToString(out.Instances[0].InstanceId)
	}
	own, other := run(awsfake.NodeProfile), run(awsfake.NodeProfile)
	for _, id := range []string{own, other} {
		_, err := store.PutParameter(t.Context(), &ssm.PutParameterInput{
			Name: aws.String("/of/" + id), Value: aws.String(id), Type: ssmtypes.ParameterTypeSecureString,
			Tags: []ssmtypes.Tag{{Key: aws.String("owner"), Value: aws.String("arn:aws:ec2:" + account.Region() + ":" + awsfake.DefaultAccount + ":instance/" + id)}},
		})
		g.Expect(err).NotTo(HaveOccurred())
	}
	credentials, err := account.Credentials(account.Region(), own)
	g.Expect(err).NotTo(HaveOccurred())
	g.Expect(credentials.Role).To(Equal(awsfake.NodeRole))
	node := ssm.NewFromConfig(account.ConfigFor(credentials.AccessKeyID, account.Region()))
	g.Expect(node.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/of/" + own)})).Error().NotTo(HaveOccurred())
	_, err = node.GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String("/of/" + other)})
	g.Expect(err).To(MatchError(ContainSubstring("AccessDenied")))

	_, err = account.Credentials(account.Region(), run(""))
	g.Expect(err).To(MatchError(ContainSubstring("has no role")))
	_, err = account.Credentials(account.Region(), "i-0")
	g.Expect(err).To(MatchError(ContainSubstring("there is no instance i-0")))
}

func anImage(t *testing.T, api *ec2.Client) string {
	t.Helper()
	out, err := api.DescribeImages(t.Context(), &ec2.DescribeImagesInput{Filters: []types.Filter{{Name: aws.String("architecture"), Values: []string{"x86_64"}}}})
	NewWithT(t).Expect(err).NotTo(HaveOccurred())
	return aws.ToString(out.Images[0].ImageId)
}
