package launch

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"k8s.io/apimachinery/pkg/types"

	v1 "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/apis/v1"
	awserrors "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
)

// probeLife is when a template that a dry run left behind, because it was cut off, is
// deleted with those whose user data expired.
const probeLife = time.Hour

// DeniedError says that a call which launches need would be refused until a person acts.
type DeniedError struct {
	Call string // of EC2, for example "CreateFleet"
	Err  error  // what EC2 answered; never nil
}

// Error names the call and what EC2 answered.
func (e *DeniedError) Error() string { return fmt.Sprintf("ec2:%s: %v", e.Call, e.Err) }

// Unwrap returns what EC2 answered.
func (e *DeniedError) Unwrap() error { return e.Err }

// Condition is reason and message for a node class, the same at every attempt.
func (e *DeniedError) Condition() (reason, message string) {
	r := refusalOf(e.Err)
	if strings.Contains(r.Message, "Invalid IAM Instance Profile name") {
		return "InstanceProfileNotFound", "EC2 does not know the instance profile: create it, or correct its name"
	}
	_, why := reasonOf([]refusal{{Code: r.Code}})
	return e.Call + "AuthCheckFailed", fmt.Sprintf("the controller may not launch: ec2:%s is refused (%s); attach the controller's IAM policy, or widen what narrows it", e.Call, why)
}

// DryRun asks EC2 whether req, whose claim and user data do not matter, could be launched,
// with the calls that a launch makes. It returns a *DeniedError when it never will be.
// EC2 looks at templates even then, so one is made and deleted.
func (p *Provider) DryRun(ctx context.Context, req Request) (err error) {
	req.Groups[0].Template.Expires = p.Clock.Now().Add(probeLife)
	c, err := newContent(req, req.Groups[0].Template)
	if err != nil {
		return err
	}
	made, err := p.API.CreateLaunchTemplate(ctx, c.input)
	switch {
	case awserrors.IsAlreadyExists(err): // left behind; it is the same
	case err != nil:
		return denied("CreateLaunchTemplate", err)
	default:
		defer func() {
			if failed := p.templates.remove(context.WithoutCancel(ctx), *made.LaunchTemplate); err == nil {
				err = failed
			}
		}()
	}
	if err := p.dryFleet(ctx, req, c); err != nil {
		return err
	}
	return p.dryInstance(ctx, req, c)
}

func (p *Provider) dryFleet(ctx context.Context, req Request, c content) error {
	zones := map[string]string{}
	for _, s := range req.Subnets {
		zones[s.Zone] = s.ID
	}
	input := newFleet(req, []content{c}, zones, []types.UID{req.Claim})
	if len(input.LaunchTemplateConfigs) == 0 {
		return errNoSubnet
	}
	input.DryRun = aws.Bool(true)
	_, err := p.API.CreateFleet(ctx, input)
	return denied("CreateFleet", err)
}

// dryInstance asks for each subnet until one is allowed: policies do not differ by subnet
// but for mistakes, and one is enough to launch in.
func (p *Provider) dryInstance(ctx context.Context, req Request, c content) error {
	offer := req.Groups[0].Offers[0]
	var first error
	for _, subnet := range req.Subnets {
		_, err := p.API.RunInstances(ctx, dryInstances(req, c, offer, subnet))
		if err = denied("RunInstances", err); err == nil {
			return nil
		}
		if first == nil {
			first = err
		}
	}
	return first
}

func dryInstances(req Request, c content, offer Offer, subnet v1.Subnet) *ec2.RunInstancesInput {
	tags := tagList(ownTags(req))
	return &ec2.RunInstancesInput{
		DryRun:   aws.Bool(true),
		MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		LaunchTemplate: &ec2types.LaunchTemplateSpecification{LaunchTemplateName: aws.String(c.name), Version: aws.String("$Latest")},
		InstanceType:   ec2types.InstanceType(offer.Pool.InstanceType),
		// The template has its groups on the interface, so the subnet must be there too.
		NetworkInterfaces: []ec2types.InstanceNetworkInterfaceSpecification{{
			DeviceIndex: aws.Int32(0), SubnetId: aws.String(subnet.ID), Groups: req.Groups[0].Template.SecurityGroupIDs,
		}},
		TagSpecifications: []ec2types.TagSpecification{
			{ResourceType: ec2types.ResourceTypeInstance, Tags: tags},
			{ResourceType: ec2types.ResourceTypeVolume, Tags: tags},
			{ResourceType: ec2types.ResourceTypeNetworkInterface, Tags: tags},
		},
	}
}

// denied keeps what a person must act on apart from what passes.
func denied(call string, err error) error {
	switch {
	case err == nil || awserrors.IsDryRun(err):
		return nil
	case awserrors.IsUnauthorized(err) || strings.Contains(refusalOf(err).Message, "Invalid IAM Instance Profile name"):
		return &DeniedError{Call: call, Err: err}
	}
	return fmt.Errorf("trying ec2:%s: %w", call, err)
}
