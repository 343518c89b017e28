package identity

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/samber/lo"
	"k8s.io/utils/clock"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/aws"
	"github.com/karpenter-kubeadm/karpenter-provider-aws/pkg/cache"
)

// ErrNotFound says that IAM knows no such instance profile.
var ErrNotFound = errors.New("instance profile not found")

// ErrDenied says that the controller may not look at instance profiles.
var ErrDenied = errors.New("looking at instance profiles is denied")

// RoleNotFoundError says that IAM knows no role of this name.
type RoleNotFoundError struct{ Role string }

// Error names the role.
func (e *RoleNotFoundError) Error() string { return fmt.Sprintf("IAM has no role %q", e.Role) }

// API is what this package needs of IAM; *iam.Client is one.
type API interface {
	reader
	writer
}

type reader interface {
	iam.GetInstanceProfileAPIClient
	iam.ListInstanceProfilesAPIClient
}

type writer interface {
	CreateInstanceProfile(context.Context, *iam.CreateInstanceProfileInput, ...func(*iam.Options)) (*iam.CreateInstanceProfileOutput, error)
	DeleteInstanceProfile(context.Context, *iam.DeleteInstanceProfileInput, ...func(*iam.Options)) (*iam.DeleteInstanceProfileOutput, error)
	AddRoleToInstanceProfile(context.Context, *iam.AddRoleToInstanceProfileInput, ...func(*iam.Options)) (*iam.AddRoleToInstanceProfileOutput, error)
	RemoveRoleFromInstanceProfile(context.Context, *iam.RemoveRoleFromInstanceProfileInput, ...func(*iam.Options)) (*iam.RemoveRoleFromInstanceProfileOutput, error)
}

// Profile is an instance profile.
type Profile struct {
	Name string
	// Role is the name of its role, empty when it has none. IAM allows one.
	Role string
}

// Wanted is a profile that shall exist.
type Wanted struct {
	Name, Path string
	// Role by name; a path before the name is taken off, as IAM does not take it here.
	Role string
	Tags map[string]string
}

// Provider finds and makes instance profiles. It is safe for concurrent use.
type Provider struct {
	api      API
	profiles *cache.Cache[Profile]
	missing  *cache.Cache[struct{}] // by role
}

// New returns a Provider that asks api.
func New(api API, clk clock.PassiveClock) *Provider {
	return &Provider{
		api:      api,
		profiles: cache.New[Profile](cache.InstanceProfile, cache.WithClock(clk)),
		missing:  cache.New[struct{}](cache.MissingRole, cache.WithClock(clk)),
	}
}

// Get returns the profile called name, or ErrNotFound, or ErrDenied.
func (p *Provider) Get(ctx context.Context, name string) (Profile, error) {
	if profile, ok := p.profiles.Get(name); ok {
		return profile, nil
	}
	profile, err := p.read(ctx, name)
	if err != nil {
		return Profile{}, err
	}
	if profile.Role != "" { // a profile without a role is unfinished: someone is about to add it
		p.profiles.Set(name, profile)
	}
	return profile, nil
}

// Ensure makes the profile exist and hold its role. It is idempotent; a profile that was
// made and not finished is finished.
func (p *Provider) Ensure(ctx context.Context, wanted Wanted) error {
	role := wanted.Role[strings.LastIndex(wanted.Role, "/")+1:]
	if _, unknown := p.missing.Get(role); unknown {
		return &RoleNotFoundError{Role: role}
	}
	profile, err := p.Get(ctx, wanted.Name)
	if errors.Is(err, ErrNotFound) {
		profile, err = p.create(ctx, wanted)
	}
	if err != nil {
		return err
	}
	if profile.Role == role {
		return nil
	}
	if err := p.attach(ctx, profile, role); err != nil {
		return err
	}
	p.profiles.Set(profile.Name, Profile{Name: profile.Name, Role: role})
	return nil
}

// Delete removes the profile called name, which may be gone already. Its role stays.
func (p *Provider) Delete(ctx context.Context, name string) error {
	defer p.profiles.Delete(name)
	profile, err := p.read(ctx, name)
	if errors.Is(err, ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := p.detach(ctx, profile); err != nil {
		return err
	}
	if _, err := p.api.DeleteInstanceProfile(ctx, &iam.DeleteInstanceProfileInput{InstanceProfileName: &name}); err != nil && !aws.IsNotFound(err) {
		return fmt.Errorf("deleting instance profile %s: %w", name, aws.Explain(err))
	}
	return nil
}

// List returns the names of all profiles below path, or ErrDenied.
func (p *Provider) List(ctx context.Context, path string) ([]string, error) {
	var names []string
	pages := iam.NewListInstanceProfilesPaginator(p.api, &iam.ListInstanceProfilesInput{PathPrefix: &path})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if aws.IsUnauthorized(err) {
			return nil, fmt.Errorf("%w: below %s: %w", ErrDenied, path, aws.Explain(err))
		}
		if err != nil {
			return nil, fmt.Errorf("listing instance profiles below %s: %w", path, aws.Explain(err))
		}
		for _, profile := range page.InstanceProfiles {
			// What is listed may be deleted by the caller; not every endpoint heeds the prefix.
			if strings.HasPrefix(lo.FromPtr(profile.Path), path) {
				names = append(names, lo.FromPtr(profile.InstanceProfileName))
			}
		}
	}
	return names, nil
}

// read asks IAM for a profile, whatever is remembered.
func (p *Provider) read(ctx context.Context, name string) (Profile, error) {
	out, err := p.api.GetInstanceProfile(ctx, &iam.GetInstanceProfileInput{InstanceProfileName: &name})
	if aws.IsNotFound(err) {
		return Profile{}, fmt.Errorf("%w: %s", ErrNotFound, name)
	}
	if aws.IsUnauthorized(err) {
		return Profile{}, fmt.Errorf("%w: %s: %w", ErrDenied, name, aws.Explain(err))
	}
	if err != nil {
		return Profile{}, fmt.Errorf("reading instance profile %s: %w", name, aws.Explain(err))
	}
	return profileOf(name, out.InstanceProfile), nil
}

func profileOf(name string, raw *iamtypes.InstanceProfile) Profile {
	profile := Profile{Name: name}
	if raw != nil && len(raw.Roles) > 0 {
		profile.Role = lo.FromPtr(raw.Roles[0].RoleName)
	}
	return profile
}
