package iam

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

const (
	// ProfileQuota is AWS's default number of instance profiles in an account.
	ProfileQuota = 1000

	ec2Service = "ec2.amazonaws.com"
)

// World is the IAM of one account.
type World struct {
	env *wire.Env

	mu       sync.Mutex
	quota    int
	visible  time.Duration
	roles    map[string]*role
	profiles map[string]*profile
}

type role struct {
	name, path, id, trust, description string

	created time.Time
	tags    map[string]string
	session int64 // longest, in seconds
}

type profile struct {
	name, path, id string

	created time.Time
	known   time.Time // since when EC2 knows it
	tags    map[string]string
	role    string    // its only one; empty for none
	passed  time.Time // since when EC2 knows the role
}

// New returns an IAM without roles and profiles.
func New(env *wire.Env) *World {
	return &World{env: env, quota: ProfileQuota, roles: map[string]*role{}, profiles: map[string]*profile{}}
}

// SetProfileQuota changes how many instance profiles the account may have.
func (w *World) SetProfileQuota(n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.quota = n
}

// SetVisible is how long EC2 goes on not knowing a new profile, or the role it was
// given. IAM itself answers at once. The default is no time.
func (w *World) SetVisible(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.visible = d
}

// AddRole makes a role that EC2 may assume, unless there is one of that name.
func (w *World) AddRole(name string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.roles[name] == nil {
		w.roles[name] = &role{
			name: name, path: "/", id: w.env.ID("AROA"), created: w.env.Clock.Now(), session: 3600,
			trust: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Service":"` + ec2Service + `"},"Action":"sts:AssumeRole"}]}`,
		}
	}
}

// AddProfile makes an instance profile with a role, and the role if it is missing; a
// profile that is there gets the role instead of its own. EC2 knows it at once.
func (w *World) AddProfile(name, roleName string) {
	w.AddRole(roleName)
	w.mu.Lock()
	defer w.mu.Unlock()
	p := w.profiles[name]
	if p == nil {
		p = &profile{name: name, path: "/", id: w.env.ID("AIPA"), created: w.env.Clock.Now()}
		w.profiles[name] = p
	}
	p.role, p.passed = roleName, time.Time{}
}

// InstanceProfile returns the profile of that name or ARN as EC2 sees it at this moment;
// ok is false when EC2 does not. roleARN is what a launch passes to EC2 (iam:PassRole);
// it is empty when the profile has no role.
func (w *World) InstanceProfile(nameOrARN string) (arn, id, roleARN string, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.env.Clock.Now()
	p, ok := w.profiles[nameOrARN[strings.LastIndex(nameOrARN, "/")+1:]]
	if !ok || now.Before(p.known) || strings.HasPrefix(nameOrARN, "arn:") && nameOrARN != w.profileARN(p) {
		return "", "", "", false
	}
	if r := w.roles[p.role]; r != nil && !now.Before(p.passed) {
		roleARN = w.roleARN(r)
	}
	return w.profileARN(p), p.id, roleARN, true
}

// Profiles returns the names of all instance profiles, in order.
func (w *World) Profiles() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.Sorted(maps.Keys(w.profiles))
}

// RoleARN returns the ARN of a role, and whether it exists.
func (w *World) RoleARN(name string) (string, bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	r, ok := w.roles[name]
	if !ok {
		return "", false
	}
	return w.roleARN(r), true
}

func (w *World) roleARN(r *role) string {
	return w.env.ARN("iam", "", "role"+r.path+r.name)
}

func (w *World) profileARN(p *profile) string {
	return w.env.ARN("iam", "", "instance-profile"+p.path+p.name)
}

// Service returns the calls that are modelled.
func (w *World) Service() wire.Service {
	return wire.Service{
		Name: "iam", Protocol: wire.Query, Namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
		Actions: map[string]wire.Action{
			"CreateRole":                    wire.Do(w.createRole),
			"GetRole":                       wire.Do(w.getRole),
			"CreateInstanceProfile":         wire.Do(w.createProfile),
			"GetInstanceProfile":            wire.Do(w.getProfile),
			"DeleteInstanceProfile":         wire.Do(w.deleteProfile),
			"ListInstanceProfiles":          wire.Do(w.listProfiles),
			"AddRoleToInstanceProfile":      wire.Do(w.addRole),
			"RemoveRoleFromInstanceProfile": wire.Do(w.removeRole),
			"TagInstanceProfile":            wire.Do(w.tagProfile),
		},
	}
}

// names that IAM takes, up to a length.
var (
	nameForm = regexp.MustCompile(`^[\w+=,.@-]+$`)
	pathForm = regexp.MustCompile(`^/([\x21-\x7e]+/)?$`)
)

func checkName(field, name string, longest int) error {
	if len(name) > longest || !nameForm.MatchString(name) {
		return wire.Errorf("ValidationError",
			"The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_- and have at most %d characters",
			field, longest)
	}
	return nil
}

func checkPath(path string) error {
	if len(path) > 512 || !pathForm.MatchString(path) {
		return wire.Errorf("ValidationError", "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	return nil
}
