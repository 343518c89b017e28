// Package account makes an AWS account that somebody else plays, or owns, ready for the specs.
//
// It answers one question: what does a NodeClass of the specs name here? What already bears the
// discovery tag, and an instance profile of the specs' name, is used as it is; the rest is made,
// in the default VPC. The image is a public one. It talks to EC2 and IAM through the AWS SDK and remembers what it made, so
// that Remove can take it away again. It fails with AWS's errors, naming the step.
package account

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
)

const (
	discoveryTag = "karpenter.sh/discovery"
	groupName    = "karpenter-specs"

	trust = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}`
)

// Names are what the account's parts shall be called.
type Names struct {
	Profile, Role string
}

// Account is ready for the specs.
type Account struct {
	// Image is the id of an image for x86_64.
	Image string

	ec2   *ec2.Client
	iam   *iam.Client
	names Names
	made  []func(context.Context) error // what takes away again, in the order of making
}

// Prepare finds or makes what the specs' NodeClasses select. What it made before an error is
// taken away again.
func Prepare(ctx context.Context, config aws.Config, names Names) (*Account, error) {
	a := &Account{ec2: ec2.NewFromConfig(config), iam: iam.NewFromConfig(config), names: names}
	for _, step := range []struct {
		name string
		do   func(context.Context) error
	}{
		{"marking the default VPC's subnets", a.subnets},
		{"making a security group", a.group},
		{"making an instance profile", a.profile},
		{"finding an image", a.image},
	} {
		if err := step.do(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", step.name, err), a.Remove(ctx))
		}
	}
	return a, nil
}

// Remove takes away what Prepare made, the last first.
func (a *Account) Remove(ctx context.Context) error {
	var errs []error
	for i := len(a.made) - 1; i >= 0; i-- {
		errs = append(errs, a.made[i](ctx))
	}
	a.made = nil
	return errors.Join(errs...)
}

func (a *Account) undo(f func(context.Context) error) { a.made = append(a.made, f) }

func discovered() []ec2types.Filter {
	return []ec2types.Filter{{Name: aws.String("tag:" + discoveryTag), Values: []string{"true"}}}
}

func discovery() []ec2types.Tag {
	return []ec2types.Tag{{Key: aws.String(discoveryTag), Value: aws.String("true")}}
}

func (a *Account) subnets(ctx context.Context) error {
	have, err := a.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: discovered()})
	if err != nil || len(have.Subnets) > 0 {
		return err
	}
	all, err := a.ec2.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{
		Filters: []ec2types.Filter{{Name: aws.String("default-for-az"), Values: []string{"true"}}},
	})
	if err != nil {
		return err
	}
	ids := make([]string, 0, len(all.Subnets))
	for _, subnet := range all.Subnets {
		ids = append(ids, aws.ToString(subnet.SubnetId))
	}
	if len(ids) == 0 {
		return fmt.Errorf("there is no default subnet; give the subnets for the specs the tag %s=true", discoveryTag)
	}
	_, err = a.ec2.CreateTags(ctx, &ec2.CreateTagsInput{Resources: ids, Tags: discovery()})
	a.undo(func(ctx context.Context) error {
		_, err := a.ec2.DeleteTags(ctx, &ec2.DeleteTagsInput{Resources: ids, Tags: discovery()})
		return err
	})
	return err
}

func (a *Account) group(ctx context.Context) error {
	have, err := a.ec2.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: discovered()})
	if err != nil || len(have.SecurityGroups) > 0 {
		return err
	}
	vpcs, err := a.ec2.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: []ec2types.Filter{{Name: aws.String("is-default"), Values: []string{"true"}}}})
	if err != nil {
		return err
	}
	if len(vpcs.Vpcs) == 0 {
		return fmt.Errorf("there is no default VPC; give a security group the tag %s=true", discoveryTag)
	}
	group, err := a.ec2.CreateSecurityGroup(ctx, &ec2.CreateSecurityGroupInput{
		GroupName: aws.String(groupName), Description: aws.String("nodes of Karpenter's specs"), VpcId: vpcs.Vpcs[0].VpcId,
		TagSpecifications: []ec2types.TagSpecification{{ResourceType: ec2types.ResourceTypeSecurityGroup, Tags: discovery()}},
	})
	if err != nil {
		return err
	}
	a.undo(func(ctx context.Context) error {
		_, err := a.ec2.DeleteSecurityGroup(ctx, &ec2.DeleteSecurityGroupInput{GroupId: group.GroupId})
		return err
	})
	return nil
}

func (a *Account) profile(ctx context.Context) error {
	_, err := a.iam.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: &a.names.Profile})
	if missing := (*iamtypes.NoSuchEntityException)(nil); err == nil || !errors.As(err, &missing) {
		return err
	}
	if _, err := a.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: &a.names.Role, AssumeRolePolicyDocument: aws.String(trust)}); err != nil {
		return err
	}
	a.undo(func(ctx context.Context) error {
		_, err := a.iam.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: &a.names.Role})
		return err
	})
	if _, err := a.iam.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{InstanceProfileName: &a.names.Profile}); err != nil {
		return err
	}
	a.undo(func(ctx context.Context) error {
		_, err := a.iam.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: &a.names.Profile})
		return err
	})
	if _, err := a.iam.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &a.names.Profile, RoleName: &a.names.Role}); err != nil {
		return err
	}
	a.undo(func(ctx context.Context) error {
		_, err := a.iam.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{InstanceProfileName: &a.names.Profile, RoleName: &a.names.Role})
		return err
	})
	return nil
}

// image takes the first public image of Ubuntu that there is: RegisterImage of emulators forgets the architecture.
func (a *Account) image(ctx context.Context) error {
	var best ec2types.Image
	pages := ec2.NewDescribeImagesPaginator(a.ec2, &ec2.DescribeImagesInput{Filters: []ec2types.Filter{
		{Name: aws.String("name"), Values: []string{"ubuntu*"}}, {Name: aws.String("architecture"), Values: []string{"x86_64"}},
		{Name: aws.String("state"), Values: []string{"available"}},
	}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, image := range page.Images {
			if best.ImageId == nil || *image.ImageId < *best.ImageId {
				best = image
			}
		}
	}
	if best.ImageId == nil {
		return errors.New("there is no public image for x86_64 whose name begins with ubuntu")
	}
	a.Image = *best.ImageId
	return nil
}
