package identity

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/samber/lo"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
)

// create makes an empty profile. One of that name that has come to exist meanwhile is as good.
func (p *Provider) create(ctx context.Context, wanted Wanted) (Profile, error) {
	_, err := p.api.CreateInstanceProfile(ctx, &iam.CreateInstanceProfileInput{
		InstanceProfileName: &wanted.Name,
		Path:                &wanted.Path,
		Tags: lo.Map(slices.Sorted(maps.Keys(wanted.Tags)), func(key string, _ int) iamtypes.Tag {
			return iamtypes.Tag{Key: &key, Value: lo.ToPtr(wanted.Tags[key])}
		}),
	})
	switch {
	case aws.IsAlreadyExists(err):
		return p.read(ctx, wanted.Name)
	case err != nil:
		return Profile{}, fmt.Errorf("creating instance profile %s: %w", wanted.Name, aws.Explain(err))
	default:
		return Profile{Name: wanted.Name}, nil
	}
}

// attach gives profile the role in place of what it holds.
func (p *Provider) attach(ctx context.Context, profile Profile, role string) error {
	p.profiles.Delete(profile.Name)
	if err := p.detach(ctx, profile); err != nil {
		return err
	}
	_, err := p.api.AddRoleToInstanceProfile(ctx, &iam.AddRoleToInstanceProfileInput{InstanceProfileName: &profile.Name, RoleName: &role})
	switch {
	case err == nil:
		return nil
	case p.roleMissing(ctx, profile.Name, err):
		p.missing.Set(role, struct{}{})
		return &RoleNotFoundError{Role: role}
	default:
		return fmt.Errorf("adding role %s to instance profile %s: %w", role, profile.Name, aws.Explain(err))
	}
}

func (p *Provider) detach(ctx context.Context, profile Profile) error {
	if profile.Role == "" {
		return nil
	}
	_, err := p.api.RemoveRoleFromInstanceProfile(ctx, &iam.RemoveRoleFromInstanceProfileInput{
		InstanceProfileName: &profile.Name, RoleName: &profile.Role,
	})
	if err != nil && !aws.IsNotFound(err) {
		return fmt.Errorf("removing role %s from instance profile %s: %w", profile.Role, profile.Name, aws.Explain(err))
	}
	return nil
}

// roleMissing tells which of the two that AddRoleToInstanceProfile names is not there. IAM
// has one code for both and says which in words only, so it is asked for the profile.
func (p *Provider) roleMissing(ctx context.Context, profile string, err error) bool {
	if !aws.IsNotFound(err) {
		return false
	}
	_, err = p.read(ctx, profile)
	return err == nil
}
