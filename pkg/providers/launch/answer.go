package launch

import (
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"

	awserrors "github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/instance"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/pool"
)

const (
	codeNoAddresses  = "InsufficientFreeAddressesInSubnet"
	codeNoSpotRole   = "AuthFailure.ServiceLinkedRoleCreationNotPermitted"
	codeTemplateName = "InvalidLaunchTemplateName.NotFoundException"
	codeTemplateID   = "InvalidLaunchTemplateId.NotFound"
)

// answer is what EC2 said of one fleet, in our words.
type answer struct {
	instances []instance.Instance
	refusals  []refusal
}

// refusal is one pool that EC2 did not start an instance in, and why. Pool and Subnet
// are empty where EC2 does not say.
type refusal struct {
	Pool          pool.Pool
	Subnet        string
	Code, Message string
}

func (r refusal) Error() string { return r.Code + ": " + r.Message }

// readAnswer fails when an instance was started of which EC2 does not say where.
func readAnswer(out *ec2.CreateFleetOutput, req Request) (answer, error) {
	var a answer
	for _, failed := range out.Errors {
		where := overrides(failed.LaunchTemplateAndOverrides)
		a.refusals = append(a.refusals, refusal{
			Pool:    poolOf(string(where.InstanceType), where, req),
			Subnet:  aws.ToString(where.SubnetId),
			Code:    aws.ToString(failed.ErrorCode),
			Message: aws.ToString(failed.ErrorMessage),
		})
	}
	for _, started := range out.Instances {
		where := overrides(started.LaunchTemplateAndOverrides)
		p := poolOf(string(started.InstanceType), where, req)
		if p.Zone == "" {
			return answer{}, fmt.Errorf("EC2 started %v in fleet %s without saying where", started.InstanceIds, aws.ToString(out.FleetId))
		}
		for _, id := range started.InstanceIds {
			a.instances = append(a.instances, instance.Instance{
				ID: instance.ID(id), Pool: p, State: instance.StatePending,
				ZoneID: zoneID(req, p.Zone), SubnetID: aws.ToString(where.SubnetId), ImageID: imageOf(req, p, where),
				Tenancy: tenancyOf(req, p),
			})
		}
	}
	return a, nil
}

// overrides is never nil, whatever an endpoint that is not quite EC2 leaves out.
func overrides(l *ec2types.LaunchTemplateAndOverridesResponse) ec2types.FleetLaunchTemplateOverrides {
	if l == nil || l.Overrides == nil {
		return ec2types.FleetLaunchTemplateOverrides{}
	}
	return *l.Overrides
}

func poolOf(instanceType string, where ec2types.FleetLaunchTemplateOverrides, req Request) pool.Pool {
	zone := aws.ToString(where.AvailabilityZone)
	for _, s := range req.Subnets {
		if zone == "" && s.ID == aws.ToString(where.SubnetId) {
			zone = s.Zone
		}
	}
	return pool.Pool{InstanceType: instanceType, Zone: zone, CapacityType: req.CapacityType}
}

func zoneID(req Request, zone string) string {
	for _, s := range req.Subnets {
		if s.Zone == zone {
			return s.ZoneID
		}
	}
	return ""
}

// templateOf returns the template that p was offered with; it is zero when p was not offered.
func templateOf(req Request, p pool.Pool) Template {
	for _, g := range req.Groups {
		if slices.ContainsFunc(g.Offers, func(o Offer) bool { return o.Pool.InstanceType == p.InstanceType }) {
			return g.Template
		}
	}
	return Template{}
}

func imageOf(req Request, p pool.Pool, where ec2types.FleetLaunchTemplateOverrides) string {
	if where.ImageId != nil {
		return *where.ImageId
	}
	return templateOf(req, p).ImageID
}

func tenancyOf(req Request, p pool.Pool) string {
	return templateOf(req, p).Tenancy
}

// missing is the error of a claim for which a fleet had no instance.
func (a answer) missing(asked int) error {
	if len(a.refusals) == 0 {
		return fmt.Errorf("EC2 started %d of %d instances and gave no reason", len(a.instances), asked)
	}
	err := a.reasons()
	if slices.ContainsFunc(a.refusals, func(r refusal) bool { return !r.isCapacity() }) {
		return refused(err, a.refusals)
	}
	e := &CapacityError{Err: err, NoSpotRole: slices.ContainsFunc(a.refusals, func(r refusal) bool { return r.Code == codeNoSpotRole })}
	for _, r := range a.refusals {
		if r.Pool.Zone != "" && !slices.Contains(e.Pools, r.Pool) {
			e.Pools = append(e.Pools, r.Pool)
		}
	}
	return e
}

// isCapacity includes spot that the account may not use, since on-demand may do.
func (r refusal) isCapacity() bool {
	return r.Code == codeNoSpotRole || awserrors.KindOfCode(r.Code) == awserrors.NoCapacity
}

// reasons joins what EC2 said, each once.
func (a answer) reasons() error {
	var errs []error
	for _, r := range a.refusals {
		if !slices.ContainsFunc(errs, func(e error) bool { return e.Error() == r.Error() }) {
			errs = append(errs, r)
		}
	}
	return errors.Join(errs...)
}

// templateGone reports whether nothing was started because EC2 does not have a template.
func (a answer) templateGone() bool {
	return len(a.instances) == 0 && slices.ContainsFunc(a.refusals, func(r refusal) bool { return isTemplateGone(r.Code) })
}

func isTemplateGone(code string) bool { return code == codeTemplateName || code == codeTemplateID }
