package iam

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/karpenter-kubeadm/karpenter-provider-aws/test/awsfake/wire"
)

type profileShape struct {
	Path                string
	InstanceProfileName string
	ID                  string `xml:"InstanceProfileId"`
	Arn                 string
	CreateDate          time.Time
	Roles               []roleShape `xml:"Roles>member"`
	Tags                []tag       `xml:"Tags>member,omitempty"`
}

type profileOutput struct {
	InstanceProfile profileShape
}

// empty is the answer of calls that return nothing.
type empty struct{}

type createProfileInput struct {
	InstanceProfileName string `param:",required"`
	Path                string
	Tags                []tag
}

func (w *World) createProfile(c *wire.Call, in createProfileInput) (*profileOutput, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	if in.Path == "" {
		in.Path = "/"
	}
	if err := checkPath(in.Path); err != nil {
		return nil, err
	}
	if err := checkName("instanceProfileName", in.InstanceProfileName, 128); err != nil {
		return nil, err
	}
	p := &profile{name: in.InstanceProfileName, path: in.Path, tags: tags}
	if err := c.Authorize(wire.Resource{ARN: w.profileARN(p), Keys: requestKeys(tags)}); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.profiles[p.name] != nil {
		return nil, &wire.Error{
			Code: "EntityAlreadyExists", Status: http.StatusConflict,
			Message: "Instance Profile " + p.name + " already exists.",
		}
	}
	if len(w.profiles) >= w.quota {
		return nil, quotaExceeded("InstanceProfilesPerAccount", w.quota)
	}
	p.id, p.created, p.known = w.env.ID("AIPA"), c.Time, c.Time.Add(w.visible)
	w.profiles[p.name] = p
	return &profileOutput{w.profileShape(p)}, nil
}

func quotaExceeded(name string, quota int) error {
	return &wire.Error{
		Code: "LimitExceeded", Status: http.StatusConflict,
		Message: "Cannot exceed quota for " + name + ": " + strconv.Itoa(quota),
	}
}

type profileInput struct {
	InstanceProfileName string `param:",required"`
}

func (w *World) getProfile(c *wire.Call, in profileInput) (*profileOutput, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, err := w.authorized(c, in.InstanceProfileName, nil)
	if err != nil {
		return nil, err
	}
	return &profileOutput{w.profileShape(p)}, nil
}

func (w *World) deleteProfile(c *wire.Call, in profileInput) (*empty, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, err := w.authorized(c, in.InstanceProfileName, nil)
	if err != nil {
		return nil, err
	}
	if p.role != "" {
		return nil, &wire.Error{
			Code: "DeleteConflict", Status: http.StatusConflict,
			Message: "Cannot delete entity, must remove roles from instance profile first.",
		}
	}
	delete(w.profiles, p.name)
	return &empty{}, nil
}

type profileRoleInput struct {
	InstanceProfileName string `param:",required"`
	RoleName            string `param:",required"`
}

func (w *World) addRole(c *wire.Call, in profileRoleInput) (*empty, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, err := w.authorized(c, in.InstanceProfileName, nil)
	if err != nil {
		return nil, err
	}
	passed := wire.Keys{"iam:PassedToService": {ec2Service}}
	if err := c.AuthorizeAs("iam:PassRole", passed, w.roleResource(in.RoleName)); err != nil {
		return nil, err
	}
	if w.roles[in.RoleName] == nil {
		return nil, noSuchRole(in.RoleName)
	}
	if p.role != "" {
		return nil, quotaExceeded("InstanceSessionsPerInstanceProfile", 1)
	}
	p.role, p.passed = in.RoleName, c.Time.Add(w.visible)
	return &empty{}, nil
}

func (w *World) removeRole(c *wire.Call, in profileRoleInput) (*empty, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	p, err := w.authorized(c, in.InstanceProfileName, nil)
	if err != nil {
		return nil, err
	}
	if w.roles[in.RoleName] == nil || p.role != in.RoleName {
		return nil, noSuchRole(in.RoleName)
	}
	p.role = ""
	return &empty{}, nil
}

type tagProfileInput struct {
	InstanceProfileName string `param:",required"`
	Tags                []tag  `param:",required"`
}

func (w *World) tagProfile(c *wire.Call, in tagProfileInput) (*empty, error) {
	tags, err := tagsOf(in.Tags)
	if err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	p, err := w.authorized(c, in.InstanceProfileName, requestKeys(tags))
	if err != nil {
		return nil, err
	}
	after := maps.Clone(tags)
	for key, value := range p.tags {
		if _, replaced := tags[key]; !replaced {
			after[key] = value
		}
	}
	if len(after) > tagQuota {
		return nil, quotaExceeded("TagsPerInstanceProfile", tagQuota)
	}
	p.tags = after
	return &empty{}, nil
}

// authorized returns the profile, if the caller may do the call's action to it; IAM
// asks that before it tells whether there is one. keys are those of the request.
func (w *World) authorized(c *wire.Call, name string, keys wire.Keys) (*profile, error) {
	if err := checkName("instanceProfileName", name, 128); err != nil {
		return nil, err
	}
	p := w.profiles[name]
	resource := wire.Resource{ARN: w.env.ARN("iam", "", "instance-profile/"+name), Keys: keys}
	if p != nil {
		resource = wire.Resource{ARN: w.profileARN(p), Keys: merged(resourceKeys(p.tags), keys)}
	}
	if err := c.Authorize(resource); err != nil {
		return nil, err
	}
	if p == nil {
		return nil, &wire.Error{
			Code: "NoSuchEntity", Status: http.StatusNotFound,
			Message: "Instance Profile " + name + " cannot be found.",
		}
	}
	return p, nil
}

type listProfilesInput struct {
	PathPrefix string
	Marker     string
	MaxItems   *int
}

type listProfilesOutput struct {
	InstanceProfiles []profileShape `xml:"InstanceProfiles>member"`
	IsTruncated      bool
	Marker           string `xml:",omitempty"`
}

// pageSize is IAM's without MaxItems, and the most it takes is ten times that.
const pageSize = 100

func (w *World) listProfiles(c *wire.Call, in listProfilesInput) (*listProfilesOutput, error) {
	size := pageSize
	if in.MaxItems != nil {
		size = *in.MaxItems
	}
	if size < 1 || size > 1000 {
		return nil, wire.Errorf("ValidationError", "Value '%d' at 'maxItems' failed to satisfy constraint: Member must have value between 1 and 1000", size)
	}
	prefix := in.PathPrefix
	if prefix == "" {
		prefix = "/"
	}
	if !strings.HasPrefix(prefix, "/") {
		return nil, wire.Errorf("ValidationError", "The specified value for pathPrefix is invalid. It must begin with /")
	}
	if err := c.Authorize(wire.Resource{ARN: w.env.ARN("iam", "", "instance-profile"+prefix)}); err != nil {
		return nil, err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	names := slices.Sorted(maps.Keys(w.profiles))
	names = slices.DeleteFunc(names, func(name string) bool {
		return !strings.HasPrefix(w.profiles[name].path, prefix) || name <= in.Marker
	})
	out := &listProfilesOutput{IsTruncated: len(names) > size}
	for _, name := range names[:min(size, len(names))] {
		shape := w.profileShape(w.profiles[name])
		shape.Tags = nil // IAM leaves tags out of lists
		out.InstanceProfiles = append(out.InstanceProfiles, shape)
		if out.IsTruncated {
			out.Marker = name
		}
	}
	return out, nil
}

func (w *World) profileShape(p *profile) profileShape {
	out := profileShape{
		Path: p.path, InstanceProfileName: p.name, ID: p.id, Arn: w.profileARN(p),
		CreateDate: p.created.UTC(), Tags: tagList(p.tags),
	}
	if r := w.roles[p.role]; r != nil {
		shape := w.roleShape(r)
		shape.Tags = nil
		out.Roles = []roleShape{shape}
	}
	return out
}
